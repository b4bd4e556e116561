"""The outline of a sound."""

import numpy as np

from rustpbx_lab.audio.envelope import Envelope, talk_outline, thin_out


def tone(n_samples: int, level: int = 8192) -> np.ndarray:
    return np.tile(np.array([level, -level], np.int16), n_samples // 2)


def test_the_outline_does_not_depend_on_how_samples_come():
    samples = np.random.default_rng(1).integers(-9000, 9000, 16000).astype(np.int16)
    whole, pieces = Envelope(16000), Envelope(16000)
    whole.push(samples)
    for start in range(0, len(samples), 317):
        pieces.push(samples[start : start + 317])
    one = whole.outline([(0, 0.0)], 0, 1000, 100)
    other = pieces.outline([(0, 0.0)], 0, 1000, 100)
    assert np.array_equal(one["low"], other["low"])
    assert np.array_equal(one["high"], other["high"])


def test_the_outline_is_flat_where_nothing_was_recorded():
    envelope = Envelope(8000)
    envelope.push(tone(8000))
    outline = envelope.outline([(0, 0.0), (4000, 2500.0)], 0, 3000, 60)
    loud = outline["x"][outline["high"] > 0]
    assert loud.min() < 60
    assert not ((loud > 560) & (loud < 2440)).any()
    assert loud.max() > 2900


def test_the_outline_reaches_the_loudest_sample():
    envelope = Envelope(16000)
    samples = np.zeros(160_000, np.int16)
    samples[100_001] = 16384
    envelope.push(samples)
    for n_slots in (2000, 300, 7):
        outline = envelope.outline([(0, 0.0)], 0, 10_000, n_slots)
        place = outline["x"][np.argmax(outline["high"])]
        width = outline["x"][1] - outline["x"][0]
        assert outline["high"].max() == 0.5
        assert place <= 6250.1 <= place + max(width, 500)


def test_a_moving_window_draws_the_same_steps():
    envelope = Envelope(16000)
    noise = np.random.default_rng(2).integers(-900, 900, 160_000)
    envelope.push(noise.astype(np.int16))
    first = envelope.outline([(0, 0.0)], 0, 5000, 101)
    later = envelope.outline([(0, 0.0)], 137, 5137, 101)
    common = np.intersect1d(first["x"][3:-3], later["x"])
    assert len(common) > 90
    for x in common:
        at, then = np.searchsorted(first["x"], x), np.searchsorted(later["x"], x)
        assert first["high"][at] == later["high"][then]


def test_nothing_recorded_gives_an_empty_range_of_zeros():
    outline = Envelope(16000).outline([], 0, 1000, 50)
    assert not outline["low"].any()
    assert len(outline["x"]) == len(outline["low"]) == len(outline["high"])


def test_a_long_step_line_keeps_its_peaks():
    y = np.zeros(10_000, np.float32)
    y[4321] = 1.0
    x, thin = thin_out(np.arange(10_000, dtype=np.float64), y, 1000)
    assert len(x) <= 1000
    assert thin.max() == 1.0


def test_talk_that_was_not_recorded_is_drawn_where_it_was():
    starts, ends = np.array([0.0, 250.0, 900.0]), np.array([100.0, 260.0, np.inf])
    outline = talk_outline(starts, ends, 1000, 10)
    assert list(outline["x"]) == [100 * slot for slot in range(10)]
    talks = [slot for slot, high in enumerate(outline["high"]) if high > 0]
    assert talks == [0, 1, 2, 9]
    assert (outline["low"] == -outline["high"]).all()


def test_nobody_talks_in_an_empty_call():
    outline = talk_outline(np.zeros(0), np.zeros(0), 1, 10)
    assert not outline["high"].any()
