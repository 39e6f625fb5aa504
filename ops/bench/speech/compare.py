#!/usr/bin/env python3
"""Cairn and another engine (CTranslate2, or plain PyTorch) by turns on the same weights and the same spectrograms, and the ratio.

Each round measures `cairn bench transcribe` and then the other, so that both meet the same machine in the same minute.
Of each the fastest round counts. In f32 the tokens have to be equal."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

COMPUTE = {"f32": "float32", "int8": "int8", "fp16": "float16"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a folder that make_model.py made; the peer's is beside it")
    parser.add_argument("--cairn", default="cairn", help="the program [%(default)s]")
    parser.add_argument("--peer", default="ctranslate2", choices=("ctranslate2", "torch"), help="[%(default)s]")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--precisions", default="f32,int8")
    parser.add_argument("--rows", default="1,4,8")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--reach", type=float, default=None, help="fail where the ratio is above this at the most threads")
    asked = parser.parse_args()
    rows, threads = ([int(one) for one in text.split(",")] for text in (asked.rows, asked.threads))
    table, load = [], os.getloadavg()[0]
    print(f"| precision | threads | rows | Cairn: encoder + decoder = total, s | {asked.peer} | ratio | outside ONNX Runtime | equal texts |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for precision in asked.precisions.split(","):
        for count in threads:
            peer = other(asked, precision, count)
            for batch in rows:
                table.append(measure(asked, peer, precision, count, batch))
                print(line(table[-1]), flush=True)
            del peer
    print(f"\n{asked.model.name}, {asked.device}, {asked.tokens} tokens a window, fastest of {asked.rounds} rounds, load before {load:.1f}")
    if asked.json:
        asked.json.write_text(json.dumps(table, indent=1))
    failures = [row for row in table if row["precision"] == "f32" and row["equal"] != row["rows"]]
    if asked.reach:
        failures += [row for row in table if row["threads"] == max(threads) and row["ratio"] > asked.reach]
    for row in failures:
        print(f"missed: {line(row)}", file=sys.stderr)
    sys.exit(1 if failures else 0)


def measure(asked, peer, precision, threads, rows):
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(asked.rounds):
            ours.append(cairn(asked, precision, threads, rows, folder))
            told = json.loads((Path(folder) / "tokens.json").read_text())
            windows = np.fromfile(Path(folder) / "spectrograms.f32", np.float32).reshape(rows, -1, 3000)
            theirs.append(peer.decode(windows, told["prompt"]))
    best, rival = min(ours, key=lambda one: one["total_s"]), min(theirs, key=lambda one: one["total_s"])
    return {
        "precision": precision, "threads": threads, "rows": rows, "cairn": best, "peer": rival,
        "ratio": best["total_s"] / rival["total_s"],
        "equal": sum(a == b for a, b in zip(told["tokens"], rival["tokens"])),
        "rounds": [[one["total_s"] for one in ours], [one["total_s"] for one in theirs]],
    }


def line(row):
    ours, theirs = row["cairn"], row["peer"]
    parts = lambda one: f"{one['encoder_s']:.2f} + {one['decoder_s']:.2f} = {one['total_s']:.2f}"
    return (f"| {row['precision']} | {row['threads']} | {row['rows']} | {parts(ours)} | {parts(theirs)} | **{row['ratio']:.2f}** "
            f"| {ours['outside_percent']:.1f} % ({ours['outside_percent_of_decoder']:.1f} % of the decoder) | {row['equal']} of {row['rows']} |")


def cairn(asked, precision, threads, rows, folder):
    command = [asked.cairn, "bench", "transcribe", "--json", "--model", asked.model, "--precision", precision, "--device",
               asked.device, "--threads", threads, "--rows", rows, "--tokens", asked.tokens, "--no-times", "--repeats", 1,
               "--keep", folder]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def other(asked, precision, threads):
    if asked.peer == "torch":
        from torch_peer import PyTorch

        return PyTorch(asked.model, asked.device, precision, threads, asked.tokens)
    return CTranslate2(asked.model.with_name(asked.model.name + "-ct2"), asked.device, precision, threads, asked.tokens)


class CTranslate2:
    def __init__(self, folder, device, precision, threads, tokens):
        import ctranslate2

        self.library = ctranslate2
        self.model = ctranslate2.models.Whisper(
            str(folder), device=device, compute_type=COMPUTE[precision], intra_threads=threads, inter_threads=1)
        self.tokens, self.warm = tokens, set()

    def decode(self, windows, prompt):
        if len(windows) not in self.warm:
            self.warm.add(len(windows))
            self.decode(windows, prompt)
        features = self.library.StorageView.from_array(windows)
        started = time.perf_counter()
        states = self.model.encode(features)
        encoded = time.perf_counter()
        # It takes half of max_length for the text.
        found = self.model.generate(states, [prompt] * len(windows), beam_size=1, max_length=2 * self.tokens,
                                    suppress_blank=False, suppress_tokens=[])
        done = time.perf_counter()
        tokens = [one.sequences_ids[0] for one in found]
        if any(len(one) != self.tokens for one in tokens):
            raise SystemExit(f"CTranslate2 wrote {[len(one) for one in tokens]} tokens, not {self.tokens}")
        return {"encoder_s": encoded - started, "decoder_s": done - encoded, "total_s": done - started, "tokens": tokens}


if __name__ == "__main__":
    main()
