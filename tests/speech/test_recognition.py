from concurrent.futures import ThreadPoolExecutor

import jiwer
import numpy as np
import pytest
from speech.samples import TRANSCRIPTS, quieter, silence, utterance, with_noise, words

from rustpbx_lab.errors import SpeechEngineError
from rustpbx_lab.speech import recognition
from rustpbx_lab.speech.recognition import (
    ENDPOINT_MS,
    LONGEST_MS,
    EndpointedStream,
    Hypothesis,
    ScriptedRecogniser,
    Transcript,
    recogniser,
)


class CountingDecoder:
    """Says how much audio it was given."""

    def __init__(self):
        self.n_samples = 0

    def add(self, samples):
        self.n_samples += len(samples)

    def partial(self):
        return Transcript(f" about {self.n_samples // 16}  ms", None)

    def final(self):
        return Transcript(f"{self.n_samples // 16} ms", 0.5)


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


def installed(name):
    needed = {"whisper": "faster_whisper", "pocketsphinx": "pocketsphinx"}
    pytest.importorskip(needed[name], reason="needs the extra 'local'")
    return recogniser(name)


def test_an_utterance_ends_after_a_pause():
    found = heard(EndpointedStream(CountingDecoder), two_utterances())
    first, second = finals(found)
    # the recordings begin and end with 0.2 to 0.5 s of room
    assert 960 < first.start_ms < 1500
    assert 3000 < first.end_ms < 960 + 2990
    assert 960 + 2990 + 800 < second.start_ms < second.end_ms
    assert first.start_ms % 32 == first.end_ms % 32 == 0


def test_guesses_come_about_once_a_second_and_before_their_final():
    found = heard(EndpointedStream(CountingDecoder), two_utterances())
    kinds = "".join("F" if hypothesis.is_final else "p" for hypothesis in found)
    first, _ = finals(found)
    assert kinds.strip("F").count("F") == 1
    guesses = kinds.index("F")
    assert guesses == (first.end_ms - first.start_ms) // 1024
    assert all(h.start_ms == first.start_ms for h in found[: guesses + 1])
    assert found[0].text == found[0].text.strip()


def test_a_backlog_costs_one_guess_and_loses_no_final():
    found = EndpointedStream(CountingDecoder).push(two_utterances())
    assert [hypothesis.is_final for hypothesis in found] == [True, True]
    slowly = heard(EndpointedStream(CountingDecoder), two_utterances())
    assert finals(found) == finals(slowly)


def test_speech_at_the_end_is_decided_by_finish():
    samples = utterance("sense_0930.flac")[:32000]
    stream = EndpointedStream(CountingDecoder)
    assert finals(stream.push(samples)) == []
    (last,) = stream.finish()
    assert last.is_final
    assert stream.finish() == []


def test_an_endless_utterance_is_cut():
    speech = utterance("sense_0890.flac")
    voiced = speech[8000:40000]
    found = finals(heard(EndpointedStream(CountingDecoder), np.tile(voiced, 30), 1000))
    assert all(h.end_ms - h.start_ms <= LONGEST_MS + 32 for h in found)
    assert len(found) >= 2


def test_silence_says_nothing():
    assert heard(EndpointedStream(CountingDecoder), silence(5000)) == []


def test_an_empty_text_is_no_hypothesis():
    class Mute(CountingDecoder):
        def partial(self):
            return Transcript("  ", None)

        final = partial

    assert heard(EndpointedStream(Mute), two_utterances()) == []


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
