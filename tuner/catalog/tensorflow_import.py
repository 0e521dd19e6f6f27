"""Import TensorFlow without the lines that it prints about the machine."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


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
