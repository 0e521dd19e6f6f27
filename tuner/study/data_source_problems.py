"""Find all that keeps a study from using its sources, each problem with the line that ends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tuner.data import (
    ColumnKind,
    ColumnProfile,
    Commas,
    DataOptions,
    SourceProfile,
    find_source,
    profile_source,
    refused_keys,
)
from tuner.errors import UsageError, nearest, split_sentence
from tuner.study.problems import Problems
from tuner.study.table_scaffold import reason_to_drop
from tuner.text import count, listed_first, toml_text

_MOST_NAMED = 8


def note_source_problems(data: DataOptions, project: Path, problems: Problems) -> tuple[frozenset[str], frozenset[str]]:
    """Note what is wrong with the columns of each source of a study.

    Only what ends a study is noted: what is unwise is advice.

    Returns:
        The keys of `[data]` that this concerns; and the sentences that were noted as they are.
    """
    keys, sentences, noted = set[str](), set[str](), set[tuple[str, str]]()
    first: SourceProfile | None = None
    for key in ("source", "validation", "test"):
        text = getattr(data, key)
        if not isinstance(text, str):
            continue
        try:
            refused = refused_keys(find_source(text, project), data)
            profile = profile_source(text, data, project)
        except UsageError as error:
            if key != "source":  # that the first one cannot be read is the error itself
                sentences.add(_note_sentence(key, str(error), problems))
            continue
        for name, sentence in {**refused, **({} if profile is None else profile.broken)}.items():
            keys.add(name)
            sentences.add(_note_sentence(name, sentence, problems))
        if profile is not None:
            if first is not None and first.named and profile.named:
                differing = _note_difference(key, text, data, first, profile, problems)
                keys |= {key} if differing else set()
                noted |= {("text", name) for name in differing}
            takes_decimal = "decimal" in find_source(text, project).takes
            found = _SourceProblems(
                text, data, profile, problems, noted, is_first=first is None, takes_decimal=takes_decimal
            )
            found.note()
            keys |= found.keys
            first = first or profile
    return frozenset(keys), frozenset(sentences)


def _note_sentence(key: str, sentence: str, problems: Problems) -> str:
    """Note an error as it is; return its text."""
    rule, step = split_next_step(sentence)
    problems.add(f"data.{key}", rule, next_step=step)
    return sentence


def split_next_step(message: str) -> tuple[str, str | None]:
    """Split a message "RULE, but VALUE (PLACE). NEXT STEP." into the rule and the next step, None if it has none."""
    rule, step = split_sentence(message)
    return rule, step or None


def _note_difference(
    key: str, text: str, data: DataOptions, first: SourceProfile, profile: SourceProfile, problems: Problems
) -> list[str]:
    """Note the columns that a further source lacks, or that hold something else there; return both."""
    named = {*data.targets, *data.dropped, *data.columns, data.weight, *data.split_columns.values()}
    features = [name for name in first.columns if name not in named and name not in first.targets]
    lacking = [name for name in features if name not in profile.columns]
    texts = [
        name
        for name in features
        if name in profile.columns
        and first.columns[name].kind is ColumnKind.NUMBER
        and profile.columns[name].kind in (ColumnKind.TEXT, ColumnKind.DATE)
    ]
    if lacking:
        shown = listed_first([repr(name) for name in lacking], _MOST_NAMED)
        problems.add(f"data.{key}", f"{text} lacks columns of {data.source}: {shown}", next_step="Add or drop them.")
    if texts:
        shown = listed_first([repr(name) for name in texts], _MOST_NAMED)
        rule = f"columns of numbers in {data.source} hold texts in {text}: {shown}"
        problems.add(f"data.{key}", rule, next_step="Clean or drop them.")
    return [*lacking, *texts]


class _SourceProblems:
    """The problems of one source.

    Args:
        source: As the study names it.
        data: The `[data]` section.
        profile: Of the source.
        problems: Where they are noted.
        noted: Key and column of what was noted, for this source and others; is added to.
        is_first: Whether it is the first source of the study.
        takes_decimal: Whether `decimal` says how its numbers are written.

    Attributes:
        keys: Keys of `[data]` with a problem.
    """

    def __init__(
        self,
        source: str,
        data: DataOptions,
        profile: SourceProfile,
        problems: Problems,
        noted: set[tuple[str, str]],
        *,
        is_first: bool,
        takes_decimal: bool,
    ) -> None:
        self._source, self._data, self._profile, self._problems = source, data, profile, problems
        self._columns, self._noted, self._is_first = profile.columns, noted, is_first
        self._takes_decimal = takes_decimal
        self.keys: set[str] = set()

    def note(self) -> None:
        """Note all of them."""
        data = self._data
        if self._columns and not any(each.rows for each in self._columns.values()):
            self._add("source", "the table has no rows", "Name another file.")
            return
        meant = self._note_absent()
        if any(name not in self._columns and nearest(name, self._columns) is None for name in data.targets):
            return  # it may be any column
        others = {*meant, *data.targets, *data.dropped, data.weight, *data.split_columns.values()}
        features = [each for name, each in self._columns.items() if name not in others]
        commas = self._note_commas([*features, *self._profile.targets.values()])
        features = [each for each in features if each not in commas]
        for target in self._profile.targets.values():
            self._note_target(target)
        unusable = self._note_encodings(features) if self._profile.named else []
        self._note_numbers([each for each in features if each not in unusable])

    def _note_commas(self, columns: Sequence[ColumnProfile]) -> list[ColumnProfile]:
        """Note the texts that are numbers with commas, and what these may mean; return their columns."""
        if not self._takes_decimal or self._data.decimal == ",":
            return []
        texts = [each for each in columns if each.kind is ColumnKind.TEXT and each.name not in self._data.encodings]
        found = [each for each in texts if each.commas]
        if fresh := self._fresh("decimal", found):
            examples = _named(fresh, [_texts(each.examples) for each in fresh])
            kinds, decimal = {each.commas for each in found}, _line("decimal", ",")
            if Commas.THOUSANDS in kinds:
                self._add("source", f"numbers have commas between thousands: {examples}", "Remove these commas.")
            elif Commas.DECIMALS in kinds:
                self._add("decimal", f"numbers are written with a comma: {examples}", f"Write {decimal}")
            else:
                number = next(word for word in fresh[0].examples if "," in word)
                rule = f"numbers have commas, which may separate thousands or decimals: {examples}"
                step = f"If {number} is {number.replace(',', '')}, remove the commas from the file; "
                self._add("decimal", rule, f"{step}if it is {number.replace(',', '.')}, write {decimal}")
        return found

    def _note_encodings(self, features: Sequence[ColumnProfile]) -> list[ColumnProfile]:
        """Note the columns that are no numbers, and have no encoding; return those of which no feature can be made."""
        data = self._data
        free = [each for each in features if each.name not in data.encodings]
        unusable = [each for each in free if each.kind is ColumnKind.UNUSABLE or not each.given]
        if data.text == "error":
            unusable += self._note_texts([each for each in free if each not in unusable])
        if fresh := self._fresh("drop", unusable):
            there = [name for name in data.drop if name in self._columns]
            self._add(
                "drop",
                f"these columns cannot be features: {_named(fresh, self._reasons(fresh))}",
                f"Write {_line('drop', [*there, *(each.name for each in fresh)])}",
            )
        return unusable

    def _fresh(self, key: str, columns: Iterable[ColumnProfile]) -> list[ColumnProfile]:
        """Return the columns that were not noted under this key for an earlier source."""
        found = [each for each in columns if (key, each.name) not in self._noted]
        self._noted.update((key, each.name) for each in found)
        return found

    def _add(self, key: str, rule: str, next_step: str) -> None:
        self.keys.add(key)
        self._problems.add(f"data.{key}", f"{rule} ({self._source})", next_step=next_step)

    def _note_absent(self) -> set[str]:
        """Note the columns that the study names and the source lacks; return those that it may have meant."""
        data, meant = self._data, set[str]()
        names, columns = list(self._profile.names), list(self._columns)
        named: list[tuple[str, Iterable[str], list[str]]] = [
            ("target", data.targets, columns),
            ("weight", [data.weight] if data.weight else [], columns),
            *((key, [name], names) for key, name in data.split_columns.items()),
            ("drop", data.drop if self._profile.named else (), columns),
            ("columns", data.columns if self._profile.named else (), columns),
        ]
        for key, wanted, there in named:
            for name in wanted:
                if name not in there:
                    near = nearest(name, there)
                    meant |= {near} if near else set()
                    self.keys.add(key)
                    self._problems.add(
                        f"data.{key}",
                        f"there is no column with this name in {self._source}",
                        name,
                        allowed=listed_first(there, 20) or "none",
                        near=near,
                        next_step=f"Write {near} here." if near else "Write the name of a column.",
                    )
        return meant

    def _note_target(self, target: ColumnProfile) -> None:
        if target.kind is ColumnKind.UNUSABLE or target.kind is ColumnKind.DATE:
            holds = "dates" if target.kind is ColumnKind.DATE else "cells that are neither all numbers nor all texts"
            rule = f"{target.name!r} must hold numbers or classes, but holds {holds}"
            self._add("target", rule, "Clean it, or name another column.")
        elif target.markers:
            rule = f"{target.name!r} holds numbers, and cells that are not: {_texts(target.markers)}"
            words = _line("missing_values", [*self._data.missing_values, *target.markers])
            self._add("target", rule, f'Correct them, or write {words} and missing_target = "drop".')
        elif target.is_signed_amount and self._data.task is None:
            rule = f'{target.name!r} holds numbers with "{target.sign}": {_texts(target.examples)}'
            self._add("target", rule, f'Remove "{target.sign}" from the file.')
        elif target.is_constant and self._is_first:
            rule = f"{target.name!r} must have two values at least, but has {target.distinct}"
            self._add("target", rule, "Name another column.")
        if target.missing and target.given and not self._data.drops_rows_without_target:
            rule = f"{target.name!r} has no value in {target.missing:,} of {count(target.rows, 'row')}"
            rule += _place(target.missing, target.first_missing)
            self._add("missing_target", rule, 'Write missing_target = "drop" to leave these rows out.')
        if target.beyond:
            are = "is" if target.beyond == 1 else "are"
            rule = f"{target.name!r} must be finite and fit float32, but {count(target.beyond, 'value')} {are} not"
            rule += _place(target.beyond, target.first_beyond)
            self._add("target", rule, "Correct these rows, or leave them out.")

    def _note_texts(self, free: Sequence[ColumnProfile]) -> list[ColumnProfile]:
        """Note the columns of texts that have no encoding; return those that none suits."""
        data = self._data
        with_markers = self._fresh("missing_values", [each for each in free if each.markers])
        marked = {word: each.name for each in with_markers for word in each.markers}
        if marked:
            shown = ", ".join(f"{_texts([word])} in {name!r}" for word, name in marked.items())
            words = _line("missing_values", [*data.missing_values, *marked])
            more = ' and missing = "median"' if data.missing == "error" else ""
            self._add("missing_values", f"texts appear among numbers: {shown}", f"Correct them, or write {words}{more}")
        dates = [each for each in free if each.kind is ColumnKind.DATE and not each.problem]
        if fresh := self._fresh("columns", dates):
            lines = ", ".join(_line(each.name, "date") for each in fresh[:_MOST_NAMED])
            examples = _named(
                fresh, [f"such as {_texts(each.examples[:1])}" if each.examples else "" for each in fresh]
            )
            self._add("columns", f"dates must be encoded: {examples}", f"Write in [data.columns]: {lines}")
        texts = [each for each in free if each.kind in (ColumnKind.TEXT, ColumnKind.DATE) and each not in dates]
        unsuited = [each for each in texts if reason_to_drop(each, each.rows)]
        if texts := self._fresh("text", [each for each in texts if each not in unsuited]):
            examples = _named(texts, [f"{each.distinct:,} different: {_texts(each.examples)}" for each in texts])
            step = 'Write text = "one_hot", or an encoding for each in [data.columns].'
            if prose := [each for each in texts if each.is_prose]:
                lines = ", ".join(_line(each.name, "tf_idf") for each in prose[:_MOST_NAMED])
                others = "" if len(prose) == len(texts) else ' For the others, write text = "one_hot".'
                step = f"Texts of several words: write {lines} in [data.columns].{others}"
            if signed := [each for each in texts if each.sign]:
                signs = _named(signed, [f'"{each.sign}"' for each in signed])
                step += f" Numbers with a sign are read as texts: to use them, remove it from the file: {signs}."
            self._add("text", f"texts must be encoded: {examples}", step)
        return unsuited

    def _note_numbers(self, features: Sequence[ColumnProfile]) -> None:
        """Note missing cells and numbers beyond float32."""
        lacking = self._fresh("missing", [each for each in features if each.missing])
        if lacking and self._data.missing == "error":
            cells = _named(lacking, [f"{each.missing:,}{_place(each.missing, each.first_missing)}" for each in lacking])
            step = 'Write missing = "median", "mean", or "drop" to leave these rows out.'
            self._add("missing", f"cells are empty in {cells}", step)
        if beyond := self._fresh("beyond", [each for each in features if each.beyond]):
            cells = _named(beyond, [f"{each.beyond:,}{_place(each.beyond, each.first_beyond)}" for each in beyond])
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


def _place(cells: int, row: int) -> str:
    return f", in row {row:,}" if cells == 1 else f", the first in row {row:,}"


def _texts(words: Iterable[str]) -> str:
    return ", ".join(repr(word) for word in words)


def _line(key: str, value: Any) -> str:
    return toml_text({key: value}, ()).strip()
