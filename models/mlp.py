"""A multilayer perceptron: rows of any shape, flattened, through fully connected layers.

One hidden layer is `Dense → [BatchNormalization] → activation → [Dropout]`.
Batch normalisation stands before the activation (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras


def build(
    inputs: Sequence[int],
    outputs: int,
    *,
    activation: str,
    initializer: keras.initializers.Initializer | str,
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> keras.Model:
    """An uncompiled model from rows of shape `inputs` to raw outputs of shape `(batch, outputs)`.

    Args:
        inputs: Shape of one row, without the batch; more than one axis is flattened.
        outputs: Number of raw outputs.
        activation: Activation of the hidden layers, by Keras name.
        initializer: Initializer of each kernel, the output's included; biases start at zero.
        units: Width of the hidden layers: one number for all of them, or a list with one number each.
        layers: How many hidden layers, where `units` is one number; None for 2.
        dropout: Share of the units of each hidden layer dropped in training, in [0, 1).
        batch_norm: Whether each hidden layer is batch normalised.

    Raises:
        ValueError: A shape or an option that cannot be used.
    """
    widths = _widths(units, layers)
    _check_shape(inputs, outputs)
    _check_share("dropout", dropout)
    _check_flag("batch_norm", batch_norm)

    rows = keras.Input(tuple(inputs), name="inputs")
    x = keras.layers.Flatten(name="flatten")(rows) if len(inputs) > 1 else rows
    for number, width in enumerate(widths, start=1):
        name = f"hidden_{number}"
        # The shift of the normalisation takes the place of the bias.
        x = keras.layers.Dense(width, use_bias=not batch_norm, kernel_initializer=_fresh(initializer), name=name)(x)
        if batch_norm:
            # Keras's momentum of 0.99 needs some 500 steps to forget its start: validation of the first
            # epochs, at which trials are pruned, would be that of another model.
            x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        x = keras.layers.Activation(activation, name=f"{name}_activation")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
    raw = keras.layers.Dense(outputs, kernel_initializer=_fresh(initializer), name="outputs")(x)
    return keras.Model(rows, raw, name="mlp")


def _fresh(initializer: keras.initializers.Initializer | str) -> keras.initializers.Initializer:
    """A copy with a seed of its own.

    An unseeded Keras initializer draws its seed once, when it is made: used for two layers of the same
    shape, it would start both with the same values.
    """
    return keras.initializers.get(initializer).clone()


def _widths(units: object, layers: object) -> list[int]:
    """The width of each hidden layer."""
    if layers is not None:
        _check_whole("layers", layers)
    widths = list(units) if isinstance(units, list | tuple) else [units]
    if not widths or any(not isinstance(width, int) or isinstance(width, bool) or width < 1 for width in widths):
        raise ValueError(
            f"`units` must be a whole number of at least 1, or a list of them, but got {units!r}. "
            "Give for example 64 or [128, 64]."
        )
    if not isinstance(units, list | tuple):
        return widths * (2 if layers is None else layers)
    if layers is not None and layers != len(widths):
        raise ValueError(
            f"A list of `units` has one number for each layer, but got {len(widths)} of them and layers={layers}. "
            "Leave `layers` out, or give `units` as one number."
        )
    return widths


def _check_shape(inputs: Sequence[int], outputs: int) -> None:
    if not inputs or any(not isinstance(size, int) or size < 1 for size in inputs):
        raise ValueError(
            f"An mlp needs rows of a known shape, with sizes of at least 1, but got {tuple(inputs)}. "
            "Give the shape of one row, for example (64,)."
        )
    if outputs < 1:
        raise ValueError(f"`outputs >= 1` must hold, but got outputs={outputs}. Give the number of raw outputs.")


def _check_whole(name: str, value: object, least: int = 1) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(
            f"`{name}` must be a whole number of at least {least}, but got {value!r}. Give {least} or more."
        )


def _check_share(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise ValueError(f"`{name}` must be a share, 0 <= {name} < 1, but got {value!r}. Give for example 0.2.")


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be true or false, but got {value!r}. Give one of them.")
