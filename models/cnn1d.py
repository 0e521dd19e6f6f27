"""A convolutional network for series: convolutions over time that halve the series, then one dense layer.

One stage is `Conv1D → [BatchNormalization] → activation → MaxPooling1D`.  With `global_average` the dense layer gets
the mean of each filter over time, so that it does not matter when something happens (Wang et al. 2017,
https://arxiv.org/abs/1611.06455); without, it gets the whole series of each filter.
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
    filters: Sequence[int] = (16, 32),
    kernel_size: int = 3,
    dense: int = 32,
    dropout: float = 0.0,
    batch_norm: bool = False,
    global_average: bool = False,
) -> keras.Model:
    """An uncompiled model from series of shape `inputs` to raw outputs of shape `(batch, outputs)`.

    Args:
        inputs: Shape of one series: `(timesteps, features)`, or `(timesteps,)` for one feature.
        outputs: Number of raw outputs.
        activation: Activation of the convolutions and of the dense layer, by Keras name.
        initializer: Initializer of each kernel, the output's included; biases start at zero.
        filters: Number of filters of each stage; the series is halved behind each while it can be.
        kernel_size: Length of the kernels, in time steps.
        dense: Width of the dense layer; 0 for none.
        dropout: Share of the features dropped in training, before and behind the dense layer, in [0, 1).
        batch_norm: Whether each convolution is batch normalised.
        global_average: Whether each filter is averaged over time before the dense layer.

    Raises:
        ValueError: A shape or an option that cannot be used.
    """
    _check_shape(inputs, outputs)
    _check_filters(filters)
    _check_whole("kernel_size", kernel_size)
    _check_whole("dense", dense, least=0)
    _check_share("dropout", dropout)
    for name, flag in (("batch_norm", batch_norm), ("global_average", global_average)):
        _check_flag(name, flag)

    series = keras.Input(tuple(inputs), name="inputs")
    x = keras.layers.Reshape((*inputs, 1), name="feature")(series) if len(inputs) == 1 else series
    for number, count in enumerate(filters, start=1):
        name = f"conv_{number}"
        x = keras.layers.Conv1D(
            count,
            kernel_size,
            padding="same",
            use_bias=not batch_norm,
            kernel_initializer=_fresh(initializer),
            name=name,
        )(x)
        if batch_norm:
            # Keras's momentum of 0.99 needs some 500 steps to forget its start: validation of the first
            # epochs, at which trials are pruned, would be that of another model.
            x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        x = keras.layers.Activation(activation, name=f"{name}_activation")(x)
        if x.shape[1] >= 2:
            x = keras.layers.MaxPooling1D(name=f"{name}_pool")(x)
    if global_average:
        x = keras.layers.GlobalAveragePooling1D(name="average")(x)
    else:
        x = keras.layers.Flatten(name="flatten")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="features_dropout")(x)
    if dense:
        x = keras.layers.Dense(dense, kernel_initializer=_fresh(initializer), name="dense")(x)
        x = keras.layers.Activation(activation, name="dense_activation")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name="dense_dropout")(x)
    raw = keras.layers.Dense(outputs, kernel_initializer=_fresh(initializer), name="outputs")(x)
    return keras.Model(series, raw, name="cnn1d")


def _fresh(initializer: keras.initializers.Initializer | str) -> keras.initializers.Initializer:
    """A copy with a seed of its own.

    An unseeded Keras initializer draws its seed once, when it is made: used for two layers of the same
    shape, it would start both with the same values.
    """
    return keras.initializers.get(initializer).clone()


def _check_shape(inputs: Sequence[int], outputs: int) -> None:
    if len(inputs) not in (1, 2) or any(not isinstance(size, int) or size < 1 for size in inputs):
        raise ValueError(
            f"A cnn1d needs series, (timesteps, features) or (timesteps,), but got rows of shape {tuple(inputs)}. "
            "Set data.shape, for example [24, 3], or take models/mlp.py."
        )
    if outputs < 1:
        raise ValueError(f"`outputs >= 1` must hold, but got outputs={outputs}. Give the number of raw outputs.")


def _check_filters(filters: object) -> None:
    counts = filters if isinstance(filters, list | tuple) else []
    if not counts or any(not isinstance(count, int) or isinstance(count, bool) or count < 1 for count in counts):
        raise ValueError(
            f"`filters` must be a list of whole numbers of at least 1, but got {filters!r}. Give for example [8, 16]; "
            "in [search.model] a list of such lists, as in filters = [[8, 16]]."
        )


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
