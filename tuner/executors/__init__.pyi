from .inline import InlineExecutor
from .local import LocalExecutor, cores, threads_per_worker
from .ray.ray_executor import RayExecutor

__all__ = [
    "InlineExecutor",
    "LocalExecutor",
    "RayExecutor",
    "cores",
    "threads_per_worker",
]
