"""Process-wide settings of Keras and TensorFlow: read, compared, restored.

A model file may set them in `build` or in a layer; they would then affect every later training of the process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from tuner.keras_internals import (
    disable_op_determinism,
    enable_op_determinism,
    get_global_attribute,
    is_op_determinism_enabled,
    set_global_attribute,
    tie_gradients_to_graphs,
)


@dataclass(frozen=True)
class Setting:
    """One global setting.

    Attributes:
        name: As messages call it.
        read: Returns a value that later changes leave alone.
        restore: Sets such a value; None if it cannot be restored.
    """

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object] | None


class Snapshot:
    """The settings at the time of its construction.

    Args:
        settings: Rows of a table.
    """

    def __init__(self, settings: Iterable[Setting]) -> None:
        self._values = [(setting, setting.read()) for setting in settings]

    def changes(self) -> list[str]:
        """Return the names of settings with another value now."""
        return [setting.name for setting, value in self._values if not _is_unchanged(setting, value)]

    def restore(self) -> tuple[list[str], list[str]]:
        """Restore what has changed, in the order of the table.

        Returns:
            Names of the restored settings, and of those that could not be.
        """
        restored: list[str] = []
        lasting: list[str] = []
        changed = [(setting, value) for setting, value in self._values if not _is_unchanged(setting, value)]
        for setting, value in changed:
            try:
                if setting.restore is None:
                    raise ValueError("nothing restores it")
                setting.restore(value)
            except Exception:
                lasting.append(setting.name)
            else:
                restored.append(setting.name)
        return restored, lasting


def _is_unchanged(setting: Setting, value: Any) -> bool:
    try:
        return bool(setting.read() == value)
    except Exception:  # what cannot be read or compared was not put there by Keras
        return False


def _global_attribute(name: str, label: str) -> Setting:
    """Return the setting for an attribute of Keras's global state; None until it is set."""
    return Setting(label, lambda: get_global_attribute(name), lambda value: set_global_attribute(name, value))


def _get_policy() -> Any:
    """Return the dtype policy, or None for that of floatx, which Keras stores at its first use."""
    policy = get_global_attribute("dtype_policy")
    return None if policy is None or policy.name == keras.config.floatx() else policy


def _set_policy(policy: Any) -> None:
    set_global_attribute("dtype_policy", policy)


def _get_aliases() -> dict[str, Any]:
    """Return the custom objects that shadow a plain name such as "relu"; those with a package cannot."""
    return {name: thing for name, thing in keras.saving.get_custom_objects().items() if ">" not in name}


def _restore_aliases(aliases: dict[str, Any]) -> None:
    custom = keras.saving.get_custom_objects()
    for name in _get_aliases():
        del custom[name]
    custom.update(aliases)


def _set_determinism(on: bool) -> None:
    (enable_op_determinism if on else disable_op_determinism)()


KERAS_SETTINGS: tuple[Setting, ...] = (
    Setting("Keras's floatx", keras.config.floatx, keras.config.set_floatx),
    Setting("Keras's epsilon", keras.config.epsilon, keras.config.set_epsilon),
    Setting("Keras's image data format", keras.config.image_data_format, keras.config.set_image_data_format),
    Setting("Keras's limit of epochs", keras.config.max_epochs, keras.config.set_max_epochs),
    Setting("Keras's limit of steps", keras.config.max_steps_per_epoch, keras.config.set_max_steps_per_epoch),
    Setting("Keras's dtype policy", _get_policy, _set_policy),
    _global_attribute("flash_attention", "Keras's flash attention"),
    _global_attribute("interactive_logging", "Keras's interactive logging"),
    _global_attribute("traceback_filtering", "Keras's traceback filtering"),
    _global_attribute("safe_mode_saving", "Keras's safe mode"),
    Setting("Keras's custom objects", _get_aliases, _restore_aliases),
    Setting("the eager mode of functions", tf.config.functions_run_eagerly, tf.config.run_functions_eagerly),
    Setting("eager execution", tf.executing_eagerly, None),
    Setting("the determinism of operations", is_op_determinism_enabled, _set_determinism),
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
        None,  # there is no way to unset one
    ),
)
"""Settings that change the results of a training, besides its recipe and data; not seeds, which each build sets."""


def settings_key() -> str:
    """Return, as text, the settings that a network or a loss depends on when it is built or traced."""
    settings = [keras.config.dtype_policy().name, keras.config.floatx(), keras.config.epsilon()]
    return json.dumps([*settings, keras.config.image_data_format(), tf.config.functions_run_eagerly()])


def clear_session() -> None:
    """Clear Keras's session and collect garbage, but keep the settings; Keras would reset its dtype policy too.

    Models that nothing needs any more are freed, with the graphs that trained them.
    """
    settings = Snapshot(KERAS_SETTINGS)
    tie_gradients_to_graphs()
    keras.backend.clear_session()
    settings.restore()
