"""Content of a study file that was given as Python values, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np


def plain_content(value: Any) -> Any:
    """Convert tuples and arrays to lists, NumPy scalars to Python's, paths to strings; leave anything else as is.

    A float32 becomes the number that it is printed as: 0.1, not 0.10000000149011612.  A member of an enum of texts or
    numbers is its value.
    """
    match value:
        case _ if isinstance(value, np.ndarray):
            return [plain_content(item) for item in value] if value.ndim else plain_content(value[()])
        case _ if isinstance(value, np.float16 | np.float32):
            return float(str(value))
        case Enum() if isinstance(value, str | int | float):
            return value.value
        case np.generic():
            return value.item()
        case Mapping():
            return {str(plain_content(key)): plain_content(item) for key, item in value.items()}
        case list() | tuple():
            return [plain_content(item) for item in value]
        case Path():
            return value.as_posix()
    return value
