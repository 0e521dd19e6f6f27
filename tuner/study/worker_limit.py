"""The most workers of a study, in its file and on the command line."""

from __future__ import annotations

MOST_WORKERS = 1_024
