"""The activations of hidden layers, by the names Keras knows them by."""

from __future__ import annotations

from collections.abc import Callable

from tuner.catalog.entries import ActivationEntry
from tuner.registry import Registry

_KERAS = "https://keras.io/api/layers/activations/"


def _named(name: str) -> Callable[[], str]:
    return lambda: name


def _row(name: str, summary: str, source: str, default: bool = False) -> ActivationEntry:
    return ActivationEntry(name, summary, source, _named(name), default=default)


ACTIVATIONS: Registry[ActivationEntry] = Registry(
    "activation",
    _row("relu", "max(x, 0)", "Nair and Hinton 2010, Rectified Linear Units Improve RBMs", default=True),
    _row(
        "leaky_relu", "x for x > 0, else 0.2 x; no dead units", "Maas et al. 2013, Rectifier Nonlinearities Improve ..."
    ),
    _row("elu", "x for x > 0, else exp(x) - 1", "Clevert et al. 2015, https://arxiv.org/abs/1511.07289", default=True),
    _row(
        "selu",
        "scaled elu; self-normalizing with lecun_normal",
        "Klambauer et al. 2017, https://arxiv.org/abs/1706.02515",
    ),
    _row(
        "gelu",
        "x times the normal distribution function of x",
        "Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415",
    ),
    _row("swish", "x sigmoid(x)", "Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941", default=True),
    _row("silu", "another name for swish", "Elfwing et al. 2017, https://arxiv.org/abs/1702.03118"),
    _row(
        "hard_swish",
        "x clip(x / 6 + 1 / 2, 0, 1); a cheap swish",
        "Howard et al. 2019, https://arxiv.org/abs/1905.02244",
    ),
    _row("mish", "x tanh(softplus(x))", "Misra 2019, https://arxiv.org/abs/1908.08681"),
    _row("tanh", "hyperbolic tangent, in (-1, 1)", f"{_KERAS}#tanh-function", default=True),
    _row(
        "sigmoid", "1 / (1 + exp(-x)), in (0, 1); saturates, so deep stacks learn slowly", f"{_KERAS}#sigmoid-function"
    ),
    _row("softsign", "x / (1 + |x|), in (-1, 1)", f"{_KERAS}#softsign-function"),
    _row("softplus", "log(1 + exp(x)); a smooth relu", f"{_KERAS}#softplus-function"),
)
