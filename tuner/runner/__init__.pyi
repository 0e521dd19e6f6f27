from .job_list_runner import run_jobs
from .launch import dry_run_study, read_given_study, start
from .points_from_older_studies import older_points
from .progress import Progress, RunningTraining, count_finished, startup_text
from .python_study_files import write_python_study
from .shutdown import ShutdownSignal
from .time_left import TimeLeft

__all__ = [
    "Progress",
    "RunningTraining",
    "ShutdownSignal",
    "TimeLeft",
    "count_finished",
    "dry_run_study",
    "older_points",
    "read_given_study",
    "run_jobs",
    "start",
    "startup_text",
    "write_python_study",
]
