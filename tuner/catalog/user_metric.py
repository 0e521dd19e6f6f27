"""A metric of user code: called with arrays that it cannot change, and held to its contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tuner.catalog.numpy_metrics import decided
from tuner.errors import ContentError, shown
from tuner.user_code import Reference, failing_line


@dataclass(frozen=True)
class UserMetric:
    """`function(truth, scores)` or `function(truth, classes)`, as `numpy_metrics` calls its functions.

    Attributes:
        reference: Where the function is.
        load: Returns it.
        decides: Whether it takes classes in place of scores: integers `(n,)`, or for labels 0 and 1 `(n, k)`.
        weight: Its argument for the weights of the rows, of shape `(n,)` or None; None if it takes none.
        options: Its other keyword arguments.
    """

    reference: Reference
    load: Callable[[], Callable[..., Any]]
    decides: bool
    weight: str | None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, truth: np.ndarray, scores: np.ndarray, weight: np.ndarray | None, task: str) -> float:
        """Compute it.

        Raises:
            ContentError: It fails, returns no number, or the rows have weights that it does not take.
        """
        if weight is not None and self.weight is None:
            raise ContentError(
                f"The rows have weights, but {self.reference} does not take them. Add weight=None to its arguments."
            )
        given = [read_only(array) for array in (decided(truth, scores, task) if self.decides else (truth, scores))]
        options = dict(self.options)
        if self.weight is not None:
            options[self.weight] = None if weight is None else read_only(weight)
        function = self.load()
        try:
            value = function(*given, **options)
        except Exception as error:
            line = failing_line(error, Path(inspect.getfile(function)))
            raise ContentError(f"{self.reference} fails{line}: {type(error).__name__}: {error}.") from error
        kind = np.asarray(value).dtype
        if np.ndim(value) != 0 or not np.issubdtype(kind, np.number) or np.issubdtype(kind, np.complexfloating):
            raise ContentError(
                f"A metric returns one number, but {self.reference} returned {shown(value)}. Return the mean, for "
                "example."
            )
        return float(value)


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a view that user code cannot write to: the arrays are those of the next epoch, too."""
    view = array.view()
    view.flags.writeable = False
    return view
