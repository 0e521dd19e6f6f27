"""Parts that need Keras, for exported scripts.  They are copied, not imported: a script is self-contained."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import linecache
import os
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np


class ProjectFiles(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports files of the project from this script: name of the module → file, whether it is a package, content."""

    def __init__(self, modules: dict[str, tuple[str, bool, str]]) -> None:
        self.modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in self.modules:
            return None
        file, package, _ = self.modules[name]
        return importlib.machinery.ModuleSpec(name, self, origin=file, is_package=package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        file, _, text = self.modules[module.__name__]
        module.__file__ = file
        linecache.cache[file] = (len(text), None, text.splitlines(True), file)  # so that a traceback shows its lines
        exec(compile(text, file, "exec", dont_inherit=True), vars(module))


def check_file(path: str, digest: str) -> None:
    """Exit unless the file is there, and is the one of the study."""
    if not os.path.exists(path):
        raise SystemExit(f"The model loads {path}, which does not exist. Copy it from the project of the study.")
    with open(path, "rb") as file:
        if hashlib.sha256(file.read()).hexdigest() != digest:
            raise SystemExit(f"{path} is not the file that the study was run with (sha256 {digest[:12]}).")


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Return the model's outputs for prepared rows, in batches of 4,096."""
    return np.concatenate([model.predict_on_batch(x[start : start + 4096]) for start in range(0, len(x), 4096)])


class Rates(keras.callbacks.Callback):
    """Sets the learning rate of each step."""

    def __init__(self, rates: np.ndarray, steps_per_epoch: int) -> None:
        super().__init__()
        self.rates, self.steps_per_epoch, self.epoch = rates, steps_per_epoch, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = float(self.rates[self.epoch * self.steps_per_epoch + batch])


class Plateau(keras.callbacks.Callback):
    """Sets the learning rate of each epoch by what was measured after the one before."""

    def __init__(self, schedule: Any, measure: Callable[[keras.Model], float]) -> None:
        super().__init__()
        self.schedule, self.measure = schedule, measure

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = float(self.schedule.observe(self.measure(self.model)))


def regularize(model: keras.Model, l1: float, l2: float) -> None:
    """Put the penalty l1 * sum |w| + l2 * sum w² on every kernel that has none of its own."""
    kernels = {
        "kernel_regularizer": ("kernel",),
        "recurrent_regularizer": ("recurrent_kernel",),
        "depthwise_regularizer": ("depthwise_kernel", "kernel"),
        "pointwise_regularizer": ("pointwise_kernel",),
    }
    for layer in model._flatten_layers(include_self=False, recursive=True):
        for attribute, names in kernels.items():
            kernel = next((k for k in (getattr(layer, name, None) for name in names) if k is not None), None)
            if kernel is None or getattr(layer, attribute, kernel) is not None:
                continue
            # The attribute is saved with the model; the loss of a layer that is built looks at the variable.
            penalty = keras.regularizers.L1L2(l1, l2)
            setattr(layer, attribute, penalty)
            kernel.regularizer = penalty
