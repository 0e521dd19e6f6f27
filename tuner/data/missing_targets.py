"""Rows without a target: an error, or left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tuner.data.cells import absent, cell_texts
from tuner.data.dataset import Array
from tuner.errors import DataError, shown
from tuner.text import count, listed


def rows_without(values: Array) -> Array:
    """Which values are missing: bool, shape `(n,)`; of several targets any."""
    if values.dtype.kind in "OU":
        missing = absent(cell_texts(values.astype(object).ravel())).reshape(values.shape)
    elif values.dtype.kind == "f":
        missing = np.isnan(values)
    else:
        missing = np.zeros(values.shape, bool)
    return np.asarray(missing.reshape(len(values), -1).any(axis=1))


def check_targets(values: Array, what: str, source: str) -> None:
    """Refuse a target of texts or numbers that is missing in some rows."""
    missing = rows_without(values)
    if missing.any():
        raise DataError(
            f"The target must have a value in each row, but {what} lacks {int(missing.sum())}, "
            f"the first in row {int(missing.argmax()) + 1} ({source}). Fill them in, or leave these rows out with "
            'missing_target = "drop".',
            key="missing_target",
        )


def rows_with_targets(targets: Mapping[str, Array], source: str) -> tuple[Array | None, tuple[str, ...]]:
    """Find the rows that have all targets.

    Args:
        targets: Values by name, each `(n,)` or `(n, targets)`.
        source: For messages.

    Returns:
        Which rows stay, bool, shape `(n,)`, or None if all do; and a note of how many are left out.

    Raises:
        DataError: No row has a target.
    """
    lacks = np.any([rows_without(values) for values in targets.values()], axis=0)
    if not lacks.any():
        return None, ()
    if lacks.all():
        raise DataError(
            f"The target must have a value in some rows, but {shown(list(targets))} has none ({source}).",
            key="missing_target",
        )
    names = listed([repr(name) for name in targets])
    were = "was" if lacks.sum() == 1 else "were"
    rows = f"{count(int(lacks.sum()), 'row')} of {len(lacks):,}"
    return ~lacks, (f"{rows} without a value in {names} {were} left out ({source}).",)


def take_rows(given: Mapping[str, Any], rows: Array) -> dict[str, Any]:
    """Select rows of tables and arrays, those of another length apart: they are refused later."""

    def take(values: Any) -> Any:
        if values is None or not np.ndim(values) or len(values) != len(rows):
            return values
        return values[rows] if hasattr(values, "iloc") else np.asarray(values)[rows]

    return {name: take(values) for name, values in given.items()}
