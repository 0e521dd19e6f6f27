"""Private names of Keras and TensorFlow stand in one module, and do in the installed versions what it says."""

from __future__ import annotations

import ast
import gc
from collections.abc import Callable, Iterable, Iterator

import pytest
from structure import modules

PRIVATE_MODULES = ("keras.src", "tensorflow.core", "tensorflow.python")
PRIVATE_ATTRIBUTES = {"_flatten_layers", "_get_variable_index", "_keras_history", "_keras_logits", "_keras_mask"}
EXCEPT = {
    "keras_internals",
    "export.script.runtime_helpers",  # is copied into scripts that need nothing of ours
}


def private_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.ImportFrom(module=str(module)):
                names = [module]
            case ast.Import(names=aliases):
                names = [alias.name for alias in aliases]
            case ast.Attribute(attr=name) if name in PRIVATE_ATTRIBUTES:
                yield name
                continue
            case _:
                continue
        yield from (name for name in names if name.startswith(PRIVATE_MODULES))


def test_no_other_module_uses_private_names() -> None:
    found = {module.name: list(private_names(module.nodes)) for module in modules() if module.name not in EXCEPT}
    assert {name: names for name, names in found.items() if names} == {}
    source = "from keras.src.backend import x\nmodel._flatten_layers()"
    assert len(list(private_names(ast.walk(ast.parse(source))))) == 2


@pytest.mark.slow
def test_keras_still_has_them() -> None:
    import keras

    from tuner import keras_internals as internals

    internals.reset_uids()
    inner = keras.Sequential([keras.layers.Dense(2)])
    rows = keras.Input((3,))
    outputs = keras.layers.Activation("softmax")(inner(rows))
    model = keras.Model(rows, outputs)
    names = [layer.name for layer in internals.flatten_layers(model, include_self=False)]
    assert "dense" in names, "the first one of its kind, inside another layer"
    assert internals.flatten_layers(model)[0] is model
    assert inner.layers[0] not in internals.flatten_layers(model, include_self=False, recursive=False)
    assert internals.producing_layer(model.outputs[0]) is model.layers[-1]
    assert internals.has_logits(keras.activations.softmax(keras.ops.ones((1, 2))))
    assert not internals.has_logits(keras.ops.ones((1, 2)))
    assert internals.get_keras_mask(keras.layers.Embedding(3, 2, mask_zero=True)(keras.ops.zeros((1, 2)))) is not None
    variable, gradient = keras.Variable([0.0]), keras.ops.ones((1,))
    optimizer = keras.optimizers.Adagrad(initial_accumulator_value=0.0)
    optimizer.build([variable])
    with internals.given_square(gradient, 4.0 * gradient) as asked:
        optimizer.update_step(gradient, variable, 1.0)
    assert (len(asked), float(variable[0])) == (1, pytest.approx(-0.5))
    assert float(keras.ops.square(gradient)[0]) == 1.0

    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    assert internals.get_slot(optimizer, "_velocities", model.trainable_variables[1]) is optimizer._velocities[1]

    assert internals.get_global_attribute("interactive_logging") in (None, True, False)
    before = internals.get_global_attribute("dtype_policy")
    try:
        keras.config.set_dtype_policy("float64")
        assert internals.get_global_attribute("dtype_policy").name == "float64"
    finally:
        internals.set_global_attribute("dtype_policy", before)


@pytest.mark.slow
def test_tensorflow_still_has_them() -> None:
    import tensorflow as tf

    from tuner import keras_internals as internals

    definition = internals.FunctionDef()
    definition.signature.name = "test_of_keras_internals"
    definition.node_def.append(internals.NodeDef(name="nothing", op="NoOp"))
    internals.register_function(definition)
    assert internals.get_function_def("test_of_keras_internals").signature.name == "test_of_keras_internals"
    internals.remove_function("test_of_keras_internals")
    with pytest.raises(tf.errors.NotFoundError):
        internals.get_function_def("test_of_keras_internals")
    assert not internals.is_op_determinism_enabled()
    try:
        internals.enable_op_determinism()
        assert internals.is_op_determinism_enabled()
    finally:
        internals.disable_op_determinism()
    assert internals.AttrValue(func=internals.NameAttrList(name="x")).func.name == "x"
    assert isinstance(tf.make_tensor_proto(1), internals.TensorProto)


@pytest.mark.slow
def test_variables_without_values_and_of_any_length() -> None:
    import keras
    import numpy as np

    from tuner import keras_internals as internals

    with keras.StatelessScope(initialize_variables=False):
        rows = keras.Input((3,))
        hidden = keras.layers.Dense(2)
        model = keras.Model(rows, keras.layers.Add()([hidden(rows), hidden(rows)]))
    made = internals.pop_uninitialized()
    assert [variable is own for (variable, _), own in zip(made, model.variables, strict=True)] == [True, True]
    assert internals.pop_uninitialized() == []
    internals.initialize(made)
    assert model.predict_on_batch(np.zeros((1, 3))).tolist() == [[0.0, 0.0]]

    (_, *calls) = internals.get_calls(model.outputs[0])
    assert [call[0] for call in calls] == [hidden, hidden, model.layers[-1]]
    assert calls[0][1][0] is rows
    assert calls[-1][3][0] is model.outputs[0]

    vector = keras.Variable(np.zeros(1, np.float32))
    internals.open_shape(vector)
    vector.value.assign(np.ones(5, np.float32))
    assert vector.value.numpy().tolist() == [1.0] * 5
    with keras.StatelessScope() as scope:
        internals.map_state(scope, vector, np.ones(3))
        assert vector.value.shape == (3,)


@pytest.mark.slow
def test_a_gradient_lives_as_long_as_its_graph() -> None:
    import tensorflow as tf
    from tensorflow.python.framework.ops import gradient_registry

    from tuner import keras_internals as internals

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def tripled(x: tf.Tensor) -> tuple[dict[str, tf.Tensor], Callable[[tf.Tensor], tf.Tensor]]:
        return {"y": x + 0.0}, lambda upstream: 3.0 * upstream * tf.ones_like(x)

    def names() -> set[str]:
        return set(gradient_registry.list())

    def gradient_of(function: Callable[[tf.Tensor], tf.Tensor]) -> float:
        x = tf.constant(2.0)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return float(tape.gradient(y, x))

    internals.tie_gradients_to_graphs()
    before = names()
    traced = tf.function(lambda x: tripled(x)["y"])
    traced(tf.constant(2.0))  # without its gradient, which is built below
    assert len(names() - before) == 1
    internals.tie_gradients_to_graphs()
    gc.collect()
    assert gradient_of(traced) == 3.0
    assert len(names() - before) >= 1
    del traced
    internals.tie_gradients_to_graphs()  # building the gradient may have registered more
    gc.collect()
    internals.tie_gradients_to_graphs()
    assert names() <= before
