from .job_batch import run_jobs
from .launch import rehearsal, start
from .progress import STATES, Standing
from .shutdown import Interrupts

__all__ = [
    "STATES",
    "Interrupts",
    "Standing",
    "rehearsal",
    "run_jobs",
    "start",
]
