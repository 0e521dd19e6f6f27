"""A recurrent network for series: LSTM or GRU layers, then one dense layer on the last state.

LSTM: Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735.
GRU: Cho et al. 2014, https://arxiv.org/abs/1406.1078.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

_CELLS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


def build(
    inputs: Sequence[int],
    outputs: int,
    *,
    activation: str,
    initializer: keras.initializers.Initializer | str,
    cell: str = "lstm",
    units: int = 32,
    layers: int = 1,
    dense: int = 32,
    dropout: float = 0.0,
    bidirectional: bool = False,
) -> keras.Model:
    """An uncompiled model from series of shape `inputs` to raw outputs of shape `(batch, outputs)`.

    Args:
        inputs: Shape of one series: `(timesteps, features)`, or `(timesteps,)` for one feature.
        outputs: Number of raw outputs.
        activation: Activation of the dense layer, by Keras name.
        initializer: Initializer of the input kernels of the cells, of the dense layer and of the outputs.
        cell: "lstm" or "gru".
        units: Size of the state of each recurrent layer (of each direction).
        layers: How many recurrent layers.
        dense: Width of the dense layer.
        dropout: Share of the features dropped in training behind each recurrent layer and the dense one, in [0, 1).
        bidirectional: Whether the series is read backwards as well; the two states stand side by side.

    Raises:
        ValueError: A shape or an option that cannot be used.
    """
    _check_shape(inputs, outputs)
    _check_cell(cell)
    for name, count in (("units", units), ("layers", layers), ("dense", dense)):
        _check_whole(name, count)
    _check_share("dropout", dropout)
    _check_flag("bidirectional", bidirectional)

    series = keras.Input(tuple(inputs), name="inputs")
    x = keras.layers.Reshape((*inputs, 1), name="feature")(series) if len(inputs) == 1 else series
    for number in range(1, layers + 1):
        name = f"{cell}_{number}"
        # Cells keep their tanh and sigmoid: a state that is not bounded grows from step to step, and only
        # with these two does Keras use the fast cuDNN kernels.  The recurrent kernel stays orthogonal
        # (Saxe et al. 2013, https://arxiv.org/abs/1312.6120): it is applied once a step, and the variances
        # that the other initializers were derived for hold for a kernel that is applied once.
        recurrent = _CELLS[cell](
            units, return_sequences=number < layers, kernel_initializer=_fresh(initializer), name=name
        )
        x = (keras.layers.Bidirectional(recurrent, name=f"{name}_both_ways") if bidirectional else recurrent)(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
    x = keras.layers.Dense(dense, kernel_initializer=_fresh(initializer), name="dense")(x)
    x = keras.layers.Activation(activation, name="dense_activation")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dense_dropout")(x)
    raw = keras.layers.Dense(outputs, kernel_initializer=_fresh(initializer), name="outputs")(x)
    return keras.Model(series, raw, name=cell)


def _fresh(initializer: keras.initializers.Initializer | str) -> keras.initializers.Initializer:
    """A copy with a seed of its own.

    An unseeded Keras initializer draws its seed once, when it is made: used for two layers of the same
    shape, it would start both with the same values.
    """
    return keras.initializers.get(initializer).clone()


def _check_shape(inputs: Sequence[int], outputs: int) -> None:
    if len(inputs) not in (1, 2) or any(not isinstance(size, int) or size < 1 for size in inputs):
        raise ValueError(
            f"A recurrent model needs series, (timesteps, features) or (timesteps,), but got rows of shape "
            f"{tuple(inputs)}. Set data.shape, for example [8, 8]; for images take models/cnn.py."
        )
    if outputs < 1:
        raise ValueError(f"`outputs >= 1` must hold, but got outputs={outputs}. Give the number of raw outputs.")


def _check_cell(cell: object) -> None:
    if not isinstance(cell, str) or cell not in _CELLS:
        raise ValueError(f"`cell` must be one of {', '.join(_CELLS)}, but got {cell!r}. Give one of them.")


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
