"""`[search]` while it is read: what was given, what is known, what was found wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.catalog import ChoiceDimension, Task
from tuner.space import Categorical, Fixed, Float, Int, Parameter, Value
from tuner.study.problems import Problems


@dataclass
class SearchContext:
    """`[search]` while it is read.

    Attributes:
        given: The section; None where it is absent and the defaults are searched.
        task: The task of the data; None where it is not known.
        rows: Rows of the training part; None where they are not known.
        problems: Where to note what is wrong.
        advice: Where to note what is allowed but unwise.
        chosen: The names chosen of each table, by dimension; a dimension that could not be read is absent.
        broken: Names of the dimensions that could not be read.
    """

    given: Mapping[str, Any] | None
    task: Task | None
    rows: int | None
    problems: Problems
    advice: list[str]
    chosen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    @property
    def section(self) -> Mapping[str, Any]:
        """The section, empty where it is absent."""
        return self.given if self.given is not None else {}

    def table(self, *keys: str) -> Mapping[str, Any]:
        """The table `[search.KEYS]`, empty where it is absent or is none (which is noted)."""
        value: Any = self.section
        for depth, key in enumerate(keys):
            value = value.get(key, {})
            if not isinstance(value, Mapping):
                name = ".".join(("search", *keys[: depth + 1]))
                self.problems.add(
                    name, "must be a section", value, allowed=f"[{name}]", next_step=f"Write it as a section [{name}]."
                )
                return {}
        return value  # type: ignore[no-any-return]


def values_of(parameter: Parameter) -> tuple[Value, ...]:
    """The values of a choice, the bounds of a range, the one value of what is fixed."""
    match parameter:
        case Categorical(choices):
            return choices
        case Fixed(value):
            return (value,)
        case Float(low, high) | Int(low, high):
            return (low, high)


def defaults_of(dimension: ChoiceDimension, task: Task | None) -> list[str]:
    """The rows that "auto" searches; for losses those of the task, for an unknown task any one."""
    rows = [row.name for row in dimension.table.values() if row.searched_by_default(task)]
    return rows or [next(iter(dimension.table))]


def default_of(dimension: ChoiceDimension, task: Task | None) -> str:
    """The row that is taken where nothing is said."""
    return dimension.default or defaults_of(dimension, task)[0]
