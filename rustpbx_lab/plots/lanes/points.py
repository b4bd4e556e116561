"""Lanes of moments: measured delays on a log scale, commands and errors."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource, FixedTicker, Grid, LogAxis, Range1d

from rustpbx_lab.analysis.moments import Mark, Metric
from rustpbx_lab.analysis.recognition import Recognition
from rustpbx_lab.analysis.speech import Speech
from rustpbx_lab.plots.drawing import (
    PX_PER_CHARACTER,
    Columns,
    add_tips,
    fit,
    plain,
    refill,
    remembered,
)
from rustpbx_lab.plots.hit_test import Target
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.wording import clock, thousands

from .density import Density

METRICS_HEIGHT = 68
LOW_MS, HIGH_MS = 1, 8000
FLOOR_MS, CEILING_MS = 2.2, 4400
"""Shorter and longer delays are drawn here, where a whole mark fits."""
CROWDED_PX = 12
"""With a point in so few pixels no number is beside its own only."""
COMMANDS_HEIGHT = 46
COMMAND_ROWS, ERROR_Y = (36, 23), 10
TIMES = "\u00d7"
FOLD_MS = 1500
"""Repeats of a command within this time are one mark."""


class Point(NamedTuple):
    """A measured delay."""

    at_ms: float
    value_ms: float
    kind: str
    """A key of ``KINDS``."""
    tip: str
    seq: int


KINDS = {
    "tts": ("circle", "tts"),
    "llm": ("diamond", "llm"),
    "asr": ("square", "asr"),
    "vad": ("triangle", "vad"),
}
"""Kind → marker, role of its colour."""


class MetricsLane:
    """Draws delays: ● tts, ◆ llm, ■ ASR final, ▲ VAD hang-over."""

    def __init__(self, axis: TimeAxis) -> None:
        self._painter = painter = axis.painter
        self.figure = plot = axis.lane(
            METRICS_HEIGHT,
            y_axis_type="log",
            y_range=Range1d(start=LOW_MS, end=HIGH_MS),
        )
        self.targets: list[Target] = []
        self.density = Density(
            plot, painter, "tts", (LOW_MS, HIGH_MS), "delays", _log_height
        )
        names = ("x", "y", "marker", "colour", "seq", "tip")
        self.points = ColumnDataSource(data={name: [] for name in names})
        self.labels = ColumnDataSource(data={"x": [], "y": [], "text": [], "dx": []})
        mark = plot.scatter(
            x="x",
            y="y",
            marker="marker",
            size=8,
            fill_color="colour",
            line_width=0.6,
            source=self.points,
        )
        words = plot.text(
            x="x",
            y="y",
            text="text",
            x_offset="dx",
            source=self.labels,
            text_baseline="middle",
            text_font_size="10px",
        )
        painter.paint(plain(mark).glyph, line_color="text")
        painter.paint(plain(words).glyph, text_color="muted")
        ticks: Any = FixedTicker(ticks=[10, 100, 1000])
        scale = LogAxis(
            ticker=ticks,
            major_label_overrides={10: "10", 100: "100", 1000: "1 s"},
        )
        painter.paint(
            scale, major_label_text_color="muted", major_tick_line_color="border"
        )
        plot.add_layout(scale, "right")
        grid = Grid(dimension=1, ticker=ticks)
        painter.paint(grid, grid_line_color="grid")
        plot.add_layout(grid)
        add_tips(plot, [mark])

    @staticmethod
    def height_of(value_ms: float) -> float:
        """Return how high a delay is drawn, pixels from below."""
        return _height_of(min(max(value_ms, LOW_MS), HIGH_MS))

    def show(self, points: Sequence[Point], window: Window) -> None:
        """Redraw what changed."""
        rows = [row for row in points if window.shows(row.at_ms, row.at_ms)]
        columns: Columns = {
            "x": [row.at_ms for row in rows],
            "y": [_drawn(row) for row in rows],
            "marker": [KINDS[row.kind][0] for row in rows],
            "colour": [self._painter.colour(KINDS[row.kind][1]) for row in rows],
            "seq": [row.seq for row in rows],
            "tip": [row.tip for row in rows],
        }
        refill(self.points, columns)
        refill(self.labels, free_labels(rows, window))
        self.targets = [
            Target(row.at_ms, row.at_ms, _height(row) - 4, _height(row) + 4, row.seq)
            for row in rows
        ]


def points_of(
    metrics: Sequence[Metric], texts: Sequence[Recognition], speech: Sequence[Speech]
) -> list[Point]:
    """Return every delay that is one.

    The recognisers' own ``*.asr.*`` durations count from the start of the session and
    are no latencies: the delay of a final comes from its own times.
    """
    found = (
        *map(_metric_point, metrics),
        *map(_final_point, texts),
        *map(_hang_over_point, speech),
    )
    return [point for point in found if point is not None]


@remembered
def _metric_point(row: Metric) -> Point | None:
    kind = "llm" if "llm" in row.key else "tts" if ".tts." in row.key else None
    value = row.ttfb_ms if row.ttfb_ms is not None else row.value_ms
    if kind is None or value is None:
        return None
    cached = ", from the cache" if row.is_cached else ""
    tip = f"{row.key}: first byte after {thousands(value)} ms{cached}"
    about = f"\n{row.play_id}" if row.play_id else ""
    return _point(row.at_ms, value, kind, tip + about, row.seq)


@remembered
def _final_point(row: Recognition) -> Point | None:
    if not row.is_final or row.delay_ms is None:
        return None
    tip = f"ASR final, delay {thousands(row.delay_ms)} ms ({row.quality})"
    seq = row.seq if row.said_seq is None else row.said_seq
    return _point(row.said_ms, row.delay_ms, "asr", tip, seq)


@remembered
def _hang_over_point(row: Speech) -> Point | None:
    if row.end_ms is None or row.said_ms is None:
        return None
    delay = row.said_ms - row.end_ms
    tip = f"VAD hang-over {thousands(delay)} ms: {clock(row.end_ms)} → "
    seq = row.seq if row.said_seq is None else row.said_seq
    return _point(row.said_ms, delay, "vad", tip + clock(row.said_ms), seq)


def _point(at_ms: float, value_ms: float, kind: str, tip: str, seq: int) -> Point:
    return Point(at_ms, value_ms, kind, f"{tip}\nlog row {seq}", seq)


def free_labels(rows: Sequence[Point], window: Window) -> Columns:
    """Return the numbers that fit beside their points without touching others."""
    labels: Columns = {"x": [], "y": [], "text": [], "dx": []}
    if len(rows) * CROWDED_PX > window.width_px:
        return labels
    taken = [_box(row, window, 0, 0) for row in rows]
    for row in sorted(rows, key=lambda row: (row.kind == "vad", row.at_ms)):
        text = thousands(row.value_ms)
        width = 5.6 * len(text)
        for side in (7.0, -7.0 - width):
            box = _box(row, window, side, width)
            if any(_meet(box, other) for other in taken):
                continue
            taken.append(box)
            labels["x"].append(row.at_ms)
            labels["y"].append(_drawn(row))
            labels["text"].append(text)
            labels["dx"].append(side)
            break
    return labels


Box = tuple[float, float, float, float]


def _drawn(row: Point) -> float:
    return min(max(row.value_ms, FLOOR_MS), CEILING_MS)


def _height(row: Point) -> float:
    return _height_of(_drawn(row))


def _height_of(value_ms: float) -> float:
    return math.log(value_ms / LOW_MS) / math.log(HIGH_MS / LOW_MS) * METRICS_HEIGHT


def _log_height(low: float, high: float, share: float) -> float:
    return low * (high / low) ** share


def _box(row: Point, window: Window, side: float, width: float) -> Box:
    x, y = row.at_ms / window.ms_per_px, _height(row)
    if not width:
        return (x - 5, y - 5, x + 5, y + 5)
    return (x + side, y - 5.5, x + side + width, y + 5.5)


def _meet(one: Box, other: Box) -> bool:
    aside = one[2] < other[0] or one[0] > other[2]
    return not (aside or one[3] < other[1] or one[1] > other[3])


class CommandsLane:
    """Draws what we sent and what went wrong."""

    def __init__(self, axis: TimeAxis) -> None:
        self._painter = axis.painter
        self.figure = plot = axis.lane(COMMANDS_HEIGHT)
        self.targets: list[Target] = []
        self.density = Density(
            plot, axis.painter, "command", (ERROR_Y + 6, COMMANDS_HEIGHT - 2), "rows"
        )
        names = ("x", "y", "marker", "colour", "ink", "text", "seq", "tip")
        self.marks = ColumnDataSource(data={name: [] for name in names})
        mark = plot.scatter(
            x="x",
            y="y",
            marker="marker",
            size=8,
            fill_color="colour",
            line_color="colour",
            line_width=2,
            source=self.marks,
        )
        words = plot.text(
            x="x",
            y="y",
            text="text",
            text_color="ink",
            source=self.marks,
            x_offset=9,
            text_baseline="middle",
            text_font_size="10.5px",
        )
        plain(mark)
        plain(words)
        add_tips(plot, [mark])

    def show(self, marks: Sequence[Mark], window: Window) -> None:
        """Redraw what changed: rows of the ``marks`` table."""
        columns = mark_columns(marks, window)
        columns["colour"] = [self._painter.colour(role) for role in columns["colour"]]
        columns["ink"] = [self._painter.colour(role) for role in columns["ink"]]
        refill(self.marks, columns)
        self.targets = [
            Target(x, x + 60 * window.ms_per_px, y - 6, y + 6, seq)
            for x, y, seq in zip(
                columns["x"], columns["y"], columns["seq"], strict=True
            )
        ]


def mark_columns(marks: Sequence[Mark], window: Window) -> Columns:
    """Return commands in two alternating rows, errors in their own; by role."""
    names = ("x", "y", "marker", "colour", "ink", "text", "seq", "tip")
    columns: Columns = {name: [] for name in names}
    placed = _folded(
        [
            mark
            for mark in marks
            if mark.kind in ("command", "error", "reject")
            and window.shows(mark.at_ms, mark.at_ms)
        ]
    )
    last_x, row = float("-inf"), 0
    for index, (mark, count) in enumerate(placed):
        is_error = mark.kind != "command"
        if not is_error:
            gap = (mark.at_ms - last_x) / window.ms_per_px
            row = 1 - row if gap < 90 else 0
            last_x = mark.at_ms
        same = [m for m, _ in placed[index + 1 :] if (m.kind != "command") == is_error]
        limit = same[0 if is_error or len(same) < 2 else 1].at_ms if same else None
        room = 320.0 if limit is None else (limit - mark.at_ms) / window.ms_per_px - 16
        # a name may be cut at the right edge, where it moves in; what follows it not
        edge = (window.end_ms - mark.at_ms) / window.ms_per_px - 12
        room = min(room, max(edge, (len(mark.name) + 1.5) * PX_PER_CHARACTER))
        if mark.at_ms < window.start_ms:
            room = 0.0  # words cut at the left edge say nothing
        words = mark.name + (f" {TIMES}{count}" if count > 1 else "")
        if mark.text and (is_error or mark.name in ("play", "tts")):
            words += f"  {mark.text}"
        cells = (
            mark.at_ms,
            ERROR_Y if is_error else COMMAND_ROWS[row],
            "x" if is_error else "inverted_triangle",
            "error" if is_error else "command",
            "error_ink" if is_error else "command",
            _label(words, mark.name, min(room, 420 if is_error else 130)),
            mark.seq,
            f"{mark.kind} {mark.name} at {clock(mark.at_ms)}\n{mark.text or ''}\n"
            f"log row {mark.seq}",
        )
        for name, cell in zip(names, cells, strict=True):
            columns[name].append(cell)
    return columns


def _label(words: str, name: str, room_px: float) -> str:
    """Cut the words to the room; half a name is worse than none."""
    text = fit(words, room_px)
    return text if len(text) >= min(len(name), len(words)) else ""


def _folded(marks: Sequence[Mark]) -> list[tuple[Mark, int]]:
    """Fold repeats of one command into the first of them, with their number."""
    folded: list[tuple[Mark, int]] = []
    last_ms = 0
    for mark in marks:
        if (
            folded
            and mark.kind == "command" == folded[-1][0].kind
            and mark.name == folded[-1][0].name
            and mark.at_ms - last_ms <= FOLD_MS
        ):
            folded[-1] = (folded[-1][0], folded[-1][1] + 1)
        else:
            folded.append((mark, 1))
        last_ms = mark.at_ms
    return folded
