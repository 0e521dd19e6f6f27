"""Functions of TensorFlow that are written node by node.

Tracing a loop around two functions takes Python 29 ms, writing it 0.7 ms.  What is written is a `FunctionDef`, which is
what tracing gives, too (tensorflow/core/framework/function.proto says what belongs into it).
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.core.framework.attr_value_pb2 import AttrValue, NameAttrList
from tensorflow.core.framework.function_pb2 import FunctionDef
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.python.eager import context  # there is no public way to add a function

_NUMBERS = itertools.count()


class FunctionDefBuilder:
    """A function that is being written, and after `added` one that operations can call.

    Values are named by references: an argument, or `node:output:index`.

    Args:
        name: What it does; a number is put behind.

    Attributes:
        name: As TensorFlow knows it.
    """

    def __init__(self, name: str) -> None:
        self.name = f"{name}_{next(_NUMBERS)}"
        self._definition = FunctionDef()
        self._definition.signature.name = self.name
        self._calls: list[Any] = []

    def add_inputs(self, types: Sequence[tf.DType]) -> list[str]:
        """Say what it is given; references to that."""
        names = [f"given_{index}" for index in range(len(types))]
        for name, kind in zip(names, types, strict=True):
            self._definition.signature.input_arg.add(name=name, type=kind.as_datatype_enum)
        return names

    def add_op(self, op: str, inputs: Sequence[str], output: str, after: Sequence[str] = (), **attrs: Any) -> str:
        """Add an operation; a reference to the first of its outputs of this name.

        Args:
            op: Its name.
            inputs: References.
            output: Name of an output, as the operation has it.
            after: References to what must have run before, besides the inputs.
            **attrs: Of the operation: integers, booleans, tensors, types, lists of types, or functions, which then live
                as long as this one.
        """
        node = self._definition.node_def.add(op=op, name=f"node_{len(self._definition.node_def)}")
        node.input.extend([*inputs, *(f"^{_node(reference)}" for reference in after)])
        for name, value in attrs.items():
            node.attr[name].CopyFrom(_attr(value))
            if node.attr[name].HasField("func"):
                self._calls.append(value)
        return f"{node.name}:{output}:0"

    def inline(self, function: Any, prefix: str, given: Sequence[str], wanted: Sequence[int]) -> None:
        """Add what a traced function does, under names of their own; `outputs_of` gives the references.

        Operations that are neither needed for what is wanted, nor have an effect of their own, are left out.

        Args:
            function: A `ConcreteFunction`, which then lives as long as this one.
            prefix: Of the names.
            given: References to its arguments, those that it captures included.
            wanted: Which of its outputs are read.
        """
        definition = function.function_def
        signature = definition.signature
        arguments = dict(zip((argument.name for argument in signature.input_arg), given, strict=True))
        nodes = {node.name: node for node in definition.node_def}
        reached = [_node(definition.ret[signature.output_arg[index].name]) for index in wanted]
        reached += definition.control_ret.values()
        needed: set[str] = set()
        while reached:
            name = reached.pop()
            if name in nodes and name not in needed:
                needed.add(name)
                reached += [_node(reference).lstrip("^") for reference in nodes[name].input]
        for node in definition.node_def:
            if node.name not in needed:
                continue
            copied = self._definition.node_def.add(op=node.op, name=f"{prefix}/{node.name}", device=node.device)
            for name, attr in node.attr.items():
                if name != "_class":  # which nodes belong together; on one device they do
                    copied.attr[name].CopyFrom(attr)
            for reference in node.input:
                if reference[0] != "^":
                    copied.input.append(arguments.get(reference) or f"{prefix}/{reference}")
                elif reference[1:] in nodes:
                    copied.input.append(f"^{prefix}/{reference[1:]}")
        self._calls.append(function)

    def constant(self, value: Any, kind: tf.DType) -> str:
        """A reference to a constant."""
        return self.add_op("Const", [], "output", value=tf.make_tensor_proto(value, kind), dtype=kind)

    def set_outputs(self, references: Sequence[str], types: Sequence[tf.DType], after: Sequence[str] = ()) -> None:
        """Say what it gives.

        Args:
            references: To what it gives.
            types: Of that.
            after: References to operations that must have run by then, for what they do.
        """
        definition, signature = self._definition, self._definition.signature
        for index, (reference, kind) in enumerate(zip(references, types, strict=True)):
            signature.output_arg.add(name=f"found_{index}", type=kind.as_datatype_enum)
            definition.ret[f"found_{index}"] = reference
        signature.is_stateful = bool(after)
        for reference in after:
            signature.control_output.append(_node(reference))
            definition.control_ret[_node(reference)] = _node(reference)

    def register(self) -> FunctionDefBuilder:
        """Itself, made known to TensorFlow for as long as this object lives."""
        known = context.context()
        known.add_function_def(self._definition)
        weakref.finalize(self, known.remove_function, self.name)
        return self

    def operations(self) -> list[NodeDef]:
        """All operations, those of the functions that it calls included."""
        return operations_of(self._definition)


def operations_of(definition: FunctionDef) -> list[NodeDef]:
    """All operations of a function, those of the functions that it calls included."""
    found, called = list(definition.node_def), set()
    for node in definition.node_def:
        for attr in node.attr.values():
            called |= {function.name for function in (attr.func, *attr.list.func) if function.name}
    for name in called:
        found += operations_of(context.context().get_function_def(name))
    return found


def outputs_of(function: Any, prefix: str) -> list[str]:
    """References to the outputs of a traced function that `Function.copy` adds under this prefix."""
    definition = function.function_def
    return [f"{prefix}/{definition.ret[found.name]}" for found in definition.signature.output_arg]


def effects_of(function: Any, prefix: str) -> list[str]:
    """References to what the function does, besides its outputs."""
    return [f"{prefix}/{name}" for name in function.function_def.control_ret.values()]


def output(reference: str, index: int) -> str:
    """A reference to another output of the same operation."""
    return f"{reference.rpartition(':')[0]}:{index}"


def types_of(things: Sequence[tf.TensorSpec | tf.Tensor]) -> list[tf.DType]:
    """The type of each."""
    return [thing.dtype for thing in things]


def _node(reference: str) -> str:
    return reference.partition(":")[0]


def _attr(value: Any) -> AttrValue:
    match value:
        case bool():
            return AttrValue(b=value)
        case int():
            return AttrValue(i=value)
        case TensorProto():
            return AttrValue(tensor=value)
        case tf.DType():
            return AttrValue(type=value.as_datatype_enum)
        case list():
            return AttrValue(list=AttrValue.ListValue(type=[kind.as_datatype_enum for kind in value]))
    return AttrValue(func=NameAttrList(name=tf.compat.as_str(value.name)))
