from .forked_workers import can_fork, close_starting_servers, start_fork_server
from .inline import InlineExecutor
from .local import LocalExecutor
from .ray.ray_executor import RayExecutor
from .worker_env import cores, environment, onednn_pays, threads_per_worker

__all__ = [
    "InlineExecutor",
    "LocalExecutor",
    "RayExecutor",
    "can_fork",
    "close_starting_servers",
    "cores",
    "environment",
    "onednn_pays",
    "start_fork_server",
    "threads_per_worker",
]
