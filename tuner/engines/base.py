"""The protocol of engines: train one recipe on one split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from tuner.catalog import TrialState
from tuner.engines.network_limits import NO_NETWORK_LIMITS, NetworkLimits
from tuner.engines.network_size import NetworkSize
from tuner.engines.predict_times import PredictTimes
from tuner.errors import CheckpointError
from tuner.health import Finding, Probe

if TYPE_CHECKING:
    import keras
    import numpy as np

    from tuner.catalog import Recipe
    from tuner.data import DataFacts, Split


@dataclass(frozen=True)
class EpochRecord:
    """The measurements of one epoch.

    Attributes:
        fold: Index of the split, from 0.
        epoch: Epochs trained on this split, from 1.
        loss: Mean training loss over the epoch, penalties included.
        val_loss: The same loss on the validation part, after the epoch, without penalties.
        metric: The objective on the validation part, after the epoch.
        learning_rate: Of the last step.
        seconds: Wall time of the epoch, evaluation included.
        probes: Layer probes since the previous record; the first epoch includes that of the initial weights.
    """

    fold: int
    epoch: int
    loss: float
    val_loss: float
    metric: float
    learning_rate: float
    seconds: float
    probes: tuple[Probe, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON."""
        return {**vars(self), "probes": [probe.to_json() for probe in self.probes]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EpochRecord:
        """Restore a record from `to_json`."""
        return cls(**{**content, "probes": tuple(Probe.from_json(probe) for probe in content["probes"])})


EpochCallback: TypeAlias = Callable[[EpochRecord], bool]
"""Called after each epoch; False ends the training there."""


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training.

    Attributes:
        state: `COMPLETE`; `PRUNED` if the callback ended it; `DIVERGED` if a number was not finite, or its health has a
            verdict in `[health] stop`.
        value: The objective after the selected epoch (`EpochSelector`), or None if it diverged.
        reason: Why it ended early, or None if it is complete.
        findings: On its health, the verdict first; empty if it was not measured.
        epochs: The selected epoch of each training, if it is complete.
        values: The objective of each training, if it is complete and there are several: folds, or repeats.
        violation: How far the network is over a limit, see `NetworkLimitError`; None if it was trained.
    """

    state: TrialState
    value: float | None = None
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    epochs: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    violation: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", TrialState(self.state))  # JSON has its word

    @classmethod
    def complete(cls, value: float, epoch: int) -> TrainingResult:
        """Return the result of a training on one split whose model is that of an epoch."""
        return cls(TrialState.COMPLETE, value, epochs=(epoch,))

    @classmethod
    def pruned(cls, value: float, epoch: int) -> TrainingResult:
        """Return the result of a training that the callback ended after an epoch."""
        return cls(TrialState.PRUNED, value, f"pruned after epoch {epoch}")

    @classmethod
    def diverged(cls, finding: Finding) -> TrainingResult:
        """Return the result of a training with a number that is not finite."""
        return cls(TrialState.DIVERGED, None, finding.text, (finding,))

    @classmethod
    def over_limit(cls, reason: str, violation: float) -> TrainingResult:
        """Return the result of a network that costs more than it may, and was not trained."""
        return cls(TrialState.DIVERGED, None, reason, violation=violation)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON."""
        return {**vars(self), "findings": [finding.to_json() for finding in self.findings]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TrainingResult:
        """Restore a result from `to_json`."""
        findings = tuple(Finding.from_json(finding) for finding in content["findings"])
        lists = {name: tuple(content.get(name, ())) for name in ("epochs", "values")}
        return cls(**{**content, "findings": findings, **lists})


VALIDATION_OUTPUT = "model's output on the validation part"
"""What diverged if an output is not finite, in words."""

StepTimes: TypeAlias = "tuple[float, float | None]"
"""Milliseconds of a step run by TensorFlow and compiled by XLA; None if XLA cannot compile it."""


@dataclass(frozen=True)
class TrainingState:
    """The state of a training on one split after an epoch; another process resumes from it with identical results.

    Attributes:
        engine: Row of the table of engines that trained it.
        values: The objective after each epoch so far.
        arrays: Values of variables, by group.
        plain: All other state, as plain JSON.
    """

    engine: str
    values: tuple[float, ...]
    arrays: Mapping[str, Sequence[np.ndarray]]
    plain: Mapping[str, Any]

    def check(self, engine: str) -> None:
        """Check that an engine can resume it.

        Raises:
            CheckpointError: Another engine did.
        """
        if self.engine != engine:
            raise CheckpointError(f"it was made by the engine {self.engine}, and the trial is now trained by {engine}")


@dataclass(frozen=True)
class TrainingTask:
    """A training of one recipe on one split.

    Attributes:
        recipe: The recipe.
        split: Prepared data; float32 arrays.
        facts: Shapes and targets of the data.
        build: The model file's function.
        fold: Index of the split; for the records.
        probe_epochs: Epochs after which the layers are measured; if there are any, so are the initial weights.
        resume: State of an earlier run of this task; only later epochs are reported.  None to start from fresh weights.
        limits: What its network may cost.
        predict_times: Its time to answer if an earlier training of the trial has measured it.
        is_timed: Whether to measure it.
    """

    recipe: Recipe
    split: Split
    facts: DataFacts
    build: Callable[..., Any]
    fold: int = 0
    probe_epochs: Sequence[int] = ()
    resume: TrainingState | None = None
    limits: NetworkLimits = NO_NETWORK_LIMITS
    predict_times: PredictTimes | None = None
    is_timed: bool = False


class Engine(Protocol):
    """A way to train.

    Attributes:
        name: Row of the table of engines.
        last_engine: The engine that trained last: its own name, unless it delegates.
        fallback_reason: Why a slower engine trained last, or None if none did.
        compile_stats: Number of programs built so far, and the seconds spent on that.
        step_times: Measured times of a step, by network; entries put here are not measured again.
        network_size: Size of the network that was built last, or None if none was yet.
        predict_times: Its time to answer, or None if the trial was not timed.
    """

    name: str

    @property
    def last_engine(self) -> str: ...

    @property
    def fallback_reason(self) -> str | None: ...

    @property
    def compile_stats(self) -> tuple[int, float]: ...

    @property
    def step_times(self) -> dict[str, StepTimes]: ...

    @property
    def network_size(self) -> NetworkSize | None: ...

    @property
    def predict_times(self) -> PredictTimes | None: ...

    def trained_model(self) -> keras.Model:
        """Return a Keras model with the weights of the selected epoch of the last, complete training.

        Later trainings do not change it.
        """

    def state(self) -> TrainingState:
        """Return the state of the training; only from within the callback of an epoch."""

    def train(self, task: TrainingTask, on_epoch: EpochCallback) -> TrainingResult:
        """Train, and report each epoch to `on_epoch`, which says whether to continue.

        Raises:
            UnsupportedError: This engine cannot train the recipe; `on_epoch` was not called.
            CheckpointError: It cannot continue from `task.resume`; `on_epoch` was not called.
            NetworkLimitError: The network costs more than `task.limits` allow; no step was trained, and nothing
                traced but to measure its time to answer.
        """
