"""What other thresholds would have said: like the server's own decision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from work import lines_run

from rustpbx_lab.analysis.what_if import GrowingDecision, effect, spans_of
from rustpbx_lab.speech.vad import VadParams, decide

RUNS = st.lists(
    st.tuples(st.sampled_from([0.1, 0.4, 0.6, 0.95]), st.integers(1, 40)), max_size=30
)
PARAMS = st.builds(
    VadParams,
    st.sampled_from([0, 32, 100, 250, 600]),
    st.sampled_from([0, 32, 100, 400, 900]),
    st.sampled_from([0.3, 0.5, 0.7]),
    st.sampled_from([None, 64, 500, 2000]),
)


def levels(runs: list[tuple[float, int]]) -> np.ndarray:
    parts = [np.full(length, level, np.float32) for level, length in runs]
    return np.concatenate([np.zeros(0, np.float32), *parts])


@given(runs=RUNS, params=PARAMS, steps=st.lists(st.integers(1, 60), max_size=20))
@settings(max_examples=300)
def test_deciding_as_frames_come_is_deciding_at_once(runs, params, steps):
    probabilities = levels(runs)
    growing, n_frames = GrowingDecision(params), 0
    for step in steps:
        n_frames += step
        growing.advance(probabilities[:n_frames])
    growing.advance(probabilities)
    assert growing.events == decide(probabilities, params)


PAUSE = levels([(0.0, 20), (0.9, 30), (0.0, 10), (0.9, 30), (0.0, 40)])
"""Speech 640-1600 and 1920-2880, a pause of 320 ms between."""


def test_more_silence_padding_joins_what_was_split_and_says_it_later():
    before = decide(PAUSE, VadParams(250, 100))
    after = decide(PAUSE, VadParams(250, 500))
    assert [(s.start_ms, s.end_ms) for s in spans_of(before)] == [
        (640, 1600),
        (1920, 2880),
    ]
    assert [(s.start_ms, s.end_ms) for s in spans_of(after)] == [(640, 2880)]
    found = effect(before, after, [(1600, 1920)])
    assert (found.splits_before, found.splits_after) == (1, 0)
    assert (found.cut_offs_before, found.cut_offs_after) == (1, 0)
    # 100 ms need 4 chunks of silence, 500 ms 16: the fourth begins 128 ms after stop
    assert found.end_delay_ms == 512 - 128
    assert (found.onset_delay_ms, found.n_missed, found.n_added) == (0, 0, 0)


def test_less_silence_padding_keeps_the_cut_off():
    before = decide(PAUSE, VadParams(250, 100))
    found = effect(before, decide(PAUSE, VadParams(100, 64)), [(1600, 1920)])
    assert (found.cut_offs_before, found.cut_offs_after) == (1, 1)
    assert found.onset_delay_ms == 128 - 256


def test_a_high_threshold_misses_speech_and_a_low_one_adds_some():
    quiet = levels([(0.0, 20), (0.6, 20), (0.0, 60), (0.9, 20), (0.0, 60), (0.4, 20)])
    normal, high, low = (
        decide(quiet, VadParams(250, 100, threshold)) for threshold in (0.5, 0.8, 0.3)
    )
    assert effect(normal, high).n_missed == 1
    assert effect(normal, low).n_added == 1
    assert effect(normal, low).n_missed == 0


def test_nothing_heard_leaves_the_effect_unknown():
    found = effect([], [])
    assert (found.end_delay_ms, found.onset_delay_ms) == (None, None)


@pytest.mark.slow
def test_an_hour_is_decided_while_a_slider_moves():
    random = np.random.default_rng(1)
    runs = [(0.9 * (i % 2), int(random.integers(5, 60))) for i in range(3500)]
    hour = levels(runs)[:112_500]
    before = decide(hour, VadParams())

    def move() -> None:
        growing = GrowingDecision(VadParams(150, 300))
        growing.advance(hour)
        effect(before, growing.events)

    assert lines_run(move) < 4 * len(hour)  # a tenth of a second
