"""Renamed keys of study files, with their new names."""

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
"""Section → old key → new keys, Optuna's argument names; each sampler or pruner has one of them."""


def new_name(section: str, key: str, known: list[str]) -> str | None:
    """Return the new name of an old key, or None if the key was not renamed."""
    return next((name for name in RENAMED.get(section, {}).get(key, ()) if name in known), None)


def with_new_names(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a study file from a database with old keys renamed."""
    renamed = copy.deepcopy(dict(content))
    for section, rows, default in (("sampler", SAMPLERS, DEFAULT_SAMPLER), ("pruner", PRUNERS, DEFAULT_PRUNER)):
        given = renamed.get(section)
        if isinstance(given, dict) and given.get("name", default) in rows:
            known = ["initial_points", *rows[given.get("name", default)].defaults()]
            renamed[section] = {new_name(section, key, known) or key: value for key, value in given.items()}
    return renamed
