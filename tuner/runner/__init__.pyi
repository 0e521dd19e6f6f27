from .job_list_runner import run_jobs
from .launch import dry_run_study, start
from .progress import Progress
from .shutdown import ShutdownSignal

__all__ = [
    "Progress",
    "ShutdownSignal",
    "dry_run_study",
    "run_jobs",
    "start",
]
