"""The compiled engine: a trial is a few calls of a program that other trials of its kind have used before.

Shapes: n rows; x `(n, *input_shape)`, y `(n, outputs)`, weight `(n,)`; all float32.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tuner.data import DataFacts, Part, Split
from tuner.diagnostics import divergence
from tuner.engines.base import Decide, EpochRecord, Training
from tuner.engines.compiled.programs import Program, Programs, RowsKind
from tuner.engines.measure import PREDICT_ROWS, objective, sample_weight
from tuner.errors import UnsupportedError
from tuner.training import Recipe, learning_rates, plateau

_CALL_S = 0.5
"""How long one call may take: progress is told, and a training can end, between calls."""
_BYTES = 2**29
"""Training data above this are not copied into an epoch's order."""
_OUTPUT_BYTES = 2**26
_SPLITS = 16


class CompiledEngine:
    """Trains with assembled programs; equal to `fit` for equal initial weights and batch order."""

    name = "compiled"

    def __init__(self) -> None:
        self._programs = Programs()
        self._last: Program | None = None
        self._parts: OrderedDict[int, tuple[Split, list[list[tf.Tensor]]]] = OrderedDict()

    @property
    def programs(self) -> tuple[int, float]:
        """Programs made so far, and the seconds spent on making them."""
        return self._programs.clock.traced, self._programs.clock.seconds

    def weights(self) -> list[np.ndarray]:
        """The trained weights of the last training, in the order of the model's `trainable_variables`."""
        if self._last is None:
            raise RuntimeError("nothing was trained yet")
        return self._last.weights.arrays()

    def train(
        self,
        recipe: Recipe,
        split: Split,
        facts: DataFacts,
        build: Callable[..., Any],
        fold: int,
        decide: Decide,
        rungs: Sequence[int] = (),
    ) -> Training:
        """See `Engine.train`."""
        if split.train.x.nbytes > _BYTES:
            raise UnsupportedError(
                f"the training data have {split.train.x.nbytes >> 20} MiB, and up to {_BYTES >> 20} are compiled"
            )
        weights = [sample_weight(part, recipe) for part in (split.train, split.validation)]
        weighted = any(weight is not None for weight in weights)
        kind = RowsKind(weighted, in_parts=len(split.validation) > PREDICT_ROWS)
        program = self._last = self._programs.begin(recipe, facts, build, kind)
        rows = self._rows(split, weights if weighted else None)
        return _Trial(program, recipe, split, rows, fold).run(decide, rungs)

    def _rows(self, split: Split, weights: Sequence[np.ndarray | None] | None) -> list[tf.Tensor]:
        """Training and validation rows as a program takes them; features and targets are copied once."""
        if id(split) not in self._parts:
            parts = [[tf.constant(part.x), tf.constant(part.y)] for part in (split.train, split.validation)]
            self._parts[id(split)] = (split, parts)
            while len(self._parts) > _SPLITS:
                self._parts.popitem(last=False)
        parts = self._parts[id(split)][1]
        if weights is None:
            return [*parts[0], *parts[1]]
        given = zip(parts, weights, (split.train, split.validation), strict=True)
        return [tensor for part, weight, rows in given for tensor in (*part, _weight(weight, rows))]


def _weight(weight: np.ndarray | None, rows: Part) -> tf.Tensor:
    return tf.constant(np.ones(len(rows), np.float32) if weight is None else weight)


class _Trial:
    """One training: which epochs go into a call, and what is told of them."""

    def __init__(self, program: Program, recipe: Recipe, split: Split, rows: list[tf.Tensor], fold: int) -> None:
        self._program, self._recipe, self._split, self._rows, self._fold = program, recipe, split, rows, fold
        self._count = len(split.train)
        self._steps = math.ceil(self._count / recipe.batch_size)
        self._rates = learning_rates(recipe, self._steps * recipe.epochs)
        self._plateau = plateau(recipe)
        self._order = np.random.default_rng(recipe.seed)
        self._batch = tf.constant(recipe.batch_size, tf.int32)

    def run(self, decide: Decide, rungs: Sequence[int]) -> Training:
        """Train to the end, or to where `decide` ends it."""
        done, value, epochs = 0, None, self._recipe.epochs
        while done < epochs:
            count = self._epochs_at_once(done, rungs)
            rates = self._rates_of(done, count)
            losses, validation_losses, outputs, seconds = self._call(count, rates)
            for index in range(count):
                done += 1
                rate = float(rates[(index + 1) * self._steps - 1])
                reason = divergence("training loss", float(losses[index]), done, rate)
                if reason is None and not np.isfinite(outputs[index]).all():
                    reason = divergence("model's output on the validation part", math.nan, done, rate)
                if reason is not None:
                    return Training("diverged", None, reason)
                value = objective(self._recipe, self._split, outputs[index])
                if self._plateau is not None:
                    self._plateau.observe(value)
                measured = float(losses[index]), float(validation_losses[index]), value
                go_on = decide(EpochRecord(self._fold, done, *measured, rate, seconds))
                if not go_on and done < epochs:
                    return Training("pruned", value, f"pruned after epoch {done}")
        return Training("complete", value)

    def _epochs_at_once(self, done: int, rungs: Sequence[int]) -> int:
        """How many epochs the next call trains: to the next rung, in a time that a person would wait."""
        pace = self._program.seconds_a_step
        if self._plateau is not None or pace is None:
            return 1
        fitting = _CALL_S / max(pace * self._steps, 1e-6)
        outputs = _OUTPUT_BYTES / max(1, self._split.validation.y.nbytes)
        to_rung = min((rung for rung in rungs if rung > done), default=self._recipe.epochs) - done
        return max(1, int(min(fitting, outputs, to_rung, self._recipe.epochs - done)))

    def _rates_of(self, done: int, count: int) -> np.ndarray:
        if self._plateau is not None:
            return np.full(count * self._steps, self._plateau.rate, np.float32)
        assert self._rates is not None
        return self._rates[done * self._steps : (done + count) * self._steps].astype(np.float32)

    def _call(self, count: int, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        orders = np.stack([self._order.permutation(self._count) for _ in range(count)]).astype(np.int32)
        began = time.monotonic()
        found = self._program.run(*self._rows, tf.constant(orders), tf.constant(rates), self._batch)
        losses, validation_losses, outputs = (tensor.numpy() for tensor in found)
        seconds = (time.monotonic() - began) / count
        self._program.called(seconds / self._steps)
        return losses, validation_losses, outputs, seconds
