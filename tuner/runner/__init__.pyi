from .job_list_runner import run_jobs
from .launch import dry_run_study, read_given_study, start
from .points_from_older_studies import older_points
from .progress import Progress
from .python_study_files import write_python_study
from .shutdown import ShutdownSignal

__all__ = [
    "Progress",
    "ShutdownSignal",
    "dry_run_study",
    "older_points",
    "read_given_study",
    "run_jobs",
    "start",
    "write_python_study",
]
