"""Whisper's real shapes, random weights of them, and the files beside the graphs."""
import json
import zlib
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    name: str
    d_model: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    mels: int
    languages: int

    @property
    def vocabulary(self):
        # text, end, start, languages, six tasks and marks, 1,501 times
        return 50257 + 2 + self.languages + 6 + 1501


SHAPES = {shape.name: shape for shape in (
    Shape("tiny", 384, 6, 4, 4, 80, 99),
    Shape("base", 512, 8, 6, 6, 80, 99),
    Shape("small", 768, 12, 12, 12, 80, 99),
    Shape("medium", 1024, 16, 24, 24, 80, 99),
    Shape("turbo", 1280, 20, 32, 4, 128, 100),
    Shape("large-v3", 1280, 20, 32, 32, 128, 100),
    # Of no model; to try the scripts.
    Shape("mini", 128, 2, 2, 2, 80, 99),
)}
CODES = ("en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
         "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi "
         "lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue").split()
END = 50257


def tokens(shape):
    """every token's name, by id"""
    special = ["<|endoftext|>", "<|startoftranscript|>"] + [f"<|{code}|>" for code in CODES[:shape.languages]]
    special += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    special += [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    return [f"t{i}" for i in range(END)] + special


class RandomWeights:
    """Weights by the names that transformers gives them; each depends on its name alone."""

    def __init__(self, shape):
        self.shape = shape
        direction = self._draw("direction", (shape.d_model,))
        self.direction = direction / np.linalg.norm(direction)

    def _draw(self, name, size):
        return np.random.default_rng(zlib.crc32(f"{self.shape.name} {name}".encode())).standard_normal(size, np.float32)

    def get(self, name):
        s, d = self.shape, self.shape.d_model
        if name == "encoder.embed_positions.weight":
            return sinusoids(d)
        if name == "decoder.embed_positions.weight":
            return 0.3 * self._draw(name, (448, d))
        if name == "decoder.embed_tokens.weight":
            # The end, the marks and the times lie far off the decoder's direction: no text ever ends, in any engine.
            table = 0.05 * self._draw(name, (s.vocabulary, d))
            table[END:] -= 8 * self.direction
            return table
        if name == "decoder.layer_norm.bias":
            return 8 * self.direction
        if name.endswith("norm.weight"):
            return 1 + 0.1 * self._draw(name, (d,))
        if name.endswith("norm.bias"):
            return 0.05 * self._draw(name, (d,))
        if "conv" in name:
            size = (d, s.mels if "conv1" in name else d, 3)
            return 0.02 * self._draw(name, (d,)) if name.endswith("bias") else self._scaled(name, size)
        width = 4 * d if ".fc1." in name else d
        if name.endswith("bias"):
            return 0.02 * self._draw(name, (width,))
        return self._scaled(name, (4 * d, d) if ".fc1." in name else (d, 4 * d) if ".fc2." in name else (d, d))

    def _scaled(self, name, size):
        return self._draw(name, size) / np.float32(np.sqrt(np.prod(size[1:])))


def sinusoids(width, length=1500):
    rates = np.exp(-np.log(10000) / (width // 2 - 1) * np.arange(width // 2))
    angles = np.arange(length)[:, None] * rates[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype(np.float32)


def write_configuration(shape, folder):
    """the files beside the graphs, as published models have them"""
    ids = {name: i for i, name in enumerate(tokens(shape))}
    config = {
        "model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "d_model": shape.d_model,
        "encoder_layers": shape.encoder_layers, "encoder_attention_heads": shape.heads, "encoder_ffn_dim": 4 * shape.d_model,
        "decoder_layers": shape.decoder_layers, "decoder_attention_heads": shape.heads, "decoder_ffn_dim": 4 * shape.d_model,
        "num_mel_bins": shape.mels, "max_source_positions": 1500, "max_target_positions": 448, "vocab_size": shape.vocabulary,
        "decoder_start_token_id": ids["<|startoftranscript|>"], "eos_token_id": END, "bos_token_id": END, "pad_token_id": END,
    }
    generation = {
        "eos_token_id": END, "decoder_start_token_id": ids["<|startoftranscript|>"],
        "no_timestamps_token_id": ids["<|notimestamps|>"], "prev_sot_token_id": ids["<|startofprev|>"],
        "lang_to_id": {f"<|{code}|>": ids[f"<|{code}|>"] for code in CODES[:shape.languages]},
        "task_to_id": {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")},
        "is_multilingual": True, "max_initial_timestamp_index": 50, "suppress_tokens": [], "begin_suppress_tokens": [END],
        "alignment_heads": [[shape.decoder_layers - 1, 0]],
    }
    preprocessor = {"feature_size": shape.mels, "hop_length": 160, "n_fft": 400, "chunk_length": 30, "sampling_rate": 16000}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "added_tokens": [{"id": i, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for name, i in ids.items() if i >= END],
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "vocab": {name: i for name, i in ids.items() if i < END}, "merges": []},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("config", config), ("generation_config", generation), ("preprocessor_config", preprocessor),
                          ("tokenizer", tokenizer)):
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / "shape.json").write_text(json.dumps(asdict(shape)))
