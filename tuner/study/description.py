"""A description of a study for `tuner check`."""

from __future__ import annotations

from typing import Any

from tuner.catalog import DIMENSIONS, ChoiceDimension, Task, written_values
from tuner.engines import ENGINES
from tuner.search import initial_points
from tuner.space import Dimension, Fixed, value_to_json
from tuner.study.search.search_context import default_choice
from tuner.study.study_spec import StudySpec

_OF_LENGTH = ("epochs", "keep", "stop", "repeats")


def explain(spec: StudySpec) -> dict[str, Any]:
    """Describe a study as plain JSON.

    Returns:
        `{"study", "model", "objective", "data", "space", "fixed", "defaults", "settings", "budget", "training",
        "sampler", "initial_points", "pruner", "limits", "health", "engine", "advice"}`; `space` has a
        `{"name", "values", "when"}` for each searched dimension, `defaults` names what is fixed at its default,
        `settings` is None if there are infinitely many, or more than 10^15.
    """
    facts = spec.facts
    return {
        "study": spec.name,
        "model": str(spec.model),
        "objective": {
            "metric": spec.metric,
            "options": dict(spec.metric_keys.get("options", {})),
            "direction": spec.direction,
        },
        "data": {
            "source": spec.data.source,
            "task": str(facts.task),
            "input_shape": list(facts.input_shape),
            "outputs": facts.outputs,
            "classes": list(facts.classes),
            "rows": dict(facts.rows),
            "folds": spec.folds,
            "notes": list(facts.notes),
        },
        "space": [
            {
                "name": dimension.name,
                "values": written_values(dimension.name, str(dimension.parameter)),
                "when": {condition.name: list(condition.one_of) for condition in dimension.conditions},
            }
            for dimension in spec.space.searched
        ],
        "fixed": {d.name: written_values(d.name, str(d.parameter)) for d in spec.space if not d.is_searched},
        "defaults": [d.name for d in spec.space if not d.is_searched and _at_default(d, facts.task)],
        "settings": spec.settings,
        "budget": {
            **{key: value for key, value in vars(spec.budget).items() if value is not None and key not in _OF_LENGTH},
            "epochs": spec.length.epochs,
        },
        "training": {**vars(spec.length), "auto": spec.budget.epochs is None, "repeats": spec.budget.repeats},
        "sampler": {"name": spec.sampler.name, **spec.sampler.options},
        "initial_points": {
            "own": [{name: value_to_json(value) for name, value in point.items()} for point in spec.own_points],
            "older": list(spec.older),
            "known": len(initial_points(spec.space, facts.task)) if spec.initial_points else 0,
        },
        "pruner": {"name": spec.pruner.name, **spec.pruner.options},
        "limits": spec.limits.given,
        "health": spec.health.to_json(),
        "engine": {"name": spec.engine, "reason": ENGINES[spec.engine].summary},
        "advice": list(spec.advice),
    }


def _at_default(dimension: Dimension, task: Task) -> bool:
    """Return whether a dimension that is not searched has the value that it has in every study that leaves it out."""
    if not isinstance(dimension.parameter, Fixed) or dimension.name not in DIMENSIONS:
        return False
    row = DIMENSIONS[dimension.name]
    default = default_choice(row, task) if isinstance(row, ChoiceDimension) else row.default
    return bool(dimension.parameter.value == default)
