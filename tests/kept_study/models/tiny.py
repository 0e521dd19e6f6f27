"""A small network of the kept study."""

import keras


def build(inputs, outputs, *, activation, initializer, units: int = 8):
    x = start = keras.Input(inputs)
    x = keras.layers.Dense(units, activation=activation, kernel_initializer=initializer)(x)
    return keras.Model(start, keras.layers.Dense(outputs, kernel_initializer=initializer)(x))
