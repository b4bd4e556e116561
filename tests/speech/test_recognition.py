import sys
from concurrent.futures import ThreadPoolExecutor

import jiwer
import numpy as np
import pytest
from speech.samples import (
    TRANSCRIPTS,
    finals,
    heard,
    quieter,
    silence,
    utterance,
    with_noise,
    words,
)

from rustpbx_lab.errors import MissingExtraError, SpeechEngineError
from rustpbx_lab.speech import recognition
from rustpbx_lab.speech.endpointing import (
    ENDPOINT_MS,
    Hypothesis,
)
from rustpbx_lab.speech.recognition import ScriptedRecogniser, recogniser


def installed(name):
    needed = {"whisper": "faster_whisper", "pocketsphinx": "pocketsphinx"}
    pytest.importorskip(needed[name], reason="needs the extra 'local'")
    return recogniser(name)


def test_a_script_is_heard_at_its_times():
    stream = ScriptedRecogniser([("one two three", 900), ("bye", 300)], 500).stream()
    at = {}
    for now_ms in range(20, 3000, 20):
        for hypothesis in stream.push(silence(20)):
            at.setdefault(now_ms, []).append(hypothesis)
    assert at == {
        800: [Hypothesis("one", False, 500, 800, 0.5)],
        1100: [Hypothesis("one two", False, 500, 1100, 0.5)],
        1400 + ENDPOINT_MS: [Hypothesis("one two three", True, 500, 1400, 1.0)],
        2200 + ENDPOINT_MS: [Hypothesis("bye", True, 1900, 2200, 1.0)],
    }
    assert stream.finish() == []


def test_a_script_that_is_cut_decides_what_has_begun():
    script = ScriptedRecogniser([("one two", 900), ("bye", 300)], 500)
    stream = script.stream()
    stream.push(silence(600))
    assert [h.text for h in stream.finish()] == ["one two"]
    stream = script.stream()
    stream.push(silence(400))
    assert stream.finish() == []


def test_an_unknown_recogniser_is_an_error():
    with pytest.raises(SpeechEngineError, match="whisper, pocketsphinx, scripted are"):
        recogniser("deepgram")


@pytest.mark.speech
def test_the_best_recogniser_is_taken():
    installed("whisper")
    assert isinstance(recogniser(), recognition.WhisperRecogniser)


@pytest.mark.speech
@pytest.mark.parametrize(
    ("name", "allowed"),
    [("whisper", 0.2), ("pocketsphinx", 0.6)],
)
def test_real_speech_is_understood(name, allowed):
    engine = installed(name)
    said, understood = [], []
    for file, transcript in TRANSCRIPTS.items():
        samples = np.concatenate([silence(320), utterance(file), silence(640)])
        found = finals(heard(engine.stream(), samples, 500))
        said.append(" ".join(words(transcript)))
        understood.append(" ".join(words(" ".join(h.text for h in found))))
    assert jiwer.wer(said, understood) <= allowed


@pytest.mark.speech
@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        # 4 of 14 words when written, two of them "coldhearted" for "cold hearted"
        (lambda s: with_noise(s, 15), 0.35),
        (lambda s: quieter(s, 20), 0.2),
    ],
    ids=["noisy", "quiet"],
)
def test_whisper_understands_worse_audio(change, allowed):
    samples = change(utterance("sense_0890.flac"))
    (final,) = finals(heard(installed("whisper").stream(), samples, 500))
    said = " ".join(words(TRANSCRIPTS["sense_0890.flac"]))
    assert jiwer.wer(said, " ".join(words(final.text))) <= allowed
    assert 0 < final.confidence <= 1


@pytest.mark.speech
def test_streams_in_threads_share_the_model():
    engine = installed("whisper")
    samples = np.concatenate([utterance("sense_0930.flac"), silence(640)])

    def run(_):
        return finals(engine.stream().push(samples))

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(run, range(2))
    assert one == other
    assert len(one) == 1


def test_a_recogniser_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[local\]'"):
        recogniser("pocketsphinx").stream()
