from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab.audio.clip import Clip, level_dbfs, to_int16
from rustpbx_lab.audio.resampling import Resampler

SPEECH = Path(__file__).parents[1] / "speech" / "audio" / "sense_0890.flac"
RATES = [(8000, 16000), (16000, 8000), (24000, 8000), (22050, 16000), (48000, 16000)]


def noise(n, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(-32768, 32768, n).astype(np.int16)


def sine(hz, rate):
    return np.round(10000 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)).astype(
        np.int16
    )


def resampled(samples, from_hz, to_hz):
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate([resampler.push(samples), resampler.flush()])


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("tone_hz", [100, 1000, 3000])
def test_a_tone_stays_a_tone_in_place(from_hz, to_hz, tone_hz):
    out = resampled(sine(tone_hz, from_hz), from_hz, to_hz)
    assert len(out) == to_hz
    middle = slice(to_hz // 10, -to_hz // 10)  # the ends meet silence
    error = out[middle].astype(float) - sine(tone_hz, to_hz)[middle]
    assert level_dbfs(to_int16(error / 32768)) < -75


@pytest.mark.parametrize(("from_hz", "to_hz"), [(16000, 8000), (24000, 8000)])
def test_what_the_lower_rate_cannot_hold_is_gone(from_hz, to_hz):
    out = resampled(sine(4600, from_hz), from_hz, to_hz)
    assert level_dbfs(out[400:-400]) < -70


def test_speech_comes_out_as_from_soxr():
    samples = Clip.read(SPEECH).resampled(8000).samples
    by_soxr = Clip(samples, 8000).resampled(16000).samples
    difference = resampled(samples, 8000, 16000).astype(float) - by_soxr
    # they differ where the band ends, 3.7 to 4 kHz
    assert level_dbfs(to_int16(difference / 32768)) < level_dbfs(by_soxr) - 25


@given(st.lists(st.integers(0, 900), min_size=1, max_size=12), st.sampled_from(RATES))
def test_a_stream_is_resampled_alike_however_it_is_cut(sizes, rates):
    samples = noise(sum(sizes))
    cut, whole = Resampler(*rates), Resampler(*rates)
    parts = [cut.push(part) for part in np.split(samples, np.cumsum(sizes)[:-1])]
    at_once = np.concatenate([whole.push(samples), whole.flush()])
    assert np.array_equal(np.concatenate([*parts, cut.flush()]), at_once)
    assert len(at_once) == -(-len(samples) * rates[1] // rates[0])


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
def test_a_stream_lags_4_ms_at_most(from_hz, to_hz):
    resampler = Resampler(from_hz, to_hz)
    frame = noise(from_hz // 50)
    given_out = 0
    for n in range(1, 50):
        given_out += len(resampler.push(frame))
        lag_ms = n * len(frame) * 1000 / from_hz - given_out * 1000 / to_hz
        assert 0 <= lag_ms <= 4


def test_a_flushed_resampler_begins_anew():
    resampler = Resampler(24000, 16000)
    samples = noise(2400)
    first = [resampler.push(samples), resampler.flush()]
    second = [resampler.push(samples), resampler.flush()]
    assert np.array_equal(np.concatenate(first), np.concatenate(second))


def test_equal_rates_change_nothing():
    samples = noise(100)
    assert np.array_equal(resampled(samples, 16000, 16000), samples)
