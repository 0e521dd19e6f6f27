"""The losses.

Notation: `y` target, `p` model output after the head, `r = p - y`; means run over the last axis, then over the rows.
All are built for the output of the head (`from_logits=False`): Keras finds the logits of a sigmoid or softmax
again, so categorical_crossentropy and the binary cross-entropies are exact for any logit, and `predict` returns
probabilities.  kl_divergence and categorical_focal_crossentropy cut probabilities at 1e-7, as Keras does: a class that
is surer wrong than that has no gradient.
"""

from __future__ import annotations

from typing import Any

from tuner.catalog.entries import LossEntry, Option
from tuner.catalog.task import Task
from tuner.registry import Registry
from tuner.space import Float

_KERAS = "https://keras.io/api/losses/"
_FOCAL = "Lin et al. 2017, Focal Loss for Dense Object Detection, https://arxiv.org/abs/1708.02002"
_SVM = "Crammer and Singer 2001, On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines"
_SIGMOID_MSE = (
    "after a sigmoid the gradient of the squared error has the factor p * (1 - p), so "
    "outputs that are confidently wrong stop learning; binary_crossentropy has no such factor"
)

# Below 1 the gradient of (1 - p) ** gamma is infinite at p = 1, and training yields NaN as soon as an output saturates.
_GAMMA = Option(
    "gamma", 2.0, Float(1.0, 5.0), Float(1.0, 20.0), "focus on hard examples; weight (1 - p of the truth) ** gamma"
)


def _keras(keras_name: str) -> Any:
    """Make a builder of a Keras loss, for targets of the shape of the outputs."""

    def build(**options: Any) -> Any:
        import keras

        return getattr(keras.losses, keras_name)(**options)

    return build


def _keras_of_classes(keras_name: str) -> Any:
    """Make a builder of a Keras loss for one-hot targets or integer labels."""

    def build(**options: Any) -> Any:
        import keras

        from tuner.catalog.integer_labels import IntegerLabelLoss

        return IntegerLabelLoss(getattr(keras.losses, keras_name)(**options))

    return build


def _huber(delta: float = 1.0) -> Any:
    from tuner.catalog.serializable_huber import HuberLoss

    return HuberLoss(delta)


def _quantile(tau: float = 0.5) -> Any:
    from tuner.catalog.quantile import QuantileLoss

    return QuantileLoss(tau)


def _binary_focal(gamma: float = 2.0, alpha: float = 0.5, label_smoothing: float = 0.0) -> Any:
    import keras

    return keras.losses.BinaryFocalCrossentropy(
        apply_class_balancing=True, alpha=alpha, gamma=gamma, label_smoothing=label_smoothing
    )


LOSSES: Registry[LossEntry] = Registry(
    "loss",
    LossEntry(
        "mean_squared_error",
        "mean r²; estimates the mean, and large errors weigh most",
        f"{_KERAS}regression_losses/#meansquarederror-class",
        _keras_of_classes("MeanSquaredError"),
        heads={Task.REGRESSION: "linear", Task.BINARY: "sigmoid", Task.MULTICLASS: "softmax"},
        warned={Task.BINARY: _SIGMOID_MSE},
        default_for=frozenset({Task.REGRESSION}),
        takes_any_output=True,
    ),
    LossEntry(
        "mean_absolute_error",
        "mean |r|; estimates the median and is robust to outliers",
        f"{_KERAS}regression_losses/#meanabsoluteerror-class",
        _keras("MeanAbsoluteError"),
        heads={Task.REGRESSION: "linear"},
        default_for=frozenset({Task.REGRESSION}),
    ),
    LossEntry(
        "huber",
        "r² / 2 up to delta, delta * (|r| - delta / 2) beyond",
        "Huber 1964, Robust Estimation of a Location Parameter, https://doi.org/10.1214/aoms/1177703732",
        _huber,
        (
            Option(
                "delta",
                1.0,
                Float(0.1, 10.0, log=True),
                Float(1e-6, 1e6),
                "error at which it turns linear, in target units",
            ),
        ),
        heads={Task.REGRESSION: "linear"},
        default_for=frozenset({Task.REGRESSION}),
    ),
    LossEntry(
        "quantile",
        "mean max(-tau * r, (1 - tau) * r), the pinball loss; estimates the tau quantile",
        "Koenker and Bassett 1978, Regression Quantiles, https://doi.org/10.2307/1913643",
        _quantile,
        (Option("tau", 0.5, Float(0.1, 0.9), Float(0.001, 0.999), "quantile to estimate; 0.5 is the median"),),
        own_class="QuantileLoss",
        heads={Task.REGRESSION: "linear"},
    ),
    LossEntry(
        "log_cosh",
        "mean log cosh r; near r² / 2 for small and |r| - log 2 for large errors",
        f"{_KERAS}regression_losses/#logcosh-class",
        _keras("LogCosh"),
        heads={Task.REGRESSION: "linear"},
    ),
    LossEntry(
        "binary_crossentropy",
        "-mean (y log p + (1 - y) log (1 - p)); the likelihood of independent yes-or-no answers",
        f"{_KERAS}probabilistic_losses/#binarycrossentropy-class",
        _keras("BinaryCrossentropy"),
        heads={Task.BINARY: "sigmoid", Task.MULTILABEL: "sigmoid"},
        default_for=frozenset({Task.BINARY, Task.MULTILABEL}),
        label_smoothing=True,
    ),
    LossEntry(
        "binary_focal_crossentropy",
        "binary cross-entropy weighted by (1 - p of the truth) ** gamma and by class; for rare or hard positives",
        _FOCAL,
        _binary_focal,
        (
            _GAMMA,
            Option("alpha", 0.5, Float(0.1, 0.9), Float(0.0, 1.0), "weight of class 1; class 0 weighs 1 - alpha"),
        ),
        heads={Task.BINARY: "sigmoid", Task.MULTILABEL: "sigmoid"},
        default_for=frozenset({Task.BINARY, Task.MULTILABEL}),
        label_smoothing=True,
    ),
    LossEntry(
        "hinge",
        "mean max(1 - y p, 0) with y = -1 or 1; a margin, not a probability",
        "Cortes and Vapnik 1995, Support-Vector Networks, https://doi.org/10.1007/BF00994018",
        _keras("Hinge"),
        heads={Task.BINARY: "linear", Task.MULTILABEL: "linear"},
    ),
    LossEntry(
        "squared_hinge",
        "mean max(1 - y p, 0)² with y = -1 or 1; like hinge, with a smooth gradient",
        "Tang 2013, Deep Learning using Linear Support Vector Machines, https://arxiv.org/abs/1306.0239",
        _keras("SquaredHinge"),
        heads={Task.BINARY: "linear", Task.MULTILABEL: "linear"},
    ),
    LossEntry(
        "categorical_crossentropy",
        "-log p of the true class; the likelihood of one class out of several",
        f"{_KERAS}probabilistic_losses/#categoricalcrossentropy-class",
        _keras_of_classes("CategoricalCrossentropy"),
        heads={Task.MULTICLASS: "softmax"},
        default_for=frozenset({Task.MULTICLASS}),
        label_smoothing=True,
    ),
    # A scalar alpha only scales this loss, which the learning rate does already: it stays at Keras's 0.25.
    LossEntry(
        "categorical_focal_crossentropy",
        "0.25 * (1 - p) ** gamma * -log p of the true class; for classes that are rare or hard",
        _FOCAL,
        _keras_of_classes("CategoricalFocalCrossentropy"),
        (_GAMMA,),
        heads={Task.MULTICLASS: "softmax"},
        default_for=frozenset({Task.MULTICLASS}),
        label_smoothing=True,
    ),
    LossEntry(
        "categorical_hinge",
        "max(1 + largest wrong output - true output, 0); a margin, not a probability",
        _SVM,
        _keras_of_classes("CategoricalHinge"),
        heads={Task.MULTICLASS: "linear"},
    ),
    LossEntry(
        "kl_divergence",
        "sum y log (y / p); like cross-entropy, for targets that are distributions themselves",
        "Kullback and Leibler 1951, On Information and Sufficiency, https://doi.org/10.1214/aoms/1177729694",
        _keras_of_classes("KLDivergence"),
        heads={Task.MULTICLASS: "softmax"},
    ),
)
