"""User attributes of studies and trials: every key that this package stores, and the types of the values.

System attributes are Optuna's own.  Attributes of a database of an older version are read under their present names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, FiniteFloat, PositiveInt

from tuner.catalog import TrialState
from tuner.search import OUTCOME, StoredTrial

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

PRIVATE_PREFIX = "tuner:"
"""Of the attributes of a study that are not for the user's eyes."""
STUDY_INFO = "tuner:about"
FINGERPRINT = "tuner:fingerprint"
SETTINGS = "tuner:settings"
WALL_TIME = "tuner:wall_s"
PROGRAMS = "tuner:programs"
STEP_TIMES = "tuner:step_times"
"""The step times by which the workers choose how they train (`Engine.measured`); only a run reads them."""
KNOWN_POINTS = "tuner:known_points"
"""`{"space", "points"}`: the settings of the portfolio that this study began with, as parameters for Optuna."""
OLDER_POINTS = "tuner:older_points"
"""What was taken of older studies when this one began (`OlderPoints`)."""
WARNINGS = "tuner:warnings"
TEST_USES = "tuner:test_scored"
REFIT_RESULT = "tuner:refit"
STOP_REQUEST = "tuner:stop"
"""`{"owners", "at_once"}`: the leases of the processes that `request_stop` asks to stop."""

ENGINE = "engine"
DURATION = "duration_s"
FALLBACK_REASON = "fallback_reason"
SELECTED_EPOCHS = "selected_epochs"
TRAINING_VALUES = "training_values"
NETWORK_SIZE = "network_size"
PREDICT_TIMES = "predict_times"
TRACEBACK = "traceback"


class Attributes(BaseModel):
    """Attributes as JSON holds them; keys of others are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class StoredFacts(Attributes):
    """The stored form of `tuner.data.DataFacts`; older versions lack some of the fields."""

    task: str = ""
    input_shape: list[int] = []
    outputs: int = 0
    classes: list[str] = []
    features: list[str] = []
    rows: dict[str, int] = {}
    class_counts: list[int] = []
    sha256: str = ""
    notes: list[str] = []
    advice: list[str] = []


class StudyInfo(Attributes):
    """Study file and data of a study, for readers of the database; empty for a study of plain Optuna.

    Attributes:
        file: Path of the study file, or None for a study that was run from a dictionary.
        metric: Name of the objective.
        task: The task found in the data, or stated.
        source: Content of the study file.
        facts: What was found in the data.
    """

    file: str | None = None
    metric: str | None = None
    task: str | None = None
    source: dict[str, Any] = {}
    facts: StoredFacts = StoredFacts()


class CompileStats(Attributes):
    """Programs that the compiled engine made, and the seconds that it took."""

    traced: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class StoredPoint(Attributes):
    """A setting taken of an older study.

    Attributes:
        study: The older study, as the study file names it.
        trial: Its trial there.
        value: The objective there.
        params: The parameters that Optuna is given.
    """

    study: str
    trial: int = Field(ge=0)
    value: float | None = None
    params: dict[str, Any]


class OlderPoints(Attributes):
    """The settings taken of older studies, and for what.

    Attributes:
        older: The older studies that the study file named.
        space: The space that the settings were projected on.
        points: The settings, in the order in which they are trained.
    """

    older: list[str] = []
    space: list[Any] = []
    points: list[StoredPoint] = []


class StudyAttributes(Attributes):
    """User attributes of a study.

    Attributes:
        info: Study file and data.
        fingerprint: What all trials have in common; empty for a study of plain Optuna.
        wall_s: Wall time of all its runs together, in seconds.
        programs: Programs that the compiled engine made in all its runs.
        settings: How many settings its space has, or None if that is not known or too many to try them all.
        older_points: Settings taken of older studies.
        warnings: What its workers have warned of, one sentence each.
        test_uses: Each time that its test part was scored: `{"when", "trial", "mean"}`.
        refit: What `tuner train` found last: the shape of its JSON; empty if it was not run.
    """

    info: StudyInfo = Field(StudyInfo(), validation_alias=STUDY_INFO)
    fingerprint: dict[str, Any] = Field({}, validation_alias=FINGERPRINT)
    wall_s: float = Field(0.0, validation_alias=WALL_TIME, ge=0, allow_inf_nan=False)
    programs: CompileStats = Field(CompileStats(), validation_alias=PROGRAMS)
    settings: int | None = Field(None, validation_alias=SETTINGS)
    older_points: OlderPoints = Field(OlderPoints(), validation_alias=OLDER_POINTS)
    warnings: list[str] = Field([], validation_alias=WARNINGS)
    test_uses: list[Any] = Field([], validation_alias=TEST_USES)
    refit: dict[str, Any] = Field({}, validation_alias=REFIT_RESULT)


class StoredOutcome(Attributes):
    """The stored form of `tuner.search.Outcome`, for trials whose end Optuna's state does not tell."""

    state: TrialState = Field(default=TrialState.COMPLETE, strict=False)
    reason: str | None = None
    violation: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class StoredNetworkSize(Attributes):
    """The stored form of `tuner.engines.NetworkSize`."""

    weights: int = Field(ge=0)
    trainable_weights: int = Field(ge=0)
    multiply_adds: int | None = Field(default=None, ge=0)


class StoredPredictTimes(Attributes):
    """The stored form of `tuner.engines.PredictTimes`."""

    one_row_ms: float = Field(ge=0, allow_inf_nan=False)
    batch_ms: float = Field(ge=0, allow_inf_nan=False)


class TrialAttributes(Attributes):
    """User attributes of a trial.

    Attributes:
        outcome: How it ended; `tuner.search.trial_state` reads it.
        duration_s: Wall time in its workers, in seconds, or None if it has not ended.
        engine: The engine that trained it.
        fallback_reason: Why that was not the fastest engine, or None if it was.
        selected_epochs: The epoch that gave the model of each training; empty if it has not ended, or is not known.
        training_values: The objective of each training if there are several, on folds or with repeats; else empty.
        network_size: Of its network; None if it has not ended, and in studies of older versions.
        predict_times: Its time to answer; None if it was not measured.
    """

    outcome: StoredOutcome = Field(StoredOutcome(), validation_alias=OUTCOME)
    duration_s: float | None = Field(None, validation_alias=DURATION, ge=0, allow_inf_nan=False)
    engine: str | None = Field(None, validation_alias=ENGINE)
    fallback_reason: str | None = Field(None, validation_alias=AliasChoices(FALLBACK_REASON, "slower_as"))
    selected_epochs: list[PositiveInt] = Field([], validation_alias=SELECTED_EPOCHS)
    training_values: list[FiniteFloat] = Field([], validation_alias=TRAINING_VALUES)
    network_size: StoredNetworkSize | None = Field(None, validation_alias=NETWORK_SIZE)
    predict_times: StoredPredictTimes | None = Field(None, validation_alias=PREDICT_TIMES)


def trial_attributes(trial: FrozenTrial | StoredTrial) -> TrialAttributes:
    """Return the user attributes of a trial."""
    return TrialAttributes.model_validate(trial.user_attrs)
