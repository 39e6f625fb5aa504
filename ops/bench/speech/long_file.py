#!/usr/bin/env python3
"""The whole command on ten minutes of the fixture recordings, by turns with faster-whisper on the same model.

Wall time from start to end of the process, as a user waits for it, and word errors. faster-whisper runs batched, with its
voice detection and with times, which its batched mode leaves out by default and which Cairn always computes; without them it makes
five times as many word errors here. Fails if Cairn is slower or makes more word errors."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

FIXTURES = Path(__file__).resolve().parents[3] / "tests/fixtures"
RATE = 16_000
PAUSE_S = 1.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cairn", default="cairn", help="the program [%(default)s]")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, metavar="WAV", help="only write the recording there")
    parser.add_argument("--precision", default="f32", choices=("f32", "int8"), help="of the peer; the fixture model has f32 alone")
    parser.add_argument("--peer", nargs=2, metavar=("FOLDER", "WAV"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peer:
        return listen(asked)
    if asked.keep:
        return recording(asked.keep, asked.minutes * 60)
    import peer

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        audio, words = recording(folder / "long.wav", asked.minutes * 60)
        peer.of_folder(FIXTURES / "whisper-tiny", folder / "ct2")
        ours, theirs = [], []
        for _ in range(asked.rounds):
            ours.append(timed([asked.cairn, "transcribe", audio, "--model", FIXTURES / "whisper-tiny", "--device", "cpu", "--threads",
                               asked.threads, "--rows", asked.rows, "--language", "en", "--format", "json", "--quiet"]))
            theirs.append(timed([sys.executable, __file__, "--peer", folder / "ct2", audio, "--threads", asked.threads,
                                 "--rows", asked.rows, "--precision", asked.precision]))
    errors = tell("cairn", ours, words, asked), tell("faster-whisper", theirs, words, asked)
    inside = min(json.loads(text)["inside_s"] for _, text in theirs)
    print(f"faster-whisper without imports and loading: {inside:.2f} s")
    best = min(seconds for seconds, _ in ours), min(seconds for seconds, _ in theirs)
    print(f"ratio of wall times: {best[0] / best[1]:.2f}; against faster-whisper without imports and loading: {best[0] / inside:.2f}")
    if best[0] > best[1] or errors[0] > errors[1]:
        sys.exit("missed: slower, or more word errors")


def recording(path, seconds):
    """writes a file of English fixture recordings with pauses between them; gives it and the words in it"""
    files = json.loads((FIXTURES / "speech/expected.json").read_text())["files"]
    english = [one for one in files if one["kind"] in ("window_en", "long_en", "single_en")]
    english.sort(key=lambda one: -one["seconds"])
    frames, words, turn = bytearray(), [], 0
    while len(frames) < 2 * RATE * seconds:
        one = english[turn % len(english)]
        with wave.open(str(FIXTURES / "speech" / one["file"])) as source:
            assert (source.getframerate(), source.getnchannels(), source.getsampwidth()) == (RATE, 1, 2)
            frames += source.readframes(source.getnframes()) + bytes(2 * int(RATE * PAUSE_S))
        words += [word for utterance in one["utterances"] for word in plain(utterance["text"])]
        turn += 1
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.writeframes(bytes(frames))
    return path, words


def plain(text):
    return text.replace(".", " ").lower().split()


def timed(command):
    started = time.perf_counter()
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - started, done.stdout


def listen(asked):
    """what the peer's process does"""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    folder, audio = asked.peer
    model = WhisperModel(folder, device="cpu", cpu_threads=asked.threads, compute_type="int8" if asked.precision == "int8" else "float32")
    pipeline = BatchedInferencePipeline(model=model)
    started = time.perf_counter()
    segments, _ = pipeline.transcribe(audio, language="en", batch_size=asked.rows, beam_size=1, without_timestamps=False,
                                      suppress_tokens=[], vad_filter=True)
    texts = [segment.text for segment in segments]
    print(json.dumps({"segments": [{"text": text} for text in texts], "inside_s": time.perf_counter() - started}))


def tell(name, runs, words, asked):
    seconds = min(seconds for seconds, _ in runs)
    heard = [word for segment in json.loads(runs[0][1])["segments"] for word in plain(segment["text"])]
    errors = distance(words, heard)
    print(f"{name}: {seconds:.2f} s ({asked.minutes * 60 / seconds:.0f} × real time), all rounds "
          f"{', '.join(f'{one:.2f}' for one, _ in runs)}; {errors} word errors of {len(words)} ({100 * errors / len(words):.1f} %)")
    return errors


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


if __name__ == "__main__":
    main()
