"""The ways to clip gradients, all of them Keras's own."""

from __future__ import annotations

from collections.abc import Callable

from tuner.catalog.entries import ClippingEntry, Option
from tuner.registry import Registry
from tuner.space import Float

_KERAS = "https://keras.io/api/optimizers/#optimizer-class"
_PASCANU = (
    "Pascanu et al. 2013, On the difficulty of training recurrent neural networks, https://arxiv.org/abs/1211.5063"
)
_NORM = Option("norm", 1.0, Float(0.1, 10.0, log=True), Float(1e-6, 1e6), "largest L2 norm")


def _none() -> dict[str, float]:
    return {}


def _by_norm(keyword: str) -> Callable[..., dict[str, float]]:
    return lambda norm=1.0: {keyword: norm}


def _by_value(value: float = 0.5) -> dict[str, float]:
    return {"clipvalue": value}


CLIPPINGS: Registry[ClippingEntry] = Registry(
    "clipping",
    ClippingEntry("none", "gradients are not clipped", _KERAS, _none, per_tensor=False, linear=True, default=True),
    ClippingEntry(
        "clipnorm",
        "each weight's gradient scaled down to the norm",
        _PASCANU,
        _by_norm("clipnorm"),
        (_NORM,),
        per_tensor=True,
        linear=False,
    ),
    ClippingEntry(
        "clipvalue",
        "each element of a gradient clipped to ± value",
        _KERAS,
        _by_value,
        (Option("value", 0.5, Float(0.01, 1.0, log=True), Float(1e-6, 1e6), "largest absolute element"),),
        per_tensor=False,
        linear=False,
    ),
    ClippingEntry(
        "global_clipnorm",
        "all gradients scaled down together to the norm; keeps their direction",
        _PASCANU,
        _by_norm("global_clipnorm"),
        (_NORM,),
        per_tensor=False,  # the norm of one vector of all weights is the norm of all weights
        linear=False,
        default=True,
    ),
)
