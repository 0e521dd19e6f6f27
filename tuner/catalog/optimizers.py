"""The optimizers, all of them Keras's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tuner.catalog.entries import OptimizerEntry, Option
from tuner.registry import Registry
from tuner.space import Categorical, Float, Int

_KERAS = "https://keras.io/api/optimizers/"
_YES_OR_NO = Categorical((False, True))

_EPSILON = Option("epsilon", 1e-7, Float(1e-8, 1e-3, log=True), Float(1e-12, 1.0), "added to the divisor")
_BETA_2 = Option("beta_2", 0.999, Float(0.9, 0.9999), Float(0.0, 0.999999), "decay of the mean squared gradient")
_AMSGRAD = Option("amsgrad", False, _YES_OR_NO, _YES_OR_NO, "keep the largest mean squared gradient, not the last")
_NESTEROV = Option("nesterov", False, _YES_OR_NO, _YES_OR_NO, "look ahead along the momentum")
_ACCUMULATOR = Option(
    "initial_accumulator_value",
    0.1,
    Float(1e-3, 1.0, log=True),
    Float(0.0, 1e3),
    "sum of squared gradients at the start",
)


def _keras(class_name: str, keyword: str | None, lowest_momentum: float, decays: tuple[str, ...]) -> Callable[..., Any]:
    """Make a builder of the Keras optimizer `class_name`, whose momentum term is called `keyword`."""
    arguments = _keras_arguments(keyword, lowest_momentum, decays)

    def build(*given: Any, **named: Any) -> Any:
        import keras

        # A name of its own for each would cost 0.07 MB that never come back: TensorFlow keeps what made its variables.
        return getattr(keras.optimizers, class_name)(name=class_name.lower(), **arguments(*given, **named))

    return build


def _keras_arguments(
    keyword: str | None, lowest_momentum: float = 0.0, decays: tuple[str, ...] = ("weight_decay",)
) -> Callable[..., dict[str, Any]]:
    """Make a function from what `OptimizerEntry.build` takes to the arguments of a Keras optimizer."""

    def arguments(
        learning_rate: float,
        momentum: float | None = None,
        weight_decay: float | None = None,
        clipping: Mapping[str, float] | None = None,
        ema_momentum: float | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        chosen = {name: value for name, value in options.items() if value is not None}  # None is Keras's default
        given: dict[str, Any] = {"learning_rate": float(learning_rate), **(clipping or {}), **chosen}
        if keyword is not None and momentum is not None:
            given[keyword] = max(momentum, lowest_momentum)
        if weight_decay is not None:
            given.update(dict.fromkeys(decays, weight_decay))
        if ema_momentum:
            given.update(use_ema=True, ema_momentum=ema_momentum)
        return given

    return arguments


KERAS_OPTIMIZER_ARGUMENTS = (
    *("name", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum"),
    *("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps"),
)
"""Arguments of every Keras optimizer besides its rate."""
user_optimizer_arguments = _keras_arguments(None)
"""What `OptimizerEntry.build` takes → the arguments of an optimizer of user code."""


def user_optimizer_entry(
    name: str, summary: str, source: str, make: Callable[..., Any], options: Iterable[Option]
) -> OptimizerEntry:
    """Make the entry of an optimizer of user code, with the most careful traits: nothing is known of its steps.

    Args:
        name, summary, source: What it is.
        make: Its class.
        options: Arguments with defaults, `learning_rate` among them if it has a default.
    """
    own = {option.name: option for option in options}
    rate = own.pop("learning_rate", None)
    return OptimizerEntry(
        name,
        summary,
        source,
        lambda **given: make(**user_optimizer_arguments(**given)),
        tuple(own.values()),
        per_tensor=True,
        linear=False,
        learning_rate=rate.default if rate is not None and isinstance(rate.default, float) else 1e-3,
        learning_rates=Float(1e-5, 1e-1, log=True),
    )


def _row(
    class_name: str,
    name: str,
    summary: str,
    source: str,
    momentum: str | None,
    *,
    lowest_momentum: float = 0.0,
    decays: tuple[str, ...] = ("weight_decay",),
    **fields: Any,
) -> OptimizerEntry:
    """Make the row of a Keras optimizer.

    Args:
        class_name, name, summary, source: What it is.
        momentum: Keras's keyword of its momentum term.
        lowest_momentum: The least that Keras takes.
        decays: Keras's keywords of its weight decay.
        fields: The other fields of the row.
    """
    build = _keras(class_name, momentum, lowest_momentum, decays)
    keywords = (*decays, "ema_momentum") if momentum is None else (momentum, *decays, "ema_momentum")
    return OptimizerEntry(name, summary, source, build, momentum=momentum, keywords=keywords, **fields)


def _always(options: Mapping[str, Any]) -> bool:
    """Return True, whatever the options are."""
    return True


OPTIMIZERS: Registry[OptimizerEntry] = Registry(
    "optimizer",
    _row(
        "SGD",
        "sgd",
        "gradient descent, with momentum if given",
        f"{_KERAS}sgd/ ; Sutskever et al. 2013, On the importance of initialization and momentum in deep learning",
        "momentum",
        options=(_NESTEROV,),
        learning_rate=1e-2,
        per_tensor=False,
        linear=True,
        proportional=True,
        learning_rates=Float(1e-4, 1.0, log=True),
        default=True,
    ),
    _row(
        "RMSprop",
        "rmsprop",
        "gradient over the root of its running mean square",
        f"{_KERAS}rmsprop/ ; Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6.5",
        "momentum",
        options=(
            Option("rho", 0.9, Float(0.8, 0.99), Float(0.0, 0.999999), "decay of the mean squared gradient"),
            Option("centered", False, _YES_OR_NO, _YES_OR_NO, "divide by the variance, not the mean square"),
            _EPSILON,
        ),
        per_tensor=False,
        linear=False,
        squares=lambda options: not options["centered"],  # Keras divides by roots of numbers below 0 then
        learning_rates=Float(1e-5, 3e-2, log=True),
        default=True,
    ),
    _row(
        "Adagrad",
        "adagrad",
        "gradient over the root of the sum of its squares; rates only fall",
        f"{_KERAS}adagrad/ ; Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html",
        None,
        options=(_ACCUMULATOR, _EPSILON),
        per_tensor=False,
        linear=False,
        squares=_always,
        learning_rates=Float(1e-3, 1.0, log=True),
    ),
    _row(
        "Adadelta",
        "adadelta",
        "like adagrad over a window, with steps in the unit of the weights; the paper's rate is 1",
        f"{_KERAS}adadelta/ ; Zeiler 2012, https://arxiv.org/abs/1212.5701",
        None,
        options=(
            Option("rho", 0.95, Float(0.8, 0.99), Float(0.0, 0.999999), "decay of the mean squares"),
            _EPSILON,
        ),
        per_tensor=False,
        linear=False,
        learning_rates=Float(1e-3, 10.0, log=True),
    ),
    _row(
        "Adam",
        "adam",
        "running mean of the gradient over the root of its running mean square",
        f"{_KERAS}adam/ ; Kingma and Ba 2014, https://arxiv.org/abs/1412.6980",
        "beta_1",
        options=(_BETA_2, _EPSILON, _AMSGRAD),
        per_tensor=False,
        linear=False,
        squares=_always,
        learning_rates=Float(1e-5, 3e-2, log=True),
        default=True,
    ),
    _row(
        "AdamW",
        "adamw",
        "adam with decoupled weight decay (0.004 unless given)",
        f"{_KERAS}adamw/ ; Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101",
        "beta_1",
        options=(_BETA_2, _EPSILON, _AMSGRAD),
        per_tensor=False,
        linear=False,
        squares=_always,
        learning_rates=Float(1e-5, 3e-2, log=True),
        default=True,
    ),
    _row(
        "Adamax",
        "adamax",
        "adam with the largest absolute gradient as divisor",
        f"{_KERAS}adamax/ ; Kingma and Ba 2014, section 7.1, https://arxiv.org/abs/1412.6980",
        "beta_1",
        options=(_BETA_2, _EPSILON),
        per_tensor=False,
        linear=False,
        learning_rates=Float(1e-5, 1e-1, log=True),
    ),
    _row(
        "Nadam",
        "nadam",
        "adam with Nesterov momentum",
        f"{_KERAS}Nadam/ ; Dozat 2016, Incorporating Nesterov Momentum into Adam",
        "beta_1",
        options=(_BETA_2, _EPSILON),
        per_tensor=False,
        linear=False,
        squares=_always,
        learning_rates=Float(1e-5, 3e-2, log=True),
        default=True,
    ),
    _row(
        "Lion",
        "lion",
        "the sign of an averaged gradient; needs rates 3 to 10 times lower than adam's",
        f"{_KERAS}lion/ ; Chen et al. 2023, https://arxiv.org/abs/2302.06675",
        "beta_1",
        options=(Option("beta_2", 0.99, Float(0.9, 0.999), Float(0.0, 0.999999), "decay of the mean gradient"),),
        per_tensor=False,
        linear=True,
        lowest_momentum=1e-7,  # without momentum it is the sign of the gradient; Keras refuses 0
        learning_rates=Float(1e-6, 3e-3, log=True),
    ),
    _row(
        "Ftrl",
        "ftrl",
        "follow the regularized leader; made for sparse linear models",
        f"{_KERAS}ftrl/ ; McMahan et al. 2013, Ad Click Prediction, https://doi.org/10.1145/2487575.2488200",
        None,
        options=(
            Option("learning_rate_power", -0.5, Float(-1.0, -0.1), Float(-2.0, 0.0), "exponent by which rates fall"),
            _ACCUMULATOR,
            Option(
                "l1_regularization_strength",
                0.0,
                Float(1e-7, 1e-2, log=True),
                Float(0.0, 1e3),
                "its own penalty on |w|",
            ),
            Option(
                "l2_regularization_strength", 0.0, Float(1e-7, 1e-2, log=True), Float(0.0, 1e3), "its own penalty on w²"
            ),
            Option("beta", 0.0, Float(0.0, 1.0), Float(0.0, 1e3), "added to the root of the sum of squares"),
        ),
        per_tensor=False,
        linear=False,
        squares=_always,
        learning_rates=Float(1e-3, 1.0, log=True),
    ),
    _row(
        "Lamb",
        "lamb",
        "adam with the step of each layer scaled to its weights; for large batches",
        f"{_KERAS}lamb/ ; You et al. 2019, https://arxiv.org/abs/1904.00962",
        "beta_1",
        options=(_BETA_2, _EPSILON),
        per_tensor=True,
        linear=False,
        learning_rates=Float(1e-4, 1e-1, log=True),
    ),
    _row(
        "Muon",
        "muon",
        "orthogonalized momentum for matrices, adamw for all else; weight decay 0.004 unless given",
        f"{_KERAS}muon/ ; Liu et al. 2025, Muon is Scalable for LLM Training, https://arxiv.org/abs/2502.16982",
        "momentum",
        options=(
            Option("nesterov", True, _YES_OR_NO, _YES_OR_NO, "look ahead along the momentum"),
            Option("ns_steps", 5, Int(3, 8), Int(1, 30), "Newton-Schulz iterations per step"),
        ),
        per_tensor=True,
        linear=False,
        decays=("weight_decay", "adam_weight_decay"),  # vectors and filters are trained with AdamW
        learning_rates=Float(1e-4, 1e-1, log=True),
    ),
)
