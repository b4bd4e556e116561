"""Lanes that are folded, and what their headers say of the time under the pointer."""

import numpy as np
import pytest

from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.timeline.cursor import read
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox
from rustpbx_lab.plots.theme import LIGHT

from .test_views import answered
from .test_what_if import call_with_sound


@pytest.fixture(scope="module")
def view() -> CallView:
    view = CallView(call_with_sound())
    view.refresh()
    return view


def test_a_folded_lane_shows_its_title_and_its_wave():
    timeline = TimelineBox(LIGHT, lambda seq, at_ms: None)
    full = [lane.full_px for lane in timeline.lanes]
    assert timeline.rows.fold("Agent")
    heights = [row.height for row in timeline.rows.rows]
    agent = timeline.lane("Agent")
    at = timeline.lanes.index(agent)
    assert heights[at] == agent.title_px + 8
    assert [*heights[:at], *heights[at + 1 :]] == [*full[:at], *full[at + 1 :]]
    plot = agent.figure
    assert plot.height == heights[at]
    assert (plot.y_range.start, plot.y_range.end) == agent.folded_y
    assert timeline.rows.fold("Agent")
    assert [row.height for row in timeline.rows.rows] == full
    assert (plot.y_range.start, plot.y_range.end) == (0, agent.full_px)


@pytest.mark.parametrize("name", ["", "Whole call", "<b>"])
def test_a_lane_that_is_none_is_not_folded(name: str):
    timeline = TimelineBox(LIGHT, lambda seq, at_ms: None)
    assert not timeline.rows.fold(name)
    assert timeline.rows.folded == set()


def test_the_values_under_the_pointer_are_those_of_the_call(view: CallView):
    frames, probabilities = view.frames(0, 4000)
    loud = int(np.argmax(probabilities))
    found = read(view, frames[loud] + 10)
    assert found.probability == probabilities[loud]
    assert found.caller_dbfs is not None
    assert -60 < found.caller_dbfs <= 0
    assert found.agent_dbfs is None, "nothing was recorded of the agent"
    assert read(view, -500).probability is None
    assert read(view, -500).caller_dbfs is None
    assert read(view, 200).caller_dbfs == -np.inf, "zeros were sent there"
    assert read(view, 60_000).caller_dbfs is None


def test_the_pointer_tells_who_talks(view: CallView):
    (overlap,) = view.tables["overlaps"].rows()
    assert (overlap.start_ms, overlap.end_ms) == (1800, 2120)
    assert read(view, 2000).talk == "both talk, 320 ms"
    assert read(view, 1750).talk == ""
    assert read(view, 2120).talk == ""


def test_the_pointer_tells_how_long_the_caller_waits():
    view = answered(resumes=False)
    (turn,) = view.tables["turns"].rows()
    assert turn.latency_ms is not None
    words = f"waits {turn.latency_ms} ms"
    assert read(view, turn.stop_ms + 1).talk == words
    assert read(view, turn.first_audio_ms - 1).talk == words
    assert read(view, turn.first_audio_ms).talk == ""


def test_the_headers_show_them_until_the_pointer_leaves(view: CallView):
    headers = TimelineBox(LIGHT, lambda seq, at_ms: None).headers
    headers.show(view)
    frames, probabilities = view.frames(0, 4000)
    headers.show_cursor(float(frames[int(np.argmax(probabilities))]) + 1)
    caller = str(headers.panes[0].object)
    assert "at cursor" in caller
    assert f"{probabilities.max():.2f} &gt; 0.50" in caller
    headers.show_cursor(200)
    assert "silent at cursor" in str(headers.panes[0].object)
    headers.show_cursor(60_000)
    assert "\u2013 at cursor" in str(headers.panes[0].object)
    headers.show_cursor(None)
    assert "at cursor" not in str(headers.panes[0].object)
    assert "(local)" in str(headers.panes[0].object)
