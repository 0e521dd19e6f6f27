"""A small residual network for images (He et al. 2015, https://arxiv.org/abs/1512.03385).

Blocks are pre-activated (He et al. 2016, https://arxiv.org/abs/1603.05027): `BN → activation → Conv2D`, twice,
added to the block's input.  So a path without any activation leads from the outputs to the first layer.
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
    blocks: int = 2,
    dropout: float = 0.0,
    batch_norm: bool = True,
) -> keras.Model:
    """An uncompiled model from images of shape `inputs` to raw outputs of shape `(batch, outputs)`.

    Args:
        inputs: Shape of one image: `(height, width)` or `(height, width, channels)`.
        outputs: Number of raw outputs.
        activation: Activation in the blocks, by Keras name.
        initializer: Initializer of each kernel, the output's included; biases start at zero.
        filters: Number of filters of each stage; each stage but the first halves the image.
        blocks: Residual blocks of a stage.
        dropout: Share of the features dropped in training, between the convolutions of a block
            (Zagoruyko and Komodakis 2016, https://arxiv.org/abs/1605.07146), in [0, 1).
        batch_norm: Whether blocks are batch normalised.

    Raises:
        ValueError: A shape or an option that cannot be used.
    """
    _check_shape(inputs, outputs)
    _check_filters(filters)
    _check_whole("blocks", blocks)
    _check_share("dropout", dropout)
    _check_flag("batch_norm", batch_norm)

    def conv(x: keras.KerasTensor, count: int, size: int, strides: int, name: str) -> keras.KerasTensor:
        return keras.layers.Conv2D(
            count, size, strides, padding="same", kernel_initializer=_fresh(initializer), name=name
        )(x)

    def activated(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        if batch_norm:
            # Keras's momentum of 0.99 needs some 500 steps to forget its start: validation of the first
            # epochs, at which trials are pruned, would be that of another model.
            x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        return keras.layers.Activation(activation, name=f"{name}_activation")(x)

    def block(x: keras.KerasTensor, count: int, strides: int, name: str) -> keras.KerasTensor:
        before = activated(x, f"{name}_a")
        # Where the shapes differ, the shortcut is a 1 × 1 convolution of the activated input, as in the paper's code.
        same = strides == 1 and x.shape[-1] == count
        shortcut = x if same else conv(before, count, 1, strides, f"{name}_shortcut")
        x = conv(before, count, 3, strides, f"{name}_conv_a")
        x = activated(x, f"{name}_b")
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"{name}_dropout")(x)
        x = conv(x, count, 3, 1, f"{name}_conv_b")
        return keras.layers.Add(name=f"{name}_add")([shortcut, x])

    images = keras.Input(tuple(inputs), name="inputs")
    x = keras.layers.Reshape((*inputs, 1), name="channel")(images) if len(inputs) == 2 else images
    x = conv(x, filters[0], 3, 1, "stem")
    for stage, count in enumerate(filters, start=1):
        for number in range(1, blocks + 1):
            x = block(x, count, 2 if stage > 1 and number == 1 else 1, f"stage_{stage}_block_{number}")
    x = activated(x, "final")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    raw = keras.layers.Dense(outputs, kernel_initializer=_fresh(initializer), name="outputs")(x)
    return keras.Model(images, raw, name="resnet")


def _fresh(initializer: keras.initializers.Initializer | str) -> keras.initializers.Initializer:
    """A copy with a seed of its own.

    An unseeded Keras initializer draws its seed once, when it is made: used for two layers of the same
    shape, it would start both with the same values.
    """
    return keras.initializers.get(initializer).clone()


def _check_shape(inputs: Sequence[int], outputs: int) -> None:
    if len(inputs) not in (2, 3) or any(not isinstance(size, int) or size < 1 for size in inputs):
        raise ValueError(
            "A resnet needs images, (height, width) or (height, width, channels), but got rows of shape "
            f"{tuple(inputs)}. Set data.shape, for example [8, 8, 1], or take models/mlp.py."
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
