"""Start a study: workers first, as they import TensorFlow for longer than all else here takes.  See also `preloading`.

What only the coordinator needs (Optuna, SQLAlchemy, the database) is imported while they do.  A study whose trials are
all finished starts none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import UnknownNameError, UsageError
from tuner.executors import LocalExecutor, RayExecutor, close_starting_servers, cores, threads_per_worker
from tuner.protocol import Executor, WorkerConfig
from tuner.runner.progress import Progress, startup_text
from tuner.study import Execution, StudySpec, read_study, read_study_dict, trials_per_program
from tuner.user_code import check_outside_of_loading

if TYPE_CHECKING:
    from tuner.runner.dry_run import DryRun
    from tuner.storage import Database


def read_given_study(
    study: str | Path | Mapping[str, Any], name: str | None, overrides: Mapping[str, Any]
) -> StudySpec:
    """Read a study file, or its content.

    Args:
        study: Its path, or a mapping, which belongs to the current folder.
        name: Another name for the study, or None.
        overrides: See `read_study`.

    Raises:
        StudyFileError: It has problems; lists all of them.
        ContentError: A file that is loaded for a study runs one itself.
    """
    check_outside_of_loading("it runs a study")
    if isinstance(study, Mapping):
        return read_study_dict(study, Path.cwd(), name=name, overrides=overrides)
    return read_study(study, name=name, overrides=overrides)


def start(
    spec: StudySpec,
    storage: str | None = None,
    executor: str = "local",
    address: str | None = None,
    *,
    show: Callable[[Progress], None],
    restart: bool = False,
) -> tuple[str, str, str]:
    """Run a study, or resume it; for the arguments see `tuner.run`.

    Returns:
        Its name, the URL of its database, and why the run ended (see `StudyRunner.run`).

    Raises:
        TunerError: See `tuner.errors`.
    """
    if executor not in EXECUTORS:
        raise UnknownNameError("executor", executor, EXECUTORS)
    begin = restart or not _is_finished(spec, storage)
    if not begin:
        close_starting_servers()
    trainer = EXECUTORS[executor](spec, address, begin)
    spec = replace(spec, prepared=None)  # the workers have the rows now
    try:
        from tuner.runner.study_runner import StudyRunner
        from tuner.storage import default_url, open_patiently

        began = time.monotonic()

        def notify(note: str | None) -> None:
            budget, elapsed_s = spec.budget, time.monotonic() - began
            stage = startup_text(trainer.starting_workers())
            show(Progress.at_start(spec.metric, budget.trials, budget.time_s, elapsed_s, note, stage))

        if begin:
            notify(None)
        database = open_patiently(storage or default_url(spec.project), notify)
        try:
            if kept := _make_room(spec, database, restart):
                notify(f"The previous study is kept as {kept!r}.")
            ended = StudyRunner(spec, database, trainer, show).run()
        finally:
            database.close()
    except BaseException:
        trainer.close(at_once=True)  # workers may have started although the run has not
        raise
    return spec.name, database.url, ended


def _make_room(spec: StudySpec, database: Database, restart: bool) -> str | None:
    """Set an existing study aside if it is to be restarted; return its new name.

    Raises:
        UsageError: The new study cannot begin with the older ones that it names; nothing has changed.
    """
    from tuner.runner.points_from_older_studies import older_points
    from tuner.storage import name_aside, rename_study, study_names

    if not (restart or spec.older):
        return None
    exists = spec.name in study_names(database)
    if not exists:
        older_points(spec, database.url)
    if not exists or not restart:
        return None
    kept = name_aside(database, spec.name)
    older_points(spec, database.url, {kept: spec.name, spec.name: kept})
    rename_study(database, spec.name, kept, "restarted")
    return kept


def dry_run_study(spec: StudySpec) -> DryRun:
    """Train the first setting of a study for two epochs, in one worker of this machine; nothing is kept.

    Raises:
        StudyFailedError: It cannot be trained.
        WorkerError: No worker can be started.
        KeyboardInterrupt: Interrupted.
    """
    from tuner.runner.dry_run import dry_run

    workers = spec.workers or cores()
    executor = LocalExecutor(_worker_config(spec), 1, threads=threads_per_worker(workers), prepared=spec.prepared)
    return dry_run(spec, executor, workers)


def _is_finished(spec: StudySpec, storage: str | None) -> bool:
    """Return whether the study surely has all its trials; what is left open is found when the database is read."""
    from tuner.storage import count_finished_quickly, default_url

    trials = spec.budget.trials
    return trials is not None and count_finished_quickly(storage or default_url(spec.project), spec.name) >= trials


def _local(spec: StudySpec, address: str | None, begin: bool) -> Executor:
    if address is not None:
        raise UsageError(f"An address is for the executor ray, but got {address!r} without it. Add --executor ray.")
    executor = LocalExecutor(_worker_config(spec), spec.workers, prepared=spec.prepared)
    if not begin:
        return executor
    try:
        executor.start()
    except BaseException:
        executor.close(at_once=True)
        raise
    return executor


def _ray(spec: StudySpec, address: str | None, begin: bool) -> Executor:
    """Create the Ray executor; it starts when it is needed, as connecting to Ray takes seconds and blocks."""
    if spec.budget.memory_bytes is not None:
        raise UsageError(
            f"[budget] memory is watched on this machine only, but {spec.file} sets it for a run on Ray. Leave it out, "
            "or use --executor local."
        )
    needs = spec.resources
    return RayExecutor(
        _worker_config(spec),
        spec.workers,
        address=address,
        cpus=needs.cpus,
        gpus=needs.gpus,
        named=[spec.model.path, *spec.helpers, *_data_paths(spec)],
    )


def _data_paths(spec: StudySpec) -> list[str]:
    """List the files and folders of data that the study names; a function counts as its file."""
    named = (spec.data.source, spec.data.validation, spec.data.test)
    return [text.partition(".py:")[0] + ".py" if ".py:" in text else text for text in named if isinstance(text, str)]


EXECUTORS: Mapping[str, Callable[[StudySpec, str | None, bool], Executor]] = {"local": _local, "ray": _ray}
"""Executors by name: `(study, address, begin)` → executor; `begin` says whether workers start now."""


def _worker_config(spec: StudySpec) -> WorkerConfig:
    execution = Execution(spec.engine, spec.seed, spec.budget, spec.health, spec.limits)
    data, trainings = spec.data.model_dump(mode="json"), trials_per_program(spec)
    return WorkerConfig.for_study(spec.project, data, spec.facts, execution, trainings)
