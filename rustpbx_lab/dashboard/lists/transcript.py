"""The transcript, with text that was not heard struck out."""

from collections.abc import Callable
from itertools import takewhile
from typing import Any, NamedTuple

import panel as pn
from panel.viewable import Viewable, Viewer

from rustpbx_lab.analysis.transcript import Line
from rustpbx_lab.analysis.turns.turn import Turn
from rustpbx_lab.dashboard.browser.styles import BOX, STACKED_CSS, html
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.wording import about, thousands

from .row_list import TranscriptList

LIMIT = 300
SHOWN = {"transcript", "turns"}
"""Tables that a line is made of."""
NARROW_CSS = """
@media (max-width:1399px){:host{width:320px !important;flex-basis:320px !important}}
"""
"""Where the inspector is a drawer the events still need room for their filter."""
HEAD = (
    '<div class="head" style="border-bottom:1px solid var(--lab-hair)">Transcript'
    '<span class="sp"></span><span class="sub">● caller &nbsp;■ agent &nbsp;·&nbsp; '
    "struck = not heard</span></div>"
)


class Badge(NamedTuple):
    """A few words at the right of a line."""

    words: str = ""
    kind: str = ""
    """``cut``: something was lost to the listener."""
    title: str = ""


class TranscriptBox(Viewer):
    """Lists the lines of a conversation."""

    def __init__(self, on_select: Callable[[int], None], width: int = 400) -> None:
        super().__init__()
        self._view: CallView | None = None
        self._has_news = False
        self.rows: list[dict[str, Any]] = []
        """The lines that are shown, oldest first."""
        self.list = TranscriptList(on_select, limit=LIMIT, sizing_mode="stretch_both")
        self.list.when_ready(self._redraw)
        self._layout = pn.Column(
            html(HEAD, height=30, sizing_mode="stretch_width"),
            self.list,
            width=width,
            margin=0,
            sizing_mode="stretch_height",
            styles=BOX,
            stylesheets=[NARROW_CSS, STACKED_CSS],
        )

    def __panel__(self) -> Viewable:
        return self._layout

    def show_call(self, view: CallView | None) -> None:
        """Show another call."""
        self._view = view
        self._redraw()

    def show_times(self) -> None:
        """Write the times again: as call time, or as the time of day."""
        self._redraw(keep=True)

    def learn(self) -> None:
        """Take note of what the last records changed, for the next `refresh`."""
        view = self._view
        if view is not None and not view.changed.isdisjoint(SHOWN):
            self._has_news = True

    def refresh(self) -> None:
        """Show what has changed: the lines that differ, from below."""
        view = self._view
        if view is None or not self._has_news:
            return
        self._has_news = False
        rows = self._lines(view)
        if not rows:
            self._redraw()  # what seemed to be words was none
            return
        gone = next(
            (
                place
                for place, old in enumerate(self.rows)
                if old["seqs"] == rows[0]["seqs"]
            ),
            None,
        )
        if gone is None:
            self.rows = rows
            self.list.change(rows, reset=True)
            return
        kept = self.rows[gone:]  # the list drops its oldest by itself
        pairs = zip(kept, rows, strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self.rows = rows
        self.list.change(rows[same:], len(kept) - same)

    def _redraw(self, *, keep: bool = False) -> None:
        view = self._view
        self.rows = [] if view is None else self._lines(view)
        self.list.is_wall = view is not None and view.began_ms is not None
        if self.rows:
            self.list.change(self.rows, reset=True, keep=keep)
        else:
            self.list.clear("Nothing was said yet.")

    def _lines(self, view: CallView) -> list[dict[str, Any]]:
        newest = view.tables["transcript"].newest(LIMIT)
        lines = sorted(newest, key=lambda line: (line.at_ms, line.seq))
        answers = {turn.reply_seq: turn for turn in view.tables["turns"].newest(LIMIT)}
        return [
            shown_line(line, view.clock(line.at_ms, 1), answers.get(line.seq))
            for line in lines[-LIMIT:]
        ]


def shown_line(line: Line, time: str, turn: Turn | None = None) -> dict[str, Any]:
    """Return the cells of a line; an interrupted text is split where it was cut.

    Args:
        line: Who said what.
        time: When, in words.
        turn: What the line is the reply of.
    """
    heard, unheard = split_heard(line)
    badge = badge_of(line, turn)
    return {
        "seqs": [line.seq],
        "time": time,
        "who": line.who,
        "heard": heard,
        "unheard": unheard,
        "live": not line.is_final and line.who == "caller",
        "badge": badge.words,
        "badge_kind": badge.kind,
        "badge_title": badge.title,
    }


def badge_of(line: Line, turn: Turn | None) -> Badge:
    """Return the most telling thing there is to say of a line."""
    if turn is not None and turn.outcome == "cut_off":
        title = f"turn {turn.number}: the agent began before the caller was done"
        return Badge("cut-off", "cut", title)
    if line.interrupted and line.heard_ms is not None and line.total_ms:
        heard_s, total_s = line.heard_ms / 1000, line.total_ms / 1000
        return Badge(f"heard {heard_s:.1f} of {total_s:.1f} s", "cut")
    if line.interrupted:
        return Badge("not heard" if line.heard_ms == 0 else "interrupted", "cut")
    if turn is not None and turn.latency_ms is not None and turn.outcome != "open":
        title = (
            f"turn {turn.number}: from the end of the caller's speech to the first "
            f"audio, {turn.quality}"
        )
        return Badge(f"{about(turn.quality)}{thousands(turn.latency_ms)} ms", "", title)
    if line.is_final:
        return Badge()
    return Badge("partial" if line.who == "caller" else "playing")


def split_heard(line: Line) -> tuple[str, str]:
    """Split a text by the share of it that was played, at a word's border."""
    if line.interrupted and line.heard_ms == 0:
        return "", line.text
    if not line.interrupted or not line.total_ms or line.heard_ms is None:
        return line.text, ""
    share = min(max(line.heard_ms / line.total_ms, 0.0), 1.0)
    cut = round(len(line.text) * share)
    space = line.text.rfind(" ", 0, cut + 1)
    if space >= 0 and cut < len(line.text):
        cut = space + 1
    return line.text[:cut], line.text[cut:]
