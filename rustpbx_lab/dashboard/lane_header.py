"""The headers left of the lanes: names, legends, levels, the time under the cursor."""

from collections.abc import Sequence

import panel as pn

from rustpbx_lab.plots import (
    agent_lane,
    asr_lane,
    caller_lane,
    latency,
    overview,
    point_lanes,
)
from rustpbx_lab.plots.timeline import clock

from .call_view import CallView
from .styles import html
from .what_if import WhatIf

CSS = """
.lane-head{height:100%;border-right:1px solid var(--lab-hair);position:relative;
  border-bottom:1px solid var(--lab-hair);overflow:hidden}
.lane-head>.bar{position:absolute;left:0;top:0;bottom:0;width:3px}
.a{position:absolute;left:12px;right:8px;white-space:nowrap;font-size:10.5px;
  color:var(--lab-muted);display:flex;gap:6px;align-items:center;overflow:hidden;
  transform:translateY(-50%)}
.t{font-weight:700;font-size:12px;color:var(--lab-text)}
.why{white-space:normal;line-height:12px;color:var(--lab-warning-ink)}
.lost{white-space:normal;line-height:12px;padding:4px 6px;border-radius:3px;
  color:var(--lab-error-ink);background:var(--lab-error-tint)}
.sw{width:12px;height:9px;border-radius:2px;flex:none;display:inline-block}
.parts{display:none;flex-wrap:wrap;gap:0 5px;font-size:9.5px;line-height:11px}
.parts i{font-style:normal}
/* the bar over the lanes has no room for its legend */
@media (max-width:1399px){.wide{display:none}.parts{display:flex}}
.lv{position:absolute;right:6px;width:4px;border-radius:2px;overflow:hidden;
  background:var(--lab-hair)}
.lv i{position:absolute;bottom:0;left:0;right:0}
"""
CALLER_PX = caller_lane.HEIGHT + 20
DEAF_PX = 84
"""Height of the caller's lane without a detector: its sound is left."""
REASON_PX = 28
"""Height of a lane that has only a reason to show."""
LOST_AFTER_MS, LOST_VOICE_MS = 10_000, 1000
FULL = (
    overview.HEIGHT,
    CALLER_PX,
    asr_lane.HEIGHT,
    agent_lane.HEIGHT,
    latency.HEIGHT,
    point_lanes.METRICS_HEIGHT,
    point_lanes.COMMANDS_HEIGHT,
)
"""Heights of all lanes, from above."""
LOST = (
    "No VAD or ASR events for 10 s of audio: option 'asr' or 'vad' was refused by the "
    "server without an error"
)


class LaneHeaders:
    """One pane a lane, redrawn only when its text changes."""

    def __init__(self, width: int) -> None:
        self.panes: Sequence[pn.pane.HTML] = [
            html("", CSS, width=width, height=height) for height in FULL
        ]
        self.heights: Sequence[int] = FULL
        """How high the lanes are to be: those with nothing to show are low."""
        self._what_if: WhatIf | None = None
        self._cursor = "–"  # noqa: RUF001
        self._view: CallView | None = None
        self.show(None)

    def show_cursor(self, at_ms: float | None) -> None:
        """Show the time under the pointer."""
        view = self._view
        self._cursor = clock(at_ms) if view is None else view.clock(at_ms)
        self.show(view, self._what_if)

    def show(self, view: CallView | None, what_if: WhatIf | None = None) -> None:
        """Redraw the headers for a call, or for none."""
        self._view, self._what_if = view, what_if
        self.heights = lane_heights(view)
        texts = (
            _lane(None, _line(17, "Whole call")),
            _lane("caller", self._caller(view)),
            _lane("asr", _asr(view)),
            _lane("agent", _agent(view)),
            _lane("llm", _latency(view)),
            _lane(
                "tts",
                _line(17, "Metrics", "t")
                + _line(33, "ms, log scale")
                + _line(50, "● tts ◆ llm ■ asr ▲ vad"),
            ),
            _lane(
                "error",
                _line(13, "Commands, errors", "t") + _line(29, "▼ sent &nbsp;✕ error"),
            ),
        )
        for pane, text in zip(self.panes, texts, strict=True):
            if pane.object != text:
                pane.object = text

    def _caller(self, view: CallView | None) -> str:
        cursor = f"cursor <b class='m' style='color:var(--lab-text)'>{self._cursor}</b>"
        head = _line(10, cursor) + _line(38, "Caller", "t")
        if view is None:
            return head
        level = view.caller.level_dbfs
        told = (
            "no audio: set subscribe to see it"
            if view.caller.is_empty
            else (
                "silent" if level is None else f"{level:.0f} dBFS".replace("-", "−")  # noqa: RUF001
            )
        )
        if view.caller.is_empty and view.call.call_type == "websocket":
            told = "no audio" if view.is_over else "no audio yet"
        if view.facts.is_muted and not view.is_over:
            told = "muted, not heard"
        head += _line(53, told) + _meter(28, level, "caller")
        option = view.facts.option
        if option is not None and option.vad is None:
            return head + _line(70, "No VAD: option vad is not set", "why")
        if is_lost(view):
            return head + _line(108, LOST, "lost")
        params = view.vad_params
        tried = self._what_if
        if tried is not None and tried.is_on:
            params = tried.params
        threshold = "" if params is None else f"&gt; {params.voice_threshold:.2f}"
        head += _line(90, f"probability <span class='m'>{threshold}</span> (local)")
        server = _swatch("vad") + "speaking, server"
        return head + _line(CALLER_PX - caller_lane.BAR_Y, server) + self._ghosts()

    def _ghosts(self) -> str:
        if self._what_if is None or not self._what_if.is_on:
            return ""
        box = (
            '<span class="sw" style="border:1px dashed var(--lab-vad);'
            'background:var(--lab-vad-tint)"></span>'
        )
        params = self._what_if.params
        words = f"what-if {params.speech_padding_ms} / {params.silence_padding_ms}"
        return _line(CALLER_PX - caller_lane.GHOST_Y, box + words)


def lane_heights(view: CallView | None) -> Sequence[int]:
    """Return how high each lane is to be; without detector or recogniser, low."""
    option = None if view is None else view.facts.option
    if option is None:
        return FULL
    _, caller, asr, *rest = FULL
    deaf, mute = option.vad is None, option.asr is None
    heights = [FULL[0], DEAF_PX if deaf else caller, REASON_PX if mute else asr, *rest]
    if deaf and mute:
        heights[4] = REASON_PX
    return heights


def is_lost(view: CallView) -> bool:
    """Whether the server hears nothing although the caller talks.

    A mistake in the option of a recogniser makes it drop all processors in silence.
    """
    # of a caller who is muted, the server hears nothing
    if any(view.tables[name].n_rows for name in ("speech", "recognition", "holds")):
        return False
    probabilities = view.call.probabilities
    voiced = int((probabilities > 0.6).sum()) * caller_lane.FRAME_MS
    heard = len(probabilities) * caller_lane.FRAME_MS
    return heard >= LOST_AFTER_MS and voiced >= LOST_VOICE_MS


def _asr(view: CallView | None) -> str:
    option = None if view is None else view.facts.option
    if option is not None and option.asr is None:
        words = "<b class='t'>ASR</b> none: option asr is not set"
        return _line(14, words, "why")
    return _line(16, "ASR", "t") + _line(36, "| delta &nbsp;◆ final, delay")


def _agent(view: CallView | None) -> str:
    box = (
        '<span class="sw" style="background:var(--lab-agent-tint);'
        'border:1px solid var(--lab-agent)"></span>playback, play id'
    )
    level = None if view is None else view.agent.level_dbfs
    playing = view is not None and any(
        row.end_ms is None for row in view.tables["playback"].open
    )
    told = "" if view is None else "playing" if playing else "silent"
    if view is not None and view.facts.is_paused and not view.is_over:
        told = "paused"
    return (
        _line(30, "Agent", "t")
        + _line(46, told)
        + _meter(10, level if playing else None, "agent")
        + _line(agent_lane.HEIGHT - 15, box)
    )


def _latency(view: CallView | None) -> str:
    option = None if view is None else view.facts.option
    if option is not None and option.vad is None and option.asr is None:
        return _line(14, "<b class='t'>Turns</b> unknown without VAD or ASR", "why")
    words = "stop → first audio"
    if option is not None and option.vad is None:
        words = "stop by the recogniser"
    legend = _line(
        33, " ".join(_inked(*each) for each in latency.INKS.items()), "parts"
    )
    return _line(12, "Turn latency", "t") + _line(32, words, "wide") + legend


def _inked(words: str, ink: str) -> str:
    return f'<i style="color:var(--lab-{ink.replace("_", "-")})">{words}</i>'


def _lane(role: str | None, inner: str) -> str:
    bar = f'<span class="bar" style="background:var(--lab-{role})"></span>'
    return f'<div class="lane-head">{bar if role else ""}{inner}</div>'


def _line(top: int, inner: str, css_class: str = "") -> str:
    return f'<span class="a {css_class}" style="top:{top}px">{inner}</span>'


def _swatch(role: str) -> str:
    return f'<span class="sw" style="background:var(--lab-{role})"></span>'


def _meter(top: int, level_dbfs: float | None, role: str) -> str:
    share = 0 if level_dbfs is None else min(max((level_dbfs + 60) / 60, 0), 1)
    return (
        f'<span class="lv" style="top:{top}px;height:50px"><i style="height:'
        f'{share:.0%};background:var(--lab-{role})"></i></span>'
    )
