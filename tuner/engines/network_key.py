"""The identity of a network: recipes with equal keys differ in numbers only."""

from __future__ import annotations

import json

from tuner.catalog import Recipe
from tuner.data import DataFacts
from tuner.engines.keras_global_state import settings_key


def network_key(recipe: Recipe, facts: DataFacts) -> str:
    """Return the cache key of a recipe's network."""
    model = recipe.model
    content: list[object] = [
        model.reference,
        model.sha256,
        model.helpers,
        model.options,
        recipe.activation,
        recipe.head,
    ]
    content += [bool(recipe.l1), bool(recipe.l2), list(facts.input_shape), facts.outputs, settings_key()]
    return json.dumps(content, sort_keys=True)
