"""The sections `[tracking]` and `[notify]`: what else hears of results; neither is part of a study's setup."""

from __future__ import annotations

import shlex
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, create_model

from tuner.study.problems import refusal
from tuner.study.scalars import quoted_text
from tuner.study.section_validation import Section
from tuner.trackers import TRACKERS, TrackerEntry


def _target(row: TrackerEntry, value: Any) -> str:
    reason = row.incompatible_because()
    if reason is not None:
        raise refusal(reason, next_step="Install it, or leave the key out.")
    return quoted_text(value)


def _target_field(row: TrackerEntry) -> tuple[Any, Any]:
    kind = Annotated[str, BeforeValidator(partial(_target, row))] | None
    return kind, Field(default=None, description=row.summary)


_TARGETS: dict[str, Any] = {row.name: _target_field(row) for row in TRACKERS.values()}
TRACKING_SECTION: type[Section] = create_model(
    "TrackingSection", __base__=Section, __doc__="Where finished trials are written besides the database.", **_TARGETS
)
"""A key for each tracker."""


def _command(value: Any) -> str:
    try:
        words = shlex.split(quoted_text(value))
    except ValueError:
        words = []
    if words:
        return str(value)
    raise refusal(
        "must be a command whose quotes are closed",
        allowed='a program with its arguments, as in "notify-send done"',
        next_step="Close the quotes.",
    )


class NotifySection(Section):
    """What is run when a run of the study ends."""

    command: Annotated[str, BeforeValidator(_command)] | None = Field(
        default=None, description="run without a shell; gets the result as JSON on standard input"
    )
