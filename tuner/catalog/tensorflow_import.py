"""Import TensorFlow without the lines that it prints about the machine."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def silence_tensorflow() -> Iterator[None]:
    """Drop what TensorFlow prints to standard error when it is imported and converts models.

    No variable turns all of it off.  Our own messages come afterwards.  TUNER_TRACEBACK=1 shows everything.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if os.environ.get("TUNER_TRACEBACK"):
        yield
        return
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def import_tensorflow() -> None:
    """Import TensorFlow in silence, and have it look for GPUs; nothing if this process has imported it before."""
    if "tensorflow" in sys.modules:
        return
    with silence_tensorflow():
        import tensorflow as tf

        tf.config.list_physical_devices("GPU")  # it complains of a missing driver then, not in the first operation


class _SilentImport(MetaPathFinder):
    """Find TensorFlow once, and have it imported in silence."""

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_in_silence(module: ModuleType) -> None:
            with silence_tensorflow():
                run(module)
                module.config.list_physical_devices("GPU")

        spec.loader.exec_module = run_in_silence  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def silence_tensorflow_import() -> Iterator[None]:
    """Import TensorFlow as `import_tensorflow` does if code of others imports it, and only then."""
    finder = _SilentImport()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # it was imported
            sys.meta_path.remove(finder)
