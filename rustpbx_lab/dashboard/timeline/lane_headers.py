"""The headers left of the lanes: names, legends, levels, the time under the cursor."""

from collections.abc import Sequence
from html import escape

import panel as pn

from rustpbx_lab.dashboard.browser.styles import html
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.plots import overview
from rustpbx_lab.plots.lanes.header import (
    HEADER_CSS,
    CallState,
    HeaderInfo,
    Reading,
    Voice,
    header_html,
    line,
)
from rustpbx_lab.plots.lanes.lane import Lane
from rustpbx_lab.plots.lanes.registry import Guard
from rustpbx_lab.wording import clock

from .cursor import read
from .what_if import WhatIf

WHOLE_CALL = header_html(None, line(31, "Whole call"))
WHOLE_CALL_PX = overview.HEIGHT + overview.RULER_PX
LOST_AFTER_MS, LOST_VOICE_MS = 10_000, 1000
FOLD_CSS = """
:host{position:absolute !important;left:118px}
button{all:unset;cursor:pointer;width:16px;height:16px;border-radius:3px;
  color:var(--lab-faint);text-align:center}
button:hover,button:focus-visible{color:var(--lab-text);background:var(--lab-raised)}
button:focus-visible{outline:2px solid var(--lab-accent)}
.icon{font-size:15px;line-height:16px}
"""
"""For the buttons that fold lanes: beside the headers, which are written ever again."""


class LaneHeaders:
    """One pane a lane, redrawn only when its text changes.

    Args:
        width: Of the headers, pixels.
        lanes: The lanes, from above; each can be folded.
        guard: Catches what lanes of other packages raise.
    """

    def __init__(self, width: int, lanes: Sequence[Lane], guard: Guard) -> None:
        self._lanes, self._guard = lanes, guard
        self.whole_call = html(
            WHOLE_CALL, HEADER_CSS, width=width, height=WHOLE_CALL_PX
        )
        """The header of the whole call, which cannot be folded."""
        self.panes: Sequence[pn.pane.HTML] = [
            html("", HEADER_CSS, width=width, height=lane.full_px) for lane in lanes
        ]
        self.folded: set[str] = set()
        """Lanes of which only the title is shown."""
        self.buttons = [
            html(
                "",
                FOLD_CSS,
                width=16,
                height=16,
                styles={"top": f"{lane.title_px - 8}px"},
            )
            for lane in lanes
        ]
        self._what_if: WhatIf | None = None
        self._cursor: Reading | None = None
        self._view: CallView | None = None
        self._label_buttons()
        self.show(None)

    def fold(self, name: str) -> bool:
        """Fold a lane, or unfold it; return whether there is one of this name."""
        if all(lane.name != name for lane in self._lanes):
            return False
        self.folded ^= {name}
        self._label_buttons()
        return True

    def _label_buttons(self) -> None:
        for button, lane in zip(self.buttons, self._lanes, strict=True):
            is_open = lane.name not in self.folded
            verb, icon = (
                ("Fold", "expand_less") if is_open else ("Unfold", "expand_more")
            )
            name = escape(lane.name)
            text = (
                f'<button data-fold="{name}" aria-label="{verb} {name}" '
                f'title="{verb}" aria-expanded="{str(is_open).lower()}">'
                f'<span class="icon" aria-hidden="true">{icon}</span></button>'
            )
            if button.object != text:
                button.object = text

    @property
    def heights(self) -> Sequence[int]:
        """How high the lanes are to be: those with nothing to show are low."""
        option = None if self._view is None else self._view.facts.option
        return [
            min(lane.wanted_px(option), lane.folded_px)
            if lane.name in self.folded
            else lane.wanted_px(option)
            for lane in self._lanes
        ]

    @property
    def absent(self) -> set[str]:
        """Lanes that are left out: the call has nothing for them."""
        view = self._view
        return {
            lane.name
            for lane in self._lanes
            if lane.is_optional
            and (view is None or not any(view.tables[t].n_rows for t in lane.tables))
        }

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
        cursor = self._cursor
        at_ms = None if cursor is None else cursor.at_ms
        info = HeaderInfo(
            None if view is None else call_state(view),
            cursor,
            clock(at_ms) if view is None else view.clock(at_ms),
            what_if.params if what_if is not None and what_if.is_on else None,
        )
        for pane, lane in zip(self.panes, self._lanes, strict=True):
            text = header_html(lane.role, self._inner(lane, info))
            if pane.object != text:
                pane.object = text

    def _inner(self, lane: Lane, info: HeaderInfo) -> str:
        plain = line(lane.title_px, escape(lane.name), "t")
        return self._guard.run(lane, lambda: lane.header(info), plain)


def call_state(view: CallView) -> CallState:
    """Return what the headers show of a call."""
    facts = view.facts
    return CallState(
        option=facts.option,
        call_type=view.call.call_type,
        is_over=view.is_over,
        is_muted=facts.is_muted,
        is_paused=facts.is_paused,
        is_playing=view.is_agent_heard,
        is_deaf=is_lost(view),
        caller=Voice(view.caller.is_empty, view.caller.level_dbfs),
        agent=Voice(view.agent.is_empty, view.agent.level_dbfs),
        vad_params=view.vad_params,
        engine_name=view.call.engine_name,
    )


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
    voiced = int((probabilities > 0.6).sum()) * view.call.frame_ms
    heard = len(probabilities) * view.call.frame_ms
    return heard >= LOST_AFTER_MS and voiced >= LOST_VOICE_MS
