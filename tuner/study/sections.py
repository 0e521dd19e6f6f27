"""The sections of a study file beside `[data]` and `[search]`: top level, budget, sampler, pruner, health."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner import user_code as files
from tuner.catalog import HEADS, Choice
from tuner.engines import ENGINES
from tuner.errors import ContentError, nearest
from tuner.health import HEALTHY, VERDICTS, HealthOptions
from tuner.registry import Registry
from tuner.search import DEFAULT_PRUNER, DEFAULT_SAMPLER, PRUNERS, SAMPLERS, PrunerRow, SamplerRow
from tuner.study.problems import Problems, dotted, listed
from tuner.study.scalars import read_bool, read_bytes, read_duration, read_number, read_table, read_text, read_whole
from tuner.study.study_spec import Budget, Resources
from tuner.study.value_schema import AllowedValue, read_value
from tuner.user_code import Reference, Signature

KEYS = (
    "name",
    "model",
    "head",
    "seed",
    "engine",
    "workers",
    "data",
    "objective",
    "search",
    "budget",
    "sampler",
    "pruner",
    "health",
    "resources",
)
BUDGET_KEYS = ("trials", "time", "target", "patience", "epochs", "trial_time", "memory", "checkpoint")
MOST_TRIALS = 1_000_000
MOST_EPOCHS = 100_000
MOST_WORKERS = 1_024
LEAST_RESOURCE = 0.01
LARGEST_SEED = 2**32 - 1
STOPPING = tuple(verdict for verdict in VERDICTS if verdict != HEALTHY)
"""Verdicts that may end a trial."""
NAME_RULE = r"[\w][\w .+-]{0,99}"


@dataclass(frozen=True)
class Model:
    """A model that was found.

    Attributes:
        reference: Its file and function.
        sha256: Hash of the file.
        signature: What the function takes by keyword.
    """

    reference: Reference
    sha256: str
    signature: Signature
    helpers: Mapping[str, str]


def read_name(content: Mapping[str, Any], default: str | None, problems: Problems) -> str | None:
    """The name of the study: the one given, or that of its file."""
    name = read_text(content, "", "name", problems, "digits") if "name" in content else default
    if name is None:
        if "name" not in content:
            problems.add("name", "a study needs a name", allowed="a text", next_step='Write name = "digits".')
        return None
    if re.fullmatch(NAME_RULE, name) is None:
        problems.add(
            "name",
            "a name has 1 to 100 letters, digits, spaces and . _ + -, and starts with a letter or digit",
            name,
            allowed='for example "digits" or "digits-2"',
            next_step="Choose another name.",
        )
    return name


def read_model(content: Mapping[str, Any], project: Path, problems: Problems) -> Model | None:
    """The model named at the top of the file; the file is parsed, not run."""
    known = [f"models/{file.name}" for file in files.files(project, "models")]
    if "model" not in content:
        problems.add(
            "model",
            "a study needs a model",
            allowed=", ".join([*known, "a Python file with a function build"]),
            next_step='Write model = "models/mlp.py" at the top of the file.',
        )
        return None
    text = read_text(content, "", "model", problems, "models/mlp.py")
    if text is None:
        return None
    try:
        reference = Reference.parse(text, "build")
        signature = files.signature(project, reference)
        missing = files.missing_helper(project, reference.path)
        if missing is not None:
            raise ContentError(f"{missing}.")
        helpers = files.helper_hashes(project, reference.path)
        return Model(reference, files.sha256(files.find(project, reference.path)), signature, helpers)
    except (ContentError, OSError, ValueError) as error:
        problems.add(
            "model",
            str(error),
            text,
            allowed=", ".join([*known, "a Python file of the project, with a function build"]),
            near=None if (path := text.partition(":")[0]) in known else nearest(path, known),
            next_step="Correct the path, which is relative to the project, or the function's name behind the colon.",
        )
        return None


def read_head(content: Mapping[str, Any], problems: Problems) -> str:
    """The output activation: "auto", "model", or a name of the table."""
    return _named(content, "head", ["auto", "model", *HEADS], "output activation", "auto", problems)


def read_engine(content: Mapping[str, Any], problems: Problems) -> str:
    """The engine: "auto" or a name of the table."""
    return _named(content, "engine", [*ENGINES], "engine", "auto", problems)


def _named(
    content: Mapping[str, Any], key: str, names: list[str], family: str, default: str, problems: Problems
) -> str:
    name = content.get(key, default)
    if isinstance(name, str) and name in names:
        return name
    problems.unknown(key, family, name, names)
    return default


def read_seed(content: Mapping[str, Any], problems: Problems) -> int:
    """The seed, 0 where none is given."""
    return read_whole(content, "", "seed", 0, LARGEST_SEED, problems) or 0


def read_workers(content: Mapping[str, Any], problems: Problems) -> int | None:
    """The number of worker processes, None where none is given."""
    return read_whole(content, "", "workers", 1, MOST_WORKERS, problems)


def read_budget(content: Mapping[str, Any], problems: Problems) -> Budget:
    """`[budget]`; without trials and without time it ends after the default number of trials."""
    table = read_table(content, "budget", problems, "trials = 100")
    if table is None:
        return Budget()
    problems.unknown_keys("budget", table, BUDGET_KEYS)
    trials = read_whole(table, "budget", "trials", 1, MOST_TRIALS, problems)
    time_s = read_duration(table, "budget", "time", problems)
    if "trials" not in table and "time" not in table:
        trials = Budget.trials
    return Budget(
        trials=trials,
        time_s=time_s,
        target=read_number(table, "budget", "target", problems),
        patience=read_whole(table, "budget", "patience", 1, MOST_TRIALS, problems),
        epochs=read_whole(table, "budget", "epochs", 1, MOST_EPOCHS, problems) or Budget.epochs,
        trial_time_s=read_duration(table, "budget", "trial_time", problems),
        memory_bytes=read_bytes(table, "budget", "memory", problems),
        checkpoint=read_bool(table, "budget", "checkpoint", problems) or False,
    )


def read_resources(content: Mapping[str, Any], problems: Problems) -> Resources:
    """`[resources]`: what one worker needs of a node."""
    table = read_table(content, "resources", problems, "gpus = 0.5")
    if table is None:
        return Resources()
    problems.unknown_keys("resources", table, Resources.__dataclass_fields__)
    return Resources(
        cpus=_resource(table, "cpus", LEAST_RESOURCE, Resources.cpus, problems),
        gpus=_resource(table, "gpus", 0.0, Resources.gpus, problems),
    )


def _resource(table: Mapping[str, Any], key: str, least: float, default: float, problems: Problems) -> float:
    value = read_number(table, "resources", key, problems)
    if value is None:
        return default
    if (value == 0.0 >= least) or LEAST_RESOURCE <= value <= 1.0 or (value.is_integer() and 1 < value <= MOST_WORKERS):
        return value
    problems.add(
        f"resources.{key}",
        "a worker takes a part of one, or whole ones",
        table[key],
        allowed=f"{'0, ' if not least else ''}{LEAST_RESOURCE:g} to 1, or a whole number up to {MOST_WORKERS}",
        next_step="Write 0.5 for two workers on one, or 2 for two of them for each worker.",
    )
    return default


def read_sampler(content: Mapping[str, Any], problems: Problems) -> tuple[Choice | None, bool]:
    """`[sampler]`: the row with its options, and whether the first trials are known good settings."""
    table = read_table(content, "sampler", problems, f'name = "{DEFAULT_SAMPLER}"')
    if table is None:
        return None, True
    initial_points = read_bool(table, "sampler", "initial_points", problems)
    choice = _row_choice("sampler", table, SAMPLERS, DEFAULT_SAMPLER, ("initial_points",), problems)
    return choice, initial_points is not False


def read_pruner(content: Mapping[str, Any], problems: Problems) -> Choice | None:
    """`[pruner]`: the row with its options."""
    table = read_table(content, "pruner", problems, f'name = "{DEFAULT_PRUNER}"')
    return None if table is None else _row_choice("pruner", table, PRUNERS, DEFAULT_PRUNER, (), problems)


def read_health(content: Mapping[str, Any], problems: Problems) -> HealthOptions:
    """`[health]`: whether layers are measured, and the verdicts that end a trial."""
    table = read_table(content, "health", problems, 'stop = ["diverged"]')
    if table is None:
        return HealthOptions()
    problems.unknown_keys("health", table, HealthOptions.__dataclass_fields__)
    measure = read_bool(table, "health", "measure", problems)
    stop = _stopping(table.get("stop", list(HealthOptions.stop)), problems)
    if measure is False and "stop" in table and set(stop) - set(HealthOptions.stop):
        problems.add(
            "health.stop",
            "only diverged can be seen without measuring",
            list(stop),
            allowed='"diverged", or measure = true',
            next_step="Take measure = false out, or the other verdicts.",
        )
    return HealthOptions(measure is not False, stop)


def _stopping(value: Any, problems: Problems) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        problems.add(
            "health.stop",
            "must be a list of verdicts",
            value,
            allowed=listed(STOPPING),
            next_step='Write for example stop = ["diverged", "exploding"], or stop = [] for none.',
        )
        return HealthOptions.stop
    for verdict in value:
        if verdict not in STOPPING:
            problems.unknown("health.stop", "verdict", verdict, list(STOPPING))
    return tuple(dict.fromkeys(verdict for verdict in value if verdict in STOPPING))


def _row_choice(
    section: str,
    table: Mapping[str, Any],
    rows: Registry[SamplerRow] | Registry[PrunerRow],
    default: str,
    other_keys: tuple[str, ...],
    problems: Problems,
) -> Choice | None:
    name = table.get("name", default)
    if name not in rows:
        problems.unknown(f"{section}.name", section, name, rows)
        return None
    before = len(problems.found)
    row = rows[name]
    problems.unknown_keys(section, table, ["name", *other_keys, *(option.name for option in row.options)])
    options = row.defaults()
    for option in row.options:
        if option.name in table:
            place = AllowedValue(dotted(section, option.name), option.allowed)
            options[option.name] = read_value(table[option.name], place, problems)
    return Choice(name=name, options=options) if len(problems.found) == before else None
