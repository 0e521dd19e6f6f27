"""The weight initializers, and which activations their variance was derived for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tuner.catalog.entries import InitializerEntry, Option
from tuner.registry import Registry
from tuner.space import Float

_KERAS = "https://keras.io/api/layers/initializers/"
_GLOROT = "Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html"
_HE = "He et al. 2015, Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852"
_LECUN = "LeCun et al. 1998, Efficient BackProp; Klambauer et al. 2017, https://arxiv.org/abs/1706.02515"

_SYMMETRIC = frozenset({"tanh", "sigmoid", "softsign"})
_RELU_LIKE = frozenset({"relu", "leaky_relu", "elu", "gelu", "swish", "silu", "hard_swish", "mish", "softplus"})
_SELF_NORMALISING = frozenset({"selu"})

_STDDEV = Option("stddev", 0.05, Float(1e-3, 0.5, log=True), Float(1e-6, 10.0), "standard deviation of the weights")


def _keras(class_name: str) -> Callable[..., Any]:
    def build(**options: float) -> Any:
        import keras

        return getattr(keras.initializers, class_name)(**options)

    return build


def _uniform(limit: float = 0.05) -> Any:
    import keras

    return keras.initializers.RandomUniform(-limit, limit)


INITIALIZERS: Registry[InitializerEntry] = Registry(
    "initializer",
    InitializerEntry(
        "glorot_uniform",
        "uniform in ± sqrt(6 / (fan in + fan out))",
        _GLOROT,
        _keras("GlorotUniform"),
        suits=_SYMMETRIC,
        default=True,
    ),
    InitializerEntry(
        "glorot_normal", "normal, variance 2 / (fan in + fan out)", _GLOROT, _keras("GlorotNormal"), suits=_SYMMETRIC
    ),
    InitializerEntry("he_uniform", "uniform in ± sqrt(6 / fan in)", _HE, _keras("HeUniform"), suits=_RELU_LIKE),
    InitializerEntry(
        "he_normal", "normal, variance 2 / fan in", _HE, _keras("HeNormal"), suits=_RELU_LIKE, default=True
    ),
    InitializerEntry(
        "lecun_uniform", "uniform in ± sqrt(3 / fan in)", _LECUN, _keras("LecunUniform"), suits=_SELF_NORMALISING
    ),
    InitializerEntry(
        "lecun_normal",
        "normal, variance 1 / fan in",
        _LECUN,
        _keras("LecunNormal"),
        suits=_SELF_NORMALISING,
        default=True,
    ),
    InitializerEntry(
        "orthogonal",
        "orthogonal rows or columns, times gain",
        "Saxe et al. 2013, https://arxiv.org/abs/1312.6120",
        _keras("Orthogonal"),
        (Option("gain", 1.0, Float(0.5, 2.0), Float(1e-3, 100.0), "factor; sqrt(2) keeps the variance after relu"),),
        default=True,
    ),
    InitializerEntry(
        "random_normal",
        "normal, the same variance for every layer",
        f"{_KERAS}#randomnormal-class",
        _keras("RandomNormal"),
        (_STDDEV,),
    ),
    InitializerEntry(
        "truncated_normal",
        "like random_normal, redrawn beyond two standard deviations",
        f"{_KERAS}#truncatednormal-class",
        _keras("TruncatedNormal"),
        (_STDDEV,),
    ),
    InitializerEntry(
        "random_uniform",
        "uniform in ± limit, the same for every layer",
        f"{_KERAS}#randomuniform-class",
        _uniform,
        (Option("limit", 0.05, Float(1e-3, 0.5, log=True), Float(1e-6, 10.0), "largest absolute weight"),),
    ),
)


def initializer_advice(initializer: str, activation: str) -> str | None:
    """Say why another initializer would suit the activation better, or return None.

    Args:
        initializer: A name of `INITIALIZERS`.
        activation: A name of `ACTIVATIONS`; one that Keras knows besides gets no advice.

    Raises:
        UnknownNameError: The initializer is in no row.
    """
    row = INITIALIZERS[initializer]
    if not row.suits or activation in row.suits:
        return None
    better = [other.name for other in INITIALIZERS.values() if activation in other.suits]
    if not better:
        return None
    return (
        f"{initializer} was derived for {', '.join(sorted(row.suits))}, not for {activation}: the variance of "
        f"the signals changes from layer to layer ({row.source}). For {activation} take {' or '.join(better)}."
    )
