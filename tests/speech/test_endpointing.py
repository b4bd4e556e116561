import numpy as np
from speech.samples import finals, heard, silence, two_utterances, utterance

from rustpbx_lab.speech.endpointing import LONGEST_MS, EndpointedStream, Transcript


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
