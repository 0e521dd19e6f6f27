"""The worker process: imports TensorFlow and loads the data once, then trains one trial after the other.

Messages go over its standard input and output (see `messages`); what Keras, TensorFlow or user code print goes to
standard error, which the coordinator logs.  It ends when its input closes, so it never outlives the coordinator.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import queue
import signal
import sys
import tempfile
import threading
import time
import traceback
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tuner.catalog import Recipe, add_user_entries, second_activation, try_user_code
from tuner.data import DataOptions, HeldOut, PreparedData, Split, held_out, load_held_out, load_prepared, prepare
from tuner.engines import (
    ENGINES,
    Checkpoint,
    Engine,
    EpochRecord,
    ReportCallback,
    TrainingResult,
    run_rate_ramp,
    run_trial,
)
from tuner.errors import CheckpointError, ContentError
from tuner.protocol import (
    CheckpointSaved,
    CheckpointSkipped,
    EpochFinished,
    GlobalStateChanged,
    Job,
    JobFailed,
    JobFinished,
    ModelWarned,
    TrainingArtifacts,
    TrialRestarted,
    WorkerConfig,
    artifacts_for,
    out_of_memory,
    wire_format,
)
from tuner.refit import SaveCheck, assemble, final_split, fit_final_model, revalidate, train_control, watches_validation
from tuner.text import LOG_CHARS, excerpt, format_error
from tuner.user_code import Reference, load, user_frames
from tuner.worker.checkpoint_policy import CheckpointPolicy

if TYPE_CHECKING:
    from tuner.worker.global_state import GlobalState


class Worker:
    """The loop of a worker.

    Args:
        inbox: Messages from the coordinator.
        send: Sends a message to it.
    """

    def __init__(self, inbox: queue.SimpleQueue[dict[str, Any]], send: Callable[[dict[str, Any]], None]) -> None:
        self._inbox, self._send = inbox, send
        self._held: dict[bool, tuple[HeldOut, Split]] = {}
        self._state: GlobalState | None = None
        self._check_saving = SaveCheck()
        self._unreported_s = 0.0
        self._current: tuple[Job, Recipe]

    def run(self) -> None:
        """Prepare once, then run jobs; returns only if preparation fails, as the end of input ends the process."""
        message = self._inbox.get()
        sys.path.append(message["config"]["project"])  # last: a project's file must not hide a library
        config = WorkerConfig.from_json(message["config"])
        try:
            with gc_frozen():
                engine, prepared = _prepare(config)
        except Exception as error:
            self._send({"is": "broken", "error": format_error(error), "traceback": traceback.format_exc()})
            return
        self._send({"is": "ready"})
        while True:
            self.train(wire_format.parse_job(self._inbox.get()), config, engine, prepared)

    def train(self, job: Job, config: WorkerConfig, engine: Engine, prepared: PreparedData) -> None:
        """Run one job and send its events."""

        def on_epoch(record: EpochRecord, report: tuple[int, float] | None) -> bool:
            step, value = report or (None, None)
            waits = step in job.rungs
            self._send(wire_format.event_message(EpochFinished(job.number, record, step, value, waits)))
            return bool(self._inbox.get()["go_on"]) if waits else True

        began, before = time.monotonic(), engine.compile_stats
        engine.step_times.update(job.measured)
        try:
            recipe = Recipe.from_json(job.recipe)
            add_user_entries(config.project, recipe)
            try_user_code(recipe)
            reference = Reference.parse(recipe.model.reference, "build")
            build = load(config.project, reference, recipe.model.sha256, recipe.model.helpers)
            self._state = self._state or _global_state(config)
            build, self._current = self._checked_build(build), (job, recipe)
            match job.purpose:
                case "revalidate":
                    self._check_saving(recipe, prepared.facts, build, artifacts_for(job))
                    training = revalidate(engine, recipe, prepared, build, on_epoch, artifacts_for(job), config.health)
                case "rate_ramp":
                    training = run_rate_ramp(engine, recipe, prepared, build, on_epoch)
                case "control":
                    training = train_control(job.control, recipe, prepared, artifacts_for(job))
                case "assemble":
                    held, _ = self._held_out(job, config, prepared, recipe)
                    training = assemble(job.members, job.temperature, held, artifacts_for(job))
                case "final_fit":
                    held, split = self._held_out(job, config, prepared, recipe)
                    training = fit_final_model(
                        engine, recipe, prepared, held, split, build, on_epoch, artifacts_for(job)
                    )
                case _:
                    training = self._trial(job, config, engine, recipe, prepared, build, on_epoch)
            seconds = job.spent_s + time.monotonic() - began
            self._warn_if_unsavable(job, recipe, prepared, build, training)
        except (Exception, SystemExit) as error:  # user code that calls `exit()` must not end the worker
            text = excerpt(traceback.format_exc(), LOG_CHARS)
            frames = user_frames(error, Path(config.project))
            self._unreported_s += engine.compile_stats[1] - before[1]
            raised = JobFailed(job.number, format_error(error), text, out_of_memory(error), frames)
            self._restore(job.number)
            self._send(wire_format.event_message(raised))
        else:
            made = engine.compile_stats[0] - before[0], self._building_s(engine.compile_stats[1] - before[1])
            new = {network: times for network, times in engine.step_times.items() if network not in job.measured}
            trained = training.violation is None
            last, reason = (engine.last_engine, engine.fallback_reason) if trained else (None, None)
            cost = engine.network_size, engine.predict_times
            ended = JobFinished(job.number, training, seconds, made, last, reason, new, *cost)
            self._restore(job.number)
            self._send(wire_format.event_message(ended))

    def _building_s(self, seconds: float) -> float:
        """Return the seconds of building to report for a trial.

        They may be less than nothing: what an earlier trial had called once was then called for the second time.  The
        rest is subtracted from later trials, as far as it is not of trials that failed, which report nothing.
        """
        reported = max(0.0, seconds + min(0.0, self._unreported_s))
        self._unreported_s += seconds - reported
        return reported

    def _checked_build(self, build: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the build function of a model file so that a second activation is refused.

        Of a study that was run before this was so, the recipes are still trained, with a warning.
        """
        from tuner.catalog import output_activation  # imports Keras

        def built(*arguments: Any, **options: Any) -> Any:
            model = build(*arguments, **options)
            job, recipe = self._current  # an engine may keep this function, and call it for a later trial
            ending = output_activation(model)
            text = ending and second_activation(*ending, recipe.head, recipe.task)
            if text and job.purpose == "trial":
                raise ContentError(text)
            if text:
                self._send(wire_format.event_message(ModelWarned(job.number, text)))
            return model

        return built

    def _warn_if_unsavable(
        self, job: Job, recipe: Recipe, prepared: PreparedData, build: Callable[..., Any], training: TrainingResult
    ) -> None:
        """Warn after the first trial if `tuner train` will refuse its network; takes as long as to build it twice."""
        if job.purpose != "trial" or job.number > 0 or training.violation is not None:
            return
        try:
            with tempfile.TemporaryDirectory() as folder:
                self._check_saving(recipe, prepared.facts, build, TrainingArtifacts(Path(folder), job.number))
        except (Exception, SystemExit) as error:  # the trial itself has been trained
            reason = str(error) if isinstance(error, ContentError) else format_error(error)
            text = f"The search can train this model, but `tuner train` cannot save it. {reason}"
            self._send(wire_format.event_message(ModelWarned(job.number, text)))

    def _restore(self, number: int) -> None:
        """Restore the global state of the process for the next trial."""
        restored, lasting = self._state.restore() if self._state is not None else ([], [])
        if restored or lasting:
            event = GlobalStateChanged(number, tuple(restored), tuple(lasting))
            self._send(wire_format.event_message(event))

    def _trial(
        self,
        job: Job,
        config: WorkerConfig,
        engine: Engine,
        recipe: Recipe,
        prepared: PreparedData,
        build: Callable[..., Any],
        on_epoch: ReportCallback,
    ) -> TrainingResult:
        """Train a trial from its checkpoint, or from scratch if there is none or it is invalid."""

        def tell(event: CheckpointSaved | CheckpointSkipped | TrialRestarted) -> None:
            self._send(wire_format.event_message(event))

        def run(resume: Checkpoint | None) -> TrainingResult:
            keep = CheckpointPolicy(job.number, recipe, config.checkpoint_s, job.spent_s, tell)
            return run_trial(
                engine,
                recipe,
                prepared,
                build,
                on_epoch,
                config.health,
                repeats=config.repeats,
                on_checkpoint=keep,
                resume=resume,
                limits=config.network_limits,
            )

        if job.checkpoint is not None:
            try:
                return run(Checkpoint.from_bytes(job.checkpoint, recipe))
            except CheckpointError as error:
                tell(TrialRestarted(job.number, str(error)))
        return run(None)

    def _held_out(
        self, job: Job, config: WorkerConfig, prepared: PreparedData, recipe: Recipe
    ) -> tuple[HeldOut, Split]:
        """Return the rows of a final fit, loaded once."""
        keep = watches_validation(recipe)
        if keep not in self._held:
            held = None if job.held_out is None else load_held_out(Path(job.held_out))
            if held is None:
                options = DataOptions.model_validate(dict(config.data))
                held = held_out(options, config.project, config.seed, config.data_sha256, keep_validation=keep)
            self._held[keep] = held, final_split(prepared, held, recipe)
        return self._held[keep]


@contextlib.contextmanager
def gc_frozen() -> Iterator[None]:
    """Disable the garbage collector, then freeze what was allocated.

    It would scan TensorFlow's half a million objects repeatedly: a fifth of the import time, and 0.2 s for each full
    collection later.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _hide_modules(*modules: str) -> Iterator[None]:
    """Hide optional modules during an import.

    Keras and TensorFlow import them to recognize a DataFrame, a sparse matrix or a notebook, which no trial passes to
    them: 1.2 of 2.9 s of CPU.  Modules that are imported already stay.
    """
    hidden = [module for module in modules if module not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes `import` fail
    try:
        yield
    finally:
        for module in hidden:
            del sys.modules[module]


def _global_state(config: WorkerConfig) -> GlobalState:
    """Snapshot the state to restore; the engine has imported what this needs."""
    from tuner.worker.global_state import GlobalState

    return GlobalState(config.project)


def _load_data(config: WorkerConfig) -> PreparedData:
    """Return the rows that the coordinator has prepared; without its file, read and prepare them here."""
    prepared = None if config.prepared is None else load_prepared(config.prepared)
    if prepared is not None:
        return prepared
    options = DataOptions.model_validate(dict(config.data))
    return prepare(options, config.project, config.seed, config.data_sha256)


def _cache_protocol_members() -> None:
    """Have `isinstance` list the members of a protocol once, as Python does from 3.12 on.

    TensorFlow asks so whether a value is a tensor, and Keras asks TensorFlow: a fifth of the time of building a model.
    """
    if sys.version_info < (3, 12):
        typing._get_protocol_attrs = functools.cache(typing._get_protocol_attrs)  # type: ignore[attr-defined]


def import_engines() -> None:
    """Import TensorFlow and the engines; makes no tensor, so that TensorFlow starts no thread."""
    _cache_protocol_members()
    with _hide_modules("IPython", "matplotlib", "pandas", "scipy", "sklearn"):
        importlib.import_module("tuner.engines.auto")
        importlib.import_module("tuner.worker.global_state")


def _prepare(config: WorkerConfig) -> tuple[Engine, PreparedData]:
    prepared = _load_data(config)
    import_engines()
    return ENGINES[config.engine].make(config.trainings), prepared


def _redirect_stdio() -> tuple[BinaryIO, BinaryIO]:
    """Return private copies of standard input and output; other output goes to standard error."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    return reader, writer


def _listen(reader: BinaryIO, inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in reader:
        inbox.put(wire_format.decode(line))
    _kill_session()  # the coordinator has ended or closed the pipe; a training in progress is worth nothing


def _kill_session() -> None:
    """Kill this process and all that user code started in its session, as a killed coordinator cannot."""
    if os.getsid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def main() -> None:
    """Run `python -m tuner.worker.loop`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the coordinator
    reader, writer = _redirect_stdio()
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(reader, inbox), daemon=True).start()

    def send(message: dict[str, Any]) -> None:
        try:
            writer.write(wire_format.encode(message))
            writer.flush()
        except BrokenPipeError:
            _kill_session()

    Worker(inbox, send).run()
    sys.exit(1)


if __name__ == "__main__":
    main()
