"""Index of the settings that a study has tried, so that none is trained twice.

Of Optuna's samplers only the grid avoids repetitions: TPE proposes its favorite again and again (of 12 settings in 40
trials, one 12 times).  A training repeated with the same seed tells nothing new.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tuner.optuna_internals import fixed_params
from tuner.search.distributions import labels, to_optuna_params
from tuner.space import Categorical, Dimension, Float, Int, Parameter, Space, Value

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_TRIES = 8
"""Settings drawn with the same number of dimensions changed, before more are changed."""


class SettingIndex:
    """The settings of all trials of a study, including waiting and running ones.

    Args:
        space: The space.
        forgiven: Numbers of failed trials whose settings may be asked for again: the cause may have been fixed.
    """

    def __init__(self, space: Space, forgiven: Collection[int] = ()) -> None:
        self._space, self._forgiven = space, forgiven
        self._labels: dict[str, dict[Any, int]] = {
            dimension.name: {label: index for index, label in enumerate(labels(dimension.parameter.choices))}
            for dimension in space.searched
            if isinstance(dimension.parameter, Categorical)
        }
        self._trials: Counter[Hashable] = Counter()  # by setting
        self._open: dict[int, tuple[FrozenTrial, Hashable | None]] = {}  # trials that have not finished
        self._known = 0

    @property
    def left(self) -> float:
        """Settings that no trial has; each trial without a setting will take one."""
        pending = sum(setting is None for _, setting in self._open.values())
        return self._space.size if self._space.size == math.inf else self._space.size - len(self._trials) - pending

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what has changed since the last call; looks at new trials, and at those that had not finished.

        Args:
            trials: All trials of the study, in the order of their numbers.
        """
        for number in [*self._open, *range(self._known, len(trials))]:
            trial = trials[number]
            before, setting = self._open.get(number, (None, None))
            if trial is before:
                continue
            self._forget(setting)
            given = trial.params or fixed_params(trial)
            setting = None if trial.number in self._forgiven else self._setting(given)
            if setting is not None:
                self._trials[setting] += 1
            self._open.pop(number, None)
            if not trial.state.is_finished():
                self._open[number] = trial, setting
        self._known = len(trials)

    def is_whole(self, params: Mapping[str, Any]) -> bool:
        """Return whether these parameters are a setting of the space, with nothing left to choose."""
        return self._setting(params) is not None

    def is_used(self, params: Mapping[str, Any], number: int | None = None) -> bool:
        """Return whether a trial other than that of this number has this setting."""
        setting = self._setting(params)
        _, own = self._open.get(number, (None, None)) if number is not None else (None, None)
        return setting is not None and self._trials[setting] > (own == setting)

    def nearest_unused(
        self, params: Mapping[str, Any], seed: str, fixed: Collection[str] = ()
    ) -> dict[str, Any] | None:
        """Find a setting that no trial has: this one with as few dimensions as possible drawn at random.

        What a sampler proposes twice, it takes for good; a second draw would mostly be the same again.

        Args:
            params: A setting that was asked for before.
            seed: Of the draws.
            fixed: Dimensions that stay as they are, if any setting is left that way.

        Returns:
            Its parameters; or None if all are used, or, in an endless space, if none was found.
        """
        draw = random.Random(seed)
        for names in ([name for name in params if name not in fixed], list(params)):
            for drawn in self._draws(params, names, draw):
                if not self.is_used(drawn):
                    return drawn
        return None if self._space.size == math.inf else self._any_unused(int(self._space.size), draw)

    def nearest_accepted(
        self, params: Mapping[str, Any], seed: str, names: Sequence[str], accepts: Callable[[Mapping[str, Any]], bool]
    ) -> dict[str, Any] | None:
        """Find an unused setting that is accepted: this one with as few of some dimensions as possible drawn at random.

        Args:
            params: A setting that is not accepted.
            seed: Of the draws.
            names: Dimensions that may change; others may begin or cease to count with them.
            accepts: Whether a setting is wanted.

        Returns:
            Its parameters, or None if none was found.
        """
        draws = self._draws(params, [name for name in params if name in names], random.Random(seed))
        return next((drawn for drawn in draws if accepts(drawn) and not self.is_used(drawn)), None)

    def _draws(self, params: Mapping[str, Any], names: list[str], draw: random.Random) -> Iterator[dict[str, Any]]:
        """Yield settings that differ from this one in 1, then 2, then more of these dimensions."""
        for changed in (1, 2, 4, len(names)):
            for _ in range(_TRIES if names else 0):
                yield self._changed(params, draw.sample(names, min(changed, len(names))), draw)

    def _any_unused(self, size: int, draw: random.Random) -> dict[str, Any] | None:
        number = draw.randrange(size)
        if size > 2 * len(self._trials):
            while number in self._trials:
                number = draw.randrange(size)
        else:
            unused = [number for number in range(size) if number not in self._trials]
            if not unused:
                return None
            number = draw.choice(unused)
        return to_optuna_params(self._space.enumeration.setting(number), self._space)

    def _changed(self, params: Mapping[str, Any], names: Collection[str], draw: random.Random) -> dict[str, Any]:
        def choose(dimension: Dimension) -> Value:
            name, parameter = dimension.name, dimension.parameter
            if name not in params:
                return _random(parameter, None, draw)
            index = self._index(dimension, params[name])
            if name in names:
                return _random(parameter, index, draw)
            return params[name] if index is None else parameter.at(index)

        return to_optuna_params(self._space.resolve(choose), self._space)

    def _setting(self, params: Mapping[str, Any]) -> Hashable | None:
        """Return a key of the setting, or None if these parameters are none of the space."""
        if self._space.size != math.inf:
            return self._space.enumeration.number_at(lambda dimension: self._given(dimension, params))
        values: dict[str, Value] = {}
        setting: list[Any] = []
        for dimension in self._space:
            if not dimension.is_active(values):
                continue
            index = self._given(dimension, params)
            if index is None:
                if dimension.parameter.size != math.inf or dimension.name not in params:
                    return None
                values[dimension.name] = params[dimension.name]
                setting.append((dimension.name, params[dimension.name]))
            else:
                values[dimension.name] = dimension.parameter.at(index)
                setting.append((dimension.name, index))
        return tuple(setting)

    def _given(self, dimension: Dimension, params: Mapping[str, Any]) -> int | None:
        if not dimension.is_searched:
            return 0
        return self._index(dimension, params[dimension.name]) if dimension.name in params else None

    def _index(self, dimension: Dimension, param: Any) -> int | None:
        """Return the position of a parameter in a finite dimension, or None if it is not one of its values."""
        if dimension.name in self._labels:
            return self._labels[dimension.name].get(param)
        return None if dimension.parameter.size == math.inf else dimension.parameter.index(param)

    def _forget(self, setting: Hashable | None) -> None:
        if setting is not None:
            self._trials[setting] -= 1
            if not self._trials[setting]:
                del self._trials[setting]


def _random(parameter: Parameter, other_than: int | None, draw: random.Random) -> Value:
    """Draw a value of the parameter; if its positions are known, another one than this."""
    if isinstance(parameter, Float | Int) and parameter.log:
        value = math.exp(draw.uniform(math.log(parameter.low), math.log(parameter.high)))
        value = min(max(value, parameter.low), parameter.high)
        return round(value) if isinstance(parameter, Int) else value
    if isinstance(parameter, Float) and parameter.size == math.inf:
        return draw.uniform(parameter.low, parameter.high)
    if other_than is None:
        return parameter.at(draw.randrange(int(parameter.size)))
    index = draw.randrange(int(parameter.size) - 1)
    return parameter.at(index + (index >= other_than))
