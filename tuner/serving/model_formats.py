"""The table of formats that a saved model is exported to."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.errors import UsageError
from tuner.registry import Registry
from tuner.text import install_text

if TYPE_CHECKING:
    import keras

Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ModelFormat:
    """A format by name.

    Attributes:
        name: What the command calls it.
        summary: One line of explanation.
        suffix: What its file ends in; empty for a folder.
        dtype: Type of the rows that it takes.
        write: Writes a model, whose rows are of this type, to a path.
        load: Loads what `write` wrote, and returns a function from rows to scores.
        modules: What must be installed besides TensorFlow, by the extra of this package that has its name.
    """

    name: str
    summary: str
    suffix: str
    dtype: str
    write: Callable[[keras.Model, Path], None]
    load: Callable[[Path], Predict]
    modules: tuple[str, ...] = ()

    def check_installed(self) -> None:
        """Refuse a format whose packages are missing.

        Raises:
            UsageError: With the command that installs them.
        """
        missing = [name for name in self.modules if importlib.util.find_spec(name) is None]
        if missing:
            raise UsageError(
                f"The format {self.name} needs {', '.join(missing)}, which is not installed. "
                f"Install it: {install_text(self.name)}."
            )


def _write_savedmodel(model: keras.Model, path: Path) -> None:
    model.export(path, format="tf_saved_model", verbose=False)


def _load_savedmodel(path: Path) -> Predict:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda rows: np.asarray(loaded.serve(rows))


def _write_onnx(model: keras.Model, path: Path) -> None:
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    model(np.zeros((1, *model.input_shape[1:]), np.float32))  # Keras refuses one that was never called
    model.export(path, format="onnx", verbose=False)


def _load_onnx(path: Path) -> Predict:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return lambda rows: np.asarray(session.run(None, {given.name: rows})[0])


def _write_litert(model: keras.Model, path: Path) -> None:
    """Write with the operations of LiteRT alone; a recurrent network takes one row at a time then."""
    import keras
    import tensorflow as tf

    only = {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}
    try:
        model.export(path, format="litert", verbose=False, **only)
    except Exception:  # the converter's own class, without a public name
        one = [keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32", name=model.inputs[0].name)]
        model.export(path, format="litert", verbose=False, input_signature=one, **only)


def _load_litert(path: Path) -> Predict:
    if importlib.util.find_spec("ai_edge_litert") is None:
        import tensorflow as tf

        loaded: Any = tf.lite.Interpreter(model_path=str(path))
    else:
        from ai_edge_litert.interpreter import Interpreter

        loaded = Interpreter(model_path=str(path))
    (given,), (answer,) = loaded.get_input_details(), loaded.get_output_details()

    def answer_some(rows: np.ndarray) -> np.ndarray:
        if given["shape_signature"][0] == -1:
            loaded.resize_tensor_input(given["index"], rows.shape)
        loaded.allocate_tensors()
        loaded.set_tensor(given["index"], rows)
        loaded.invoke()
        return np.array(loaded.get_tensor(answer["index"]))

    if given["shape_signature"][0] == -1:
        return answer_some
    return lambda rows: np.concatenate([answer_some(row[None]) for row in rows])


MODEL_FORMATS: Registry[ModelFormat] = Registry(
    "model format",
    ModelFormat(
        "savedmodel",
        "a folder for TensorFlow Serving; computes like the saved model, in float64 up to the network",
        "",
        "float64",
        _write_savedmodel,
        _load_savedmodel,
    ),
    ModelFormat(
        "onnx",
        "a file for ONNX Runtime and others; in float32",
        ".onnx",
        "float32",
        _write_onnx,
        _load_onnx,
        ("tf2onnx", "onnx", "onnxruntime"),
    ),
    ModelFormat(
        "litert",
        "a file for phones and embedded devices, without TensorFlow (Flex) operations; in float32",
        ".tflite",
        "float32",
        _write_litert,
        _load_litert,
    ),
)
