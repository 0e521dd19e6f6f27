"""Find all that keeps a study from using its table, each problem with the line that ends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tuner.data import ColumnKind, ColumnProfile, DataOptions, profile_columns
from tuner.errors import DataError, nearest
from tuner.study.problems import Problems
from tuner.study.table_scaffold import reason_to_drop
from tuner.text import count, listed_first, toml_text

_MOST_NAMED = 8


def note_table_problems(data: DataOptions, project: Path, problems: Problems) -> frozenset[str]:
    """Note what is wrong with the columns of a table; return the keys of `[data]` that this concerns.

    Only what ends a study is noted: what is unwise is advice.
    """
    try:
        profiles = profile_columns(data, project)
    except DataError:
        return frozenset()  # no table, or one that cannot be read: that is the problem
    table = _TableProblems(data, profiles, problems)
    table.note()
    return frozenset(table.keys)


class _TableProblems:
    """The problems of one table.

    Attributes:
        keys: Keys of `[data]` with a problem.
    """

    def __init__(self, data: DataOptions, profiles: dict[str, ColumnProfile], problems: Problems) -> None:
        self._data, self._profiles, self._problems = data, profiles, problems
        self.keys: set[str] = set()

    def note(self) -> None:
        """Note all of them."""
        data = self._data
        meant = self._note_absent()
        if any(name not in self._profiles and nearest(name, self._profiles) is None for name in data.targets):
            return  # it may be any column
        others = {*meant, *data.targets, *data.dropped, data.weight, *data.split_columns.values()}
        features = [each for name, each in self._profiles.items() if name not in others]
        for name in data.targets:
            if name in self._profiles:
                self._note_target(self._profiles[name])
        free = [each for each in features if each.name not in data.encodings]
        unusable = [each for each in free if each.kind is ColumnKind.UNUSABLE or not each.given]
        free = [each for each in free if each not in unusable]
        if data.text == "error":
            unusable += self._note_texts(free)
        if unusable:
            there = [name for name in data.drop if name in self._profiles]
            self._add(
                "drop",
                f"no features can be made of {_named(unusable, self._reasons(unusable))}",
                f"Write {_line('drop', [*there, *(each.name for each in unusable)])}",
            )
        self._note_numbers([each for each in features if each not in unusable])

    def _add(self, key: str, rule: str, next_step: str) -> None:
        self.keys.add(key)
        self._problems.add(f"data.{key}", f"{rule} ({self._data.source})", next_step=next_step)

    def _note_absent(self) -> set[str]:
        """Note the columns that the study names and the table lacks; return those that it may have meant."""
        data, names, meant = self._data, list(self._profiles), set[str]()
        named: list[tuple[str, Iterable[str]]] = [
            ("target", data.targets),
            ("weight", [data.weight] if data.weight else []),
            *((key, [name]) for key, name in data.split_columns.items()),
            ("drop", data.drop),
            ("columns", data.columns),
        ]
        for key, wanted in named:
            for name in wanted:
                if name not in names:
                    near = nearest(name, names)
                    meant |= {near} if near else set()
                    self.keys.add(key)
                    self._problems.add(
                        f"data.{key}",
                        f"there is no column with this name in {data.source}",
                        name,
                        allowed=listed_first(names, 20),
                        near=near,
                        next_step=f"Write {near} here." if near else "Write the name of a column.",
                    )
        return meant

    def _note_target(self, target: ColumnProfile) -> None:
        if target.kind is ColumnKind.UNUSABLE or target.kind is ColumnKind.DATE:
            holds = "dates" if target.kind is ColumnKind.DATE else "cells of several kinds"
            rule = f"{target.name!r} must hold numbers or classes, but holds {holds}"
            self._add("target", rule, "Clean it, or name another column.")
        elif target.markers:
            rule = f"{target.name!r} holds numbers, and cells that are none: {_texts(target.markers)}"
            words = _line("missing_values", [*self._data.missing_values, *target.markers])
            self._add("target", rule, f'Correct them, or write {words} and missing = "drop".')
        elif target.is_constant:
            rule = f"{target.name!r} must have two values at least, but has {target.distinct}"
            self._add("target", rule, "Name another column.")
        if target.missing and target.given and self._data.missing != "drop":
            rule = f"{target.name!r} has no value in {target.missing:,} of {count(target.rows, 'row')}"
            self._add("target", rule, 'Write missing = "drop" to leave these rows out.')
        if target.beyond:
            rule = f"{target.name!r} must be finite and fit float32, but {count(target.beyond, 'value')} are not"
            self._add("target", rule, "Correct these rows, or leave them out.")

    def _note_texts(self, free: Sequence[ColumnProfile]) -> list[ColumnProfile]:
        """Note the columns of texts that have no encoding; return those that none suits."""
        data = self._data
        marked = {word: each.name for each in free for word in each.markers}
        if marked:
            shown = ", ".join(f"{_texts([word])} in {name!r}" for word, name in marked.items())
            words = _line("missing_values", [*data.missing_values, *marked])
            more = ' and missing = "median"' if data.missing == "error" else ""
            self._add("missing_values", f"among numbers stand texts: {shown}", f"Correct them, or write {words}{more}")
        dates = [each for each in free if each.kind is ColumnKind.DATE and not each.problem]
        if dates:
            lines = ", ".join(_line(each.name, "date") for each in dates[:_MOST_NAMED])
            examples = _named(
                dates, [f"such as {_texts(each.examples[:1])}" if each.examples else "" for each in dates]
            )
            self._add("columns", f"dates must be encoded: {examples}", f"Write in [data.columns]: {lines}")
        texts = [each for each in free if each.kind in (ColumnKind.TEXT, ColumnKind.DATE) and each not in dates]
        unsuited = [each for each in texts if reason_to_drop(each, each.rows)]
        texts = [each for each in texts if each not in unsuited]
        if texts:
            examples = _named(texts, [f"{each.distinct:,} different: {_texts(each.examples)}" for each in texts])
            step = 'Write text = "one_hot", or an encoding for each in [data.columns].'
            self._add("text", f"texts must be encoded: {examples}", step)
        return unsuited

    def _note_numbers(self, features: Sequence[ColumnProfile]) -> None:
        """Note missing cells and numbers beyond float32."""
        lacking = [each for each in features if each.missing]
        if lacking and self._data.missing == "error":
            cells = _named(lacking, [f"{each.missing:,}" for each in lacking])
            step = 'Write missing = "median", "mean", or "drop" to leave these rows out.'
            self._add("missing", f"cells are empty in {cells}", step)
        beyond = [each for each in features if each.beyond]
        if beyond:
            cells = _named(beyond, [f"{each.beyond:,}" for each in beyond])
            words = _line("missing_values", [*self._data.missing_values, "inf", "-inf"])
            step = f"Correct them; if they are infinite and mean missing cells, write {words}"
            self._add("missing_values", f"numbers are infinite or beyond float32 in {cells}", step)

    @staticmethod
    def _reasons(unusable: Sequence[ColumnProfile]) -> list[str]:
        return [reason_to_drop(each, each.rows) for each in unusable]


def _named(columns: Sequence[ColumnProfile], what: Sequence[str]) -> str:
    """Name columns, with something of each in brackets."""
    texts = [f"{each.name!r} ({said})" if said else repr(each.name) for each, said in zip(columns, what, strict=True)]
    return listed_first(texts, _MOST_NAMED)


def _texts(words: Iterable[str]) -> str:
    return ", ".join(repr(word) for word in words)


def _line(key: str, value: Any) -> str:
    return toml_text({key: value}, ()).strip()
