"""An ONNX graph made plainer than tf2onnx leaves it, so that runtimes find their fast paths.

Each function changes a graph in place and leaves what it computes as it was.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper


def simplify(graph: onnx.GraphProto) -> None:
    """Does all of the below."""
    cancel_transposes(graph)
    plain_upsampling(graph)
    drop_unused(graph)


def cancel_transposes(graph: onnx.GraphProto) -> None:
    """Where one transpose undoes another, what came before both is used."""
    makers = {name: node for node in graph.node for name in node.output}
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        first = makers.get(node.input[0]) if node.op_type == "Transpose" else None
        if first is None or first.op_type != "Transpose" or node.output[0] in outputs:
            continue
        if [_perm(first)[axis] for axis in _perm(node)] == list(range(len(_perm(node)))):
            _use_instead(graph, node.output[0], first.input[0])


def plain_upsampling(graph: onnx.GraphProto) -> None:
    """Nearest-neighbour upsampling by whole factors reads pixel `x // factor`, and says so in the plainest way."""
    for node in graph.node:
        if node.op_type == "Resize" and _attribute(node, "mode") == b"nearest":
            factors = numpy_helper.to_array(_constants(graph)[node.input[2]])
            if _attribute(node, "coordinate_transformation_mode") == b"tf_half_pixel_for_nn" and _whole(factors):
                _set(node, "coordinate_transformation_mode", "asymmetric")


def drop_unused(graph: onnx.GraphProto) -> None:
    """Removes nodes and constants that no output needs."""
    needed, kept = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    _assign(graph.node, reversed(kept))
    _assign(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in needed])


def _constants(graph):
    return {tensor.name: tensor for tensor in graph.initializer}


def _use_instead(graph, old, new):
    for node in graph.node:
        _assign(node.input, [new if name == old else name for name in node.input])


def _perm(node):
    return list(_attribute(node, "perm"))


def _attribute(node, name):
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), None)


def _set(node, name, value):
    _assign(node.attribute, [a for a in node.attribute if a.name != name])
    node.attribute.append(helper.make_attribute(name, value))


def _whole(factors):
    return np.array_equal(factors, np.rint(factors)) and factors.min() >= 1


def _assign(repeated, values):
    values = list(values)
    del repeated[:]
    repeated.extend(values)
