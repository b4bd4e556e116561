"""Stretches in which a lane's sound was held back: muted, paused."""

from collections.abc import Sequence

from rustpbx_lab.analysis.holds import Hold, HoldKind
from rustpbx_lab.wording import clock

from .spans import Look, Span
from .time_axis import Window

HELD = "held"
HELD_LOOK = Look(fill="surface", fill_alpha=0.6, hatch="muted", hatch_alpha=0.45)
WORDS = {
    "muted": "muted: the server takes no notice of the caller",
    "paused": "paused: what plays stands still",
}


def held_spans(
    holds: Sequence[Hold], kind: HoldKind, heights: tuple[float, float], window: Window
) -> list[Span]:
    """Return a cover over each stretch in the window; what lasts reaches until now."""
    spans: list[Span] = []
    for row in holds:
        end = window.now_ms if row.end_ms is None else row.end_ms
        if row.kind != kind or not window.shows(row.start_ms, end):
            continue
        until = "now" if row.end_ms is None else clock(row.end_ms)
        tip = f"{WORDS[kind]}\n{clock(row.start_ms)} → {until}\nlog row {row.seq}"
        spans.append(Span(row.start_ms, end, *heights, HELD, tip, row.seq))
    return spans
