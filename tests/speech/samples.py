"""The recorded utterances, and variants of them."""

import json
import re
from pathlib import Path

import numpy as np

from rustpbx_lab.audio.clip import Clip

AUDIO = Path(__file__).parent / "audio"
TRANSCRIPTS: dict[str, str] = json.loads((AUDIO / "transcripts.json").read_text())


def utterance(name):
    return Clip.read(AUDIO / name).samples


def silence(ms):
    return np.zeros(ms * 16, np.int16)


def with_noise(samples, snr_db, seed=0):
    power = np.mean(samples.astype(float) ** 2)
    random = np.random.default_rng(seed)
    noise = random.normal(0, np.sqrt(power / 10 ** (snr_db / 10)), len(samples))
    return np.clip(np.rint(samples + noise), -32768, 32767).astype(np.int16)


def quieter(samples, db):
    return np.rint(samples / 10 ** (db / 20)).astype(np.int16)


def words(text):
    spelled = text.lower().replace("-", " ").replace("10", "ten")
    return re.sub(r"[^a-z' ]", " ", spelled).split()


def heard(stream, samples, frame_ms=20):
    size = frame_ms * 16
    found = []
    for first in range(0, len(samples), size):
        found += stream.push(samples[first : first + size])
    return found + stream.finish()


def finals(hypotheses):
    return [hypothesis for hypothesis in hypotheses if hypothesis.is_final]


def two_utterances():
    first, second = utterance("sense_0880.flac"), utterance("sense_0930.flac")
    return np.concatenate([silence(960), first, silence(800), second, silence(800)])
