"""A CTranslate2 folder with the weights of a model in the standard ONNX layout, without torch and transformers."""
import json

import numpy as np
import onnx
from ctranslate2.converters import utils
from ctranslate2.specs import common_spec, whisper_spec
from onnx import numpy_helper


class GraphWeights:
    """The weights of a folder's f32 graphs, by the names that transformers gives them."""

    def __init__(self, folder):
        self.found = {}
        for part, file in (("encoder.", "encoder_model.onnx"), ("decoder.", "decoder_model.onnx")):
            graph = onnx.load(folder / file).graph
            tensors = {tensor.name: tensor for tensor in graph.initializer}
            for node in graph.node:
                for name in node.input:
                    if name not in tensors:
                        continue
                    value = numpy_helper.to_array(tensors[name])
                    if name.startswith("onnx::MatMul"):
                        name, value = node.name.strip("/").replace("/", ".").removesuffix(".MatMul") + ".weight", value.T
                    elif name.startswith("onnx::Add"):
                        name = "embed_positions.weight"
                    self.found[part + name.removeprefix("model.").removeprefix("decoder.")] = value

    def get(self, name):
        return np.array(self.found[name])


def write(folder, config, generation, vocabulary, weights, kind="float32"):
    """`kind`: float32, float16, or int8 for CTranslate2's own quantisation (it can also quantise when it loads)."""
    spec = whisper_spec.WhisperSpec(
        config["encoder_layers"], config["encoder_attention_heads"], config["decoder_layers"], config["decoder_attention_heads"])
    for conv, name in ((spec.encoder.conv1, "encoder.conv1"), (spec.encoder.conv2, "encoder.conv2")):
        conv.weight, conv.bias = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")
    spec.decoder.embeddings.weight = weights.get("decoder.embed_tokens.weight")
    spec.decoder.projection.weight = weights.get("decoder.embed_tokens.weight")
    for part, name in ((spec.encoder, "encoder"), (spec.decoder, "decoder")):
        part.position_encodings.encodings = weights.get(f"{name}.embed_positions.weight")
        norm(part.layer_norm, weights, f"{name}.layer_norm")
        for number, layer in enumerate(part.layer):
            fill(layer, weights, f"{name}.layers.{number}")
    spec.config.suppress_ids = generation["suppress_tokens"]
    spec.config.suppress_ids_begin = generation["begin_suppress_tokens"]
    spec.config.alignment_heads = generation["alignment_heads"]
    spec.config.lang_ids = sorted(generation["lang_to_id"].values())
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.optimize(quantization=kind)
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))


def fill(layer, weights, name):
    attention(layer.self_attention, weights, f"{name}.self_attn", True)
    norm(layer.self_attention.layer_norm, weights, f"{name}.self_attn_layer_norm")
    if ".decoder" in f".{name}":
        attention(layer.attention, weights, f"{name}.encoder_attn", False)
        norm(layer.attention.layer_norm, weights, f"{name}.encoder_attn_layer_norm")
    linear(layer.ffn.linear_0, weights, f"{name}.fc1")
    linear(layer.ffn.linear_1, weights, f"{name}.fc2")
    norm(layer.ffn.layer_norm, weights, f"{name}.final_layer_norm")


def attention(spec, weights, name, to_itself):
    split = [common_spec.LinearSpec() for _ in range(3)]
    for one, part in zip(split, "qkv"):
        linear(one, weights, f"{name}.{part}_proj", bias=part != "k")
    if to_itself:
        utils.fuse_linear(spec.linear[0], split)
    else:
        utils.fuse_linear(spec.linear[0], split[:1])
        utils.fuse_linear(spec.linear[1], split[1:])
    linear(spec.linear[-1], weights, f"{name}.out_proj")


def linear(spec, weights, name, bias=True):
    spec.weight = weights.get(f"{name}.weight")
    if bias:
        spec.bias = weights.get(f"{name}.bias")


def norm(spec, weights, name):
    spec.gamma, spec.beta = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")


def of_folder(model, folder, kind="float32"):
    """the CTranslate2 folder of a model folder such as the fixture's"""
    config, generation, tokenizer = (
        json.loads((model / f"{name}.json").read_text()) for name in ("config", "generation_config", "tokenizer"))
    names = {number: name for name, number in tokenizer["model"]["vocab"].items()}
    names |= {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    vocabulary = [names.get(number, f"<|unused{number}|>") for number in range(config["vocab_size"])]
    write(folder, config, generation, vocabulary, GraphWeights(model), kind)
    for name in ("tokenizer.json", "preprocessor_config.json"):
        (folder / name).write_bytes((model / name).read_bytes())
