from .job_list_runner import run_jobs
from .launch import dry_run_study, start
from .points_from_older_studies import older_points
from .progress import Progress
from .shutdown import ShutdownSignal

__all__ = [
    "Progress",
    "ShutdownSignal",
    "dry_run_study",
    "older_points",
    "run_jobs",
    "start",
]
