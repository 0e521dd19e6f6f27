"""Write a first study for a table: what its columns are, and what becomes of each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.data import MISSING_WORDS, TELLS_ALL, ColumnKind, ColumnProfile, TableProfile, profile_table
from tuner.study.search_scaffold import search_sections
from tuner.text import count, listed, one_line, percent, toml_text

_MOST_CATEGORIES = 60
"""A text column with more values is left out: each would become a column of the network's input."""

_FEW_ROWS = 1_000
"""With fewer rows one validation part says little: the study uses folds."""

_FOLDS = 5

_MOST_CODES = 12
"""Whole numbers with at most this many values may be codes."""

_FEW_WORDS = 2.0
"""Words that texts have on average, at least, if more than each as a whole may matter."""

_MOST_MISSING = 0.5
_SHORT = 60

_SECTIONS = ("data", "data.columns", "objective")


def table_study_name(table: Path) -> str:
    """Return the name of the study of a table: that of its file, with other characters as `_`."""
    stem = re.sub(r"(\.gz)?$", "", table.name).rpartition(".")[0]
    name = re.sub(r"[^A-Za-z0-9_+-]+", "_", stem).lstrip("_+-")[:100]
    return name or "first"


def table_study(name: str, table: Path, target: str, project: Path) -> str:
    """Return a study file for a table, with a comment for each decision.

    Args:
        name: Name of the study and of its file.
        table: A CSV or Parquet file.
        target: The column to predict.
        project: Folder that the study's paths are relative to.

    Raises:
        DataError: The table cannot be read, or has no such target.
    """
    path, project = table.resolve(), project.resolve()
    source = (path.relative_to(project) if path.is_relative_to(project) else path).as_posix()
    profile = profile_table(source, project, target)
    data, comments = _data_section(source, profile)
    content: dict[str, Any] = {
        "name": name,
        "model": "models/mlp.py",
        "data": data,
        "objective": _objective(profile, comments),
    }
    about = (
        f"Which loss, optimizer and learning rate suit {one_line(source)}?\n"
        f"Each comment says what was found in the table. `tuner check studies/{name}.toml` says what this file means,\n"
        f"`tuner run studies/{name}.toml` runs it.\n"
    )
    head = "".join(f"# {line}\n" for line in about.splitlines())
    return f"{head}\n{toml_text(content, _SECTIONS, comments)}{search_sections(profile.is_unbalanced)}"


def _objective(profile: TableProfile, comments: dict[str, str]) -> dict[str, Any]:
    rows = profile.classes.values()
    if not rows:
        return {"metric": "mean_absolute_error"}
    if profile.is_unbalanced:
        comments["objective"] = (
            f"The rarest class has {count(min(rows), 'row')}, the most common {max(rows):,}: "
            "balanced_accuracy weighs all classes equally."
        )
        return {"metric": "balanced_accuracy"}
    return {"metric": "accuracy"}


def _data_section(source: str, profile: TableProfile) -> tuple[dict[str, Any], dict[str, str]]:
    """Return `[data]`, and its comments by dotted key."""
    data: dict[str, Any] = {"source": source, "target": profile.target.name}
    comments: dict[str, str] = {"data.target": _target_comment(profile)}
    if profile.csv_options.comment is not None:
        data["comment"] = profile.csv_options.comment
        comments["data.comment"] = "Lines that begin with it are skipped."
    if profile.csv_options.decimal != ".":
        data["decimal"] = profile.csv_options.decimal
        comments["data.decimal"] = "Numbers are written as 1,5."
    if not profile.csv_options.header:
        data["header"] = False
        places = len(profile.columns) + 1
        comments["data.header"] = f"No line names the columns: they are called by their place, 1 to {places}."
    data["task"] = _task(profile.classes)
    dropped = {each.name: reason for each in profile.columns if (reason := reason_to_drop(each, profile.target.rows))}
    if dropped:
        data["drop"] = list(dropped)
        comments["data.drop"] = "Left out:\n" + "\n".join(
            f"  {_shown(name)}: {reason}" for name, reason in dropped.items()
        )
    kept = [each for each in profile.columns if each.name not in dropped]
    _decide_missing(kept, profile.target, data, comments)
    texts = {
        each.name: each.distinct
        for each in kept
        if each.kind is ColumnKind.TEXT and not each.commas and not _is_long_prose(each)
    }
    if texts and any(each.commas for each in kept):  # those are no texts, and `check` asks what their commas mean
        data["columns"] = dict.fromkeys(texts, "one_hot")
    elif texts:
        data["text"] = "one_hot"
        comments["data.text"] = f"One column for each value of {_listed_values(texts)}."
        if signed := [f'{_shown(each.name)} ("{each.sign}")' for each in kept if each.sign]:
            comments["data.text"] += (
                f" Numbers with a sign are read as texts: to use them, remove it from the file: {listed(signed)}."
            )
    if profile.target.given < _FEW_ROWS:
        rarest = min(profile.classes.values(), default=_FOLDS)
        folds = max(2, min(_FOLDS, rarest))
        data["validation"] = {"folds": folds}
        why = f", as the rarest class has {count(rarest, 'row')}" if folds < _FOLDS else ""
        comments["data.validation"] = (
            f"With {count(profile.target.given, 'row')} one validation part says little: each trial trains {folds} "
            f"times{why}."
        )
    else:
        data["validation"] = 0.2
    data["test"] = 0.2
    comments["data.test"] = "Never seen by the search; `tuner train` scores its winner on it once."
    _encode_columns(kept, data, comments)
    _warn_of_leaks(profile, dropped, comments)
    return data, comments


def _encode_columns(kept: list[ColumnProfile], data: dict[str, Any], comments: dict[str, str]) -> None:
    """Add the encodings of single columns."""
    prose = {each.name: each.mean_words for each in kept if _is_long_prose(each)}
    dates = [each.name for each in kept if each.kind is ColumnKind.DATE]
    codes = {each.name: each.distinct for each in kept if each.whole and 3 <= each.distinct <= _MOST_CODES}
    said = []
    if dates:
        said.append(
            f"Dates become days and positions in the year and the week. If new rows are later than these, write "
            f'order = "{dates[0]}" in [data] instead: then the latest rows measure.'
        )
    if prose:
        lengths = listed([f"{_shown(name)} ({mean:.0f} words on average)" for name, mean in prose.items()])
        said.append(f"Texts become the weights of their most common words: {lengths}.")
    if said:
        encodings = {**dict.fromkeys(dates, "date"), **dict.fromkeys(prose, "tf_idf")}
        data["columns"] = {**data.get("columns", {}), **encodings}
        comments["data.columns"] = "\n".join(said)
    if codes:
        comments["data"] = (
            f"Whole numbers with few values: {_listed_values(codes)}. If one is a code, not an amount, write "
            f'"{next(iter(codes))}" = "one_hot" in [data.columns].'
        )


def _is_long_prose(profile: ColumnProfile) -> bool:
    """Return whether a column holds texts of several words that are too many for a column each."""
    return profile.is_prose and (profile.is_identifier or profile.distinct > _MOST_CATEGORIES)


def _task(classes: Mapping[str, int]) -> str:
    if not classes:
        return "regression"
    return "binary" if len(classes) == 2 else "multiclass"


def _target_comment(profile: TableProfile) -> str:
    target, classes = profile.target, profile.classes
    if not classes:
        return f"{count(target.given, 'row')} with {target.distinct:,} different numbers."
    sizes = sorted(classes.items(), key=lambda item: -item[1])
    rows = ", ".join(f"{_shown(name)} {rows:,}" for name, rows in sizes[:8])
    more = f" and {len(sizes) - 8} more" if len(sizes) > 8 else ""
    whole = target.kind is ColumnKind.NUMBER and classes.keys() != {"False", "True"}
    amounts = ' If they are amounts, write task = "regression".' if whole else ""
    if target.sign:
        amounts = f' If they are amounts, remove "{target.sign}" from the file, and write task = "regression".'
    word = next((name for name in classes if name.lower() in MISSING_WORDS), None)
    steps = f'write missing_values = ["{word}"] and missing_target = "drop"'
    missing = "" if word is None else f' If "{word}" means a missing cell, {steps}.'
    return f"Rows of each class: {rows}{more}.{amounts}{missing}"


def reason_to_drop(profile: ColumnProfile, rows: int) -> str:
    """Return why a column is left out, an empty text if it stays."""
    many = f"{profile.distinct:,} different values in {count(profile.given, 'row')}"
    if profile.kind is ColumnKind.UNUSABLE:
        return "cells that are neither all numbers nor all texts"
    if not profile.given:
        return "empty in all rows"
    if profile.is_constant:
        return "one value in all rows"
    if profile.missing > _MOST_MISSING * rows:
        return f"{profile.missing:,} of {rows:,} cells are empty"
    if profile.kind is ColumnKind.DATE:
        return profile.problem and "dates or times that cannot be read in one way, as 2026-11-28"
    if profile.commas:
        return ""  # they are numbers, of which `check` asks what the commas mean
    if profile.sign and (profile.is_identifier or profile.distinct > _MOST_CATEGORIES):
        example = profile.examples[0]
        return f'numbers with "{profile.sign}", as in {example}: read as texts; to use them, remove it from the file'
    if _is_long_prose(profile):
        return ""
    if profile.is_identifier:
        words = f". If its words matter, write {_line(profile.name)} in [data.columns]"
        return f"{many}: it seems to name the rows{words if profile.mean_words >= _FEW_WORDS else ''}"
    if profile.kind is ColumnKind.TEXT and profile.distinct > _MOST_CATEGORIES:
        return f'{many}: too many for a column each (text = "ordinal" would number them)'
    return ""


def _decide_missing(
    kept: list[ColumnProfile], target: ColumnProfile, data: dict[str, Any], comments: dict[str, str]
) -> None:
    """Add `missing`, `missing_target` and `missing_values` if cells are missing."""
    markers = {marker: each.name for each in kept for marker in each.markers}
    markers |= {word: each.name for each in kept if each.beyond for word in ("inf", "-inf")}
    if markers:
        data["missing_values"] = list(markers)
        comments["data.missing_values"] = "Among numbers: " + ", ".join(
            f"{_shown(marker)} in {_shown(name)}" for marker, name in markers.items()
        )
    lacking = {each.name: each.missing for each in kept if each.missing}
    if target.missing:
        data["missing_target"] = "drop"
        have = "has" if target.missing == 1 else "have"
        comments["data.missing_target"] = (
            f"{count(target.missing, 'row')} of {target.rows:,} {have} no target: left out."
        )
    if lacking or markers:
        data["missing"] = "median"
        texts = [each for each in kept if each.missing and each.kind is ColumnKind.TEXT]
        prose = {each.name: each.missing for each in texts if _is_long_prose(each)}
        categories = {each.name: each.missing for each in texts if each.name not in prose}
        numbers = {name: number for name, number in lacking.items() if name not in {*prose, *categories}}
        sentences = []
        if numbers or markers:
            where = f" in {_listed_values(numbers)}" if numbers else ""
            sentences.append(f"Empty cells{where} get the median of the training part.")
        if categories:
            sentences.append(f"Empty texts in {_listed_values(categories)} belong to no category.")
        if prose:
            sentences.append(f"Empty texts in {_listed_values(prose)} count as texts without words.")
        comments["data.missing"] = " ".join(sentences)


def _warn_of_leaks(profile: TableProfile, dropped: Mapping[str, str], comments: dict[str, str]) -> None:
    """Say which columns that stay look like groups, and which others tell the target alone."""
    groups = [group for group in profile.groups if group.name not in dropped]
    sentences = [comments.get("data", "")]
    for group in groups:
        line = toml_text({"group": group.name}, ()).strip()
        sentences.append(
            f"{_shown(group.name)} looks like a group: it has {group.values:,} values, and rows of one value have "
            f"nearly the same target. If new rows come from other ones, a random split promises too much: write {line}"
        )
    telling = [
        f"{_shown(name)} ({percent(share)})"
        for name, share in profile.told.items()
        if share >= TELLS_ALL and name not in {*dropped, *(group.name for group in groups)}
    ]
    if telling:
        sentences.append(
            f"Look at {listed(telling)}: by itself it nearly determines the target. If it is known only afterwards, "
            "add it to `drop`."
        )
    comments["data"] = "\n".join(filter(None, sentences))


def _line(column: str) -> str:
    """Return the line that encodes the words of a column."""
    return f'{json.dumps(column, ensure_ascii=False)} = "tf_idf"'


def _listed_values(counts: Mapping[str, int]) -> str:
    names = [f"{_shown(name)} ({number:,})" for name, number in list(counts.items())[:8]]
    return listed([*names, count(len(counts) - 8, "more column")]) if len(counts) > 8 else listed(names)


def _shown(name: str) -> str:
    text = one_line(name)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
