"""The state of parsing `[search]`, and values of parameters and registries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.catalog import ChoiceDimension, Task
from tuner.space import Categorical, Fixed, Float, Int, Parameter, Value
from tuner.study.problems import Problems


@dataclass
class SearchContext:
    """The state of parsing `[search]`.

    Attributes:
        given: The section, or None if it is absent and the defaults are searched.
        task: The task of the data, if known.
        rows: Rows of the training part, if known.
        problems: Collects the problems.
        advice: Collects what is allowed but unwise.
        chosen: Dimension → chosen rows; without dimensions that could not be read.
        broken: Names of the dimensions that could not be read.
        user_names: Dimension → references of user code that it names, besides the rows of its table.
    """

    given: Mapping[str, Any] | None
    task: Task | None
    rows: int | None
    problems: Problems
    advice: list[str]
    chosen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    user_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def section(self) -> Mapping[str, Any]:
        """The section; empty if it is absent."""
        return self.given if self.given is not None else {}

    def table(self, *keys: str) -> Mapping[str, Any]:
        """Return the table `[search.KEYS]`; empty if it is absent, or is not a table, which is noted."""
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


def parameter_values(parameter: Parameter) -> tuple[Value, ...]:
    """Return the values of a choice, the bounds of a range, or the fixed value."""
    match parameter:
        case Categorical(choices):
            return choices
        case Fixed(value):
            return (value,)
        case Float(low, high) | Int(low, high):
            return (low, high)


def default_choices(dimension: ChoiceDimension, task: Task | None) -> list[str]:
    """List the rows that "auto" searches; never empty."""
    rows = [row.name for row in dimension.table.values() if row.searched_by_default(task)]
    return rows or [next(iter(dimension.table))]


def default_choice(dimension: ChoiceDimension, task: Task | None) -> str:
    """Return the row to use if the study names none."""
    return dimension.default or default_choices(dimension, task)[0]
