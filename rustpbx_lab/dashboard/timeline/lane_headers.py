"""The headers left of the lanes: names, legends, levels, the time under the cursor."""

from collections.abc import Sequence
from math import inf

import panel as pn

from rustpbx_lab.dashboard.browser.styles import html
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.plots import overview
from rustpbx_lab.plots.lanes import agent as agent_lane
from rustpbx_lab.plots.lanes import asr as asr_lane
from rustpbx_lab.plots.lanes import caller as caller_lane
from rustpbx_lab.plots.lanes import points as point_lanes
from rustpbx_lab.plots.lanes import turn_latency as latency
from rustpbx_lab.wording import MINUS, UNKNOWN, clock

from .cursor import Reading, read
from .what_if import WhatIf

CSS = """
.lane-head{height:100%;border-right:1px solid var(--lab-hair);position:relative;
  border-bottom:1px solid var(--lab-hair);overflow:hidden}
.lane-head>.bar{position:absolute;left:0;top:0;bottom:0;width:3px}
.a{position:absolute;left:12px;right:8px;white-space:nowrap;font-size:10.5px;
  color:var(--lab-muted);display:flex;gap:6px;align-items:center;overflow:hidden;
  transform:translateY(-50%)}
.t{font-weight:700;font-size:12px;color:var(--lab-text)}
.t,.why{right:32px}  /* there is a button */
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
    overview.HEIGHT + overview.RULER_PX,
    CALLER_PX,
    asr_lane.HEIGHT,
    agent_lane.HEIGHT,
    latency.HEIGHT,
    point_lanes.METRICS_HEIGHT,
    point_lanes.COMMANDS_HEIGHT,
)
"""Heights of all lanes, from above."""
TITLE_PX = (31, 38, 16, 30, 12, 17, 13)
"""Middle of each lane's title, from its top."""
UNDER_TITLE_PX = 8
"""What is left under the title of a folded lane."""
FOLD_CSS = """
:host{position:absolute !important;left:118px}
button{all:unset;cursor:pointer;width:16px;height:16px;border-radius:3px;
  color:var(--lab-faint);text-align:center}
button:hover,button:focus-visible{color:var(--lab-text);background:var(--lab-raised)}
button:focus-visible{outline:2px solid var(--lab-accent)}
.icon{font-size:15px;line-height:16px}
"""
"""For the buttons that fold lanes: beside the headers, which are written ever anew."""
LOST = (
    "No VAD or ASR events for 10 s of audio: option 'asr' or 'vad' was refused by the "
    "server without an error"
)


class LaneHeaders:
    """One pane a lane, redrawn only when its text changes.

    Args:
        width: Of the headers, pixels.
        names: Of the lanes that can be folded, from above; the whole call cannot.
    """

    def __init__(self, width: int, names: Sequence[str]) -> None:
        self.panes: Sequence[pn.pane.HTML] = [
            html("", CSS, width=width, height=height) for height in FULL
        ]
        self.names = names
        self.folded: set[str] = set()
        """Lanes of which only the title is shown."""
        self.buttons = [
            html("", FOLD_CSS, width=16, height=16, styles={"top": f"{top - 8}px"})
            for top in TITLE_PX[1:]
        ]
        self.heights: Sequence[int] = FULL
        """How high the lanes are to be: those with nothing to show are low."""
        self._what_if: WhatIf | None = None
        self._cursor: Reading | None = None
        self._view: CallView | None = None
        self._label_buttons()
        self.show(None)

    def fold(self, name: str) -> bool:
        """Fold a lane, or unfold it; tell whether there is one of this name."""
        if name not in self.names:
            return False
        self.folded ^= {name}
        self._label_buttons()
        self.show(self._view, self._what_if)
        return True

    def _label_buttons(self) -> None:
        for button, name in zip(self.buttons, self.names, strict=True):
            is_open = name not in self.folded
            verb, icon = (
                ("Fold", "expand_less") if is_open else ("Unfold", "expand_more")
            )
            text = (
                f'<button data-fold="{name}" aria-label="{verb} {name}" '
                f'title="{verb}" aria-expanded="{str(is_open).lower()}">'
                f'<span class="icon" aria-hidden="true">{icon}</span></button>'
            )
            if button.object != text:
                button.object = text

    def show_cursor(self, at_ms: float | None) -> None:
        """Show the time under the pointer, and the values there; None: it is away."""
        view = self._view
        if at_ms is None:
            self._cursor = None
        else:
            self._cursor = Reading(at_ms) if view is None else read(view, at_ms)
        self.show(view, self._what_if)

    def show(self, view: CallView | None, what_if: WhatIf | None = None) -> None:
        """Redraw the headers for a call, or for none."""
        self._view, self._what_if = view, what_if
        is_folded = [False, *(name in self.folded for name in self.names)]
        self.heights = [
            min(height, title + UNDER_TITLE_PX) if folded else height
            for height, title, folded in zip(
                lane_heights(view), TITLE_PX, is_folded, strict=True
            )
        ]
        texts = (
            _lane(None, _line(TITLE_PX[0], "Whole call")),
            _lane("caller", self._caller(view)),
            _lane("asr", _asr(view)),
            _lane("agent", _agent(view, self._cursor)),
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
        under = self._cursor
        at_ms = None if under is None else under.at_ms
        at = clock(at_ms) if view is None else view.clock(at_ms)
        cursor = f"cursor <b class='m' style='color:var(--lab-text)'>{at}</b>"
        head = _line(10, cursor) + _line(38, "Caller", "t")
        if view is None:
            return head
        if under is not None and under.talk:
            head += _line(23, under.talk)
        head += _line(53, _caller_sound(view, under))
        head += _meter(28, view.caller.level_dbfs, "caller")
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
        found = "" if under is None else _probability(under.probability)
        words = f"probability <span class='m'>{found}{threshold}</span>"
        # where one is read there is no room to say that it is computed here
        head += _line(90, words if found else f"{words} (local)")
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
    if view.is_over:  # sound that outlasts the log had nobody to tell of it
        times = view.call.frame_times(0, len(probabilities))
        probabilities = probabilities[times < view.duration_ms]
    voiced = int((probabilities > 0.6).sum()) * caller_lane.FRAME_MS
    heard = len(probabilities) * caller_lane.FRAME_MS
    return heard >= LOST_AFTER_MS and voiced >= LOST_VOICE_MS


def _asr(view: CallView | None) -> str:
    option = None if view is None else view.facts.option
    if option is not None and option.asr is None:
        words = "<b class='t'>ASR</b> none: option asr is not set"
        return _line(14, words, "why")
    return _line(16, "ASR", "t") + _line(36, "| delta &nbsp;◆ final, delay")


def _caller_sound(view: CallView, under: Reading | None) -> str:
    if under is None and view.facts.is_muted and not view.is_over:
        return "muted, not heard"
    if view.caller.is_empty and view.call.call_type == "websocket":
        return "no audio" if view.is_over else "no audio yet"
    if view.caller.is_empty:
        return "no audio: set subscribe to see it"
    if under is not None:
        return _level_at_cursor(under.caller_dbfs)
    return _level(view.caller.level_dbfs)


def _level(level_dbfs: float | None) -> str:
    if level_dbfs is None or level_dbfs == -inf:
        return "silent"
    return f"{level_dbfs:.0f} dBFS".replace("-", MINUS)


def _level_at_cursor(level_dbfs: float | None) -> str:
    words = UNKNOWN if level_dbfs is None else _level(level_dbfs)
    return f"{words} at cursor"


def _probability(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} "


def _agent(view: CallView | None, under: Reading | None) -> str:
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
    if under is not None and view is not None and not view.agent.is_empty:
        told = _level_at_cursor(under.agent_dbfs)
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
