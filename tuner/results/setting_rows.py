"""The setting of a trial as text, with values as the study file writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.catalog import written_value
from tuner.text import value_text


def setting_rows(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and value of each parameter: "none" for a class weight of 0."""
    return [(name, value_text(written_value(name, value))) for name, value in params.items()]


def setting_text(params: Mapping[str, Any]) -> str:
    """Return a setting on one line."""
    return ", ".join(f"{name}={value}" for name, value in setting_rows(params))
