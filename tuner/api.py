"""The functions of the Python API: run a study, get its best recipe, train the winner, use its model.

Modules that read databases are imported late: `run` starts the workers first (see `runner.launch`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from tuner.display import progress_display
from tuner.errors import NoWinnerWarning
from tuner.executors import LocalExecutor, cores
from tuner.notification import Ended, run_and_notify
from tuner.refit import SEEDS, RefitOptions
from tuner.runner import Progress, given_study, start, with_known_keywords
from tuner.study import study_name_in
from tuner.study_handle import StudyHandle
from tuner.text import listed_counts

if TYPE_CHECKING:
    from tuner.catalog import BuildableRecipe
    from tuner.data import PreparedData
    from tuner.protocol import WorkerConfig
    from tuner.refit import RefitResult
    from tuner.serving import FilePrediction, SavedModel

EXPORT_SUFFIXES = (".json", ".toml")
FILE_SUFFIXES = (*EXPORT_SUFFIXES, ".yaml", ".yml")
MODEL_SUFFIX = ".keras"


@with_known_keywords
def run(
    study: str | Path | Mapping[str, Any] | None = None,
    *,
    model: str | Callable[..., Any] | None = None,
    data: Any = None,
    metric: str | Callable[..., Any] | None = None,
    objective: Mapping[str, Any] | None = None,
    search: Mapping[str, Any] | None = None,
    trials: int | None = None,
    epochs: int | Literal["auto"] | None = None,
    time_s: float | None = None,
    budget: Mapping[str, Any] | None = None,
    sampler: Mapping[str, Any] | None = None,
    pruner: Mapping[str, Any] | None = None,
    health: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    tracking: Mapping[str, Any] | None = None,
    notify: Mapping[str, Any] | None = None,
    head: str | None = None,
    seed: int | None = None,
    engine: str | None = None,
    workers: int | None = None,
    name: str | None = None,
    project: str | Path | None = None,
    storage: str | None = None,
    executor: str = "local",
    address: str | None = None,
    progress: bool | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
    restart: bool = False,
) -> StudyHandle:
    """Run a study, or resume it, from a study file or from keyword arguments; the same as `tuner run`.

    Args:
        study: A study file, or its content as a mapping; None to write `studies/NAME.toml` from the arguments below.
        model: A function that builds the model, or a model file, as in "models/mlp.py".
        data: A source, rows, or a mapping with the keys of `[data]`, whose sources may be rows: `(x, y)` or
            `(x, y, weight)` of arrays or pandas, a dict of these, a pandas table, or a `tf.data.Dataset`.
        metric, objective, search, head, budget, sampler, pruner, health, limits, resources, tracking, notify: Its keys.
        trials, epochs, time_s, seed, engine, workers: Keys of the study file and its `[budget]`; may go with a file.
        name: Name of the study; by default that of the model's function or file.
        project: Folder that `studies/`, `runs/` and all paths are in; by default the current one.
        storage: URL of the database; by default `runs/tuner.db` of the study's project.
        executor, address: "local" to train on this machine; "ray" for a cluster, and its address.
        progress: Whether to show it: in place in a notebook, on standard error elsewhere; None for a notebook only.
        show: Called with the progress whenever a trial begins or ends, and several times a second.
        restart: Whether to rename an existing study of this name to `NAME.1`, and to begin with trial 0.

    Raises:
        TunerError, KeyboardInterrupt: See `tuner.errors`; the second when all is stored, and `tuner.open` opens it.
    """
    given = {"trials": trials, "epochs": epochs, "time_s": time_s, "seed": seed, "engine": engine, "workers": workers}
    parts = {"model": model, "data": data, "metric": metric, "objective": objective, "search": search, "budget": budget}
    parts |= {"sampler": sampler, "pruner": pruner, "health": health, "limits": limits, "resources": resources}
    parts |= {"tracking": tracking, "notify": notify, "head": head}
    with progress_display(progress, show) as shown:
        read = partial(given_study, study, parts, given, name, project, storage, replace=restart)
        begin = partial(start, storage=storage, executor=executor, address=address, restart=restart)
        return _unless_interrupted(StudyHandle(*run_and_notify(study, name, read, begin, shown, _summary)))


def _unless_interrupted(handle: StudyHandle) -> StudyHandle:
    """Return the handle of a run; raise instead if it was interrupted, which says what is stored."""
    if handle.ended != "interrupted":
        return handle
    counts = listed_counts(handle.summary()["counts"]) or "no trials"
    place = handle.storage.removeprefix("sqlite:///") if handle.storage.startswith("sqlite") else "STORAGE"
    text = f"Study {handle.name} was interrupted ({counts}). Nothing is lost: the same call resumes it, and "
    interrupted = KeyboardInterrupt(f"{text}tuner.open({place!r}, {handle.name!r}) shows what is stored.")
    interrupted.study = handle  # type: ignore[attr-defined]
    raise interrupted  # of exactly this class: for it Python ends a script by SIGINT, and a shell its loop


def _summary(ended: Ended) -> dict[str, Any]:
    """Read the result of a run, as plain JSON."""
    return StudyHandle(*ended).summary()


def open(storage: str | Path, name: str) -> StudyHandle:
    """Return the handle of an existing study.

    Args:
        storage: URL of the database, or path of a SQLite file.
        name: Of the study.

    Raises:
        StorageError: There is no such database.
        StudyNotFoundError: There is no such study; the message names the nearest.
    """
    url = str(storage) if "://" in str(storage) else f"sqlite:///{storage}"
    handle = StudyHandle(name, url)
    handle.results()
    return handle


def best(study: str | Path, *, storage: str | None = None) -> BuildableRecipe:
    """Return the recipe of a study's best trial, or the one in an exported file or a saved model.

    Args:
        study: Name of the study, its study file, or a file of `tuner export` (.json, .toml) or `tuner train` (.keras).
        storage: URL of the database; by default `runs/tuner.db` of the study file's project, or of the current folder.

    Raises:
        StudyNotFoundError: There is no such study.
        NoBestTrialError: No trial is complete yet.
        UsageError: The file contains no readable recipe.
    """
    from tuner.export import read_export
    from tuner.serving import read_about
    from tuner.storage import default_url

    name, project, is_file = str(study), Path.cwd(), os.path.isfile(study)
    ending = name.lower() if is_file else name  # a study may be called up.JSON
    if ending.endswith(MODEL_SUFFIX):
        return read_about(Path(name)).recipe
    if ending.endswith(FILE_SUFFIXES):
        if is_file and ending.endswith(EXPORT_SUFFIXES) and (recipe := read_export(Path(name))) is not None:
            return recipe
        name, project = study_name_in(name)
    return StudyHandle(name, storage or default_url(project)).best().recipe


def train(
    study: str | Path,
    output: str | Path,
    *,
    top: int | None = None,
    trials: Collection[int] | int | None = None,
    seeds: int = SEEDS,
    seed: int | None = None,
    workers: int | None = None,
    storage: str | None = None,
    force: bool = False,
    single: bool = False,
    save_anyway: bool = False,
    code: Collection[str] = (),
    progress: bool | None = None,
    show: Callable[[Progress], None] = lambda progress: None,
) -> RefitResult:
    """Retrain the leading recipes, choose one, score it once on the test part, save the model, as `tuner train` does.

    Args:
        study: Name of the study, or its study file.
        output: File to save the model in; ends in .keras.
        top: Number of leading recipes to retrain; None for three.
        trials: Numbers of the trials to retrain instead of the leading ones, or that of one; None for the leading ones.
        seeds: Number of seeds for each; at least two.
        seed: Seed that they are derived from; None for the study's.
        workers: Worker processes; None for one per core.
        storage: URL of the database; by default `runs/tuner.db` of the study file's project, or of the current folder.
        force: Whether to overwrite an existing file.
        single: Whether to save one network, not the ensemble of the seeds.
        save_anyway: Whether to save the best candidate even if there is no winner; the file says so.
        code: Model and data functions to allow, such as "models/own.py:build", if no study file here names them.
        progress, show: See `run`.

    Returns:
        The result; if its `file` is None, nothing was saved.

    Raises:
        TunerError: See `tuner.errors`.
        KeyboardInterrupt: Interrupted; nothing was written.
    """
    from tuner.refit import refit_leaders
    from tuner.results import read_study_results, trial_numbers
    from tuner.storage import default_url, open_database

    asked = RefitOptions(Path(output), top, trial_numbers(trials), seeds, seed, force, tuple(code), single, save_anyway)
    name, project = str(study), Path.cwd()
    if name.endswith(FILE_SUFFIXES):
        name, project = study_name_in(name)

    def executor(place: WorkerConfig, prepared: PreparedData, trainings: int) -> LocalExecutor:
        return LocalExecutor(place, min(workers or cores(), trainings), prepared=prepared)

    database = open_database(storage or default_url(project), create=False)
    try:
        found = read_study_results(database, name)
        with progress_display(progress, show) as shown:
            return refit_leaders(found, project, asked, executor, shown)
    finally:
        database.close()


def load(file: str | Path) -> SavedModel:
    """Load a model that `tuner train` saved, to predict from raw rows.

    `keras.saving.load_model(file)` loads the Keras model alone, and does not need this package.

    Warns:
        NoWinnerWarning: It was saved with `save_anyway`, and there was no winner.

    Raises:
        UsageError: The file was not saved by `tuner train`, or cannot be loaded here.
    """
    from tuner.serving import load_saved

    model = load_saved(Path(file))
    if model.about.warning is not None:
        warnings.warn(model.about.warning, NoWinnerWarning, stacklevel=2)
    return model


def predict(
    model: str | Path,
    data: str | Path,
    output: str | Path | BinaryIO,
    *,
    keep: Collection[str] = (),
    allow_unknown: bool = False,
    force: bool = False,
) -> FilePrediction:
    """Predict each row of a table of any size, of arrays or of images; the same as the command `tuner predict`.

    `tuner.load(model).predict(rows)` predicts rows that are in memory.

    Args:
        model: A file that `tuner train` wrote.
        data: CSV, Parquet, `.npz` or `.npy` file, image or folder of images, with what the study had, in any order.
        output: CSV or Parquet file to write, whole or not at all; or an open binary file, which gets CSV.
        keep: Columns of the data, or arrays of an archive, to repeat before the predictions.
        allow_unknown: Whether to accept categories that the study did not have, instead of raising an error.
        force: Whether to overwrite an existing file.

    Raises:
        DataError: A column, cell, array or image is missing or unlike those of the study; with its row and column.
        UsageError: The model cannot be loaded, or the file cannot be written.
    """
    from tuner.serving import predict_file

    target = Path(output) if isinstance(output, str | Path) else output
    return predict_file(Path(model), str(data), target, keep=tuple(keep), allow_unknown=allow_unknown, force=force)
