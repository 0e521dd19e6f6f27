"""Build TensorFlow functions node by node.

Tracing a loop around two functions takes 29 ms, building its `FunctionDef` 0.7 ms.  The format is described in
tensorflow/core/framework/function.proto.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence, Set
from typing import Any

import tensorflow as tf

from tuner.engines.compiled.redundant_reshapes import find_reshapes_to_same_shape
from tuner.keras_internals import (
    AttrValue,
    FunctionDef,
    NameAttrList,
    NodeDef,
    TensorProto,
    get_function_def,
    register_function,
    remove_function,
)

_COUNTER = itertools.count()
_IDENTITIES = ("Identity", "IdentityN", "StopGradient")
"""Operations that return their inputs."""


class FunctionTemplate:
    """A function whose nodes are copied into others.

    Args:
        function: A `ConcreteFunction`, or a builder.

    Attributes:
        function: As given.
        arguments: Names of its arguments, captures included.
    """

    def __init__(self, function: Any) -> None:
        self.function, definition = function, function.function_def
        given = definition.signature.input_arg
        self.arguments = [argument.name for argument in given]
        self._variables = {argument.name for argument in given if argument.type == tf.resource.as_datatype_enum}
        self._outputs = [definition.ret[found.name] for found in definition.signature.output_arg]
        self._effects = list(definition.control_ret.values())
        self._nodes: dict[str, NodeDef] = {}
        for node in definition.node_def:
            self._nodes[node.name] = kept = NodeDef()
            kept.CopyFrom(node)
            kept.attr.pop("_class", None)  # which nodes belong together; on one device they do
        is_built = isinstance(function, FunctionDefBuilder)
        self._remove_identities(set() if is_built else {*find_reshapes_to_same_shape(function)})
        self._reachable: dict[tuple[int, ...], dict[str, NodeDef]] = {}

    def outputs(self, prefix: str) -> list[str]:
        """Return references to the outputs, if the function is inlined under this prefix."""
        return [f"{prefix}/{reference}" for reference in self._outputs]

    def effects(self, prefix: str) -> list[str]:
        """Return references to the side effects, if the function is inlined under this prefix."""
        return [f"{prefix}/{name}" for name in self._effects]

    def reachable(self, wanted: Sequence[int]) -> dict[str, NodeDef]:
        """Return the nodes that these outputs and all side effects need."""
        key = tuple(wanted)
        if key not in self._reachable:
            reached = [_node_name(self._outputs[index]) for index in key] + self._effects
            needed: set[str] = set()
            while reached:
                name = reached.pop()
                if name in self._nodes and name not in needed:
                    needed.add(name)
                    reached += [_node_name(reference).lstrip("^") for reference in self._nodes[name].input]
            self._reachable[key] = {name: node for name, node in self._nodes.items() if name in needed}
        return self._reachable[key]

    def uses_variable(self, node: NodeDef) -> bool:
        """Return whether a node reads or sets a variable."""
        return not self._variables.isdisjoint(node.input)

    def _remove_identities(self, reshapes: Set[str]) -> None:
        """Connect what reads an identity to what that reads: a third of the nodes of a layer are identities.

        One that waits for other operations is left, unless these only read and set variables, which are side effects.

        Args:
            reshapes: Names of the reshapes that are identities.
        """
        sources: dict[str, str] = {}
        for name, node in self._nodes.items():
            is_identity = node.op in _IDENTITIES or name in reshapes
            if is_identity and all(map(self._is_order_of_variables, _control_inputs(node))):
                values = _data_inputs(node)[: 1 if name in reshapes else None]
                sources |= {f"{name}:output:{index}": source for index, source in enumerate(values)}

        def resolve(reference: str) -> str:
            while reference in sources:
                reference = sources[reference]
            return reference

        for node in self._nodes.values():
            if f"{node.name}:output:0" not in sources:
                inputs = [resolve(reference) for reference in _data_inputs(node)]
                waited = [resolve(f"{name}:output:0") for name in _control_inputs(node)]
                inputs += [f"^{_node_name(reference)}" for reference in waited if ":" in reference]
                del node.input[:]
                node.input.extend(inputs)
        # An output that is an argument needs an identity.
        self._outputs = [each if resolve(each) in self.arguments else resolve(each) for each in self._outputs]

    def _is_order_of_variables(self, name: str) -> bool:
        if name not in self._nodes:  # an argument
            return True
        node = self._nodes[name]
        if node.op == "NoOp":
            return all(map(self._is_order_of_variables, _control_inputs(node)))
        return node.op in ("ReadVariableOp", "AssignVariableOp")


class FunctionDefBuilder:
    """Builds a function; after `register`, operations can call it.

    Values are named by references: an argument, or `node:output:index`.

    Args:
        name: Base of its name; a number is appended.

    Attributes:
        name: As TensorFlow knows it.
    """

    def __init__(self, name: str) -> None:
        self.name = f"{name}_{next(_COUNTER)}"
        self._definition = FunctionDef()
        self._definition.signature.name = self.name
        self._callees: list[Any] = []

    def add_inputs(self, types: Sequence[tf.DType]) -> list[str]:
        """Add arguments, and return references to them."""
        names = [f"given_{index}" for index in range(len(types))]
        for name, kind in zip(names, types, strict=True):
            self._definition.signature.input_arg.add(name=name, type=kind.as_datatype_enum)
        return names

    def add_op(self, op: str, inputs: Sequence[str], output: str, after: Sequence[str] = (), **attrs: Any) -> str:
        """Add an operation, and return a reference to its first output of this name.

        Args:
            op: Its name.
            inputs: References.
            output: Name of an output, as the operation has it.
            after: References to what must have run before, besides the inputs.
            **attrs: Of the operation: integers, booleans, tensors, types, lists of types, or functions, which then live
                as long as this one.
        """
        node = self._definition.node_def.add(op=op, name=f"node_{len(self._definition.node_def)}")
        node.input.extend([*inputs, *(f"^{_node_name(reference)}" for reference in after)])
        for name, value in attrs.items():
            node.attr[name].CopyFrom(_attr_value(value))
            if node.attr[name].HasField("func"):
                self._callees.append(value)
        return f"{node.name}:{output}:0"

    @property
    def function_def(self) -> FunctionDef:
        """What is built so far."""
        return self._definition

    def inline(
        self,
        template: FunctionTemplate,
        prefix: str,
        inputs: Sequence[str],
        wanted: Sequence[int],
        after: Sequence[str] = (),
    ) -> None:
        """Copy the nodes of a function, under a prefix; see `FunctionTemplate.outputs`.

        Operations that neither the wanted outputs nor side effects need are left out.

        Args:
            template: The function, which then lives as long as this one.
            prefix: Of the names.
            inputs: References to its arguments, captures included.
            wanted: Which of its outputs are read.
            after: References to what must have run before it reads or sets a variable.
        """
        waiting = _node_name(self.add_op("NoOp", [], "", after=after)) if after else ""
        arguments = dict(zip(template.arguments, inputs, strict=True))
        nodes = template.reachable(wanted)
        for name, node in nodes.items():
            copied = self._definition.node_def.add()
            copied.CopyFrom(node)
            copied.name = f"{prefix}/{name}"
            del copied.input[:]
            for reference in node.input:
                if reference[0] != "^":
                    copied.input.append(arguments.get(reference) or f"{prefix}/{reference}")
                elif reference[1:] in nodes:
                    copied.input.append(f"^{prefix}/{reference[1:]}")
            if waiting and template.uses_variable(node):
                copied.input.append(f"^{waiting}")
        self._callees.append(template.function)

    def constant(self, value: Any, kind: tf.DType) -> str:
        """Add a constant, and return a reference to it."""
        return self.add_op("Const", [], "output", value=tf.make_tensor_proto(value, kind), dtype=kind)

    def set_outputs(self, references: Sequence[str], types: Sequence[tf.DType], after: Sequence[str] = ()) -> None:
        """Set the outputs.

        Args:
            references: To the outputs.
            types: Of the outputs.
            after: References to operations that must have run by then, for their side effects.
        """
        definition, signature = self._definition, self._definition.signature
        for index, (reference, kind) in enumerate(zip(references, types, strict=True)):
            signature.output_arg.add(name=f"found_{index}", type=kind.as_datatype_enum)
            definition.ret[f"found_{index}"] = reference
        signature.is_stateful = bool(after)
        for reference in after:
            signature.control_output.append(_node_name(reference))
            definition.control_ret[_node_name(reference)] = _node_name(reference)

    def register(self) -> FunctionDefBuilder:
        """Register the function with TensorFlow for the lifetime of this object, and return it."""
        register_function(self._definition)
        weakref.finalize(self, remove_function, self.name)
        return self

    def collect_ops(self) -> list[NodeDef]:
        """Return all operations, those of called functions included."""
        return collect_ops(self._definition)


def collect_ops(definition: FunctionDef) -> list[NodeDef]:
    """Return all operations of a function, those of called functions included."""
    found, called = list(definition.node_def), set()
    for node in definition.node_def:
        for attr in node.attr.values():
            called |= {function.name for function in (attr.func, *attr.list.func) if function.name}
    for name in called:
        found += collect_ops(get_function_def(name))
    return found


def nth_output(reference: str, index: int) -> str:
    """Return a reference to another output of the same operation."""
    return f"{reference.rpartition(':')[0]}:{index}"


def get_dtypes(things: Sequence[tf.TensorSpec | tf.Tensor]) -> list[tf.DType]:
    """Return the dtype of each."""
    return [thing.dtype for thing in things]


def _data_inputs(node: NodeDef) -> list[str]:
    return [reference for reference in node.input if reference[0] != "^"]


def _control_inputs(node: NodeDef) -> list[str]:
    """Return the names of the operations that must have run before a node."""
    return [reference[1:] for reference in node.input if reference[0] == "^"]


def _node_name(reference: str) -> str:
    return reference.partition(":")[0]


def _attr_value(value: Any) -> AttrValue:
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
