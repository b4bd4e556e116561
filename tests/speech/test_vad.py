import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab.errors import SpeechEngineError
from rustpbx_lab.models.options import VADOption
from rustpbx_lab.speech.vad import (
    VadDecision,
    VadEvent,
    VadParams,
    VadProcessor,
    decide,
    marginal,
    speech_segments,
)

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent / "vad_vectors.jsonl").read_text().splitlines()
]


class LastSample:
    """An engine whose probability is the last sample of a chunk, in thousandths."""

    frame_samples = 512
    sample_rate_hz = 16000

    def stream(self):
        return LastSampleStream()

    def probabilities(self, samples):
        return self.stream().push(samples)


class LastSampleStream:
    def __init__(self):
        self.rest = np.zeros(0, np.int16)

    def push(self, samples):
        waiting = np.concatenate([self.rest, samples])
        n_frames = len(waiting) // 512
        self.rest = waiting[n_frames * 512 :]
        frames = waiting[: n_frames * 512].reshape(-1, 512)
        return (frames[:, -1] / 1000).astype(np.float32)


def params_of(vector):
    return VadParams(
        vector["speechPadding"],
        vector["silencePadding"],
        silence_timeout_ms=vector["silenceTimeout"],
    )


def probabilities_of(runs):
    return np.concatenate([np.full(n, voiced, np.float32) for n, voiced in runs])


def stepwise(probabilities, params, frame_ms=32):
    decision = VadDecision(params)
    threshold = np.float32(params.voice_threshold)
    events = []
    for i, p in enumerate(probabilities):
        events += decision.step(bool(p > threshold), i * frame_ms)
    return events


def on_the_wire(event):
    wire = {"at": event.at, "event": event.event, "startTime": event.start_time}
    return wire if event.duration is None else {**wire, "duration": event.duration}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_vector_gives_its_events_chunk_by_chunk(vector):
    got = stepwise(probabilities_of(vector["runs"]), params_of(vector))
    assert [on_the_wire(event) for event in got] == vector["events"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_vector_gives_its_events_at_once(vector):
    got = decide(probabilities_of(vector["runs"]), params_of(vector))
    assert [on_the_wire(event) for event in got] == vector["events"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_a_processor_gives_the_vectors_on_its_own_clock(vector):
    option = VADOption(
        speech_padding=vector["speechPadding"],
        silence_padding=vector["silencePadding"],
        silence_timeout=vector["silenceTimeout"],
    )
    processor = VadProcessor(option, LastSample())
    samples = np.concatenate(
        [np.full(n * 512, voiced * 1000, np.int16) for n, voiced in vector["runs"]]
    )
    got = []
    for n, first in enumerate(range(0, len(samples), 320)):
        # arrival jitters, the sample clock does not
        got += processor.push(samples[first : first + 320], 5000 + 20 * n + n % 7)
    shifted = [
        {**event, "at": event["at"] + 5000, "startTime": event["startTime"] + 5000}
        for event in vector["events"]
    ]
    assert [on_the_wire(event) for event in got] == shifted


padding = st.one_of(st.integers(0, 400), st.sampled_from([0, 32, 64, 96, 100, 128]))


@given(
    runs=st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=30),
    speech_padding_ms=padding,
    silence_padding_ms=padding,
    silence_timeout_ms=st.one_of(st.none(), padding, st.integers(0, 2000)),
    frame_ms=st.sampled_from([32, 20, 10, 30]),
)
def test_deciding_at_once_is_deciding_chunk_by_chunk(
    runs, speech_padding_ms, silence_padding_ms, silence_timeout_ms, frame_ms
):
    params = VadParams(
        speech_padding_ms,
        silence_padding_ms,
        silence_timeout_ms=silence_timeout_ms,
    )
    probabilities = probabilities_of([(0, 0), *runs])
    assert decide(probabilities, params, frame_ms) == stepwise(
        probabilities, params, frame_ms
    )


@given(
    st.lists(st.floats(0, 1, width=32), max_size=200),
    st.floats(0, 1, width=32),
)
def test_deciding_at_once_uses_the_threshold_of_the_server(values, threshold):
    params = VadParams(0, 0, threshold, 64)
    probabilities = np.array(values, np.float32)
    assert decide(probabilities, params) == stepwise(probabilities, params)


def test_a_probability_equal_to_the_threshold_is_no_voice():
    # 0.7 as a 64-bit float is greater than as a 32-bit one: the server has the latter
    at_threshold = np.full(40, np.float32(0.7))
    above = np.full(40, np.nextafter(np.float32(0.7), np.float32(1)))
    params = VadParams(voice_threshold=0.7)
    assert decide(at_threshold, params) == []
    assert [event.kind for event in decide(above, params)] == ["speaking"]


def test_the_kinds_of_silence_are_told_apart():
    runs = [(1, 0), (9, 1), (40, 0)]
    params = VadParams(silence_timeout_ms=1000)
    assert decide(probabilities_of(runs), params) == [
        VadEvent("speaking", 32, 288),
        VadEvent("end_of_speech", 32, 448, 288),
        VadEvent("timeout", 448, 1472, 1024),
    ]


def test_a_clock_that_steps_back_saturates_at_zero():
    decision = VadDecision(VadParams(0, 10, silence_timeout_ms=50))
    assert decision.step(True, 1000) == []
    assert decision.step(True, 900) == [VadEvent("speaking", 1000, 900)]
    assert decision.step(False, 800) == []
    assert decision.step(False, 700) == []
    assert decision.step(False, 810) == [VadEvent("end_of_speech", 1000, 810, 0)]


def test_deciding_needs_one_dimension():
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        decide(np.zeros((2, 3), np.float32), VadParams())


def test_nothing_gives_nothing():
    assert decide(np.zeros(0, np.float32), VadParams(silence_timeout_ms=0)) == []


def test_the_clock_of_silero_starts_at_the_first_message_even_an_empty_one():
    processor = VadProcessor(VADOption(speech_padding=32), LastSample())
    assert processor.push(np.zeros(0, np.int16), 1000) == []
    voice = np.full(1024, 1000, np.int16)
    assert processor.push(voice, 9000) == [VadEvent("speaking", 1000, 1032)]


def test_nop_goes_by_messages_and_their_arrival():
    processor = VadProcessor(
        VADOption(type="nop", speech_padding=40, silence_padding=40)
    )
    voice, zeros = np.array([0, 0, -1], np.int16), np.zeros(160, np.int16)
    empty = np.zeros(0, np.int16)
    arrivals = [(zeros, 0), (voice, 20), (voice, 45), (voice, 61)]
    arrivals += [(zeros, 80), (empty, 100), (empty, 121)]
    got = [event for samples, at in arrivals for event in processor.push(samples, at)]
    assert got == [
        VadEvent("speaking", 20, 61),
        VadEvent("end_of_speech", 20, 121, 60),
    ]


@pytest.mark.parametrize("kind", ["webrtc", "ten", "Silero", ""])
def test_a_detector_the_server_does_not_have_is_an_error(kind):
    with pytest.raises(SpeechEngineError, match="'silero' and 'nop' work"):
        VadProcessor(VADOption(type=kind))


def test_an_empty_option_means_the_defaults_of_the_server():
    assert VadParams.from_option(VADOption()) == VadParams(250, 100, 0.5, None)
    given_zero = VADOption(
        speech_padding=0, silence_padding=0, voice_threshold=0.0, silence_timeout=0
    )
    assert VadParams.from_option(given_zero) == VadParams(0, 0, 0.0, 0)


def test_segments_are_the_ended_speech_and_the_open_end():
    runs = [(2, 0), (10, 1), (8, 0), (8, 1), (8, 0), (12, 1), (2, 0)]
    table = speech_segments(probabilities_of(runs), 32, VadParams())
    assert table["start_ms"].tolist() == [64, 640, 1152]
    assert table["end_ms"].tolist() == [384, 896, 1536]
    assert (table.dtypes == "int64").all()


def test_a_short_utterance_at_the_end_opens_nothing():
    runs = [(10, 1), (8, 0), (8, 1), (8, 0)]
    table = speech_segments(probabilities_of(runs), 32, VadParams())
    assert table["start_ms"].tolist() == [0, 576]


def test_no_speech_gives_an_empty_table_with_the_same_columns():
    table = speech_segments(np.zeros(50, np.float32), 32, VadParams())
    assert list(table.columns) == ["start_ms", "end_ms"]
    assert (table.dtypes == "int64").all()
    assert table.empty


def test_marginal_frames_lie_within_the_distance():
    probabilities = np.array([0.1, 0.49, 0.53, 0.5], np.float32)
    near = marginal(probabilities, 0.5)
    assert [at for at, _ in near] == [32, 96]
    assert near[0][1] == pytest.approx(0.49)
