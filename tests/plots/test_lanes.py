"""Tables in, sources out."""

from dataclasses import replace

import numpy as np
import pytest

from rustpbx_lab.analysis.playback import Playback
from rustpbx_lab.analysis.points import Mark, Metric
from rustpbx_lab.analysis.recognition import Recognition
from rustpbx_lab.analysis.speech import Speech
from rustpbx_lab.plots.agent_lane import AgentLane
from rustpbx_lab.plots.asr_lane import AsrLane
from rustpbx_lab.plots.caller_lane import CallerLane, short_notes
from rustpbx_lab.plots.overview import Overview
from rustpbx_lab.plots.point_lanes import CommandsLane, MetricsLane, points_of
from rustpbx_lab.plots.theme import LIGHT, Painter
from rustpbx_lab.plots.timeline import TimeAxis, Window, clock, fit, pick, refill
from rustpbx_lab.speech.vad import VadParams

WINDOW = Window(0, 20_000, 15_000, 1000)
NO_FRAMES = (np.zeros(0), np.zeros(0, np.float32))
HOSTILE = "<img src=x onerror=alert(1)>"

SPEECH = Speech(
    start_ms=1000,
    end_ms=2600,
    detected_ms=1290,
    said_ms=2760,
    kind="speech",
    track_id="s.1",
    refer=False,
    quality="measured",
    seq=7,
)
TEXT = Recognition(
    index=1,
    text="Could you make it Friday instead?",
    is_final=True,
    start_ms=1000,
    end_ms=2500,
    said_ms=2900,
    deltas=(1500, 2000),
    delay_ms=300,
    quality="measured",
    track_id="s.1",
    refer=False,
    seq=9,
)
PLAYBACK = Playback(
    play_id="r-1",
    text="Found it: one blue jacket.",
    kind="tts",
    command_ms=3000,
    start_ms=3010,
    first_audio_ms=3300,
    quality="measured",
    end_ms=6000,
    interrupted_ms=6000,
    heard_ms=2700,
    total_ms=4700,
    ttfb_ms=280,
    is_cached=False,
    track_id="server-side-track",
    seq=12,
)


@pytest.fixture
def axis() -> TimeAxis:
    return TimeAxis(Painter(LIGHT))


def test_speech_is_a_bar_with_its_hang_over(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.show([SPEECH], None, NO_FRAMES, WINDOW)
    data = lane.speech.data
    assert (data["left"], data["right"], data["said"]) == ([1000], [2600], [2760])
    assert lane.labels.data["text"] == ["1\u2009600 ms"]


def test_speech_that_goes_on_lasts_until_now(axis: TimeAxis):
    lane = CallerLane(axis)
    going_on = replace(SPEECH, end_ms=None, said_ms=None, quality="unknown")
    lane.show([going_on], None, NO_FRAMES, WINDOW)
    assert lane.speech.data["right"] == [15_000]
    assert lane.speech.data["said"] == [15_000]
    assert lane.labels.data["text"] == ["speaking…"]


def test_what_is_far_from_the_window_is_not_sent(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.show([SPEECH], None, NO_FRAMES, Window(60_000, 80_000, 90_000, 1000))
    assert lane.speech.data["left"] == []


def test_too_short_speech_is_noted_in_words():
    levels = np.zeros(60, np.float32)
    levels[20:26] = 0.9  # 192 ms
    frames = (np.arange(60) * 32.0, levels)
    found = short_notes(frames, VadParams(speech_padding_ms=250), WINDOW)
    assert found == [(640.0, "192 ms < speechPadding 250: no event")]


def test_speech_that_may_still_go_on_is_not_called_short():
    levels = np.zeros(60, np.float32)
    levels[52:58] = 0.9
    frames = (np.arange(60) * 32.0, levels)
    assert short_notes(frames, VadParams(speech_padding_ms=250), WINDOW) == []


def test_a_text_may_run_to_the_next_one_and_is_cut_there(axis: TimeAxis):
    lane = AsrLane(axis)
    following = replace(TEXT, start_ms=3000, end_ms=3500, said_ms=3900, index=2, seq=15)
    lane.show([TEXT, following], WINDOW)
    first, second = lane.texts.data["text"]
    assert first.endswith("…")
    assert len(first) < len(TEXT.text)
    assert second == TEXT.text
    assert lane.finals.data["at"] == [2900, 3900]
    assert lane.deltas.data["x"] == [1500, 2000, 1500, 2000]


def test_a_text_without_media_times_begins_at_its_first_delta(axis: TimeAxis):
    lane = AsrLane(axis)
    lane.show([replace(TEXT, start_ms=None, end_ms=None, delay_ms=None)], WINDOW)
    assert lane.texts.data["left"] == [1500]
    assert lane.finals.data["delay"] == [""]


def test_a_playback_shows_its_wait_and_what_was_not_heard(axis: TimeAxis):
    lane = AgentLane(axis)
    lane.show([PLAYBACK], Window(0, 12_000, 15_000, 1000))
    data = lane.boxes.data
    assert (data["asked"], data["left"]) == ([3000], [3300])
    assert (data["right"], data["planned"]) == ([6000], [8000])
    assert lane.cuts.data["x"] == [6000]
    assert "2\u2009000 ms not heard" in lane.labels.data["text"]


def test_unknown_is_a_dash_and_not_zero(axis: TimeAxis):
    lane = AgentLane(axis)
    lane.show([replace(PLAYBACK, first_audio_ms=None, total_ms=None)], WINDOW)
    tip = lane.boxes.data["tip"][0]
    assert "first audio \u2013" in tip
    assert "of \u2013 ms" in tip
    assert lane.boxes.data["planned"] == [6000]


def test_delays_are_points_with_their_quality():
    metric = Metric(3300, "completed.tts.deepgram", 700, 280, False, "r-1", 13)
    asr = Metric(3301, "ttfb.asr.deepgram", 2571, None, None, None, 14)
    points = points_of([metric, asr], [TEXT], [SPEECH])
    assert [(p.kind, p.value_ms, p.seq) for p in points] == [
        ("tts", 280, 13),
        ("asr", 300, 9),
        ("vad", 160, 7),
    ]
    assert "measured" in points[1].tip


def test_a_delay_of_zero_is_drawn_inside_the_lane(axis: TimeAxis):
    lane = MetricsLane(axis)
    metric = Metric(3300, "completed.tts.deepgram", 0, 0, True, "r-1", 13)
    lane.show(points_of([metric], [], []), WINDOW)
    assert lane.points.data["y"][0] > lane.figure.y_range.start


def test_repeats_of_a_command_are_folded(axis: TimeAxis):
    lane = CommandsLane(axis)
    marks = [Mark(1000 + 200 * i, "command", "tts", "…", 20 + i) for i in range(4)]
    error = Mark(1700, "error", "error", HOSTILE, 30)
    lane.show([*marks, error], WINDOW)
    assert lane.marks.data["text"][0].startswith("tts \u00d74")
    assert lane.marks.data["seq"] == [20, 30]
    assert lane.marks.data["marker"] == ["inverted_triangle", "x"]


def test_a_tap_finds_the_mark_under_it(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.show([SPEECH], None, NO_FRAMES, WINDOW)
    assert pick(lane.targets, 1500, 12, WINDOW) == 7
    assert pick(lane.targets, 9000, 12, WINDOW) is None


def test_a_lane_has_at_most_six_renderers_and_escapes_its_tips(axis: TimeAxis):
    lanes = [CallerLane(axis), AsrLane(axis), AgentLane(axis), MetricsLane(axis)]
    lanes += [CommandsLane(axis), Overview(axis)]
    for lane in lanes:
        assert len(lane.figure.renderers) <= 6
        for tool in lane.figure.tools:
            assert "safe" not in str(getattr(tool, "tooltips", ""))


def test_nothing_is_sent_when_nothing_changed(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.show([SPEECH], None, NO_FRAMES, WINDOW)
    held = lane.speech.data
    lane.show([SPEECH], None, NO_FRAMES, WINDOW)
    assert lane.speech.data is held
    assert refill(lane.speech, {**held, "left": [1]})


@pytest.mark.parametrize(
    ("time_ms", "shown"),
    [
        (0, "00:00.000"),
        (123_624, "02:03.624"),
        (3_723_004, "1:02:03.004"),
        (None, "\u2013"),
    ],
)
def test_call_time_reads_like_a_clock(time_ms: int | None, shown: str):
    assert clock(time_ms) == shown


def test_wide_characters_count_double():
    assert fit("您好请问有什么可以帮您", 60) == "您好请问…"
    assert fit("short", 60) == "short"
