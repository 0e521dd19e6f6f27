from .inline import InlineExecutor
from .local import LocalExecutor, cores, threads_per_worker
from .ray.executor import RayExecutor

__all__ = [
    "InlineExecutor",
    "LocalExecutor",
    "RayExecutor",
    "cores",
    "threads_per_worker",
]
