"""Graphs of any shape, on the pattern of the fixture model's: those are as the usual exporter writes them, with all of its
detours, and published models look the same. Layer 1 of the pattern becomes every layer; widths and weights are replaced."""
import re

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PATTERN_WIDTH = 128
FLOAT = {np.float32: TensorProto.FLOAT, np.float16: TensorProto.FLOAT16}


def build(pattern, shape, weights, kind=np.float32, fold=False):
    """The graph `pattern` (a file of the fixture model) in another shape. `fold` stores the vocabulary's weights once
    more, turned, so that they can be quantised."""
    model = onnx.load(pattern)
    graph = model.graph
    maker = Maker(graph, shape, weights, kind)
    ends = [i for i, node in enumerate(graph.node) if node.op_type == "LayerNormalization" and is_first(node.input[1])]
    ends.append(next(i for i, node in enumerate(graph.node) if node.op_type == "LayerNormalization" and "layers" not in node.input[1]))
    nodes, layers = list(graph.node), shape.decoder_layers if maker.decoder else shape.encoder_layers
    made = [maker.node(node, {}) for node in nodes[:ends[0]]]
    block = nodes[ends[1]:ends[2]]
    inside = {name for node in block for name in node.output}
    source = next(name for name in block[0].input if name not in maker.initializers)
    result = next(name for node in nodes[ends[2]:ends[3]] for name in node.input if name in inside)
    stream = next(name for name in nodes[ends[0]].input if name not in maker.initializers)
    for layer in range(layers):
        names = {name: renumbered(name, layer) for name in inside}
        names[source] = stream
        made += [maker.node(node, names, layer) for node in block]
        stream = names[result]
    last = next(name for name in nodes[ends[3]].input if name not in maker.initializers)
    made += [maker.node(node, {last: stream}) for node in nodes[ends[3]:]]
    if fold:
        made = maker.folded(made)
    inputs, outputs = maker.outlets(graph.input, layers), maker.outlets(graph.output, layers)
    done = helper.make_graph(made, graph.name, inputs, outputs, maker.tensors())
    return helper.make_model(done, opset_imports=list(model.opset_import), ir_version=model.ir_version)


def is_first(name):
    return name.endswith("self_attn_layer_norm.weight")


def renumbered(name, layer):
    """the name of a value of layer 1, in another layer"""
    new = re.sub(r"((?:layers|present|past_key_values)\.)1\b", rf"\g<1>{layer}", name)
    return new if new != name or layer == 1 and "::" not in name else f"{name}/layer{layer}"


class Maker:
    def __init__(self, graph, shape, weights, kind):
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        self.decoder = any(value.name == "input_ids" for value in graph.input)
        self.shape, self.weights, self.kind = shape, weights, kind
        self.made = {}
        # Constants that feed a Concat are parts of a shape: heads, their width, and the width of all.
        shapes = {name for node in graph.node if node.op_type == "Concat" for name in node.input}
        self.dimensions = shapes & {node.output[0] for node in graph.node if node.op_type == "Constant"}
        heads = 2 if self.decoder else 4
        self.widths = {heads: shape.heads, PATTERN_WIDTH // heads: shape.d_model // shape.heads, PATTERN_WIDTH: shape.d_model}
        self.scale = (PATTERN_WIDTH // heads) ** -0.5

    def node(self, node, names, layer=None):
        new = onnx.NodeProto()
        new.CopyFrom(node)
        new.name = "" if layer is None else renumbered(node.name, layer)
        for i, name in enumerate(node.input):
            if name in self.initializers:
                new.input[i] = self.weight(name, node, layer)
            elif name in names:
                new.input[i] = names[name]
            elif layer is not None and name.startswith("past_key_values.1."):
                new.input[i] = renumbered(name, layer)
        for i, name in enumerate(node.output):
            new.output[i] = names.get(name, name)
        if node.op_type == "Constant":
            self.constant(new, node.output[0])
        if node.op_type == "Cast" and new.attribute[0].i == TensorProto.FLOAT:
            new.attribute[0].i = FLOAT[self.kind]
        return new

    def constant(self, new, name):
        value = numpy_helper.to_array(new.attribute[0].t)
        if value.dtype == np.float32:
            if np.isclose(value, self.scale, rtol=1e-5).all():
                value = np.full_like(value, (self.shape.d_model // self.shape.heads) ** -0.5)
            value = value.astype(self.kind)
        elif name in self.dimensions and value.size == 1 and int(value.reshape(-1)[0]) in self.widths and value.ndim == 1:
            value = np.array([self.widths[int(value[0])]], value.dtype)
        new.attribute[0].t.CopyFrom(numpy_helper.from_array(np.asarray(value)))

    def weight(self, name, node, layer):
        """the new name of a weight; it is drawn when it is asked for first"""
        part = "decoder." if self.decoder else "encoder."
        turned = False
        if name.startswith("onnx::MatMul"):
            role, turned = node.name.strip("/").replace("/", ".").removesuffix(".MatMul") + ".weight", True
        elif name.startswith("onnx::Add"):
            role = "embed_positions.weight"
        else:
            role = name
        role = part + role.removeprefix("model.").removeprefix("decoder.")
        if layer is not None:
            role = renumbered(role, layer)
        new = role + (" turned" if turned else "")
        if new not in self.made:
            value = self.weights.get(role)
            self.made[new] = np.ascontiguousarray((value.T if turned else value).astype(self.kind))
        return new

    def folded(self, nodes):
        table = "decoder.embed_tokens.weight"
        turn = next((node for node in nodes if node.op_type == "Transpose" and node.input[0] == table), None)
        if turn is None:
            return nodes
        self.made["decoder.proj_out.weight turned"] = np.ascontiguousarray(self.made[table].T)
        for node in nodes:
            for i, name in enumerate(node.input):
                if name == turn.output[0]:
                    node.input[i] = "decoder.proj_out.weight turned"
        return [node for node in nodes if node is not turn]

    def tensors(self):
        return [numpy_helper.from_array(value, name) for name, value in self.made.items()]

    def outlets(self, outlets, layers):
        """inputs or outputs; those of layer 1 once for each layer, in the order of the layers"""
        plain = [self.outlet(value, value.name) for value in outlets if not re.search(r"\.\d+\.", value.name)]
        first = [value for value in outlets if re.search(r"\.1\.", value.name)]
        return plain + [self.outlet(value, renumbered(value.name, layer)) for layer in range(layers) for value in first]

    def outlet(self, value, name):
        kind, dimensions = value.type.tensor_type.elem_type, []
        cache = ".key" in name or ".value" in name
        for place, dimension in enumerate(value.type.tensor_type.shape.dim):
            size = dimension.dim_param or dimension.dim_value
            if cache and place in (1, 3):
                size = self.shape.heads if place == 1 else self.shape.d_model // self.shape.heads
            elif size == PATTERN_WIDTH:
                size = self.shape.d_model
            elif name == "input_features" and place == 1:
                size = self.shape.mels
            elif name == "logits" and place == 2:
                size = self.shape.vocabulary
            dimensions.append(size)
        return helper.make_tensor_value_info(name, FLOAT[self.kind] if kind == TensorProto.FLOAT else kind, dimensions)
