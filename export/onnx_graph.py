"""An ONNX graph made plainer than tf2onnx leaves it, so that runtimes find their fast paths.

Each function changes a graph in place and leaves what it computes as it was.
"""

import numpy as np
from onnx import helper, numpy_helper


def simplify(graph):
    """Does all of the below."""
    cancel_transposes(graph)
    normalise_batches(graph)
    plain_upsampling(graph)
    drop_unused(graph)


def cancel_transposes(graph):
    """Where one transpose undoes another, what came before both is used."""
    makers = {name: node for node in graph.node for name in node.output}
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        first = makers.get(node.input[0]) if node.op_type == "Transpose" else None
        if first is None or first.op_type != "Transpose" or node.output[0] in outputs:
            continue
        if [_perm(first)[axis] for axis in _perm(node)] == list(range(len(_perm(node)))):
            _use_instead(graph, node.output[0], first.input[0])


def normalise_batches(graph):
    """Channels multiplied and shifted by constants, as Keras 3 writes batch norm, become BatchNormalization.

    ONNX Runtime keeps its blocked layout through that, but through no operation that broadcasts.
    """
    constants = _constants(graph)
    for node in list(graph.node):
        scale = _of_channels(node, constants) if node.op_type == "Mul" else None
        if scale is None:
            continue
        user = _only_user(graph, node.output[0])
        last, shift = node, np.zeros_like(scale)
        if user is not None and user.op_type == "Add" and _of_channels(user, constants) is not None:
            last, shift = user, _of_channels(user, constants)
        _replace(graph, node, last, _batch_normalization(graph, node, last.output[0], scale, shift, constants))


def plain_upsampling(graph):
    """Nearest-neighbour upsampling by whole factors reads pixel `x // factor`, and says so in the plainest way."""
    for node in graph.node:
        if node.op_type == "Resize" and _attribute(node, "mode") == b"nearest":
            factors = numpy_helper.to_array(_constants(graph)[node.input[2]])
            if _attribute(node, "coordinate_transformation_mode") == b"tf_half_pixel_for_nn" and _whole(factors):
                _set(node, "coordinate_transformation_mode", "asymmetric")


def drop_unused(graph):
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


def _of_channels(node, constants):
    """The [C] values of a node's constant [1, C, 1, 1], C above 1; None where it has no such."""
    for name in node.input:
        shape = list(constants[name].dims) if name in constants else []
        if len(shape) == 4 and shape[1] > 1 and shape == [1, shape[1], 1, 1]:
            return numpy_helper.to_array(constants[name]).reshape(-1)
    return None


def _only_user(graph, tensor):
    """The one node that reads a tensor; None where there are several, or it is an output of the graph."""
    users = [node for node in graph.node if tensor in node.input]
    return users[0] if len(users) == 1 and tensor not in {value.name for value in graph.output} else None


def _batch_normalization(graph, node, output, scale, shift, constants):
    """`scale * x + shift` as batch norm over statistics that change nothing: mean 0, variance 1, epsilon 0."""
    values = {"scale": scale, "shift": shift, "mean": np.zeros_like(scale), "variance": np.ones_like(scale)}
    tensors = [numpy_helper.from_array(array, f"{node.name}/{part}") for part, array in values.items()]
    graph.initializer.extend(tensors)
    (x,) = (name for name in node.input if name not in constants)
    inputs = [x, *(tensor.name for tensor in tensors)]
    return helper.make_node("BatchNormalization", inputs, [output], f"{node.name}/normalised", epsilon=0.0)


def _replace(graph, first, last, new):
    """Puts a node where two, or twice the same, were."""
    place = [node.name for node in graph.node].index(last.name)
    graph.node.insert(place, new)
    for node in [first] if first.name == last.name else [first, last]:
        graph.node.remove(node)


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
