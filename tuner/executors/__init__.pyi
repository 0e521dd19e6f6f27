from .inline import InlineExecutor
from .local import LocalExecutor, cores, threads_of
from .ray.executor import RayExecutor

__all__ = [
    "InlineExecutor",
    "LocalExecutor",
    "RayExecutor",
    "cores",
    "threads_of",
]
