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
    _check(inputs, outputs, dropout)

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


def _widths(units: int | Sequence[int], layers: int | None) -> list[int]:
    """The width of each hidden layer."""
    if isinstance(units, int):
        count = 2 if layers is None else layers
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"`layers` must be a whole number of at least 1, but got {count!r}. Give 1 or more.")
        widths = [units] * count
    else:
        widths = list(units)
        if layers is not None and layers != len(widths):
            raise ValueError(
                f"A list of `units` has one number for each layer, but got {len(widths)} of them and layers={layers}. "
                "Leave `layers` out, or give `units` as one number."
            )
    if not widths or any(not isinstance(width, int) or width < 1 for width in widths):
        raise ValueError(
            f"`units` must be a whole number of at least 1, or a list of them, but got {units!r}. "
            "Give for example 64 or [128, 64]."
        )
    return widths


def _check(inputs: Sequence[int], outputs: int, dropout: float) -> None:
    if not inputs or any(not isinstance(size, int) or size < 1 for size in inputs):
        raise ValueError(
            f"An mlp needs rows of a known shape, with sizes of at least 1, but got {tuple(inputs)}. "
            "Give the shape of one row, for example (64,)."
        )
    if outputs < 1:
        raise ValueError(f"`outputs >= 1` must hold, but got outputs={outputs}. Give the number of raw outputs.")
    if not 0 <= dropout < 1:
        raise ValueError(f"`0 <= dropout < 1` must hold, but got dropout={dropout}. Give a share such as 0.2.")
