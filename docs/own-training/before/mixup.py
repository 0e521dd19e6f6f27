"""Train a network on handwritten digits with mixup, by a loop of its own."""

import keras
import numpy as np
import tensorflow as tf
from sklearn.model_selection import train_test_split


def load():
    """Return 8 x 8 images as rows of 64 numbers in [0, 1], and their digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.data / 16.0, digits.target


def build(inputs, outputs, *, units=64, dropout=0.2):
    """Return a network with one hidden layer."""
    rows = keras.Input(inputs)
    hidden = keras.layers.Dense(units, activation="relu")(rows)
    hidden = keras.layers.BatchNormalization()(hidden)
    hidden = keras.layers.Dropout(dropout)(hidden)
    return keras.Model(rows, keras.layers.Dense(outputs, activation="softmax")(hidden))


def mix(x, y, strength):
    """Mix each row of a batch with another one, by the same random share (Zhang et al. 2018)."""
    share = tf.random.uniform((), 1.0 - strength, 1.0)
    order = tf.random.shuffle(tf.range(tf.shape(x)[0]))
    return share * x + (1.0 - share) * tf.gather(x, order), share * y + (1.0 - share) * tf.gather(y, order)


def train(model, x, y, *, epochs=20, batch_size=32, strength=0.3):
    """Train on mixed batches, and tell how it goes after each epoch."""
    x, x_valid, y, y_valid = train_test_split(np.float32(x), np.float32(keras.utils.to_categorical(y)), random_state=0)
    optimizer = keras.optimizers.Adam(1e-3)
    loss_function = keras.losses.CategoricalCrossentropy()
    batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x)).batch(batch_size)

    @tf.function
    def step(x, y):
        x, y = mix(x, y, strength)
        with tf.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    for epoch in range(1, epochs + 1):
        losses = [float(step(*batch)) for batch in batches]
        print(epoch, np.mean(losses), np.mean(model.predict(x_valid, verbose=0).argmax(1) == y_valid.argmax(1)))


if __name__ == "__main__":
    train(build((64,), 10), *load())
