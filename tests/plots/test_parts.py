"""What lanes are made of: labels, marks, waves, densities, hit testing, headers."""

import logging
import math
from typing import Any

import numpy as np
import pytest
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from rustpbx_lab.analysis.holds import Hold
from rustpbx_lab.plots.density import Block, Density, merged
from rustpbx_lab.plots.drawing import fit, refill, remembered
from rustpbx_lab.plots.held import held_spans
from rustpbx_lab.plots.hit_test import Target, hit
from rustpbx_lab.plots.labels import CLEAR, Label, Labels
from rustpbx_lab.plots.lanes.header import (
    CallState,
    HeaderInfo,
    Reading,
    Voice,
    level_at_cursor,
    level_words,
    meter,
)
from rustpbx_lab.plots.lanes.lane import Lane, Scene
from rustpbx_lab.plots.lanes.registry import OWN_LANES, Guard, all_lanes
from rustpbx_lab.plots.markers import Marker, Markers
from rustpbx_lab.plots.theme import DARK, LIGHT, Painter
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.plots.waveform import Waveform, silence, wave_columns
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.wording import about, clock, thousands

WINDOW = Window(0, 20_000, 15_000, 1000)


@pytest.fixture
def painter() -> Painter:
    return Painter(LIGHT)


@pytest.fixture
def axis(painter: Painter) -> TimeAxis:
    return TimeAxis(painter)


class TestLabels:
    def test_a_label_is_painted_by_role_and_one_without_words_is_left_out(
        self, painter: Painter
    ):
        labels = Labels(figure(), painter, ("ground",))
        labels.show([Label(1, 2, "yes", "error", 5), Label(3, 4, "")])
        data = labels.source.data
        assert (data["x"], data["text"], data["dx"]) == ([1], ["yes"], [5])
        assert data["ink"] == [LIGHT.error]
        assert data["ground"] == [CLEAR]

    def test_what_does_not_vary_is_not_sent(self, painter: Painter):
        labels = Labels(figure(), painter)
        assert set(labels.source.data) == {"x", "y", "text", "ink", "dx"}

    def test_another_palette_paints_what_is_drawn_next(self, painter: Painter):
        labels = Labels(figure(), painter)
        painter.use(DARK)
        labels.show([Label(1, 2, "yes", "error")])
        assert labels.source.data["ink"] == [DARK.error]


class TestMarkers:
    def test_a_mark_has_its_shape_its_colour_and_its_tip(self, painter: Painter):
        markers = Markers(figure(), painter)
        markers.show([Marker(1000, 5, "x", "error", "why", 7)])
        data = markers.source.data
        assert (data["shape"], data["role"]) == (["x"], [LIGHT.error])
        assert (data["tip"], data["seq"]) == (["why"], [7])
        markers.show([])
        assert data is not markers.source.data
        assert markers.source.data["x"] == []


class TestWaveform:
    def test_no_sound_is_two_points_in_one_place(self, painter: Painter):
        wave = Waveform(figure(), painter, "caller", 50, 20)
        assert wave.source.data == silence(50)
        wave.show({"x": [], "low": [], "high": []})
        assert wave.source.data == silence(50)

    def test_quiet_speech_stays_visible_and_full_scale_fits(self):
        outline = {"x": [0, 1], "low": [-0.01, -1.0], "high": [0.01, 1.0]}
        placed = wave_columns(outline, 50, 20)
        assert placed["high"].tolist() == pytest.approx([52, 70])
        assert placed["low"].tolist() == pytest.approx([48, 30])


class TestDensity:
    def test_blocks_are_as_high_as_their_share_and_one_row_is_seen(
        self, painter: Painter
    ):
        density = Density(figure(), painter, "asr", (10, 30), "utterances")
        density.show([Block(0, 1000, 100), Block(1000, 2000, 1)])
        high, low = density.source.data["top"]
        assert high == 30
        assert 11 < low < 14
        assert (
            "100 utterances begin from 00:00 to 00:01"
            in (density.source.data["tip"][0])
        )

    def test_blocks_of_several_tables_add_up(self):
        one, other = [Block(0, 10, 2), Block(10, 20, 1)], [Block(10, 20, 4)]
        assert merged(one, other) == [Block(0, 10, 2), Block(10, 20, 5)]
        assert merged() == []


class TestHitTest:
    NEAR = Target(1000, 1000, 0, 10, 1, 1000)
    WIDE = Target(0, 5000, 0, 10, 2)

    def test_the_narrower_of_two_marks_is_meant(self):
        found = hit([self.WIDE, self.NEAR], 1000, 5, WINDOW)
        assert found is self.NEAR
        assert hit([self.WIDE, self.NEAR], 3000, 5, WINDOW) is self.WIDE

    def test_a_tap_just_beside_counts_and_one_far_away_does_not(self):
        px = WINDOW.ms_per_px
        assert hit([self.NEAR], 1000 + 5 * px, 5, WINDOW) is self.NEAR
        assert hit([self.NEAR], 1000 + 7 * px, 5, WINDOW) is None
        assert hit([self.NEAR], 1000, 17, WINDOW) is None
        assert hit([], 0, 0, WINDOW) is None


class TestHeld:
    def test_what_lasts_reaches_until_now_and_says_so(self):
        holds = [Hold("muted", 1000, None, 4), Hold("paused", 2000, 3000, 5)]
        (span,) = held_spans(holds, "muted", (5, 9), WINDOW)
        assert (span.left, span.right, span.bottom, span.top) == (1000, 15_000, 5, 9)
        assert "→ now" in span.tip
        (other,) = held_spans(holds, "paused", (5, 9), WINDOW)
        assert (other.left, other.right, other.seq) == (2000, 3000, 5)


class TestWindow:
    def test_it_sends_a_margin_and_shows_what_touches_it(self):
        assert WINDOW.ms_per_px == 20
        assert WINDOW.with_margin == (-3000, 23_000)
        assert WINDOW.shows(-4000, -1000)
        assert not WINDOW.shows(30_000, 31_000)

    def test_a_window_without_a_width_divides_by_nothing(self):
        assert Window(0, 0, 0, 0).ms_per_px == 1

    def test_narrow_lanes_have_fewer_ticks(self, axis: TimeAxis):
        lane = axis.lane(20, ruler=True)
        axis.use_width(300)
        assert lane.xaxis[0].ticker.desired_num_ticks == 3
        axis.use_width(5000)
        assert lane.xaxis[0].ticker.desired_num_ticks == 10

    def test_the_time_of_day_and_back(self, axis: TimeAxis):
        lane = axis.lane(20, ruler=True)
        before = type(lane.xaxis[0].ticker)
        axis.use_wall_clock(12 * 3_600_000)
        assert type(lane.xaxis[0].ticker) is not before
        assert lane.xgrid[0].ticker is lane.xaxis[0].ticker
        axis.use_wall_clock(None)
        assert type(lane.xaxis[0].ticker) is before


class TestDrawing:
    def test_the_same_columns_are_not_sent_again(self):
        source = ColumnDataSource(data={"x": [1, 2]})
        assert not refill(source, {"x": [1, 2]})
        assert refill(source, {"x": [1, 3]})
        assert refill(source, {"x": np.array([1.0, 2.0])})
        assert not refill(source, {"x": np.array([1.0, 2.0])})
        assert refill(source, {"y": []})

    def test_a_row_is_described_once(self):
        made: list[Any] = []

        @remembered
        def words(row: object) -> str:
            made.append(row)
            return "words"

        row, other = object(), object()
        assert [words(row), words(row), words(other)] == ["words"] * 3
        assert made == [row, other]

    @pytest.mark.parametrize(
        ("text", "room", "shown"),
        [
            ("a b", 100, "a b"),
            ("a\n b", 100, "a b"),
            ("abcdef", 20, "ab…"),
            ("a", 0, ""),
        ],
    )
    def test_text_is_cut_to_its_room(self, text: str, room: float, shown: str):
        assert fit(text, room) == shown


class TestWording:
    def test_unknown_is_a_dash_and_thousands_have_thin_spaces(self):
        assert thousands(None) == clock(None) == "\u2013"
        assert thousands(-12_345) == "\u221212\u2009345"
        assert clock(61_500, 1) == "01:01.5"
        assert clock(61_500, 0) == "01:01"

    def test_only_what_is_inferred_is_marked(self):
        marks = {name: about(name) for name in ("measured", "inferred", "unknown")}
        assert marks == {"measured": "", "inferred": "~", "unknown": ""}


class BrokenLane(Lane):
    name = "Broken"
    height_px = 10

    def draw(self, scene: Scene) -> None:
        raise ZeroDivisionError


class TestRegistry:
    def test_every_lane_has_a_name_of_its_own_and_what_it_counts(self, axis: TimeAxis):
        names = [lane.name for lane in all_lanes()]
        assert len(set(names)) == len(names)
        for kind in OWN_LANES:
            lane = kind(axis)
            assert lane.tables, kind
            assert lane.density is not None, kind
            assert lane.full_px >= lane.height_px
            assert lane.folded_px < lane.full_px
            lane.draw(Scene(WINDOW))
            assert list(lane.targets) == []
            assert lane.name in lane.header(HeaderInfo())

    def test_a_foreign_lane_that_fails_is_logged_once_and_ours_are_not_hidden(
        self, axis: TimeAxis, caplog: pytest.LogCaptureFixture
    ):
        guard, lane = Guard(), BrokenLane(axis)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                guard.run(lane, lambda: lane.draw(Scene(WINDOW)), None)
        assert caplog.text.count("cannot draw the lane Broken") == 1
        ours = OWN_LANES[0](axis)
        with pytest.raises(ZeroDivisionError):
            guard.run(ours, lambda: 1 // 0, 0)


def header_of(name: str, axis: TimeAxis, info: HeaderInfo) -> str:
    (kind,) = (lane for lane in OWN_LANES if lane.name == name)
    return kind(axis).header(info)


class TestHeaders:
    def test_levels_in_words(self):
        assert level_words(None) == level_words(-math.inf) == "silent"
        assert level_words(-12.4) == "\u221212 dBFS"
        assert level_at_cursor(None) == "\u2013 at cursor"
        assert "height:50%" in meter(0, -30, "caller")
        assert "height:100%" in meter(0, 6, "caller")
        assert "height:0%" in meter(0, None, "caller")

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (CallState(), "no audio yet"),
            (CallState(is_over=True), "no audio"),
            (CallState(call_type="sip"), "set subscribe"),
            (CallState(is_muted=True), "muted, not heard"),
            (CallState(caller=Voice(False, -20)), "\u221220 dBFS"),
            (CallState(is_deaf=True), "refused by the server"),
        ],
    )
    def test_the_caller_says_what_is_heard_of_him(
        self, axis: TimeAxis, state: CallState, words: str
    ):
        assert words in header_of("Caller", axis, HeaderInfo(state))

    def test_the_threshold_is_compared_as_it_is(self, axis: TimeAxis):
        state = CallState(vad_params=VadParams(voice_threshold=0.5))

        def at(value: float) -> str:
            cursor = Reading(0, probability=value)
            return header_of("Caller", axis, HeaderInfo(state, cursor))

        assert "0.83 &gt; 0.50" in at(0.83)
        assert "0.02 &le; 0.50" in at(0.02)

    def test_another_engine_is_named(self, axis: TimeAxis):
        ours, other = CallState(), CallState(engine_name="<peak>")
        assert "(local)" in header_of("Caller", axis, HeaderInfo(ours))
        assert "(&lt;peak&gt;)" in header_of("Caller", axis, HeaderInfo(other))

    def test_the_agent_plays_pauses_or_is_silent(self, axis: TimeAxis):
        def words(**state: Any) -> str:
            return header_of("Agent", axis, HeaderInfo(CallState(**state)))

        assert "playing" in words(is_playing=True)
        assert "paused" in words(is_playing=True, is_paused=True)
        assert "silent" in words()
        assert "silent" not in header_of("Agent", axis, HeaderInfo())
