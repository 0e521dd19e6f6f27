from .job_list_runner import run_jobs
from .launch import dry_run_study, start
from .points_from_older_studies import older_points
from .preloading import preload_workers
from .progress import Progress, RunningTraining, count_finished, startup_text
from .python_study_files import given_study
from .run_keywords import with_known_keywords
from .shutdown import ShutdownSignal
from .time_left import TimeLeft

__all__ = [
    "Progress",
    "RunningTraining",
    "ShutdownSignal",
    "TimeLeft",
    "count_finished",
    "dry_run_study",
    "given_study",
    "older_points",
    "preload_workers",
    "run_jobs",
    "start",
    "startup_text",
    "with_known_keywords",
]
