"""Have TensorFlow imported for the workers of a run while its study is read.

Which variables they need is guessed from the study file.  Workers are forked from another server if the guess was
wrong, as if there had been none.
"""

from __future__ import annotations

import contextlib

from tuner.data import looks_like_images
from tuner.errors import TunerError
from tuner.executors import can_fork, cores, environment, start_fork_server, threads_per_worker
from tuner.storage import count_finished_quickly, default_url
from tuner.study import StudyOutline, read_outline


def preload_workers(
    file: str, *, name: str | None, storage: str | None, trials: int | None, workers: int | None, restart: bool
) -> None:
    """Start the process that imports TensorFlow, unless workers cannot be forked or the study has all its trials.

    Who reads the study tells what is wrong with it.

    Args:
        file: Study file.
        name, storage, trials, workers, restart: What the command line says instead of the file; see `tuner.run`.
    """
    with contextlib.suppress(TunerError, OSError):
        if not can_fork():
            return
        outline = read_outline(file)
        wanted = trials or outline.trials
        finished = count_finished_quickly(storage or default_url(outline.project), name or outline.name)
        if wanted is not None and finished >= wanted and not restart:
            return
        threads = threads_per_worker(workers or outline.workers or cores())
        start_fork_server(environment(_guess_onednn(outline), threads), str(outline.project))


def _guess_onednn(outline: StudyOutline) -> bool:
    """Guess what `onednn_pays` will return for the shape of a row."""
    if outline.axes is not None:
        return outline.axes > 1
    return outline.source is not None and looks_like_images(outline.source, outline.project)
