"""Initial weights of a recipe, equal to those that building its model gives, without building it.

Building a Keras model costs some 50 ms, drawing its weights 2.  So one building is watched: which initializer fills
which variable, and with which of the seeds that Keras draws from Python's generator.  For another recipe the
same draws are made again.  That they give what building gives is checked once for each kind of network and once for
each initializer of a model file, not assumed: a model file may have randomness of its own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras.src.utils.naming import reset_uids  # `clear_session` does this as well, and more

from tuner.catalog import Recipe, build_model, make_initializer
from tuner.engines.variable_io import values_of

_MOST_DRAWS = 10_000
"""More seeds than any model draws; then Python's generator was used for something else."""

Build = Callable[[Recipe, Callable[[Any], Any], Callable[[int], object]], keras.Model]
"""Builds the model of a recipe, given what to wrap its initializer in, and what sets the generators."""


@dataclass(frozen=True)
class RecordedDraw:
    """A value that an initializer gave: its seed was draw number `draw`, or None where it has a generator."""

    shape: tuple[int, ...]
    dtype: Any
    draw: int | None


class RecordingInitializer(keras.initializers.Initializer):
    """An initializer, and its clones, that notes what it draws."""

    def __init__(self, inner: Any, noted: list[tuple[tuple[int, ...], Any, Any, np.ndarray]]) -> None:
        self._inner, self._noted = inner, noted

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        value = self._inner(shape, dtype=dtype)
        self._noted.append((tuple(shape), dtype, self._inner.seed, keras.ops.convert_to_numpy(value)))
        return value

    def clone(self) -> RecordingInitializer:
        return RecordingInitializer(self._inner.clone(), self._noted)

    def get_config(self) -> dict[str, Any]:
        return dict(self._inner.get_config())


class InitialWeightReplay:
    """Initial values of the variables of one network.

    Args:
        recipe: A recipe of this network.
        build: Builds the model of a recipe of this network.
        trusted: Names of the initializers, and sources of variables (see `_kind`), that gave what building gives in
            another network of the same model file; grows.

    Attributes:
        model: The model that was built.
    """

    def __init__(self, recipe: Recipe, build: Build, trusted: set[str]) -> None:
        self._build, self._trusted = build, trusted
        self._checked = False
        noted: list[tuple[tuple[int, ...], Any, Any, np.ndarray]] = []
        try:
            self.model = build(recipe, lambda initializer: RecordingInitializer(initializer, noted), seed_python)
            seeds = _draws_made(recipe.seed)
        except Exception:  # a model file may look into its initializer; a mistake of its own is raised by this:
            self.model, seeds = build(recipe, _as_it_is, seed_python), None
        self._replays = seeds is not None and self._explain(noted, seeds)
        noted.clear()  # the layers keep their initializers, and with them as much as all weights take

    def of(self, recipe: Recipe) -> list[np.ndarray]:
        """Values of `variables_of(model)`, in their order."""
        if not self._replays or not self._check(recipe):
            built = self._build(recipe, _as_it_is, keras.utils.set_random_seed)
            return values_of(variables_of(built))
        return self._replay(recipe)

    def _explain(self, noted: list[tuple[tuple[int, ...], Any, Any, np.ndarray]], seeds: list[int]) -> bool:
        """Find for each variable where its value comes from; whether every draw could be named."""
        drawn = []
        for shape, dtype, seed, _ in noted:
            if isinstance(seed, int) and seed not in seeds:
                return False
            drawn.append(RecordedDraw(shape, dtype, seeds.index(seed) if isinstance(seed, int) else None))
        self._count, self._drawn = len(seeds), drawn
        self._sources: list[tuple[str, Any]] = []
        left = list(range(len(drawn)))
        for variable in variables_of(self.model):
            value = keras.ops.convert_to_numpy(variable)
            found = next((index for index in left if np.array_equal(noted[index][-1], value)), None)
            if found is not None:
                left.remove(found)
                self._sources.append(("drawn", found))
            elif value.shape == (2,) and value.dtype.kind in "ui" and int(value[0]) in seeds:
                self._sources.append(("seed", seeds.index(int(value[0]))))
            else:
                self._sources.append(("constant", value))
        self._kind = _kind(drawn, self._sources)
        return True

    def _check(self, recipe: Recipe) -> bool:
        """Whether a replay gives what building gives, for a seed not seen yet; checked as rarely as can be."""
        name = recipe.initializer.name
        self._checked = self._checked or self._kind in self._trusted
        if not self._checked or name not in self._trusted:
            other = recipe.model_copy(update={"seed": recipe.seed ^ 1})
            model = self._build(other, _as_it_is, seed_python)
            built = values_of(variables_of(model))
            replayed = self._replay(other)
            self._replays = len(built) == len(replayed) and all(map(np.array_equal, built, replayed))
            self._checked = True
            if self._replays:
                self._trusted.add(name)
                if self._kind is not None:
                    self._trusted.add(self._kind)
        return self._replays

    def _replay(self, recipe: Recipe) -> list[np.ndarray]:
        generator = random.Random(recipe.seed)
        seeds = [generator.randint(1, int(1e9)) for _ in range(self._count)]
        shared = make_initializer(recipe)
        drawn = []
        for draw in self._drawn:
            initializer = shared
            if draw.draw is not None:
                initializer = shared.clone()
                initializer.seed = seeds[draw.draw]
            drawn.append(keras.ops.convert_to_numpy(initializer(draw.shape, dtype=draw.dtype)))
        values = []
        for kind, source in self._sources:
            match kind:
                case "drawn":
                    values.append(drawn[source])
                case "seed":
                    values.append(np.array([seeds[source], 0], np.uint32))
                case _:
                    values.append(source)
        return values


def _kind(drawn: Sequence[RecordedDraw], sources: Sequence[tuple[str, Any]]) -> str | None:
    """Where the variables of a network come from, whatever their shapes are.

    None where numbers of a variable have no draw and differ: the model file may have made them up.
    """
    found = []
    for kind, source in sources:
        if kind == "constant" and np.unique(source).size > 1:
            return None
        found.append((kind, drawn[source].draw if kind == "drawn" else np.ravel(source)[:1].tolist()))
    return f"sources {found}"


def variables_of(model: keras.Model) -> list[Any]:
    """All variables of a model: first what is trained, then the rest (statistics, seeds)."""
    return [*model.trainable_variables, *model.non_trainable_variables]


def seed_python(seed: int) -> None:
    """Set the generators from which Keras and NumPy draw, and leave TensorFlow's alone.

    Setting that one makes TensorFlow prepare all programs anew at their next call, 8 to 28 ms each.  A model file that
    draws from it is noticed when a replay is checked, and is then built with all generators set.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 – model files may draw from it


def _as_it_is(initializer: Any) -> Any:
    return initializer


def _draws_made(seed: int) -> list[int] | None:
    """The seeds that Keras has drawn from Python's generator since it was set to `seed`; None where it cannot be."""
    generator, now = random.Random(seed), random.getstate()
    drawn: list[int] = []
    while generator.getstate() != now:
        if len(drawn) == _MOST_DRAWS:
            return None
        drawn.append(generator.randint(1, int(1e9)))
    return drawn


def builder(
    inputs: Sequence[int], outputs: int, build: Callable[..., keras.Model], penalty: keras.regularizers.Regularizer
) -> Build:
    """What `InitialWeightReplay` builds with: the models of the recipes of one network."""

    def of_recipe(recipe: Recipe, wrap: Callable[[Any], Any], seeding: Callable[[int], object]) -> keras.Model:
        reset_uids()  # a layer without a name gets the next number of this process, and trials are compared by names
        return build_model(recipe, inputs, outputs, build, wrap=wrap, penalty=penalty, seeding=seeding)

    return of_recipe
