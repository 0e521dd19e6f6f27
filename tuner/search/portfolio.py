"""A portfolio of settings with what each reached on many sets: which one to try next, given what was seen."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuner.catalog import OPTIMIZERS, Task
from tuner.space import Value

_FILE = Path(__file__).with_name("portfolio.json")
_MIN_COMPARED = 2
"""Trials with a result before sets are distinguished."""
_SHARPNESS = 4.0
"""Of the weight of a set that agrees with what was seen: 2 to 8 are about as good."""
_MEAN_WEIGHT = 0.03, 0.2
"""Of a setting's own mean regret beside the least one, at first and with `_ALL_KNOWN` results.

What is tried without results shall be complementary; results leave few sets with a large weight, and so more chance.
"""
_ALL_KNOWN = 5
_MAX_REGRET = 1.5
"""Of how bad a setting may count that is not the best one of those tried."""


@dataclass(frozen=True)
class Portfolio:
    """Settings, and what each reached on sets.

    Attributes:
        settings: Values by dimension.
        regrets: `(sets, settings)`: distance of a value to the best one on the set, where the median has 1; without
            sets, the settings are chosen in their order.
    """

    settings: tuple[Mapping[str, Value], ...]
    regrets: np.ndarray

    def choose(
        self, count: int, losses: Mapping[int, float | None], excluded: Collection[int] = frozenset()
    ) -> list[int]:
        """Choose the next settings: each lowers the expected least regret the most, given those before it.

        To what it leaves, a small part of its own mean regret is added.  A set counts the more, the more often it
        orders two settings as this study did.

        Args:
            count: How many.
            losses: What settings that were tried reached, less is better, infinite if they diverged; None if it is not
                known yet.
            excluded: Settings that are not to be chosen, such as those that failed or were over a limit.

        Returns:
            Positions in `settings`; fewer if there are not as many.
        """
        seen = {index: loss for index, loss in losses.items() if loss is not None}
        weights = self._weights(seen)
        low, high = _MEAN_WEIGHT
        regrets = np.minimum(self.regrets, _MAX_REGRET)
        least = np.min(regrets[:, list(losses)], axis=1, initial=_MAX_REGRET)
        own = (low + (high - low) * min(len(seen) / _ALL_KNOWN, 1.0)) * (weights @ regrets)
        open_ = np.ones(len(self.settings), bool)
        open_[[*losses, *excluded]] = False
        chosen: list[int] = []
        while len(chosen) < count and open_.any():
            expected = weights @ np.minimum(least[:, None], regrets) + own
            chosen.append(int(np.where(open_, expected, np.inf).argmin()))
            open_[chosen[-1]] = False
            least = np.minimum(least, regrets[:, chosen[-1]])
        return chosen

    def mean_regrets(self) -> np.ndarray:
        """Return the regret of each setting, on average over the sets: `(settings,)`."""
        return np.asarray(np.minimum(self.regrets, _MAX_REGRET).mean(axis=0))

    def typical_rate(self, optimizer: str, momentum: float | None) -> float | None:
        """Return the median over the sets of the rate of the best setting with this optimizer, or None without one.

        Args:
            optimizer: Row of the table of optimizers.
            momentum: With which the rate is used: if it scales the steps, the rate is that of steps as long.
        """
        indices = [index for index, setting in enumerate(self.settings) if setting["optimizer"] == optimizer]
        if not indices:
            return None
        best = [indices[place] for place in self.regrets[:, indices].argmin(axis=1)]
        scale = _momentum_scale(optimizer, momentum)
        return float(np.median([_step_length(self.settings[index]) for index in best]) / scale)

    def _weights(self, losses: Mapping[int, float]) -> np.ndarray:
        """Return the weight of each set, by Kendall's rank correlation with what was seen."""
        if len(losses) < _MIN_COMPARED:
            return np.full(len(self.regrets), 1.0 / max(len(self.regrets), 1))
        _, ranks = np.unique(list(losses.values()), return_inverse=True)  # infinite losses cannot be subtracted
        first, second = np.triu_indices(len(losses), 1)
        regrets = self.regrets[:, list(losses)]
        agreement = np.sign(regrets[:, first] - regrets[:, second]) * np.sign(ranks[first] - ranks[second])
        weights = np.exp(_SHARPNESS * agreement.mean(axis=1) * np.sqrt(len(losses)))
        return np.asarray(weights / weights.sum())


def _step_length(setting: Mapping[str, Any]) -> float:
    return float(setting["learning_rate"] * _momentum_scale(setting["optimizer"], setting["momentum"]))


def _momentum_scale(optimizer: str, momentum: float | None) -> float:
    """Return by how much momentum makes steps longer whose gradients agree."""
    return 1.0 / (1.0 - (momentum or 0.0)) if OPTIMIZERS[optimizer].proportional else 1.0


@functools.cache
def load_portfolio(task: Task) -> Portfolio:
    """Read the portfolio of a task, which `benchmarks/portfolio.py select` wrote.

    Two classes are a case of several: only the names of the losses differ.
    """
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    of_kind = content["regression" if task is Task.REGRESSION else "classification"]
    settings = [dict(zip(content["dimensions"], row, strict=True)) for row in of_kind["settings"]]
    if task in (Task.BINARY, Task.MULTILABEL):
        settings = [setting | {"loss": setting["loss"].replace("categorical_", "binary_")} for setting in settings]
    return Portfolio(tuple(settings), np.array(list(of_kind["regret_percent"].values()), float) / 100.0)
