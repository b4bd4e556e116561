"""Tables in, sources out."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rustpbx_lab.analysis.barge_in import Overlap
from rustpbx_lab.analysis.moments import Mark, Metric
from rustpbx_lab.analysis.playback import Playback
from rustpbx_lab.analysis.recognition import Recognition
from rustpbx_lab.analysis.speech import Speech
from rustpbx_lab.analysis.turns.turn import Turn
from rustpbx_lab.analysis.what_if import Ghost
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.drawing import PX_PER_CHARACTER, fit, refill
from rustpbx_lab.plots.hit_test import hit, pick
from rustpbx_lab.plots.lanes.agent import BOX_Y, TAG_Y, AgentLane
from rustpbx_lab.plots.lanes.asr import AsrLane
from rustpbx_lab.plots.lanes.caller import CallerLane, short_notes
from rustpbx_lab.plots.lanes.commands import CommandsLane
from rustpbx_lab.plots.lanes.lane import Scene
from rustpbx_lab.plots.lanes.metrics import MetricsLane, points_of
from rustpbx_lab.plots.lanes.turn_latency import ROLES, LatencyLane
from rustpbx_lab.plots.overview import Overview
from rustpbx_lab.plots.theme import LIGHT, Painter
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.wording import clock

WINDOW = Window(0, 20_000, 15_000, 1000)
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
    first_frame_ms=None,
    first_audio_ms=3300,
    quality="measured",
    is_audible=False,
    end_ms=6000,
    interrupted_ms=6000,
    heard_ms=2700,
    total_ms=4700,
    ttfb_ms=280,
    is_cached=False,
    track_id="server-side-track",
    seq=12,
)


def scene(window: Window = WINDOW, **tables: Sequence[Any]) -> Scene:
    return Scene(window, tables)


@pytest.fixture
def axis() -> TimeAxis:
    return TimeAxis(Painter(LIGHT))


def test_speech_is_a_bar_with_its_hang_over(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.draw(scene(speech=[SPEECH]))
    data = lane.spans.source.data
    assert (data["left"], data["right"]) == ([1000, 2600], [2600, 2760])
    assert lane.labels.source.data["text"] == ["1\u2009600 ms"]


def test_speech_that_goes_on_lasts_until_now(axis: TimeAxis):
    lane = CallerLane(axis)
    going_on = replace(SPEECH, end_ms=None, said_ms=None, quality="unknown")
    lane.draw(scene(speech=[going_on]))
    assert lane.spans.source.data["right"] == [15_000]
    assert lane.labels.source.data["text"] == ["speaking…"]


def test_what_is_far_from_the_window_is_not_sent(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.draw(scene(speech=[SPEECH], window=Window(60_000, 80_000, 90_000, 1000)))
    assert lane.spans.source.data["left"] == []


def test_too_short_speech_is_noted_in_words():
    levels = np.zeros(60, np.float32)
    levels[20:26] = 0.9  # 192 ms
    frames = (np.arange(60) * 32.0, levels)
    found = short_notes(frames, VadParams(speech_padding_ms=250), WINDOW)
    assert [(note.x, note.text) for note in found] == [
        (640.0, "192 ms < speechPadding 250: no event")
    ]


def test_speech_that_may_still_go_on_is_not_called_short():
    levels = np.zeros(60, np.float32)
    levels[52:58] = 0.9
    frames = (np.arange(60) * 32.0, levels)
    assert short_notes(frames, VadParams(speech_padding_ms=250), WINDOW) == []


def test_a_text_may_run_to_the_next_one_and_is_cut_there(axis: TimeAxis):
    lane = AsrLane(axis)
    following = replace(TEXT, start_ms=3000, end_ms=3500, said_ms=3900, index=2, seq=15)
    lane.draw(scene(recognition=[TEXT, following]))
    first, second = lane.texts.data["text"]
    assert first.endswith("…")
    assert len(first) < len(TEXT.text)
    assert second == TEXT.text
    assert lane.finals.data["at"] == [2900, 3900]
    assert lane.deltas.data["x"] == [1500, 2000, 1500, 2000]


def test_a_text_without_media_times_begins_at_its_first_delta(axis: TimeAxis):
    lane = AsrLane(axis)
    lane.draw(
        scene(recognition=[replace(TEXT, start_ms=None, end_ms=None, delay_ms=None)])
    )
    assert lane.texts.data["left"] == [1500]
    assert lane.finals.data["delay"] == [""]


def test_a_partial_result_can_be_tapped_apart_from_its_sentence(axis: TimeAxis):
    lane = AsrLane(axis)
    lane.draw(scene(recognition=[replace(TEXT, delta_seqs=(4, 6))]))
    tapped = [pick(lane.targets, at, 9, WINDOW) for at in (1500, 2000, 2900)]
    assert tapped == [4, 6, TEXT.seq]


def test_an_interruption_can_be_tapped_at_its_line_and_its_words(axis: TimeAxis):
    lane = AgentLane(axis)
    lane.draw(scene(playback=[replace(PLAYBACK, interrupted_seq=44)]))
    tag_ms = 30 * WINDOW.ms_per_px
    assert pick(lane.targets, 6000, 50, WINDOW) == 44
    assert pick(lane.targets, 6000 + tag_ms, TAG_Y, WINDOW) == 44
    assert pick(lane.targets, 5000, BOX_Y, WINDOW) == PLAYBACK.seq


def test_a_playback_that_ends_the_call_says_so(axis: TimeAxis):
    lane = AgentLane(axis)
    farewell = replace(PLAYBACK, interrupted_ms=None, hangup_reason="bySystem")
    lane.draw(scene(playback=[farewell]))
    words = lane.labels.source.data["text"]
    assert "then hangs up" in words
    (tip,) = lane.labels.source.data["tip"][words.index("then hangs up") :][:1]
    assert "autoHangup: bySystem" in tip


def test_a_mark_of_the_whole_call_can_be_tapped(axis: TimeAxis):
    whole = Overview(axis)
    silent = {"x": [], "low": [], "high": []}
    whole.show_waves(silent, silent, 10_000)
    mark = Mark(at_ms=8000, kind="error", name="error", text="no", seq=70)
    whole.show_marks([mark], [replace(PLAYBACK, interrupted_seq=44)])
    window = whole.window(1000)
    tapped = [pick(whole.targets, at, 17, window) for at in (6000, 7000, 8000)]
    assert tapped == [44, None, 70]


def test_a_playback_shows_its_wait_and_what_was_not_heard(axis: TimeAxis):
    lane = AgentLane(axis)
    lane.draw(scene(playback=[PLAYBACK], window=Window(0, 12_000, 15_000, 1000)))
    drawn = {span.look: (span.left, span.right) for span in lane.spans.rows}
    assert drawn == {
        "wait": (3000, 3300),
        "played": (3300, 6000),
        "not heard": (6000, 8000),
    }
    assert lane.cuts.data["x"] == [6000]
    assert "2\u2009000 ms not heard" in lane.labels.source.data["text"]


def test_unknown_is_a_dash_and_not_zero(axis: TimeAxis):
    lane = AgentLane(axis)
    lane.draw(scene(playback=[replace(PLAYBACK, first_audio_ms=None, total_ms=None)]))
    tip = lane.spans.rows[0].tip
    assert "first audio \u2013" in tip
    assert "of \u2013 ms" in tip
    assert max(span.right for span in lane.spans.rows) == 6000


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
    lane.draw(scene(metrics=[metric]))
    assert lane.points.source.data["y"][0] > lane.figure.y_range.start


def test_repeats_of_a_command_are_folded(axis: TimeAxis):
    lane = CommandsLane(axis)
    marks = [Mark(1000 + 200 * i, "command", "tts", "…", 20 + i) for i in range(4)]
    error = Mark(1700, "error", "error", HOSTILE, 30)
    lane.draw(scene(marks=[*marks, error]))
    assert lane.labels.source.data["text"][0].startswith("tts \u00d74")
    assert lane.marks.source.data["seq"] == [20, 30]
    assert lane.marks.source.data["shape"] == ["inverted_triangle", "x"]


def test_a_tap_finds_the_mark_under_it(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.draw(scene(speech=[SPEECH]))
    assert pick(lane.targets, 1500, 26, WINDOW) == 7
    assert pick(lane.targets, 9000, 26, WINDOW) is None


def test_a_lane_has_few_renderers_and_escapes_its_tips(axis: TimeAxis):
    bands = Bands(axis.painter)
    lanes = [CallerLane(axis, bands), AsrLane(axis, bands), AgentLane(axis, bands)]
    lanes += [LatencyLane(axis), MetricsLane(axis), CommandsLane(axis), Overview(axis)]
    for lane in lanes:
        # a kind of hatch has a renderer of its own: see Spans
        assert len(lane.figure.renderers) <= 9
        for tool in lane.figure.tools:
            assert "safe" not in str(getattr(tool, "tooltips", ""))


def test_nothing_is_sent_when_nothing_changed(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.draw(scene(speech=[SPEECH]))
    held = lane.spans.source.data
    lane.draw(scene(speech=[SPEECH]))
    assert lane.spans.source.data is held
    assert refill(lane.spans.source, {**held, "left": [1, 2]})


@pytest.mark.parametrize(
    ("time_ms", "shown"),
    [
        (0, "00:00.000"),
        (123_624, "02:03.624"),
        (3_723_004, "1:02:03.004"),
        (-4000, "\u221200:04.000"),
        (None, "\u2013"),
    ],
)
def test_call_time_reads_like_a_clock(time_ms: int | None, shown: str):
    assert clock(time_ms) == shown


def test_words_end_at_the_right_edge_and_names_do_not(axis: TimeAxis):
    lane = CommandsLane(axis)
    why = "error sending request for url (http://127.0.0.1:9/none.wav)"
    lane.draw(scene(marks=[Mark(18_000, "error", "error", why, 30)]))  # 100 px from it
    (words,) = lane.labels.source.data["text"]
    assert words.startswith("error error")
    assert words.endswith("…")
    assert len(words) * PX_PER_CHARACTER <= 90
    late = [Mark(19_900, "command", "history", "", 31)]
    lane.draw(scene(marks=[*late, Mark(19_950, "error", "error", why, 32)]))
    assert lane.labels.source.data["text"] == ["history", "error…"]


def test_a_command_is_tapped_at_its_own_words_only(axis: TimeAxis):
    lane = CommandsLane(axis)
    marks = [Mark(at, "command", "history", "", at) for at in (100, 400, 700)]
    lane.draw(scene(marks=[replace(mark, name=f"c{mark.seq}") for mark in marks]))
    first, second, third = lane.targets
    assert first.right - first.left == 0, "there is no room for its words"
    assert pick(lane.targets, 400, second.bottom + 5, WINDOW) == 400
    assert pick(lane.targets, 130, first.bottom + 5, WINDOW) == 100
    words = hit(lane.targets, 700 + 20 * WINDOW.ms_per_px, third.top - 5, WINDOW)
    assert (words.seq, words.at_ms) == (700, 700), "the mark's time, not the tap's"


def test_wide_characters_count_double():
    assert fit("您好请问有什么可以帮您", 60) == "您好请问…"
    assert fit("short", 60) == "short"


TURN = Turn(
    number=9,
    start_ms=1000,
    stop_ms=3000,
    stop_quality="measured",
    said_ms=3148,
    final_ms=3400,
    llm_ms=3410,
    command_ms=3822,
    tts_ms=4082,
    first_frame_ms=None,
    first_audio_ms=4248,
    first_audio_quality="measured",
    end_ms=6000,
    resumed_ms=None,
    outcome="answered",
    latency_ms=1248,
    quality="measured",
    problem=None,
    kind="tts",
    play_id="r-1",
    reply_seq=9,
    text="Where is my order?",
    seq=7,
)


def test_a_turn_is_drawn_as_segments_without_a_gap(axis: TimeAxis):
    lane = LatencyLane(axis)
    lane.draw(scene(turns=[replace(TURN, first_frame_ms=4200)]))
    parts = [span for span in lane.spans.rows if span.look != "tick"]
    assert [span.look for span in parts] == list(ROLES)
    assert parts[0].left == 3000
    assert parts[-1].right == 4248
    assert all(one.right == other.left for one, other in pairwise(parts))
    words = "".join(lane.labels.source.data["text"])
    assert words == "T91\u2009248 ms148+252+10+412+260+118+48"
    assert "measured" in parts[0].tip
    assert pick(lane.targets, 3500, 15, WINDOW) == 7


def test_a_cut_off_is_faded_and_says_so(axis: TimeAxis):
    lane = LatencyLane(axis)
    cut = replace(TURN, outcome="cut_off", resumed_ms=4318)
    lane.draw(scene(turns=[cut]))
    assert lane.spans.source.data["fill_alpha"][0] == 0.45
    assert "cut-off" in lane.labels.source.data["text"]
    agent = AgentLane(axis)
    agent.draw(scene(playback=[PLAYBACK], turns=[cut]))
    said = "cut-off: agent began 70 ms before the caller went on"
    assert said in agent.labels.source.data["text"]


def test_what_cannot_be_told_apart_looks_unknown(axis: TimeAxis):
    lane = LatencyLane(axis)
    lane.draw(scene(turns=[replace(TURN, tts_ms=None)]))
    looks = [span.look for span in lane.spans.rows]
    assert looks[-3:] == ["?", "tick", "tick"]
    assert "unknown" in lane.spans.rows[-3].tip


def test_numbers_stay_away_where_the_next_turn_is(axis: TimeAxis):
    lane = LatencyLane(axis)
    following = replace(TURN, number=10, stop_ms=4500, first_audio_ms=5400, seq=20)
    lane.draw(scene(turns=[TURN, following]))
    assert "T9" in lane.labels.source.data["text"]
    assert lane.labels.source.data["text"].count("+") == 5


def test_bands_lie_behind_the_wait_and_behind_double_talk(axis: TimeAxis):
    bands = Bands(axis.painter)
    overlap = Overlap(
        start_ms=5000,
        end_ms=None,
        kind="talked_over",
        detection_ms=288,
        stop_latency_ms=None,
        is_false=None,
        quality="measured",
        play_id="r-1",
        seq=11,
        play_seq=12,
    )
    bands.show([TURN], [overlap], WINDOW)
    assert bands.waits.data["left"] == [3000]
    assert bands.both.data["right"] == [4248, 15_000]
    assert bands.both.data["colour"][1] == LIGHT.error


def test_ghosts_are_dashed_and_never_filled_solid(axis: TimeAxis):
    lane = CallerLane(axis)
    lane.draw(Scene(WINDOW, ghosts=[Ghost(1000, 4264, 4764)]))
    data = lane.spans.source.data
    assert (data["left"], data["right"]) == ([1000], [4264])
    assert data["dash"] == ["4 3"]
    assert data["fill_alpha"][0] < 1
    assert lane.labels.source.data["text"] == ["3\u2009264 ms"]
    assert lane.targets == []


def test_a_narrow_ruler_has_fewer_ticks(axis: TimeAxis):
    plot = axis.lane(20, ruler=True)
    found = []
    for width in (1100, 800, 185, 10):
        axis.use_width(width)
        found.append(plot.xaxis[0].ticker.desired_num_ticks)
    assert found == [10, 10, 2, 2]
