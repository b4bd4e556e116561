"""A call in one figure."""

from pathlib import Path

import numpy as np
import pytest

from rustpbx_lab.audio.recording import Recording
from rustpbx_lab.log import EventLog
from rustpbx_lab.plots.call_figure import call_figure
from rustpbx_lab.plots.lanes.agent import AgentLane
from rustpbx_lab.plots.lanes.asr import AsrLane
from rustpbx_lab.plots.lanes.caller import CallerLane
from rustpbx_lab.plots.lanes.registry import all_lanes
from rustpbx_lab.plots.theme import DARK
from rustpbx_lab.speech.vad_engines import EnergyEngine

RECORDING = Path(__file__).parents[1] / "recordings" / "conversation.log.jsonl"


ALWAYS = [lane for lane in all_lanes() if not lane.is_optional]
"""The lanes of a call that has nothing for the others."""


@pytest.fixture(scope="module")
def log() -> EventLog:
    return EventLog.load(RECORDING)


def columns_of(plot: object, name: str) -> list[list[object]]:
    """Return every column of a name among the sources of a figure."""
    sources = [renderer.data_source for renderer in plot.renderers]
    return [list(one.data[name]) for one in sources if name in one.data]


def test_every_lane_is_drawn_on_one_axis_with_its_name(log: EventLog):
    plots = call_figure(log).children
    assert len(plots) == len(ALWAYS)
    assert len({id(plot.x_range) for plot in plots}) == 1
    names = [plot.left[0].text for plot in plots]
    assert names[:6] == ["Caller", "ASR", "Agent", "Turns", "Delays", "Sent"]


def test_lanes_width_and_part_are_chosen(log: EventLog):
    plots = call_figure(
        log, start_ms=1000, end_ms=4000, width=600, palette=DARK, lanes=[AsrLane]
    ).children
    (plot,) = plots
    assert plot.width == 600
    assert (plot.x_range.start, plot.x_range.end) == (1000, 4000)


def test_the_words_of_the_call_are_in_it(log: EventLog):
    (plot,) = call_figure(log, lanes=[AsrLane], width=3000).children
    texts = [text for column in columns_of(plot, "text") for text in column]
    finals = [r.message.text for r in log if r.name == "asrFinal"]
    assert any(str(text)[:5] in finals[0] for text in texts if text)


def test_a_log_without_rows_is_an_empty_figure():
    plots = call_figure(EventLog()).children
    assert len(plots) == len(ALWAYS)


def test_sound_is_outlined_and_listened_to_by_the_engine_that_is_chosen(
    log: EventLog,
):
    recording = Recording()
    began = log.clock.to_wall(0)
    loud = (np.sin(np.arange(16_000) / 5) * 20_000).astype("<i2")
    recording.caller.configure("pcm")
    recording.caller.append(bytes(16_000) + loud.tobytes(), began)
    (caller,) = call_figure(
        log, recording, lanes=[CallerLane], engine=EnergyEngine()
    ).children
    highs = max(max(column) for column in columns_of(caller, "high"))
    assert highs > 120, "the wave"
    voiced = [value for column in columns_of(caller, "voiced") for value in column]
    assert len(voiced) >= 30
    assert max(voiced) > min(voiced), "over the threshold"
    (agent,) = call_figure(log, recording, lanes=[AgentLane]).children
    assert max(max(column) for column in columns_of(agent, "high")) < 60
