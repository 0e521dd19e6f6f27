"""Settings of Keras and TensorFlow that hold for a whole process, and what else is global: read, compared, put back.

A model file may set them in `build` or in a layer.  They would then hold for every later training of the process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.common import global_state  # there is no public way to leave the policy unset
from tensorflow.python.framework import config  # nor to end determinism


@dataclass(frozen=True)
class Setting:
    """One thing that is global.

    Attributes:
        name: What a message calls it.
        read: Gives its value; a later change must not change that.
        restore: Takes such a value; None if nothing can put it back.
    """

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object] | None


class Snapshot:
    """Settings as they are when it is made.

    Args:
        settings: Rows of a table.
    """

    def __init__(self, settings: Iterable[Setting]) -> None:
        self._values = [(setting, setting.read()) for setting in settings]

    def changes(self) -> list[str]:
        """Names of what has another value now."""
        return [setting.name for setting, value in self._values if not _same(setting, value)]

    def restore(self) -> tuple[list[str], list[str]]:
        """Put back what has changed, in the order of the table.

        Returns:
            Names of what was put back, and of what could not be.
        """
        restored: list[str] = []
        lasting: list[str] = []
        for setting, value in [(setting, value) for setting, value in self._values if not _same(setting, value)]:
            try:
                if setting.restore is None:
                    raise ValueError("nothing restores it")
                setting.restore(value)
            except Exception:
                lasting.append(setting.name)
            else:
                restored.append(setting.name)
        return restored, lasting


def _same(setting: Setting, value: Any) -> bool:
    try:
        return bool(setting.read() == value)
    except Exception:  # what cannot be read or compared was not put there by Keras
        return False


def _attribute(name: str, label: str) -> Setting:
    """An attribute of Keras's global state; None while nobody has set it."""
    return Setting(
        label,
        lambda: global_state.get_global_attribute(name),
        lambda value: global_state.set_global_attribute(name, value),
    )


def _policy() -> Any:
    """The dtype policy; None for that of floatx, which Keras keeps from its first use on."""
    policy = global_state.get_global_attribute("dtype_policy")
    return None if policy is None or policy.name == keras.config.floatx() else policy


def _set_policy(policy: Any) -> None:
    global_state.set_global_attribute("dtype_policy", policy)


def _aliases() -> dict[str, Any]:
    """Custom objects that stand for a plain name, such as "relu"; those of a package are no danger to others."""
    return {name: thing for name, thing in keras.saving.get_custom_objects().items() if ">" not in name}


def _restore_aliases(aliases: dict[str, Any]) -> None:
    custom = keras.saving.get_custom_objects()
    for name in _aliases():
        del custom[name]
    custom.update(aliases)


def _determine(on: bool) -> None:
    (config.enable_op_determinism if on else config.disable_op_determinism)()


KERAS_SETTINGS: tuple[Setting, ...] = (
    Setting("Keras's floatx", keras.config.floatx, keras.config.set_floatx),
    Setting("Keras's epsilon", keras.config.epsilon, keras.config.set_epsilon),
    Setting("Keras's image data format", keras.config.image_data_format, keras.config.set_image_data_format),
    Setting("Keras's limit of epochs", keras.config.max_epochs, keras.config.set_max_epochs),
    Setting("Keras's limit of steps", keras.config.max_steps_per_epoch, keras.config.set_max_steps_per_epoch),
    Setting("Keras's dtype policy", _policy, _set_policy),
    _attribute("flash_attention", "Keras's flash attention"),
    _attribute("interactive_logging", "Keras's interactive logging"),
    _attribute("traceback_filtering", "Keras's traceback filtering"),
    _attribute("safe_mode_saving", "Keras's safe mode"),
    Setting("Keras's custom objects", _aliases, _restore_aliases),
    Setting("the eager mode of functions", tf.config.functions_run_eagerly, tf.config.run_functions_eagerly),
    Setting("eager execution", tf.executing_eagerly, None),
    Setting("the determinism of operations", config.is_op_determinism_enabled, _determine),
    Setting("the soft placement on devices", tf.config.get_soft_device_placement, tf.config.set_soft_device_placement),
    Setting(
        "TensorFloat-32",
        tf.config.experimental.tensor_float_32_execution_enabled,
        tf.config.experimental.enable_tensor_float_32_execution,
    ),
    Setting("TensorFlow's JIT", tf.config.optimizer.get_jit, tf.config.optimizer.set_jit),
    Setting(
        "TensorFlow's optimizer options",
        tf.config.optimizer.get_experimental_options,
        None,  # they can be added to, not taken back
    ),
)
"""What a training depends on, besides its recipe and data.  Seeds are not here: each build sets them."""


def settings_key() -> str:
    """The settings that a network or a loss takes in when it is built or traced, as text."""
    found: list[object] = [keras.config.dtype_policy().name, keras.config.floatx(), keras.config.epsilon()]
    found += [keras.config.image_data_format(), tf.config.functions_run_eagerly()]
    return json.dumps(found)


def clear_session() -> None:
    """Forget the models of earlier trainings, and no setting: Keras forgets its dtype policy too."""
    settings = Snapshot(KERAS_SETTINGS)
    keras.backend.clear_session()
    settings.restore()
