"""What the environment of a worker process says, whoever starts it: TensorFlow reads it when it is imported."""

from __future__ import annotations

import os
from pathlib import Path

from tuner.protocol import WorkerConfig

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**28)}
"""Up to 256 MB that a step frees stay with glibc for the next one, in pieces of at most 32 MB, which is as much as
glibc allows.  Else the system takes them and clears them again each time: a tenth of the time of a million weights."""


def environment(workplace: WorkerConfig, threads: int) -> dict[str, str]:
    """The environment of a worker; what a person has set is kept.

    Args:
        workplace: Of the study.
        threads: That the worker may use.
    """
    package_root = str(Path(__file__).resolve().parents[2])
    paths = [package_root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, **settings(workplace, threads), "PYTHONPATH": os.pathsep.join(paths)}


def settings(workplace: WorkerConfig, threads: int) -> dict[str, str]:
    """Of `environment`, what holds on every machine."""
    # A convolutional network trains 2.4 times faster with oneDNN, an MLP of 64 units 1.15 times slower.
    onednn = len(workplace.input_shape) > 1
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
