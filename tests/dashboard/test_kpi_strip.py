"""The numbers over the timeline, and what is said where there are none."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
from dashboard.conftest import command, conversation, ended_call

from rustpbx_lab.analysis.key_figures import numbers
from rustpbx_lab.analysis.talk_ratio import Gap, Talk
from rustpbx_lab.analysis.turns.latency import percentiles
from rustpbx_lab.dashboard.pages.key_figures import KpiStrip, strip
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.timeline.lane_headers import is_lost
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.plots.lanes.caller import LOST
from rustpbx_lab.plots.theme import LIGHT

NOBODY = numbers([], 0)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def view_of(records: list) -> CallView:
    view = CallView(ended_call(records))
    view.refresh()
    return view


def test_without_a_call_every_number_is_a_dash_and_none_is_zero():
    text = words(strip(None))
    assert text.count("\u2013") == 7
    assert "0" not in text.replace("P50", "").replace("P95", "")


def test_a_call_in_numbers():
    box = KpiStrip()
    box.show_call(view_of(conversation()))
    text = words(box._pane.object)
    assert "Interruptions 1" in text
    assert "n = 0" in text
    assert "Talk ratio · nobody 15 % caller 38 %" in text


def test_percentiles_say_n_and_the_tail_needs_enough_turns():
    few = replace(NOBODY, latency=percentiles([900, 1000]), n_turns=2)
    text = words(strip(few))
    assert "Turn latency P50 950 ms n = 2" in text
    assert "Turn latency P95 \u2013 n = 2: too few turns" in text
    enough = replace(NOBODY, latency=percentiles([900] * 8))
    assert "n &lt; 20: wide band" in strip(enough)


def test_colour_follows_the_targets():
    amber, red = (
        strip(replace(NOBODY, latency=percentiles([value]))) for value in (995, 1900)
    )
    assert 'class="amber">995' in amber
    assert 'class="red">1\u2009900' in red
    assert "2 interrupted left out" in strip(
        replace(NOBODY, interrupted=percentiles([700, 800]))
    )


def test_cut_offs_are_measured_against_their_budget():
    text = strip(replace(NOBODY, n_turns=10, n_cut_off=2))
    assert 'class="red">2</b> of 10 turns' in text
    assert "20.0\u2009%, budget 5\u2009%" in text


def test_dead_air_says_how_long_and_where():
    talk = Talk(4000, 4000, 0, 6000, (Gap(1000, 4100),))
    text = words(strip(replace(NOBODY, talk=talk, is_answered=True)))
    assert "1 gap of 3.1 s at 00:01, 22.1 % of call" in text
    assert "caller 29 % · agent 29 % · both 0 %" in text


def test_lanes_without_a_detector_or_recogniser_shrink_to_the_reason():
    records = conversation()
    records[1] = command(10, commands.Invite(option=CallOption()))
    view = view_of(records)
    box = TimelineBox(LIGHT, lambda _: None)
    box.show_call(view)
    assert {lane.name for lane in box.lanes if lane.figure.height < lane.full_px} == {
        *("Caller", "ASR", "Turn latency")
    }
    caller, asr, *_ = (pane.object for pane in box.headers.panes)
    assert "No VAD" in caller
    assert "option asr is not set" in asr
    box.show_call(view_of(conversation()))
    assert all(lane.figure.height == lane.full_px for lane in box.lanes)


class TalkingCall:
    """A call whose caller has talked for ten seconds, as our own detector heard."""

    frame_ms = 32

    def __init__(self, view: CallView, over_at_ms: int | None = None) -> None:
        self.is_over = over_at_ms is not None
        self.duration_ms = over_at_ms
        self.probabilities = np.full(320, 0.9, np.float32)
        self.tables = view.tables
        self.call = self

    def frame_times(self, start: int, stop: int) -> Any:
        return np.arange(start, stop) * 32


def test_processors_that_were_dropped_in_silence_are_named():
    option = CallOption(vad=VADOption())
    view = view_of([command(10, commands.Invite(option=option))])
    assert is_lost(TalkingCall(view))
    assert not is_lost(TalkingCall(view_of(conversation())))
    assert not is_lost(view)
    assert "'asr' or 'vad' was refused" in LOST
    deaf = view_of([command(10, commands.Invite(option=option))])
    assert is_lost(TalkingCall(deaf, over_at_ms=10_240))
    assert not is_lost(TalkingCall(deaf, over_at_ms=1000)), "the sound outlasts the log"
    muted = [command(10, commands.Invite(option=option)), command(20, commands.Mute())]
    assert not is_lost(TalkingCall(view_of(muted))), "the server hears nothing then"
