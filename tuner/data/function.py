"""A function of the project that gives the data: `file.py:function`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tuner import content
from tuner.data.columns import feature_columns, target_columns
from tuner.data.options import DataOptions
from tuner.data.raw import Raw, from_arrays
from tuner.data.source import Source
from tuner.errors import DataError, TunerError


def _read(text: str, options: DataOptions, project: Path) -> Raw:
    reference = content.Reference.parse(text, function="load")
    function = content.load(project, reference)
    try:
        given = function()
    except TunerError:
        raise
    except (Exception, SystemExit) as error:  # code of the person who runs it: anything can come
        raise DataError(
            f"The function {reference} must return the data, but fails"
            f"{content.line_of(error, content.find(project, reference.path))}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(given, tuple) or len(given) not in (2, 3):
        size = f" of {len(given)}" if isinstance(given, tuple) else ""
        raise DataError(
            f"The function {reference} must return (x, y) or (x, y, weight), "
            f"but returned a {type(given).__name__}{size}."
        )
    return _raw(str(reference), *given)


def _raw(source: str, x: Any, y: Any, weight: Any = None) -> Raw:
    names: dict[str, Any] = {}
    if _is_pandas(x):
        x, features, texts = feature_columns(x.to_frame() if x.ndim == 1 else x, source)
        names |= {"features": features, "texts": texts}
    if _is_pandas(y):
        frame = y.to_frame() if y.ndim == 1 else y
        y, names["labels"] = target_columns(frame, source), tuple(map(str, frame.columns))
    return from_arrays(source, x, y, weight, **names)


def _is_pandas(values: Any) -> bool:
    return type(values).__module__.split(".")[0] == "pandas" and hasattr(values, "iloc")


FUNCTION = Source(
    "function",
    "file.py:function of the project, which returns (x, y) or (x, y, weight), arrays or pandas",
    _read,
    takes=frozenset({"text"}),
)
