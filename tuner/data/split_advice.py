"""Signs that a random split is too optimistic: sentences with numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tuner.data.data_config import DataOptions
from tuner.data.dataset import Array, Split
from tuner.data.group_and_order_columns import as_dates, show_order
from tuner.data.likely_groups import LikelyGroup, is_random, is_whole
from tuner.data.near_copies import find_near_copies
from tuner.data.raw_data import RawData

_FEWEST_TIMES = 10
_LEAST_COPIES, _FEWEST_COPIES = 0.05, 3
_TIMES_CHANCE = 3.0
_YEARS = (1500, 2200)
_TIME_NAME = re.compile(r"(?:.*_)?(?:date|datetime|timestamp|year|datum|jahr)(?:_.*)?", re.IGNORECASE)


def split_advice(
    raw: RawData, groups: Sequence[LikelyGroup], split: Split, test: Array, options: DataOptions
) -> tuple[str, ...]:
    """Give advice on how the rows are split, each a sentence after the key that it concerns.

    Args:
        raw: All rows.
        groups: Columns that look like groups.
        split: The first split.
        test: Features of the test part, as those of the split.
        options: The `[data]` section.
    """
    dates = _dates(raw, options) if is_random(options) else ()
    return (*_groups(groups, options), *dates, *_copies(split, test, options, np.random.default_rng(0)))


def _groups(groups: Sequence[LikelyGroup], options: DataOptions) -> Iterator[str]:
    for group in groups:
        name = group.name
        line = f' in [data], and leave "{name}" out of [data.columns]' if name in options.encodings else ""
        explained = f"it explains {100 * group.alike:.0f} % of its variance, by chance 0 %"
        yield (
            f"group: {name!r} looks like a group: it has {group.values} values in {group.rows} rows, and rows "
            f"of one value have nearly the same target ({explained}). If new rows come from other ones, a random "
            f'split promises too much: set group = "{name}"{line}'
        )


def _dates(raw: RawData, options: DataOptions) -> Iterator[str]:
    found = {name: as_dates(values) for name, values in ({**raw.unused, **raw.texts}).items()}
    for name, dates in ({**found, **_named_as_times(raw)}).items():
        if dates is not None and len(np.unique(dates)) >= _FEWEST_TIMES:
            times = f"{show_order(dates.min())} to {show_order(dates.max())}"
            line = f' in [data], and leave "{name}" out of [data.columns]' if name in options.encodings else ""
            yield (
                f"order: {name!r} holds times from {times}, and the rows are split at random, so the validation rows "
                "are no later than the training rows. If new rows will be later, such a split may be too optimistic: "
                f'set order = "{name}"{line}'
            )
            return


def _named_as_times(raw: RawData) -> Mapping[str, Array]:
    """Return the number columns that are called a year or date, and hold years or dates as 20261128."""
    numbers = {name: values for name, values in raw.unused.items() if values.dtype.kind in "fiu"}
    numbers |= {name: raw.x[:, place] for place, name in enumerate(raw.features)}
    found = {}
    for name, column in numbers.items():
        if _TIME_NAME.fullmatch(name):
            values = column.astype(np.float64)
            low, high = values.min(), values.max()
            years = any(_YEARS[0] * unit <= low and high <= _YEARS[1] * unit for unit in (1, 100, 10_000))
            if years and is_whole(values):
                found[name] = values
    return found


def _copies(split: Split, test: Array, options: DataOptions, random: np.random.Generator) -> Iterator[str]:
    measured = np.concatenate([split.validation.x, test]) if len(test) else split.validation.x
    found = find_near_copies(split.train.x, measured, random)
    what = "of the validation and test rows" if len(test) else "of the validation rows"
    cure = "Find out where they come from: scores on them are too good"
    if not options.split_columns:
        cure = (
            "Scores on them are too good: remove duplicates, or, if they come from one person, place or recording, set "
            "`group` to its column"
        )
    least = max(_LEAST_COPIES, _FEWEST_COPIES / len(measured))
    if found.equal >= least and found.equal > _TIMES_CHANCE * found.equal_by_chance:
        yield (
            f"split: {100 * found.equal:.0f} % {what} have a copy in the training part (by chance "
            f"{100 * found.equal_by_chance:.0f} %). {cure}"
        )
    elif found.near >= least:
        yield (
            f"split: {100 * found.near:.0f} % {what} are nearly copies of training rows: at {found.nearness:.2f} of "
            f"the distance of other neighbors (by chance 0.1 %). {cure}"
        )
