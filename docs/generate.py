"""Make what follows from the code: `docs/cli.md`, `docs/tables.md`, and the list of units in two pages.

    python docs/generate.py

A test compares the pages with what this makes.
"""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tuner.catalog import (
    ACTIVATIONS,
    CLIPPINGS,
    DIMENSIONS,
    INITIALIZERS,
    LOOPS,
    LOSSES,
    METRICS,
    OPTIMIZERS,
    SCHEDULES,
    NumberDimension,
)
from tuner.cli.group import COMMANDS, tuner
from tuner.data import ENCODINGS, SOURCES
from tuner.engines import ENGINES
from tuner.search import DEFAULT_PRUNER, DEFAULT_SAMPLER, PRUNERS, SAMPLERS
from tuner.space import Categorical, Fixed, Int, Parameter

DOCS = Path(__file__).parent
PROJECT = DOCS.parent
CONTRIBUTING = PROJECT / "CONTRIBUTING.md"
WIDTH = 100
"""Columns of the help texts."""

EXIT_CODES = """\
| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | the study failed, `tuner train` found no winner, or another error |
| 2 | wrong usage, or a mistake in the study file or the data |
| 3 | the database cannot be used |
| 130 | interrupted: `tuner run` resumes, `tuner train` starts over |"""

_NOT_SEARCHED = ("Samplers", "Pruners")

_MADE = "<!-- Made by docs/generate.py; do not edit. -->"


def pages() -> dict[Path, str]:
    """Return every generated page: file → content."""
    return {
        DOCS / "cli.md": cli_page(),
        DOCS / "tables.md": tables_page(),
        **{file: with_units(file.read_text(encoding="utf-8")) for file in (DOCS / "structure.md", CONTRIBUTING)},
    }


def with_units(page: str) -> str:
    """Fill the part of a page between its two comments with the units, in their order."""
    rows = [[f"`{name}`", _first_line(name)] for name in units()]
    return re.sub(
        r"(<!-- Units[^>]*-->\n).*?(<!-- End of the units -->)",
        lambda found: f"{found[1]}\n{_table(['unit', 'what it holds'], rows)}\n\n{found[2]}",
        page,
        flags=re.DOTALL,
    )


def units() -> list[str]:
    """Return the units of the package in the order that the test of the layers holds."""
    order = runpy.run_path(str(PROJECT / "tests" / "structure.py"))["ORDER"]
    return [name for name in order if not name.startswith("__")]


def _first_line(unit: str) -> str:
    package = PROJECT / "tuner" / unit / "__init__.py"
    file = package if package.is_file() else PROJECT / "tuner" / f"{unit}.py"
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split())


def cli_page() -> str:
    """Return the help of each command."""
    parent = click.Context(tuner, info_name="tuner", terminal_width=WIDTH, **tuner.context_settings)
    parts = [_MADE, "# Commands", "What `tuner --help` and `tuner COMMAND --help` print.", _help(parent)]
    for name in COMMANDS:
        command = tuner.get_command(parent, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
        parts += [f"## tuner {name}", _help(context)]
    return "\n\n".join([*parts, "## Exit codes", EXIT_CODES]) + "\n"


def _help(context: click.Context) -> str:
    lines = "\n".join(line.rstrip() for line in context.get_help().splitlines())
    return f"```text\n{lines}\n```"


def tables_page() -> str:
    """Every row of every table, with its options."""
    parts = [_MADE, "# Tables", _INTRODUCTION]
    for title, text, table, columns in _FAMILIES:
        sourced = any(_source(row) for row in table.values())
        header = ["name", "what it is", *columns, *(["source"] if sourced else [])]
        rows = [
            [
                f"`{row.name}`",
                row.summary,
                *(cell(row) for cell in columns.values()),
                *([_source(row)] if sourced else []),
            ]
            for row in table.values()
        ]
        parts += [f"## {title}", text, _table(header, rows), *_options(table, searched=title not in _NOT_SEARCHED)]
    return "\n\n".join(parts) + "\n"


def _options(table: Mapping[str, Any], *, searched: bool) -> list[str]:
    """Return the options of all rows as one table; nothing if no row has any."""
    header = ["of", "option", "default", *(['"auto" searches'] if searched else []), "allowed", "meaning"]
    rows = [
        [
            f"`{row.name}`",
            f"`{option.name}`",
            _value(option.default),
            *([_parameter(option.auto)] if searched else []),
            _parameter(option.allowed),
            option.summary,
        ]
        for row in table.values()
        for option in getattr(row, "options", ())
    ]
    return ["Options:", _table(header, rows)] if rows else []


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _source(row: Any) -> str:
    source = getattr(row, "source", "")
    return f"<{source}>" if source.startswith("https://") and " " not in source else source


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "none"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
    return str(value)


def _parameter(parameter: Parameter) -> str:
    match parameter:
        case Categorical(choices):
            return ", ".join(_value(choice) for choice in choices)
        case Fixed(value):
            return _value(value)
        case Int(low, high, log):
            return f"{low:,} … {high:,}" + (" (log)" if log else "")
    return str(parameter)


def _names(values: Iterable[object]) -> str:
    return ", ".join(sorted(str(value) for value in values))


def _default(row: Any) -> str:
    return "yes" if row.default else ""


def _heads(row: Any) -> str:
    return ", ".join(
        f"{task}: {head}" + (" (warned)" if task in row.warned else "") for task, head in row.heads.items()
    )


def _rates(row: Any) -> str:
    return f"{row.learning_rate:g}; {_parameter(row.learning_rates)}"


_Columns = Mapping[str, Callable[[Any], str]]

_FAMILIES: Sequence[tuple[str, str, Mapping[str, Any], _Columns]] = (
    (
        "Losses",
        "`search.loss`. The head is the output activation after the model's raw outputs, for each task that may "
        "use the loss; a pair marked (warned) is known to train badly, and is used only if named.",
        LOSSES,
        {
            "head": _heads,
            "searched by default for": lambda row: _names(row.default_for),
            "label smoothing": lambda row: "yes" if row.label_smoothing else "",
        },
    ),
    (
        "Optimizers",
        "`search.optimizer`. The learning rate is Keras's default, used if `learning_rate` is not searched, and the "
        'range that `learning_rate = "auto"` searches.',
        OPTIMIZERS,
        {
            "searched by default": _default,
            "learning rate": _rates,
            "momentum is": lambda row: f"`{row.momentum}`" if row.momentum else "",
        },
    ),
    (
        "Schedules",
        "`search.schedule`. Lengths are shares of the whole training, so an option means the same for any budget.",
        SCHEDULES,
        {
            "searched by default": _default,
            "depends on": lambda row: "the objective" if row.stateful else "the step",
        },
    ),
    (
        "Initializers",
        "`search.initializer`: the initial weights of the kernels.",
        INITIALIZERS,
        {"searched by default": _default, "derived for": lambda row: _names(row.suits)},
    ),
    (
        "Activations",
        "`search.activation`: the activation of the hidden layers.",
        ACTIVATIONS,
        {"searched by default": _default},
    ),
    (
        "Clippings",
        "`search.clipping`: gradient clipping.",
        CLIPPINGS,
        {'searched by "auto"': _default},
    ),
    (
        "Training loops",
        "`search.loop`: what takes the training steps, by name; or [a function of your own](own-training.md).",
        LOOPS,
        {},
    ),
    (
        "Numbers",
        "The other keys of `[search]`: a number, a list of numbers (a choice) or a range.",
        {name: row for name, row in DIMENSIONS.items() if isinstance(row, NumberDimension)},
        {
            "allowed": lambda row: _parameter(row.allowed),
            '"auto" searches': lambda row: _parameter(row.auto) if row.auto else "the range of each optimizer",
            "default": lambda row: "the model's or Keras's" if row.default is None else _value(row.default),
            "also allowed": lambda row: ", ".join(f'"{word}" = {value:g}' for word, value in row.words.items()),
            "searched by default": lambda row: "yes" if row.by_default else "",
        },
    ),
    (
        "Metrics",
        "`objective.metric`: measured on the whole validation part, whatever the loss, as scikit-learn defines it. "
        "With several classes, `precision`, `recall` and `f1` are the macro average over the classes that occur in the "
        "rows *or in the predictions*, scikit-learn's default: a class that is predicted but has no row counts as 0, "
        "and one that has neither does not count. With several labels all count, and one without a positive row counts "
        "as 0. `balanced_accuracy`, `auc` and `average_precision` leave out what the rows cannot "
        "measure. `tuner check` says which classes and labels a part lacks.",
        METRICS,
        {
            "direction": lambda row: row.direction,
            "tasks": lambda row: _names(row.tasks),
            "default for": lambda row: _names(row.default_for),
            "also called": lambda row: ", ".join(row.alias),
        },
    ),
    (
        "Samplers",
        f"`sampler.name`, by default `{DEFAULT_SAMPLER}`. Options go next to the name, and are not searched.",
        SAMPLERS,
        {
            "learns from": lambda row: {
                "feasibility": "values, pruned and diverged trials",
                "values": "values of complete trials",
                "nothing": "nothing",
            }[row.failure_encoding]
        },
    ),
    (
        "Pruners",
        f"`pruner.name`, by default `{DEFAULT_PRUNER}`. Options go next to the name, and are not searched. With "
        "folds, the value of a step is the mean over the folds so far; for `wilcoxon` it is the value of the fold.",
        PRUNERS,
        {"a step is": lambda row: {"epochs": "an epoch, or a fold if there are folds", "folds": "a fold"}[row.over]},
    ),
    (
        "Data sources",
        "`data.source`: a built-in name, or a path relative to the project.",
        SOURCES,
        {
            "how to write it": lambda row: f'`"{row.name}"`' if row.built_in else ", ".join(row.suffixes),
            "its keys in `[data]`": lambda row: _names(row.takes),
        },
    ),
    (
        "Encodings",
        "`[data.columns]`: how a column becomes numbers; see [your own data](data.md#encodings).",
        ENCODINGS,
        {},
    ),
    (
        "Engines",
        'The key `engine`: how one trial is trained. "auto" uses the fastest one that can train it.',
        ENGINES,
        {},
    ),
)

_INTRODUCTION = """\
Everything that a study file can name. A list of names is a choice; options of one choice go in
`[search.FAMILY_options.NAME]`, for example `[search.optimizer_options.sgd]`, and count only if it is chosen.
`1 … 10 (log)` is a range on a logarithmic scale."""


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text, encoding="utf-8")
