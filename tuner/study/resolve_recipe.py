"""Resolve the parameter values of a trial to its recipe, which leaves nothing to decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuner.catalog import (
    DIMENSIONS,
    Choice,
    ChoiceDimension,
    ModelChoice,
    NumberDimension,
    Recipe,
    Task,
    choice_dimension,
    number_dimension,
    resolve_head,
    seed_from,
    user_references,
)
from tuner.errors import UsageError
from tuner.space import Dimension, Value, value_from_json, value_to_json
from tuner.study.search.search_context import default_choice
from tuner.study.study_spec import StudySpec

_DIGITS = 6
"""Significant digits of class weights: more only make recipes hard to read."""


def resolve_recipe(spec: StudySpec, values: Mapping[str, Value], number: int) -> Recipe:
    """Resolve the recipe of one trial.

    Args:
        spec: The study.
        values: The value of every active searched dimension; fixed and inactive ones are optional.
        number: Number of the trial, from 0; it determines the training seed, together with the study's seed.

    Raises:
        UsageError: An active searched dimension has no value, or an invalid one.
    """
    spec.user_objects.register()
    complete = spec.space.resolve(lambda dimension: _given(dimension, values))
    task = spec.facts.task
    choices = {
        name: _choice(dimension, complete, task)
        for name, dimension in DIMENSIONS.items()
        if isinstance(dimension, ChoiceDimension)
    }
    numbers = {
        name: _number(dimension, complete, choices)
        for name, dimension in DIMENSIONS.items()
        if isinstance(dimension, NumberDimension) and dimension.in_recipe
    }
    exponent: Any = complete.get("class_weight", number_dimension("class_weight").default)
    searched: dict[str, Any] = {**choices, "activation": choices["activation"].name, **numbers}
    recipe = Recipe(
        **searched,
        task=task,
        model=_model(spec, complete),
        head=resolve_head(choices["loss"].name, task, spec.head),
        class_weight=class_weights(spec, exponent),
        epochs=spec.length.epochs,
        keep=spec.length.keep,
        patience=spec.length.patience,
        metric=spec.metric,
        metric_keys=dict(spec.metric_keys),
        seed=trial_seed(spec.seed, number),
        data=spec.data.model_dump(mode="json"),
    )
    files = [spec.user_objects.files[str(reference)] for _, reference in user_references(recipe)]
    return recipe.model_copy(update={"code": {path: digest for one in files for path, digest in one.items()}})


def trial_seed(study_seed: int, number: int) -> int:
    """Derive the seed of one trial from that of the study.

    Neighboring study seeds lead to unrelated trial seeds, which do not depend on how many trials ran before.
    """
    return seed_from(f"{study_seed}:{number}")


def class_weights(spec: StudySpec, exponent: float) -> dict[int, float] | None:
    """Compute class weights by index: `(rows / (classes * rows of the class)) ** exponent * data.class_weight`.

    None if there are no classes, or no weights are asked for.  A class without training rows keeps its weight in
    `data.class_weight`.
    """
    facts, fixed = spec.facts, spec.data.class_weight
    if facts.task not in (Task.MULTICLASS, Task.BINARY) or (exponent == 0 and fixed is None):
        return None
    rows, classes = sum(facts.class_counts), len(facts.class_counts)
    weights = {}
    for index, (name, count) in enumerate(zip(facts.classes, facts.class_counts, strict=True)):
        balance = (rows / (classes * count)) ** exponent if count else 1.0
        weights[index] = float(f"{balance * (fixed or {}).get(name, 1.0):.{_DIGITS}g}")
    return weights


def _given(dimension: Dimension, values: Mapping[str, Value]) -> Value:
    if dimension.name not in values:
        raise UsageError(f"Every active dimension needs a value, but {dimension.name!r} has none.")
    value = value_from_json(values[dimension.name])
    if value not in dimension.parameter:
        raise UsageError(f"{dimension.name} must be one of {dimension.parameter}, but got {value!r}.")
    return value


def _choice(dimension: ChoiceDimension, values: Mapping[str, Value], task: Task) -> Choice:
    """Return the chosen row with its options: the values of this trial over the row's defaults."""
    chosen = str(values[dimension.name]) if dimension.name in values else default_choice(dimension, task)
    options = {
        option: value_to_json(values.get(f"{dimension.name}.{chosen}.{option}", default))
        for option, default in dimension.table[chosen].defaults().items()
    }
    return Choice(name=chosen, options=options)


def _number(dimension: NumberDimension, values: Mapping[str, Value], choices: Mapping[str, Choice]) -> Any:
    """Return the value of a dimension of numbers: that of the chosen row, else the shared one, else the default."""
    shared = values.get(dimension.name, dimension.default)
    if dimension.choice is None:
        return shared
    row = choice_dimension(dimension.choice).table[choices[dimension.choice].name]
    if not dimension.taken_by(row):
        return dimension.default
    value = values.get(f"{dimension.choice}.{row.name}.{dimension.name}", shared)
    return dimension.default_from_row(row) if value is None and dimension.default_from_row else value


def _model(spec: StudySpec, values: Mapping[str, Value]) -> ModelChoice:
    options = {
        name.removeprefix("model."): value_to_json(value) for name, value in values.items() if name.startswith("model.")
    }
    of_model = [name for name, one in DIMENSIONS.items() if isinstance(one, NumberDimension) and one.of_model]
    options |= {name: values[name] for name in of_model if name in values}
    return ModelChoice(reference=str(spec.model), sha256=spec.model_sha256, options=options, helpers=dict(spec.helpers))
