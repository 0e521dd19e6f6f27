"""Signs that columns, classes or parts mislead: sentences with numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from tuner.data.cells import absent
from tuner.data.column_profile import are_prose, number_sign
from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array
from tuner.data.encoders import ENCODERS
from tuner.data.group_and_order_columns import as_dates
from tuner.data.likely_groups import LikelyGroup
from tuner.data.raw_data import ROLES, RawData
from tuner.data.row_shape import channels_last
from tuner.data.share_explained import TELLS_ALL, share_explained
from tuner.data.splitting import Layout
from tuner.data.table_profile import is_rare
from tuner.data.targets_and_task import Targets
from tuner.errors import nearest
from tuner.text import count, listed, listed_first

_FOLDS = 5
_FEWEST_ROWS = 100
"""With fewer validation rows a few of them decide which trial is best."""

_RARE = 0.05
"""Share of the rows; of many classes of one size none is rare."""
_NEARLY_UNIQUE = 0.5
_FEW_DATES = 10
"""Fewer dates may be categories, as those of a few visits."""

_MOST_COLUMNS, _MOST_ROWS = 200, 20_000
_MOST_NAMED = 3
_OF_ACCURACY = "accuracy hardly reflects them; balanced_accuracy weighs all classes equally"
_OF_KEYS = {"class_weight": ', and class_weight = ["none", "balanced"] in [search] tries to train so'}
"""Key of a study → what is said of it where the study does not name it."""


def applicable_advice(advice: Sequence[str], *, is_proportion: bool, named: Collection[str]) -> list[str]:
    """Return the advice on data that concerns a study.

    Args:
        advice: On its data.
        is_proportion: Whether its metric is a share of the rows, for which rare classes matter.
        named: Keys that its sections `[search]` and `[data]` name.
    """
    kept = [sentence for sentence in advice if is_proportion or _OF_ACCURACY not in sentence]
    for key, end in _OF_KEYS.items():
        kept = [sentence.removesuffix(end) if key in named else sentence for sentence in kept]
    return kept


def column_advice(
    raw: RawData, targets: Targets, layout: Layout, groups: Sequence[LikelyGroup], options: DataOptions
) -> tuple[str, ...]:
    """Give advice on columns, classes and the validation part, each a sentence after the key that it concerns.

    Args:
        raw: All rows; targets of the test part are not looked at.
        targets: Their targets.
        layout: How they are split.
        groups: Columns that look like groups; another advice names them.
        options: The `[data]` section.
    """
    return (
        *_unnamed(raw, options),
        *_sides(raw, options),
        *_channels_first(raw),
        *_constants(raw, options),
        *_identifiers(raw, options),
        *_signs(raw, targets, options),
        *_variants(raw, targets, options),
        *_leaks(raw, targets, layout, {group.name for group in groups}),
        *_rare(targets, layout),
        *_small(targets, layout),
    )


def _categories(raw: RawData, options: DataOptions) -> Iterator[tuple[str, Array, str, Any]]:
    """Yield name, texts, encoding and given order, or None, of each column of categories; empty cells are left out."""
    for name, values in raw.texts.items():
        encoding, order = options.get_encoding(name)
        if ENCODERS[encoding].unknown is not None:
            yield name, values[~absent(values)], encoding, order


def _identifiers(raw: RawData, options: DataOptions) -> Iterator[str]:
    """Name columns of categories that are dates, or nearly all differ: what they become says nothing of new rows."""
    for name, given, encoding, _ in _categories(raw, options):
        different = set(given.tolist())
        if len(different) > _FEW_DATES and as_dates(given) is not None:
            yield (
                f"columns: {name!r} holds {len(different):,} different dates, each a category of {encoding}. Add "
                f'"{name}" = "date" to [data.columns], which turns them into days and positions in year and week'
            )
        elif len(given) < _FEWEST_ROWS or len(different) <= _NEARLY_UNIQUE * len(given):
            continue
        elif are_prose(different):
            yield (
                f"columns: {name!r} has {len(different):,} different texts of several words, each a category of "
                f'{encoding}. Add "{name}" = "tf_idf" to [data.columns], which weighs their words'
            )
        else:
            yield (
                f"drop: {name!r} has {len(different):,} different texts in {len(given):,} rows, like a name, and is "
                f'encoded as {encoding}. If it does not describe the rows, add drop = ["{name}"]'
            )


def _signs(raw: RawData, targets: Targets, options: DataOptions) -> Iterator[str]:
    """Name texts, and classes, that are numbers with "%" or the sign of a currency."""
    for name, given, encoding, order in _categories(raw, options):
        words = list(dict.fromkeys(given.tolist()))
        if order is None and (sign := number_sign(words)):
            yield (
                f'columns: {name!r} holds numbers with "{sign}", such as {words[0]!r}, each a category of {encoding}. '
                "To use them as numbers, remove it from the file"
            )
    if sign := number_sign(targets.classes):
        yield (
            f'target: the classes are numbers with "{sign}", such as {targets.classes[0]!r}. If they are amounts, '
            'remove it from the file, and set task = "regression"'
        )


def _variants(raw: RawData, targets: Targets, options: DataOptions) -> Iterator[str]:
    """Name classes, and categories of texts, that differ only in case or in the blanks between their words."""
    named = {"target: classes": list(targets.classes)}
    for name, given, _, order in _categories(raw, options):
        if order is None:
            named[f"columns: texts of {name!r}"] = sorted(set(given.tolist()))
    for what, words in named.items():
        alike: dict[str, list[str]] = {}
        for word in words:
            alike.setdefault(" ".join(word.casefold().split()), []).append(word)
        found = [listed([repr(word) for word in words]) for words in alike.values() if len(words) > 1]
        if found:
            more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            yield (
                f"{what} differ only in case or blanks: {'; '.join(found[:_MOST_NAMED])}{more}. If they mean the same, "
                "write them alike in the data"
            )


def _unnamed(raw: RawData, options: DataOptions) -> Iterator[str]:
    """Arrays that a study reads past, as weights under another name."""
    if not raw.unnamed:
        return
    there = (*ROLES[:2], *(ROLES[2:] if raw.weight is not None else ()), *options.split_columns.values())
    near = {name: nearest(name, [role for role in ROLES if role not in there]) for name in raw.unnamed}
    names = [f"{name!r}{f' (did you mean {near[name]}?)' if near[name] else ''}" for name in raw.unnamed]
    uses = "uses the array" if len(names) == 1 else "uses the arrays"
    yield (
        f"source: nothing {uses} {listed_first(names, _MOST_NAMED)}: besides x, y and weight only arrays that group, "
        "order or split names are read"
    )


def _sides(raw: RawData, options: DataOptions) -> Iterator[str]:
    """Name images with a side of one pixel."""
    shape = options.shape or raw.x.shape[1:]
    if len(shape) == 3 and 1 in shape[:2] and max(shape[:2]) > 1:
        height, width, channels = shape
        sides = [side for side in shape if side > 1]
        yield (
            f"shape: rows of the shape {list(shape)} are images of {height} x {width} pixels with {channels} channels. "
            f"A side of 1 is most likely the channel, which goes last: shape = {[*sides, 1][:3]}"
        )


def _channels_first(raw: RawData) -> Iterator[str]:
    """Name images whose channels come first; a single channel only needs another `shape`."""
    shape, last = raw.x.shape[1:], channels_last(raw.x.shape[1:])
    if last is not None and last[2] > 1:
        yield (
            f"source: rows of the shape {list(shape)} look like images with their {shape[0]} channels first, and the "
            f"layers of Keras take them last. Save numpy.moveaxis(x, 1, -1), of the shape {list(last)}; a `shape` in "
            "[data] would mix the pixels"
        )


def _constants(raw: RawData, options: DataOptions) -> Iterator[str]:
    """Name columns of numbers that have one value in all rows."""
    if raw.x.ndim != 2 or not options.targets:  # pixels at the edge of an image are no such columns
        return
    names = [raw.features[place] for place in np.flatnonzero((raw.x == raw.x[0]).all(axis=0))]
    if names:
        listed = ", ".join(f'"{name}"' for name in names[:_MOST_NAMED])
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        rows = f"{len(raw):,} rows"
        yield f"drop: one value in all {rows}: {listed}{more}. It carries no information; add drop = [{listed}]"


def _leaks(raw: RawData, targets: Targets, layout: Layout, groups: Collection[str]) -> Iterator[str]:
    """Name columns that tell the target alone, those of groups apart: rows of a new group are not among them."""
    rows = layout.development[:_MOST_ROWS]
    if targets.class_index is None and targets.y.shape[1] > 1:
        return
    y = targets.y[rows, 0] if targets.class_index is None else targets.class_index[rows].astype(object)
    columns = {name: raw.x[rows, place] for place, name in enumerate(raw.features)} if raw.x.ndim == 2 else {}
    columns |= {name: values[rows] for name, values in raw.texts.items()}
    columns = {name: values for name, values in columns.items() if name not in groups}
    if len(columns) > _MOST_COLUMNS:
        return
    found = [(share, name) for name, values in columns.items() if (share := share_explained(values, y)) >= TELLS_ALL]
    for share, name in sorted(found, reverse=True)[:_MOST_NAMED]:
        what = "errors of the most common class" if targets.class_index is not None else "variance"
        yield (
            f"drop: {name!r} alone explains {100 * share:.0f} % of the {what} of the target. If it is known only "
            f'afterwards, add drop = ["{name}"]'
        )


def _rare(targets: Targets, layout: Layout) -> Iterator[str]:
    """Name classes with few rows."""
    if targets.class_index is None:
        return
    index = targets.class_index[layout.development]
    counts = [(int((index == number).sum()), name) for number, name in enumerate(targets.classes)]
    limit, most = _RARE * len(index), max(counts)[0]
    rare = [f"{name} ({count})" for count, name in sorted(counts) if count < limit and is_rare(count, most)]
    if rare:
        more = f" and {len(rare) - _MOST_NAMED} more" if len(rare) > _MOST_NAMED else ""
        yield (
            f"target: {', '.join(rare[:_MOST_NAMED])}{more} of {len(index):,} rows outside the test part are under "
            f"{100 * _RARE:.0f} %: {_OF_ACCURACY}{''.join(_OF_KEYS.values())}"
        )


def _small(targets: Targets, layout: Layout) -> Iterator[str]:
    """Say that a single validation part is small, if each fold could have a row of each class."""
    rows, folds = len(layout.splits[0][1]), _FOLDS
    if targets.class_index is not None:
        folds = min(folds, int(np.bincount(targets.class_index[layout.development]).min()))
    if len(layout.splits) == 1 and rows < _FEWEST_ROWS and folds > 1:
        yield (
            f"validation: {count(rows, 'validation row decides', 'validation rows decide')} which trial is best, and "
            f"each is {100 / rows:.1f} % of them. validation = {{ folds = {folds} }} uses all rows outside the test "
            "part"
        )
