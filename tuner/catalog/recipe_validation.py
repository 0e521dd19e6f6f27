"""Validation of a recipe: each name is in its registry, each option and number is one that a study may set.

Recipes are read from databases, exported files and saved models, all of which may come from a stranger.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from tuner.catalog.dimensions import DIMENSIONS, ChoiceDimension, NumberDimension
from tuner.catalog.metrics import METRICS
from tuner.catalog.output_activations import HEADS
from tuner.errors import ContentError, RecipeError, UnknownNameError, shown
from tuner.space import Float, Int, Parameter, value_from_json
from tuner.user_code import Reference, is_name, is_reference

if TYPE_CHECKING:
    from tuner.catalog.recipe import Recipe

Problem: TypeAlias = tuple[str, str]
"""The dotted key of a recipe, and the rule that it breaks with what it says."""

MOST_EPOCHS = 100_000
LARGEST_SEED = 2**32 - 1
_EPOCHS = Int(1, MOST_EPOCHS)
_SEEDS = Int(0, LARGEST_SEED)
_CLASSES = Int(0, 1_000_000)
_WEIGHTS = Float(0.0, 1e30)
_GIVEN = tuple(name for name, one in DIMENSIONS.items() if isinstance(one, ChoiceDimension) and one.of_model)
"""Arguments of a model's function that are no options of it."""
_DEEPEST, _LONGEST = 8, 10_000
"""Lists in lists, and characters of a text, of an option of a model."""


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that no study can produce.

    Raises:
        RecipeError: The first rule that is broken, with the place in the recipe.
    """
    for place, problem in _problems(recipe):
        raise RecipeError(f"`{place}` of the recipe: {problem}")


def _problems(recipe: Recipe) -> Iterator[Problem]:
    for dimension in DIMENSIONS.values():
        if isinstance(dimension, ChoiceDimension):
            yield from _choice(dimension, getattr(recipe, dimension.name))
        elif dimension.in_recipe:
            yield from _number(dimension, getattr(recipe, dimension.name))
    for key, epochs in (("epochs", recipe.epochs), ("patience", recipe.patience), ("last_epoch", recipe.last_epoch)):
        if epochs is not None:
            yield from _range(key, epochs, _EPOCHS)
    yield from _range("seed", recipe.seed, _SEEDS)
    for index, weight in (recipe.class_weight or {}).items():
        yield from _range("class_weight", index, _CLASSES)
        yield from _range(f"class_weight.{index}", weight, _WEIGHTS)
    if recipe.head not in ("model", *HEADS):
        yield "head", str(UnknownNameError("head", recipe.head, ("model", *HEADS)))
    if is_reference(recipe.metric):
        yield from _reference("metric", recipe.metric)
        yield from _keywords("metric_keys.options", recipe.metric_keys.get("options", {}))
    elif recipe.metric not in METRICS:
        yield "metric", str(UnknownNameError("metric", recipe.metric, METRICS))
    elif recipe.task not in METRICS[recipe.metric].tasks:
        yield "metric", f"{recipe.metric} is not defined for the task {recipe.task}."
    yield from _model(recipe)
    yield from _text("metric_keys", recipe.metric_keys)
    yield from _text("data", recipe.data)


def _choice(dimension: ChoiceDimension, given: Any) -> Iterator[Problem]:
    name, options = (given, {}) if isinstance(given, str) else (given.name, given.options)
    if is_reference(name):  # its options are compared with its source where it is run
        yield from _reference(dimension.name, name)
        yield from _keywords(f"{dimension.name}.options", options)
        return
    if name not in dimension.table:
        yield dimension.name, str(UnknownNameError(dimension.table.family, name, dimension.table))
        return
    row = dimension.table[name]
    for key, value in options.items():
        option, place = row.option(key), f"{dimension.name}.options.{key}"
        if option is None:
            yield place, f"{name} has no such option. It has: {', '.join(row.defaults()) or 'none'}."
        elif (value := value_from_json(value)) != option.default and not (option.allowed and value in option.allowed):
            yield place, f"it must be {option.allowed}, but got {shown(value)}."


def _reference(place: str, name: str) -> Iterator[Problem]:
    """Check the form of a reference to user code."""
    try:
        if str(Reference.parse_object(name)) != name:
            yield place, f"it must be a reference such as 'losses.py:tversky', but got {shown(name)}."
    except ContentError as error:
        yield place, str(error)


def _keywords(place: str, options: Any) -> Iterator[Problem]:
    """Check keyword arguments of user code: a script writes their names as they are."""
    if not isinstance(options, Mapping):
        yield place, f"it must map names to values, but got {shown(options)}."
        return
    for name in options:
        if not is_name(name):
            yield place, f"an option must be a Python identifier, but got {shown(name)}."
    yield from _plain_options(place, options)


def _plain_options(place: str, options: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in options.items():
        yield from _plain(f"{place}.{name}", value, _DEEPEST)
    yield from _text(place, options)


def _number(dimension: NumberDimension, value: Any) -> Iterator[Problem]:
    if value is not None:  # what a recipe may lack is a matter of its types
        yield from _range(dimension.name, value, dimension.allowed)


def _range(place: str, value: Any, allowed: Parameter) -> Iterator[Problem]:
    if not math.isfinite(value) or value not in allowed:
        yield place, f"it must be {allowed}, but got {shown(value)}."


def _model(recipe: Recipe) -> Iterator[Problem]:
    model = recipe.model
    try:
        Reference.parse(model.reference, "build")
    except ContentError as error:
        yield "model.reference", str(error)
    digests = {"model.sha256": model.sha256, **{f"model.{path}": digest for path, digest in model.helpers.items()}}
    for place, digest in {**digests, **{f"code.{path}": digest for path, digest in recipe.code.items()}}.items():
        if re.fullmatch("[0-9a-f]{64}", digest) is None:
            yield place, f"it must be a SHA-256 of 64 hexadecimal digits, but got {shown(digest)}."
    for name in model.options:
        if name in _GIVEN:
            yield f"model.options.{name}", "it is an argument of every model, not an option."
    yield from _plain_options("model.options", model.options)


def _plain(place: str, value: Any, depth: int) -> Iterator[Problem]:
    """Allow a text, a finite number, true, false or null, or a list of them."""
    if isinstance(value, list | tuple) and depth > 0:
        for item in value:
            yield from _plain(place, item, depth - 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield place, f"it must be a finite number, but got {value}."
    elif isinstance(value, str) and len(value) > _LONGEST:
        yield place, f"a string has at most {_LONGEST:,} characters, but this one has {len(value):,}."
    elif value is not None and not isinstance(value, str | bool | int | float):
        yield place, f"it must be a string, a number, true, false or a list of them, but got {shown(value)}."


def _text(place: str, value: Any) -> Iterator[Problem]:
    """Texts that can be written into a file: no half of a pair of code units."""
    match value:
        case str():
            if any("\ud800" <= letter <= "\udfff" for letter in value):
                yield place, f"a string must be Unicode, but got {shown(value)}."
        case Mapping():
            for key, item in value.items():
                yield from _text(place, key)
                yield from _text(place, item)
        case list() | tuple():
            for item in value:
                yield from _text(place, item)
