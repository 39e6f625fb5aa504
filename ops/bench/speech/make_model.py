#!/usr/bin/env python3
"""Makes a model with random weights and one of Whisper's real shapes: a folder in the standard ONNX layout, and one for
CTranslate2 with the same weights, in FOLDER/SHAPE and FOLDER/SHAPE-ct2. They are never committed."""
import argparse
import json
from pathlib import Path

import numpy as np
import onnx

import graphs
import peer
from shapes import SHAPES, RandomWeights, tokens, write_configuration

GRAPHS = ("encoder_model", "decoder_model", "decoder_with_past_model")
PATTERN = Path(__file__).resolve().parents[3] / "tests/fixtures/whisper-tiny"
# Protocol buffers end at 2 GB.
LARGEST = 1_500_000_000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--precisions", default="f32,int8", help="of f32, int8 and fp16; int8 is made of f32 [%(default)s]")
    parser.add_argument("--no-peer", action="store_true", help="no folder for CTranslate2")
    asked = parser.parse_args()
    shape, precisions = SHAPES[asked.shape], asked.precisions.split(",")
    folder = asked.into / shape.name
    weights = RandomWeights(shape)
    write_configuration(shape, folder)
    for name in GRAPHS:
        if "f32" in precisions:
            save(graphs.build(PATTERN / f"{name}.onnx", shape, weights), folder / f"{name}.onnx")
        if "fp16" in precisions:
            save(graphs.build(PATTERN / f"{name}.onnx", shape, weights, np.float16), folder / f"{name}_fp16.onnx")
        if "int8" in precisions:
            quantise(graphs.build(PATTERN / f"{name}.onnx", shape, weights, fold=True), folder / f"{name}_int8.onnx")
        print(f"{folder / name}: {', '.join(precisions)}", flush=True)
    if not asked.no_peer:
        config, generation = (json.loads((folder / f"{name}.json").read_text()) for name in ("config", "generation_config"))
        kind = "float16" if precisions == ["fp16"] else "float32"
        peer.write(asked.into / f"{shape.name}-ct2", config, generation, tokens(shape), weights, kind)
        print(asked.into / f"{shape.name}-ct2", flush=True)


def save(model, path):
    outside = sum(len(tensor.raw_data) for tensor in model.graph.initializer) > LARGEST
    path.with_name(path.name + "_data").unlink(missing_ok=True)
    onnx.save(model, path, save_as_external_data=outside, location=path.name + "_data" if outside else None)


def quantise(model, path):
    """dynamic quantisation of the products with weights, by ONNX Runtime's own tool with its own settings"""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    plain = path.with_suffix(".plain")
    onnx.save(model, plain)
    quantize_dynamic(plain, path, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
    plain.unlink()


if __name__ == "__main__":
    main()
