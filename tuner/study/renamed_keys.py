"""Keys of study files that had other names before: what to write now."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tuner.search import DEFAULT_PRUNER, DEFAULT_SAMPLER, PRUNERS, SAMPLERS

RENAMED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sampler": {
        "starts": ("initial_points",),
        "startup": ("n_startup_trials",),
        "candidates": ("n_ei_candidates",),
        "sequence": ("qmc_type",),
        "population": ("population_size", "popsize"),
        "mutation": ("mutation_prob",),
    },
    "pruner": {
        "startup": ("n_startup_trials",),
        "warmup": ("n_warmup_steps",),
        "interval": ("interval_steps",),
    },
}
"""Section → old key → new keys, of which a row has one.  They are the names of Optuna's arguments."""

MISTAKEN_KEYS: Mapping[str, str] = {
    "objective.direction": "the direction belongs to the metric: accuracy is maximised, an error is minimised",
}
"""Keys that are often tried, and why there are none."""


def new_name(section: str, key: str, known: list[str]) -> str | None:
    """Return the new name of an old key, or None if it is none."""
    return next((name for name in RENAMED.get(section, {}).get(key, ()) if name in known), None)


def with_new_names(content: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the old keys in the content of a study file that a database has kept; the content is not changed."""
    renamed = copy.deepcopy(dict(content))
    for section, rows, default in (("sampler", SAMPLERS, DEFAULT_SAMPLER), ("pruner", PRUNERS, DEFAULT_PRUNER)):
        given = renamed.get(section)
        if isinstance(given, dict) and given.get("name", default) in rows:
            known = ["initial_points", *rows[given.get("name", default)].defaults()]
            renamed[section] = {new_name(section, key, known) or key: value for key, value in given.items()}
    return renamed
