"""Pydantic models of the study file and its sections; `[data]` is `tuner.data.DataOptions`, `[search]` a subpackage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from types import NoneType
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, create_model, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tuner.catalog import HEADS, LARGEST_SEED, METRICS, MOST_EPOCHS, Choice, KeptEpoch
from tuner.data import DataOptions
from tuner.engines import ENGINES
from tuner.errors import nearest
from tuner.health import HEALTHY, VERDICTS, HealthOptions
from tuner.registry import Registry
from tuner.search import DEFAULT_PRUNER, DEFAULT_SAMPLER, PRUNERS, SAMPLERS
from tuner.space import Categorical, Int, is_finite_number
from tuner.study.allowed_value import AllowedValue
from tuner.study.limits_section import LimitsSection
from tuner.study.problems import listed, refusal, unknown_name
from tuner.study.scalars import Duration, FiniteNumber, Memory, quoted_text
from tuner.study.section_validation import Section, raise_errors
from tuner.study.study_name import NAME_PATTERN, NAME_RULE, is_study_name
from tuner.study.tracking_section import TRACKING_SECTION, NotifySection
from tuner.study.worker_limit import MOST_WORKERS

MOST_TRIALS = 1_000_000
MOST_REPEATS = 100
MOST_POINTS = 1_000
MOST_OLDER = 20
AUTO = "auto"
LEAST_RESOURCE = 0.01
STOPPING = tuple(verdict for verdict in VERDICTS if verdict != HEALTHY)
"""Verdicts that may end a trial."""
USER_CODE_PATTERN = r"(\.py:[^:]+|^\w+(\.\w+)*:\w+)$"
"""Regex of a reference to user code, as in "losses.py:tversky" or "keras.losses:Dice"."""
_NAME_SCHEMA = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}


class FileSchema(GenerateJsonSchema):
    """JSON schema without null, which TOML cannot express."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        shown = not isinstance(schema.get("default"), NoneType | Section | dict)
        return super().default_schema(schema) if shown else self.generate_inner(schema["schema"])


def _whole(low: int, high: int) -> AllowedValue:
    return AllowedValue("", Int(low, high))


def _one_name(names: Iterable[str], family: str) -> AllowedValue:
    return AllowedValue("", Categorical(tuple(names)), family=family)


_Flag = Annotated[bool, AllowedValue("", Categorical((True, False)))]


def _name(value: Any) -> str:
    if is_study_name(quoted_text(value)):
        return str(value)
    raise refusal(
        NAME_RULE,
        allowed='for example "digits" or "digits-2"',
        next_step="Choose another name.",
    )


def _keywords(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise refusal(
        "must be a table",
        allowed="keyword arguments of the metric, as in { beta = 2.0 }",
        next_step="Write options = { beta = 2.0 }, with the metric's keywords.",
    )


class ObjectiveSection(Section):
    """The metric to optimize, measured on the validation part."""

    metric: Annotated[
        Any,
        WithJsonSchema(
            {
                "anyOf": [
                    {"enum": [*METRICS, *(alias for row in METRICS.values() for alias in row.alias)]},
                    {"type": "string", "pattern": USER_CODE_PATTERN},
                ]
            }
        ),
        Field(description="not a loss: losses of different trials cannot be compared"),
    ] = None
    direction: Annotated[str, _one_name(("minimize", "maximize"), "direction")] | None = Field(
        default=None, description="of a user-defined metric, if its code does not set it"
    )
    takes: Annotated[str, _one_name(("scores", "classes"), "input")] | None = Field(
        default=None, description="what a user-defined metric receives, if its code does not set it"
    )
    options: Annotated[dict[str, Any], BeforeValidator(_keywords)] = Field(
        default={}, description="keyword arguments of a user-defined metric"
    )

    @property
    def said(self) -> dict[str, Any]:
        """What the section says besides the metric."""
        return {key: value for key, value in self.model_dump(exclude={"metric"}).items() if value}


class EarlyStoppingSection(Section):
    """What ends a training that no longer improves."""

    patience: Annotated[int, _whole(1, MOST_EPOCHS)] | None = Field(
        default=None, description="epochs without improvement; by default a share of `epochs`"
    )


def _epochs(value: Any) -> int | None:
    if value == AUTO:
        return None
    if isinstance(value, str):
        raise refusal(
            "must be a whole number",
            allowed=f'a whole number from 1 to {MOST_EPOCHS}, "{AUTO}"',
            near=nearest(value, [AUTO]),
            next_step=f'Write a number without quotes, or "{AUTO}".',
        )
    return int(_whole(1, MOST_EPOCHS).check(value))  # type: ignore[arg-type]


def _stop(value: Any) -> EarlyStoppingSection | Literal[False]:
    if value is False or isinstance(value, EarlyStoppingSection):
        return value
    if value is True or isinstance(value, Mapping):
        return EarlyStoppingSection.model_validate({} if value is True else value)
    raise refusal(
        "must be true, false, or a table with a patience",
        allowed="true, false, { patience = 10 }",
        next_step="Write stop = { patience = 10 }, or stop = false to train all epochs.",
    )


class Budget(Section):
    """Limits of the study, which ends at the first one it reaches."""

    trials: Annotated[int, _whole(1, MOST_TRIALS)] | None = Field(
        default=100,
        description="complete, pruned and diverged trials in total; as many failures in one run end it too",
    )
    time_s: Duration | None = Field(
        default=None, alias="time", description='wall time of a run: seconds, or "90s", "10m", "1h30m", "2d"'
    )
    target: FiniteNumber | None = Field(default=None, description="value of the objective that is good enough")
    patience: Annotated[int, _whole(1, MOST_TRIALS)] | None = Field(
        default=None, description="complete, pruned and diverged trials in a row without an improvement"
    )
    epochs: Annotated[
        int | None,
        PlainValidator(_epochs),
        WithJsonSchema({"anyOf": [_whole(1, MOST_EPOCHS).schema, {"const": AUTO}]}),
    ] = Field(
        default=None,
        description='maximum passes of one trial over the training part; "auto" depends on rows and batch size',
    )
    keep: Annotated[KeptEpoch, _one_name(get_args(KeptEpoch), "epoch")] = Field(
        default="best", description="the epoch whose weights are the model of a trial"
    )
    stop: Annotated[
        EarlyStoppingSection | Literal[False] | None,
        PlainValidator(_stop),
        WithJsonSchema({"anyOf": [{"type": "boolean"}, EarlyStoppingSection.model_json_schema()]}),
    ] = Field(default=None, description="whether a training that no longer improves ends before its last epoch")
    repeats: Annotated[int, _whole(1, MOST_REPEATS)] = Field(
        default=1, description="trainings of each setting with different seeds; their mean is the value of a trial"
    )
    trial_time_s: Duration | None = Field(
        default=None, alias="trial_time", description='wall time of one trial: seconds, or "90s", "10m", "1h30m"'
    )
    memory_bytes: Memory | None = Field(
        default=None, alias="memory", description='memory of one worker process: "800MB", "2GB", "1.5GiB"'
    )
    checkpoint: _Flag = Field(
        default=False, description="whether an interrupted trial resumes from its last checkpoint or starts over"
    )

    @model_validator(mode="before")
    @classmethod
    def _limit(cls, table: Any) -> Any:
        """Drop the default limit of trials if there is a time limit, but never both."""
        if isinstance(table, Mapping) and table.get("trials") is None:
            table = {key: value for key, value in table.items() if key != "trials"}
            return {**table, "trials": None} if table.get("time") is not None else table
        return table


def _share(least: float, value: Any) -> float:
    share = float(value) if is_finite_number(value) else -1.0
    if (share == 0.0 >= least) or LEAST_RESOURCE <= share <= 1.0 or (share.is_integer() and 1 < share <= MOST_WORKERS):
        return share
    raise refusal(
        "must be a fraction of one, or a whole number",
        allowed=f"{'0, ' if not least else ''}{LEAST_RESOURCE:g} to 1, or a whole number up to {MOST_WORKERS}",
        next_step="Write 0.5 for two workers to share one, or 2 for each worker to have two.",
    )


def _share_from(least: float) -> tuple[Any, ...]:
    forms = [{"type": "number", "minimum": least, "maximum": 1}, _whole(1, MOST_WORKERS).schema]
    return BeforeValidator(partial(_share, least)), WithJsonSchema({"anyOf": forms})


class Resources(Section):
    """Resources that one worker reserves on a Ray cluster: a fraction up to 1, or a whole number."""

    cpus: Annotated[float, *_share_from(LEAST_RESOURCE)] = Field(default=1.0, description="CPUs per worker")
    gpus: Annotated[float, *_share_from(0.0)] = Field(default=0.0, description="GPUs per worker")


def _verdicts(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(dict.fromkeys(_one_name(STOPPING, "verdict").check(verdict) for verdict in value))
    raise refusal(
        "must be a list of verdicts",
        allowed=listed(STOPPING),
        next_step='Write, for example, stop = ["diverged", "exploding"], or stop = [] for none.',
    )


class Health(Section):
    """Measurements of training health, and the verdicts that end a trial."""

    measure: _Flag = Field(default=HealthOptions.measure, description="whether the layers are measured")
    stop: Annotated[
        tuple[str, ...],
        PlainValidator(_verdicts),
        WithJsonSchema({"type": "array", "items": {"enum": list(STOPPING)}}),
    ] = Field(default=HealthOptions.stop, description="verdicts that end a trial")

    @model_validator(mode="after")
    def _check_measured(self) -> Health:
        if not self.measure and set(self.stop) - set(HealthOptions.stop):
            error = refusal(
                "without measuring, only divergence can be detected",
                allowed='"diverged", or measure = true',
                next_step="Remove measure = false, or the other verdicts.",
            )
            raise_errors([("stop", error, self.stop)])
        return self

    @property
    def options(self) -> HealthOptions:
        """The options of the engines."""
        return HealthOptions(self.measure, self.stop)


def _row_section(family: str, rows: Registry[Any], default: str, **others: Any) -> tuple[Any, ...]:
    """Make the type of a section with the name of a row and its options; the default row needs no name."""
    sections: dict[str, type[Section]] = {}
    for name, row in rows.items():
        fields: dict[str, Any] = {"name": (Literal[name], default if name == default else ...), **others}
        for option in row.options:
            field = Field(default=option.default, description=option.summary)
            fields[option.name] = (Annotated[Any, AllowedValue("", option.allowed)], field)
        sections[name] = create_model(name, __base__=Section, __doc__=row.summary, **fields)

    def read(table: Any) -> Section:
        name = table.get("name", default) if isinstance(table, Mapping) else default
        if name not in rows:
            raise_errors([("name", unknown_name(family, name, rows), name)])
        return sections[name].model_validate(table)

    schema = {"anyOf": [section.model_json_schema(schema_generator=FileSchema) for section in sections.values()]}
    return PlainValidator(read), WithJsonSchema(schema)


def _points(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    settings = isinstance(value, list | tuple) and all(isinstance(point, Mapping) and point for point in value)
    if settings and 0 < len(value) <= MOST_POINTS:
        return tuple(value)
    raise refusal(
        f"must be true, false or a list of at most {MOST_POINTS:,} settings",
        allowed='true, false, or settings as in [{ optimizer = "adam", learning_rate = 3e-4 }]',
        next_step="Write each setting in { }, with the values of one or more dimensions.",
    )


_POINTS_SCHEMA = {
    "anyOf": [
        {"type": "boolean"},
        {"type": "array", "minItems": 1, "maxItems": MOST_POINTS, "items": {"type": "object", "minProperties": 1}},
    ]
}
_INITIAL_POINTS = (
    Annotated[Any, PlainValidator(_points), WithJsonSchema(_POINTS_SCHEMA)],
    Field(default=True, description="whether the first trials are known good settings, or these settings themselves"),
)


def _older(value: Any) -> tuple[str, ...]:
    texts = isinstance(value, list | tuple) and all(isinstance(text, str) and text.strip() for text in value)
    if texts and 0 < len(value) <= MOST_OLDER:
        return tuple(dict.fromkeys(value))
    raise refusal(
        f"must be a list of 1 to {MOST_OLDER} studies",
        allowed='names, study files, or DATABASE:NAME, as in ["coarse", "studies/wide.toml", "old.db:digits"]',
        next_step="Write each study in quotes.",
    )


_OLDER_SCHEMA = {"type": "array", "minItems": 1, "maxItems": MOST_OLDER, "items": {"type": "string", "minLength": 1}}
_OLDER = (
    Annotated[Any, PlainValidator(_older), WithJsonSchema(_OLDER_SCHEMA)],
    Field(default=(), alias="from", description="older studies whose best settings are trained first"),
)
_SAMPLER = _row_section("sampler", SAMPLERS, DEFAULT_SAMPLER, initial_points=_INITIAL_POINTS, older=_OLDER)
_PRUNER = _row_section("pruner", PRUNERS, DEFAULT_PRUNER)
_TRACKING = (
    PlainValidator(TRACKING_SECTION.model_validate),
    WithJsonSchema(TRACKING_SECTION.model_json_schema(schema_generator=FileSchema)),
)


def as_choice(section: Section) -> Choice:
    """Return the row that `[sampler]` or `[pruner]` chooses, with its options."""
    options = section.model_dump(exclude={"initial_points", "older"})
    return Choice(name=options.pop("name"), options=options)


class StudyFile(Section):
    """A study."""

    name: Annotated[str, BeforeValidator(_name), WithJsonSchema(_NAME_SCHEMA)] | None = Field(
        default=None, description="name of the study in the storage"
    )
    model: Annotated[str, BeforeValidator(quoted_text)] | None = Field(
        default=None, description="models/mlp.py, or models/mlp.py:function"
    )
    head: Annotated[str, _one_name(["auto", "model", *HEADS], "output activation")] = Field(
        default="auto", description="output activation after the model's raw outputs"
    )
    seed: Annotated[int, _whole(0, LARGEST_SEED)] = Field(default=0, description="seed of all random numbers")
    engine: Annotated[str, _one_name(ENGINES, "engine")] = Field(default="auto", description="how one trial is trained")
    workers: Annotated[int, _whole(1, MOST_WORKERS)] | None = Field(
        default=None, description="worker processes; default: one per core"
    )
    data: DataOptions | None = None
    objective: ObjectiveSection = ObjectiveSection()
    search: Any = None
    budget: Budget = Budget()
    sampler: Annotated[Any, *_SAMPLER] = Field(default={}, validate_default=True)
    pruner: Annotated[Any, *_PRUNER] = Field(default={}, validate_default=True)
    health: Health = Health()
    limits: LimitsSection = LimitsSection()
    resources: Resources = Resources()
    tracking: Annotated[Any, *_TRACKING] = Field(default={}, validate_default=True)
    notify: NotifySection = NotifySection()
