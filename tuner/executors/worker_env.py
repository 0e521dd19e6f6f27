"""Environment variables of workers; TensorFlow reads them when it is imported."""

from __future__ import annotations

import os
from pathlib import Path

from tuner.protocol import WorkerConfig

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**28)}
"""glibc keeps up to 256 MB that a step frees for the next one, in blocks of at most 32 MB (its maximum).  Else
the kernel clears the pages each step: a tenth of the time of a million weights."""


def environment(config: WorkerConfig, threads: int) -> dict[str, str]:
    """Return the environment of a local worker; the user's variables take precedence.

    Args:
        config: What every trial shares.
        threads: Threads of the worker.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    paths = [package_root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, **settings(config, threads), "PYTHONPATH": os.pathsep.join(paths)}


def settings(config: WorkerConfig, threads: int) -> dict[str, str]:
    """Return the variables of `environment` that hold on every machine."""
    # A convolutional network trains 2.4 times faster with oneDNN, an MLP of 64 units 1.15 times slower.
    onednn = len(config.input_shape) > 1
    defaults = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": str(int(onednn)),
        "TF_NUM_INTEROP_THREADS": "1",
        **_MEMORY,
        **dict.fromkeys(_THREADS, str(threads)),
    }
    return {
        **{name: os.environ.get(name, value) for name, value in defaults.items()},
        "KERAS_BACKEND": "tensorflow",
        # String hashes order sets; a trial must not depend on them.
        "PYTHONHASHSEED": "0",
    }
