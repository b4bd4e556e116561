import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speech.samples import TRANSCRIPTS, quieter, silence, utterance, with_noise

from rustpbx_lab.errors import SpeechEngineError
from rustpbx_lab.models.options import VADOption
from rustpbx_lab.speech.vad import VadParams, VadProcessor, decide
from rustpbx_lab.speech.vad_engines import (
    EnergyEngine,
    SileroEngine,
    frame_ms,
    make_engine,
    vad_engines,
)


def said(before_ms=960, after_ms=960):
    parts = [silence(before_ms)]
    for name in TRANSCRIPTS:
        parts += [utterance(name), silence(after_ms)]
    return np.concatenate(parts)


def voiced_share(probabilities, threshold=0.5):
    return float(np.mean(probabilities > threshold))


@pytest.mark.parametrize("name", vad_engines())
def test_an_engine_gives_a_probability_for_every_whole_frame(name):
    engine = make_engine(name)
    probabilities = engine.probabilities(said()[: 512 * 40 + 511])
    assert probabilities.shape == (40,)
    assert probabilities.dtype == np.float32
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert engine.probabilities(np.zeros(511, np.int16)).shape == (0,)


@settings(max_examples=15)
@given(
    st.sampled_from(sorted(vad_engines())),
    st.lists(st.integers(0, 2000), min_size=1, max_size=20),
)
def test_a_stream_gives_what_the_batch_gives(name, sizes):
    samples = said()[: sum(sizes)]
    engine = make_engine(name)
    stream = engine.stream()
    parts = [stream.push(part) for part in np.split(samples, np.cumsum(sizes)[:-1])]
    assert np.array_equal(np.concatenate(parts), engine.probabilities(samples))


def test_streams_do_not_hear_each_other():
    engine, samples = SileroEngine(), said()[: 512 * 60]
    alone = engine.probabilities(samples)
    one, other = engine.stream(), engine.stream()
    parts = []
    for first in range(0, len(samples), 512):
        parts.append(one.push(samples[first : first + 512]))
        other.push(silence(32))
    assert np.array_equal(np.concatenate(parts), alone)


def test_a_pushed_buffer_may_be_reused():
    samples = said()[: 320 * 100]
    stream, buffer, parts = SileroEngine().stream(), np.zeros(320, np.int16), []
    for first in range(0, len(samples), 320):
        buffer[:] = samples[first : first + 320]
        parts.append(stream.push(buffer))
    expected = SileroEngine().probabilities(samples)
    assert np.array_equal(np.concatenate(parts), expected)


@pytest.mark.parametrize("name", TRANSCRIPTS)
@pytest.mark.parametrize(
    "change",
    [lambda s: s, lambda s: with_noise(s, 10), lambda s: quieter(s, 20)],
    ids=["clean", "noisy", "quiet"],
)
def test_silero_hears_speech(name, change):
    assert voiced_share(SileroEngine().probabilities(change(utterance(name)))) > 0.7


def test_silero_hears_no_speech_in_silence_and_noise():
    noise = with_noise(np.full(16000 * 5, 300, np.int16), 0)
    assert voiced_share(SileroEngine().probabilities(silence(3000))) == 0
    assert voiced_share(SileroEngine().probabilities(noise)) < 0.02


def test_energy_hears_loudness_alone():
    noise = with_noise(np.full(512 * 50, 3000, np.int16), 0)
    assert voiced_share(EnergyEngine().probabilities(noise)) == 1
    assert voiced_share(EnergyEngine().probabilities(silence(3000))) == 0
    at_middle = np.full(512, round(32768 * 10 ** (-40 / 20)), np.int16)
    # 328 for 327.68: a hundredth of a decibel
    assert EnergyEngine().probabilities(at_middle)[0] == pytest.approx(0.5, abs=0.002)


def test_a_processor_decides_what_the_stored_probabilities_decide():
    samples = said()
    params = VadParams(speech_padding_ms=300, silence_timeout_ms=700)
    option = VADOption(speech_padding=300, silence_timeout=700)
    processor, live = VadProcessor(option), []
    for n, first in enumerate(range(0, len(samples), 320)):
        live += processor.push(samples[first : first + 320], 20 * n)
    stored = decide(SileroEngine().probabilities(samples), params)
    assert live == stored
    assert {event.kind for event in live} == {"speaking", "end_of_speech", "timeout"}


def test_an_engine_that_nobody_has_is_refused_with_those_there_are():
    with pytest.raises(
        SpeechEngineError,
        match="silero-f32, silero-lite, energy",
    ):
        make_engine("siler0")


def test_an_engine_tells_how_long_its_frames_are():
    assert [frame_ms(make_engine(name)) for name in ("silero", "energy")] == [32, 32]
