"""Replay the initial weights of a recipe without building its model.

Building a Keras model takes about 50 ms, half of it for its variables; drawing its weights 2 ms.  So one build is
recorded: which initializer fills which variable, with which of the seeds that Keras draws from Python's generator.  Its
variables get no values, if all can be attributed to an initializer without them.  Another recipe replays the draws.
Replayed weights are verified against a build once for each kind of network and each initializer of a model file, as a
model file may draw numbers of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from tuner.catalog import Recipe, build_model, make_initializer, unseeded_initializer
from tuner.engines.variable_io import get_values
from tuner.keras_internals import initialize, pop_uninitialized, reset_uids

Record = tuple[tuple[int, ...], Any, Any, np.ndarray]
"""Shape, dtype and seed of an initializer's call, and its value."""

_MAX_DRAWS = 10_000
"""More seeds than any model draws: Python's generator was used for something else."""

Build = Callable[[Recipe, Callable[[Any], Any], Callable[[int], object]], keras.Model]
"""Builds the model of a recipe, given a wrapper for its initializer and a function that seeds the generators."""


@dataclass(frozen=True)
class RecordedDraw:
    """A call of an initializer; its seed was draw number `draw`, or None if it has a generator."""

    shape: tuple[int, ...]
    dtype: Any
    draw: int | None


class RecordingInitializer(keras.initializers.Initializer):
    """Wraps an initializer and its clones, and records their values."""

    def __init__(self, inner: Any, records: list[Record]) -> None:
        self._inner, self._records = inner, records

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        value = self._inner(shape, dtype=dtype)
        self._records.append((tuple(shape), dtype, self.seed, keras.ops.convert_to_numpy(value)))
        return value

    def clone(self) -> RecordingInitializer:
        return RecordingInitializer(self._inner.clone(), self._records)

    def get_config(self) -> dict[str, Any]:
        return dict(self._inner.get_config())

    @property
    def seed(self) -> Any:
        """The seed of its draws: an integer or a generator."""
        return self._inner.seed


@dataclass(frozen=True)
class ReplayPlan:
    """The sources of the variables of a network.

    Attributes:
        seed_count: Seeds that Keras draws in a build.
        draws: Calls of the initializer, in order.
        sources: For each variable: "drawn" and the index of a draw, "seed" and that of a seed, "constant" and a value.
        signature: See `_signature`.
    """

    seed_count: int
    draws: Sequence[RecordedDraw]
    sources: Sequence[tuple[str, Any]]
    signature: str | None


class InitialWeightReplay:
    """Initial values of the variables of one network.

    Args:
        recipe: A recipe of this network.
        build: Builds the model of a recipe of this network.
        trusted: Names of initializers, and signatures (see `_signature`), verified for another network of the same
            model file; grows.

    Attributes:
        model: The model that was built.
    """

    def __init__(self, recipe: Recipe, build: Build, trusted: set[str]) -> None:
        self._build, self._trusted = build, trusted
        self._checked = False
        self._uninitialized: list[Any] = []
        self._plan = self._plan_without_values(recipe) or self._plan_from_values(recipe)

    def initialize(self) -> None:
        """Give values to the variables of the model that have none."""
        initialize(self._uninitialized)
        self._uninitialized = []

    def _plan_without_values(self, recipe: Recipe) -> ReplayPlan | None:
        """Build the model with variables that have no values; None if that does not show where these come from."""
        try:
            with keras.StatelessScope(initialize_variables=False):
                self.model = self._build(recipe, partial(RecordingInitializer, records=[]), seed_python_and_numpy)
            seeds = _drawn_seeds(recipe.seed)
        except Exception:  # a model file may need the values
            seeds = None
        finally:
            self._uninitialized = pop_uninitialized()
        if seeds is None:
            return None
        return _attribute_initializers(self.model, self._uninitialized, seeds)

    def _plan_from_values(self, recipe: Recipe) -> ReplayPlan | None:
        self._uninitialized = []
        records: list[Record] = []
        try:
            self.model = self._build(recipe, partial(RecordingInitializer, records=records), seed_python_and_numpy)
            seeds = _drawn_seeds(recipe.seed)
        except Exception:  # a model file may inspect its initializer; its own errors are raised here:
            self.model, seeds = self._build(recipe, _identity, seed_python_and_numpy), None
        plan = None if seeds is None else _attribute_draws(self.model, records, seeds)
        records.clear()  # the layers hold their initializers, and these the records
        return plan

    def values_for(self, recipe: Recipe) -> list[np.ndarray]:
        """Return the values of `all_variables(model)`, in their order."""
        plan = self._verified_plan(recipe)
        if plan is None:
            built = self._build(recipe, _identity, keras.utils.set_random_seed)
            return get_values(all_variables(built))
        return _replay(plan, recipe)

    def _verified_plan(self, recipe: Recipe) -> ReplayPlan | None:
        """Verify once per network kind and initializer that replayed weights equal built ones, for another seed."""
        plan, name = self._plan, recipe.initializer.name
        if plan is None:
            return None
        self._checked = self._checked or plan.signature in self._trusted
        if not self._checked or name not in self._trusted:
            other = recipe.model_copy(update={"seed": recipe.seed ^ 1})
            model = self._build(other, _identity, seed_python_and_numpy)
            built, replayed = get_values(all_variables(model)), _replay(plan, other)
            self._checked = True
            if len(built) != len(replayed) or not all(map(np.array_equal, built, replayed)):
                self._plan = None
            else:
                self._trusted |= {name} if plan.signature is None else {name, plan.signature}
        return self._plan


def _attribute_initializers(model: keras.Model, variables: Sequence[Any], seeds: list[int]) -> ReplayPlan | None:
    """Find the source of each variable's value by its initializer; None if one may draw numbers of its own.

    Args:
        model: The model.
        variables: Its variables, without values, in the order in which they were made.
        seeds: What Keras has drawn.
    """
    draws, sources = list[RecordedDraw](), dict[int, tuple[str, Any]]()
    for variable, initializer in variables:
        shape, dtype = tuple(variable.shape), variable.dtype
        if isinstance(initializer, RecordingInitializer):
            seed = initializer.seed
            if isinstance(seed, int) and seed not in seeds:
                return None
            sources[id(variable)] = "drawn", len(draws)
            draws.append(RecordedDraw(shape, dtype, seeds.index(seed) if isinstance(seed, int) else None))
            continue
        if hasattr(initializer, "seed"):
            return None
        value = keras.ops.convert_to_numpy(initializer(shape, dtype=dtype))
        if value.shape == (2,) and value.dtype.kind in "ui" and int(value[0]) in seeds:
            sources[id(variable)] = "seed", seeds.index(int(value[0]))
        else:
            sources[id(variable)] = "constant", value
    if any(id(variable) not in sources for variable in all_variables(model)):
        return None
    ordered = [sources[id(variable)] for variable in all_variables(model)]
    return ReplayPlan(len(seeds), draws, ordered, _signature(draws, ordered))


def _attribute_draws(model: keras.Model, records: Sequence[Record], seeds: list[int]) -> ReplayPlan | None:
    """Find the source of each variable's value; None if a draw cannot be attributed to a seed."""
    draws, sources = list[RecordedDraw](), list[tuple[str, Any]]()
    for shape, dtype, seed, _ in records:
        if isinstance(seed, int) and seed not in seeds:
            return None
        draws.append(RecordedDraw(shape, dtype, seeds.index(seed) if isinstance(seed, int) else None))
    left = list(range(len(draws)))
    for variable in all_variables(model):
        value = keras.ops.convert_to_numpy(variable)
        match = next((index for index in left if np.array_equal(records[index][-1], value)), None)
        if match is not None:
            left.remove(match)
            sources.append(("drawn", match))
        elif value.shape == (2,) and value.dtype.kind in "ui" and int(value[0]) in seeds:
            sources.append(("seed", seeds.index(int(value[0]))))
        else:
            sources.append(("constant", value))
    return ReplayPlan(len(seeds), draws, sources, _signature(draws, sources))


def _replay(plan: ReplayPlan, recipe: Recipe) -> list[np.ndarray]:
    """Repeat the draws of a build with the seeds of another recipe, and return the values of all variables."""
    generator = random.Random(recipe.seed)
    seeds = [generator.randint(1, int(1e9)) for _ in range(plan.seed_count)]
    shared = make_initializer(recipe) if any(draw.draw is None for draw in plan.draws) else None
    unseeded = unseeded_initializer(recipe)
    drawn = []
    for draw in plan.draws:
        initializer: Any = shared
        if draw.draw is not None:
            initializer = unseeded.clone()
            initializer.seed = seeds[draw.draw]
        drawn.append(keras.ops.convert_to_numpy(initializer(draw.shape, dtype=draw.dtype)))
    values = []
    for kind, source in plan.sources:
        match kind:
            case "drawn":
                values.append(drawn[source])
            case "seed":
                values.append(np.array([seeds[source], 0], np.uint32))
            case _:
                values.append(source)
    return values


def _signature(drawn: Sequence[RecordedDraw], sources: Sequence[tuple[str, Any]]) -> str | None:
    """Return the sources of a network's variables, without their shapes.

    None if a variable has differing values without a draw: the model file may have drawn them.
    """
    signature = []
    for kind, source in sources:
        if kind == "constant" and np.unique(source).size > 1:
            return None
        signature.append((kind, drawn[source].draw if kind == "drawn" else np.ravel(source)[:1].tolist()))
    return f"sources {signature}"


def all_variables(model: keras.Model) -> list[Any]:
    """Return all variables of a model: trainable ones, then the rest (statistics, seeds)."""
    return [*model.trainable_variables, *model.non_trainable_variables]


def seed_python_and_numpy(seed: int) -> None:
    """Seed the generators of Python and NumPy, but not TensorFlow's.

    Seeding that one makes TensorFlow prepare all functions again at their next call, 8 to 28 ms each.  A model file
    that draws from it fails the verification, and is then built with all generators seeded.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 – model files may draw from it


def _identity(initializer: Any) -> Any:
    return initializer


def _drawn_seeds(seed: int) -> list[int] | None:
    """Return the seeds that Keras has drawn from Python's generator since it was seeded, or None if others drew too."""
    generator, now, drawn = random.Random(seed), random.getstate(), list[int]()
    while generator.getstate() != now:
        if len(drawn) == _MAX_DRAWS:
            return None
        drawn.append(generator.randint(1, int(1e9)))
    return drawn


def make_builder(
    inputs: Sequence[int], outputs: int, build: Callable[..., keras.Model], penalty: keras.regularizers.Regularizer
) -> Build:
    """Return the builder for `InitialWeightReplay`, of the models of one network."""

    def build_with(recipe: Recipe, wrap: Callable[[Any], Any], seeding: Callable[[int], object]) -> keras.Model:
        reset_uids()  # unnamed layers are numbered per process, and trials are compared by names
        return build_model(recipe, inputs, outputs, build, wrap=wrap, penalty=penalty, seeding=seeding)

    return build_with
