"""Plain PyTorch on the weights of a folder that make_model.py made: transformers' Whisper as it stands, with its own cache,
the likeliest token each step, nothing compiled."""
import json
import time

import numpy as np
import torch
from transformers import WhisperConfig, WhisperForConditionalGeneration

from shapes import RandomWeights, Shape

FLOATS = {"f32": torch.float32, "fp16": torch.float16}


class PyTorch:
    def __init__(self, folder, device, precision, threads, tokens):
        torch.set_num_threads(threads)
        weights = RandomWeights(Shape(**json.loads((folder / "shape.json").read_text())))
        with torch.device("meta"):
            model = WhisperForConditionalGeneration(WhisperConfig(**json.loads((folder / "config.json").read_text())))
        state = {name: weights_of(weights, name) for name in model.state_dict()}
        model.load_state_dict(state, assign=True)
        model.tie_weights()
        self.model = model.to(device, FLOATS[precision]).eval()
        self.device, self.floats, self.tokens, self.warm = device, FLOATS[precision], tokens, set()

    @torch.inference_mode()
    def decode(self, windows, prompt):
        if len(windows) not in self.warm:
            self.warm.add(len(windows))
            self.decode(windows, prompt)
        started = time.perf_counter()
        states = self.model.model.encoder(torch.from_numpy(windows).to(self.device, self.floats))
        self._wait()
        encoded = time.perf_counter()
        ids = torch.tensor([prompt] * len(windows), device=self.device)
        text, cache = [], None
        for _ in range(self.tokens):
            told = self.model(encoder_outputs=states, decoder_input_ids=ids, past_key_values=cache, use_cache=True)
            cache, ids = told.past_key_values, told.logits[:, -1:].argmax(-1)
            text.append(ids)
        tokens = torch.cat(text, 1).tolist()
        done = time.perf_counter()
        return {"encoder_s": encoded - started, "decoder_s": done - encoded, "total_s": done - started, "tokens": tokens}

    def _wait(self):
        if self.device == "cuda":
            torch.cuda.synchronize()


def weights_of(weights, name):
    own = "decoder.embed_tokens.weight" if name == "proj_out.weight" else name.removeprefix("model.")
    return torch.from_numpy(np.array(weights.get(own)))
