"""A small convolutional network: convolutions that halve the image, then one dense layer.

One stage is `Conv2D → [BatchNormalization] → activation → MaxPooling2D`; images of 8 × 8 pixels are large enough.
Augmentation is done by layers in front, in training only: `flip` mirrors left and right, which changes the
meaning of digits and letters, so it is off unless asked for.
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
    dense: int = 64,
    dropout: float = 0.0,
    batch_norm: bool = False,
    shift: float = 0.0,
    rotation: float = 0.0,
    flip: bool = False,
) -> keras.Model:
    """An uncompiled model from images of shape `inputs` to raw outputs of shape `(batch, outputs)`.

    Args:
        inputs: Shape of one image: `(height, width)` or `(height, width, channels)`.
        outputs: Number of raw outputs.
        activation: Activation of the convolutions and of the dense layer, by Keras name.
        initializer: Initializer of each kernel, the output's included; biases start at zero.
        filters: Number of filters of each stage; the image is halved behind each while it can be.
        kernel_size: Side of the square kernels, in pixels.
        dense: Width of the dense layer; 0 for none.
        dropout: Share of the features dropped in training, before and behind the dense layer, in [0, 1).
        batch_norm: Whether each convolution is batch normalised.
        shift: Largest random shift in training, as a share of height and width, in [0, 1).
        rotation: Largest random rotation in training, as a share of a full turn, in [0, 1).
        flip: Whether half of the images are mirrored left and right in training.

    Raises:
        ValueError: A shape or an option that cannot be used.
    """
    _check_shape(inputs, outputs)
    _check_filters(filters)
    _check_whole("kernel_size", kernel_size)
    _check_whole("dense", dense, least=0)
    for name, share in (("dropout", dropout), ("shift", shift), ("rotation", rotation)):
        _check_share(name, share)
    for name, flag in (("batch_norm", batch_norm), ("flip", flip)):
        _check_flag(name, flag)

    images = keras.Input(tuple(inputs), name="inputs")
    x = keras.layers.Reshape((*inputs, 1), name="channel")(images) if len(inputs) == 2 else images
    x = _augmented(x, shift, rotation, flip)
    for number, count in enumerate(filters, start=1):
        name = f"conv_{number}"
        x = keras.layers.Conv2D(
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
        if min(x.shape[1:3]) >= 2:
            x = keras.layers.MaxPooling2D(name=f"{name}_pool")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="flatten_dropout")(x)
    if dense:
        x = keras.layers.Dense(dense, kernel_initializer=_fresh(initializer), name="dense")(x)
        x = keras.layers.Activation(activation, name="dense_activation")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name="dense_dropout")(x)
    raw = keras.layers.Dense(outputs, kernel_initializer=_fresh(initializer), name="outputs")(x)
    return keras.Model(images, raw, name="cnn")


def _augmented(x: keras.KerasTensor, shift: float, rotation: float, flip: bool) -> keras.KerasTensor:
    """Random changes of the images, in training only; what moves in from outside is zero."""
    if flip:
        x = keras.layers.RandomFlip("horizontal", name="augment_flip")(x)
    if shift:
        x = keras.layers.RandomTranslation(shift, shift, fill_mode="constant", name="augment_shift")(x)
    if rotation:
        x = keras.layers.RandomRotation(rotation, fill_mode="constant", name="augment_rotation")(x)
    return x


def _fresh(initializer: keras.initializers.Initializer | str) -> keras.initializers.Initializer:
    """A copy with a seed of its own.

    An unseeded Keras initializer draws its seed once, when it is made: used for two layers of the same
    shape, it would start both with the same values.
    """
    return keras.initializers.get(initializer).clone()


def _check_shape(inputs: Sequence[int], outputs: int) -> None:
    if len(inputs) not in (2, 3) or any(not isinstance(size, int) or size < 1 for size in inputs):
        raise ValueError(
            f"A cnn needs images, (height, width) or (height, width, channels), but got rows of shape {tuple(inputs)}. "
            "Set data.shape, for example [8, 8, 1], or take models/mlp.py."
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
