"""The lane of turn latency."""

from collections.abc import Sequence

from rustpbx_lab.analysis.turns.latency import SEGMENTS, Segment, segments
from rustpbx_lab.analysis.turns.turn import Turn
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.density import Density
from rustpbx_lab.plots.labels import Label, Labels
from rustpbx_lab.plots.spans import Look, Span, Spans
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.wording import about, clock, thousands

from .header import HeaderInfo, line
from .lane import Lane, Scene

HEIGHT = 48
REASON_PX = 28
"""Height where there is only a reason to show."""
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


class LatencyLane(Lane):
    """Draws each turn as contiguous segments with their milliseconds."""

    name = "Turn latency"
    short_name = "Turns"
    role = "llm"
    height_px = HEIGHT
    title_px = 12
    tables = ("turns",)

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        super().__init__(axis, bands)
        plot, painter = self.figure, axis.painter
        self.density = Density(plot, painter, "llm", (3, HEIGHT - 4), "turns")
        self.spans = Spans(plot, painter, LOOKS, radius=0)
        self.labels = Labels(plot, painter, ("style", "alpha"))

    def draw(self, scene: Scene) -> None:
        """Redraw what changed."""
        rows = sorted(
            (turn for turn in scene.rows("turns") if turn.stop_ms is not None),
            key=lambda turn: turn.stop_ms or 0,
        )
        self.spans.show(latency_spans(rows, scene.window))
        self.labels.show(latency_labels(rows, scene.window))
        self.targets = self.spans.targets

    def header(self, info: HeaderInfo) -> str:
        """Return name, what is measured, and the colours of the segments."""
        option = None if info.call is None else info.call.option
        if is_unmeasured(option):
            reason = "<b class='t'>Turns</b> unknown without VAD or ASR"
            return line(14, reason, "why")
        words = "stop → first audio"
        if option is not None and option.vad is None:
            words = "stop by the recogniser"
        legend = " ".join(_inked(*each) for each in INKS.items())
        return (
            line(self.title_px, self.name, "t")
            + line(32, words, "wide")
            + line(33, legend, "parts")
        )

    def wanted_px(self, option: CallOption | None) -> int:
        """Return its height: low where nothing says when the caller stops."""
        return REASON_PX if is_unmeasured(option) else self.full_px


def is_unmeasured(option: CallOption | None) -> bool:
    """Return whether nothing in a call says when the caller stops."""
    return option is not None and option.vad is None and option.asr is None


def _inked(words: str, ink: str) -> str:
    return f'<i style="color:var(--lab-{ink.replace("_", "-")})">{words}</i>'


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


def latency_labels(turns: Sequence[Turn], window: Window) -> list[Label]:
    """Return name and total above each turn, its segments to the right, if they fit."""
    labels: list[Label] = []
    for index, turn in enumerate(turns):
        parts = segments(turn)
        start = turn.stop_ms or 0
        end = parts[-1].end_ms if parts else start
        if not window.shows(start, end):
            continue
        later = turns[index + 1].stop_ms if index + 1 < len(turns) else None
        until = window.end_ms if later is None else min(later, window.end_ms)
        labels += _names(turn, start, (until - start) / window.ms_per_px)
        room = (until - end) / window.ms_per_px - 2 * GAP_PX
        if sum(_widths(parts)) <= room and len(parts) > 1:
            labels += _numbers(parts, end)
    return labels


def _names(turn: Turn, at: float, room_px: float) -> list[Label]:
    alpha = 0.75 if turn.outcome == "cut_off" else 1.0
    name = f"T{turn.number}"
    if room_px < 6.5 * len(name) + 4:
        return []
    labels = [Label(at, NAME_Y, name, alpha=alpha)]
    words, ink = _total(turn), "text"
    if turn.latency_ms is None or turn.outcome == "cut_off":
        ink = "muted" if turn.latency_ms is None else "warning_ink"
    dx = 6.5 * len(name) + 5
    if not words or room_px < dx + 6.2 * len(words):
        return labels
    style = "normal" if turn.outcome == "cut_off" else "bold"
    labels.append(Label(at, NAME_Y, words, ink, dx, style=style, alpha=alpha))
    note = NOT_COUNTED.get(turn.outcome, "")
    beside = dx + 6.2 * len(words) + 6
    if note and room_px > beside + 6 * len(note):
        ink = "warning_ink" if turn.outcome == "cut_off" else "muted"
        labels.append(Label(at, NAME_Y, note, ink, beside))
    return labels


def _total(turn: Turn) -> str:
    if turn.latency_ms is not None:
        return f"{about(turn.quality)}{thousands(turn.latency_ms)} ms"
    if turn.outcome == "unanswered":
        return "no reply"
    if turn.first_audio_ms is None and turn.end_ms is None:
        return ""  # the reply is still to be heard
    return "unknown" if turn.outcome in ("answered", "interrupted") else ""


def _widths(parts: Sequence[Segment]) -> list[float]:
    return [_width(_number(part)) + 15 for part in parts]


def _width(number: str) -> float:
    thin = number.count(THIN)
    return DIGIT_PX * (len(number) - thin) + THIN_PX * thin


def _number(part: Segment) -> str:
    sign = "~" if _margin(part) else ""
    return sign + thousands(part.length_ms)


def _margin(part: Segment) -> str:
    """Return how far the length of an unknown segment may be wrong; else nothing."""
    if part.quality != "unknown" or part.error_ms == 0:
        return ""
    if part.error_ms is None:
        return "it is not known how far the two clocks are apart"
    return f"give or take {thousands(part.error_ms)} ms between two clocks"


def _numbers(parts: Sequence[Segment], at: float) -> list[Label]:
    labels: list[Label] = []
    dx = float(GAP_PX)
    for index, (part, width) in enumerate(zip(parts, _widths(parts), strict=True)):
        if index:
            labels.append(Label(at, NUMBERS_Y, "+", dx=dx - 11))
        ink = INKS.get(part.name, "muted")
        labels.append(Label(at, NUMBERS_Y, _number(part), ink, dx))
        dx += width
    return labels


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
