"""The lane of turn latency: where the time between two voices went."""

from collections.abc import Sequence
from typing import Any

from bokeh.models import ColumnDataSource

from rustpbx_lab.analysis.turns.clock_bounds import is_certain
from rustpbx_lab.analysis.turns.latency import SEGMENTS, Segment, segments
from rustpbx_lab.analysis.turns.turn import Turn
from rustpbx_lab.plots.drawing import Columns, plain, refill
from rustpbx_lab.plots.spans import Look, Span, Spans
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.wording import clock, thousands

from .density import Density

HEIGHT = 48
BAR_BOTTOM, BAR_TOP = 7, 23
NUMBERS_Y, NAME_Y = 15, 37
CUT_OFF_ALPHA = 0.45
DIGIT_PX, THIN_PX = 6.2, 2.2
THIN = "\u2009"
GAP_PX = 8

_COLOURS = ("vad", "asr", "app", "llm", "tts", "agent", "agent_tint")
ROLES = dict(zip(SEGMENTS, _COLOURS, strict=True))
"""Segment → role of its colour."""
INKS = {
    name: "text" if role == "app" else f"{role.removesuffix('_tint')}_ink"
    for name, role in ROLES.items()
}
LOOKS = {
    name: Look(fill=role, line="agent" if role == "agent_tint" else "surface")
    for name, role in ROLES.items()
}
LOOKS["?"] = Look(fill="llm_tint", line="muted", dash="3 2", hatch="muted")
LOOKS["tick"] = Look(fill="text")

NOT_COUNTED = {
    "cut_off": "cut-off",
    "unheard": "not heard",
    "interrupted": "interrupted",
}


class LatencyLane:
    """Draws each turn as contiguous segments with their milliseconds."""

    def __init__(self, axis: TimeAxis) -> None:
        self._painter = axis.painter
        self.figure = axis.lane(HEIGHT)
        plot: Any = self.figure  # its types lack some of its arguments
        self.density = Density(plot, self._painter, "llm", (3, HEIGHT - 4), "turns")
        self.spans = Spans(plot, self._painter, LOOKS, radius=0)
        self.labels = ColumnDataSource(data=_no_labels())
        words = plot.text(
            x="x",
            y="y",
            text="text",
            x_offset="dx",
            text_color="colour",
            text_font_style="style",
            text_alpha="alpha",
            text_baseline="middle",
            text_font_size="11px",
            source=self.labels,
        )
        plain(words)

    @property
    def targets(self) -> Any:
        """What can be tapped."""
        return self.spans.targets

    def show(self, turns: Sequence[Turn], window: Window) -> None:
        """Redraw what changed: rows of the ``turns`` table."""
        rows = sorted(
            (turn for turn in turns if turn.stop_ms is not None),
            key=lambda turn: turn.stop_ms or 0,
        )
        self.spans.show(latency_spans(rows, window))
        labels = latency_labels(rows, window)
        labels["colour"] = [self._painter.colour(ink) for ink in labels["colour"]]
        refill(self.labels, labels)


def cut_off_words(turns: Sequence[Turn]) -> dict[str, str]:
    """Return what is said of each reply that came too early, by play id."""
    words: dict[str, str] = {}
    for turn in turns:
        first, resumed = turn.first_audio_ms, turn.resumed_ms
        if turn.outcome != "cut_off" or turn.play_id is None:
            continue
        if turn.problem is not None:
            words[turn.play_id] = f"cut-off: {turn.problem}"
        elif first is not None and resumed is not None:
            apart = thousands(abs(resumed - first))
            side = "before" if first <= resumed else "after"
            words[turn.play_id] = (
                f"cut-off: agent began {apart} ms {side} the caller went on"
            )
    return words


def latency_spans(turns: Sequence[Turn], window: Window) -> list[Span]:
    """Return the segments in the window, and a tick at both ends of each turn."""
    spans: list[Span] = []
    for turn in turns:
        parts = segments(turn)
        if not parts or not window.shows(parts[0].start_ms, parts[-1].end_ms):
            continue
        alpha = CUT_OFF_ALPHA if turn.outcome == "cut_off" else 1.0
        for part in parts:
            is_told = part.quality != "unknown" and part.name in ROLES
            look = part.name if is_told else "?"
            at = (part.start_ms, part.end_ms, BAR_BOTTOM, BAR_TOP)
            seq = turn.seq if part.seq is None else part.seq
            spans.append(Span(*at, look, _tip(turn, part, seq), seq, alpha))
        half = 0.6 * window.ms_per_px
        for at in (parts[0].start_ms, parts[-1].end_ms):
            edges = (at - half, at + half, BAR_BOTTOM - 4, BAR_TOP + 4)
            spans.append(Span(*edges, "tick", "", turn.seq, alpha))
    return spans


def latency_labels(turns: Sequence[Turn], window: Window) -> Columns:
    """Return name and total above each turn, its segments to the right, if they fit.

    Colours are roles.
    """
    labels = _no_labels()
    for index, turn in enumerate(turns):
        parts = segments(turn)
        start = turn.stop_ms or 0
        end = parts[-1].end_ms if parts else start
        if not window.shows(start, end):
            continue
        later = turns[index + 1].stop_ms if index + 1 < len(turns) else None
        until = window.end_ms if later is None else min(later, window.end_ms)
        _add_name(labels, turn, start, (until - start) / window.ms_per_px)
        room = (until - end) / window.ms_per_px - 2 * GAP_PX
        if sum(_widths(parts)) <= room and len(parts) > 1:
            _add_numbers(labels, parts, end)
    return labels


def _add_name(labels: Columns, turn: Turn, at: float, room_px: float) -> None:
    alpha = 0.75 if turn.outcome == "cut_off" else 1.0
    name = f"T{turn.number}"
    if room_px < 6.5 * len(name) + 4:
        return
    _add(labels, at, NAME_Y, name, 0, "muted", "normal", alpha)
    words, ink = _total(turn), "text"
    if turn.latency_ms is None or turn.outcome == "cut_off":
        ink = "muted" if turn.latency_ms is None else "warning_ink"
    dx = 6.5 * len(name) + 5
    if not words or room_px < dx + 6.2 * len(words):
        return
    style = "normal" if turn.outcome == "cut_off" else "bold"
    _add(labels, at, NAME_Y, words, dx, ink, style, alpha)
    note = NOT_COUNTED.get(turn.outcome, "")
    beside = dx + 6.2 * len(words) + 6
    if note and room_px > beside + 6 * len(note):
        ink = "warning_ink" if turn.outcome == "cut_off" else "muted"
        _add(labels, at, NAME_Y, note, beside, ink, "normal", 1.0)


def _total(turn: Turn) -> str:
    if turn.latency_ms is not None:
        is_heard = turn.first_audio_quality == "measured"  # by our clock
        about = "~" if is_heard and not is_certain(turn.clock_error_ms) else ""
        return f"{about}{thousands(turn.latency_ms)} ms"
    if turn.outcome == "unanswered":
        return "no reply"
    return "unknown" if turn.outcome in ("answered", "interrupted") else ""


def _widths(parts: Sequence[Segment]) -> list[float]:
    return [_width(_number(part)) + 15 for part in parts]


def _width(number: str) -> float:
    thin = number.count(THIN)
    return DIGIT_PX * (len(number) - thin) + THIN_PX * thin


def _number(part: Segment) -> str:
    about = "~" if _margin(part) else ""
    return about + thousands(part.length_ms)


def _margin(part: Segment) -> str:
    """Return how far the length of an unknown segment may be wrong; else nothing."""
    if part.quality != "unknown" or part.error_ms == 0:
        return ""
    if part.error_ms is None:
        return "it is not known how far the two clocks are apart"
    return f"give or take {thousands(part.error_ms)} ms between two clocks"


def _add_numbers(labels: Columns, parts: Sequence[Segment], at: float) -> None:
    dx = float(GAP_PX)
    for index, (part, width) in enumerate(zip(parts, _widths(parts), strict=True)):
        if index:
            _add(labels, at, NUMBERS_Y, "+", dx - 11, "muted", "normal", 1.0)
        ink = INKS.get(part.name, "muted")
        _add(labels, at, NUMBERS_Y, _number(part), dx, ink, "normal", 1.0)
        dx += width


def _tip(turn: Turn, part: Segment, seq: int) -> str:
    total = f"T{turn.number}: {_total(turn)} ({turn.quality})"
    lines = [
        f"{part.name} {_number(part)} ms ({part.quality})",
        _margin(part),
        f"{part.begins} {clock(part.start_ms)} → {part.ends} {clock(part.end_ms)}",
        f"{total}, {NOT_COUNTED.get(turn.outcome, turn.outcome)}",
        f"reply {turn.play_id}" if turn.play_id else "",
        f"log row {seq}",
    ]
    return "\n".join(line for line in lines if line)


def _no_labels() -> Columns:
    names = ("x", "y", "text", "dx", "colour", "style", "alpha")
    return {name: [] for name in names}


def _add(labels: Columns, *cells: Any) -> None:
    for name, cell in zip(labels, cells, strict=True):
        labels[name].append(cell)
