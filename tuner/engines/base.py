"""What an engine is: the way one recipe is trained on one split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from tuner.catalog import Recipe, TrialState
from tuner.data import DataFacts, Split
from tuner.errors import CheckpointError
from tuner.health import Finding, Probe

if TYPE_CHECKING:
    import keras
    import numpy as np


@dataclass(frozen=True)
class EpochRecord:
    """What is measured after each epoch.

    Attributes:
        fold: Index of the split, from 0.
        epoch: Epochs trained on this split, from 1.
        loss: Mean training loss over the epoch, penalties included.
        val_loss: The same loss on the validation part, after the epoch, without penalties.
        metric: The objective on the validation part, after the epoch.
        learning_rate: Of the epoch's last step.
        seconds: Wall time of the epoch, evaluation included.
        probes: What was found in the layers since the record before: that of the first epoch has the initial weights
            too.
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
        """The record as plain JSON."""
        return {**vars(self), "probes": [probe.to_json() for probe in self.probes]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EpochRecord:
        """The record of `to_json`."""
        return cls(**{**content, "probes": tuple(Probe.from_json(probe) for probe in content["probes"])})


EpochCallback: TypeAlias = Callable[[EpochRecord], bool]
"""Called after each epoch; False ends the training there."""


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended.

    Attributes:
        state: `COMPLETE`; `PRUNED` if an `EpochCallback` ended it; `DIVERGED` if a number was no longer finite, or a
            finding of its health ends a trial of this study.
        value: The objective after the last epoch; None where it diverged.
        reason: Why it was ended early; None where it is complete.
        findings: What was found of its health, the verdict first; nothing where it was not measured.
    """

    state: TrialState
    value: float | None = None
    reason: str | None = None
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", TrialState(self.state))  # JSON has its word

    def to_json(self) -> dict[str, Any]:
        """How it ended as plain JSON."""
        return {**vars(self), "findings": [finding.to_json() for finding in self.findings]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TrainingResult:
        """The training of `to_json`."""
        findings = tuple(Finding.from_json(finding) for finding in content["findings"])
        return cls(**{**content, "findings": findings})


StepTimes: TypeAlias = "tuple[float, float | None]"
"""Milliseconds of a step as TensorFlow runs it, and as XLA compiles it; None where XLA cannot."""


@dataclass(frozen=True)
class TrainingState:
    """Where a training on one split stands after an epoch: with it another process goes on to the very same end.

    Attributes:
        engine: Row of the table of engines that trained it.
        values: The objective after each epoch so far.
        arrays: Values of variables, by what they belong to.
        plain: What else there is, as plain JSON.
    """

    engine: str
    values: tuple[float, ...]
    arrays: Mapping[str, Sequence[np.ndarray]]
    plain: Mapping[str, Any]

    def check(self, engine: str) -> None:
        """Make sure that it is of this engine.

        Raises:
            CheckpointError: It is of another one.
        """
        if self.engine != engine:
            raise CheckpointError(f"it is of the engine {self.engine}, and the trial is now trained by {engine}")


class Engine(Protocol):
    """One way to train.

    Attributes:
        name: Row of the table of engines.
        used: The engine that trained last: its own name, unless it hands recipes to others.
        fallback_reason: Why a slower engine than this one trained last, or None if it did not.
        programs: How many programs were made so far, and the seconds spent on making them.
        measured: What it has measured to choose how it trains, by network; what is put there is not measured again.
    """

    name: str

    @property
    def used(self) -> str: ...

    @property
    def fallback_reason(self) -> str | None: ...

    @property
    def programs(self) -> tuple[int, float]: ...

    @property
    def measured(self) -> dict[str, StepTimes]: ...

    def model(self) -> keras.Model:
        """A Keras model with the weights of the last training, which is complete; nothing changes it later."""

    def state(self) -> TrainingState:
        """Where the training stands; only while `Decide` is called."""

    def train(
        self,
        recipe: Recipe,
        split: Split,
        facts: DataFacts,
        build: Callable[..., Any],
        fold: int,
        decide: EpochCallback,
        probes: Sequence[int] = (),
        resume: TrainingState | None = None,
    ) -> TrainingResult:
        """Train, from fresh weights or from where an earlier training stood.

        Args:
            recipe: What to train.
            split: Prepared data; float32 arrays.
            facts: What is known of the data.
            build: The model file's function.
            fold: Index of the split; for the records.
            decide: Is told of each epoch, and says whether to go on.
            probes: Epochs after which the layers are measured; with any of them, so are the initial weights.
            resume: Where a training of the same recipe on the same split stood; `decide` is told of later epochs only.

        Raises:
            UnsupportedError: This engine cannot train the recipe; nothing was told to `decide`.
            CheckpointError: It cannot go on from `resume`; nothing was told to `decide`.
        """
