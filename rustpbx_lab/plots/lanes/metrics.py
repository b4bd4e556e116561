"""The lane of delays on a log scale."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bokeh.models import FixedTicker, Grid, LogAxis, Range1d

from rustpbx_lab.analysis.moments import Metric
from rustpbx_lab.analysis.recognition import Recognition
from rustpbx_lab.analysis.speech import Speech
from rustpbx_lab.plots.bands import Bands
from rustpbx_lab.plots.density import Density
from rustpbx_lab.plots.drawing import remembered
from rustpbx_lab.plots.hit_test import Target
from rustpbx_lab.plots.labels import Label, Labels
from rustpbx_lab.plots.markers import Marker, Markers
from rustpbx_lab.plots.time_axis import TimeAxis, Window
from rustpbx_lab.wording import clock, thousands

from .header import HeaderInfo, line
from .lane import Lane, Scene

HEIGHT = 68
LOW_MS, HIGH_MS = 1, 8000
FLOOR_MS, CEILING_MS = 2.2, 4400
"""Shorter and longer delays are drawn here, where a whole mark fits."""
DENSITY_MS = 4
"""Up to here the number of delays is drawn: counts are not to be read on the scale."""
CROWDED_PX = 12
"""With a point in so few pixels no number is beside its own only."""


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


class MetricsLane(Lane):
    """Draws delays: ● tts, ◆ llm, ■ ASR final, ▲ VAD hang-over."""

    name = "Metrics"
    short_name = "Delays"
    role = "tts"
    height_px = HEIGHT
    title_px = 17
    tables = ("metrics", "recognition", "speech")
    is_dispensable = True

    def __init__(self, axis: TimeAxis, bands: Bands | None = None) -> None:
        super().__init__(axis, bands)
        plot, painter = self.figure, axis.painter
        self.density = Density(
            plot, painter, "tts", (LOW_MS, DENSITY_MS), "delays", _log_height
        )
        self.points = Markers(plot, painter, line="text", line_width=0.6)
        self.labels = Labels(plot, painter, size="10px")
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

    def axis_options(self) -> Mapping[str, Any]:
        """Return a logarithmic y axis in milliseconds."""
        return {
            "y_axis_type": "log",
            "y_range": Range1d(start=LOW_MS, end=HIGH_MS),
        }

    def draw(self, scene: Scene) -> None:
        """Redraw what changed."""
        window = scene.window
        points = points_of(*(scene.rows(name) for name in self.tables))
        rows = [row for row in points if window.shows(row.at_ms, row.at_ms)]
        self.points.show(
            [
                Marker(row.at_ms, _drawn(row), *KINDS[row.kind], row.tip, row.seq)
                for row in rows
            ]
        )
        self.labels.show(free_labels(rows, window))
        self.targets = [
            Target(
                *(row.at_ms, row.at_ms, _height(row) - 4, _height(row) + 4),
                row.seq,
                row.at_ms,
            )
            for row in rows
        ]

    def header(self, info: HeaderInfo) -> str:
        """Return name, unit and legend."""
        return (
            line(self.title_px, self.name, "t")
            + line(33, "ms, log scale")
            + line(50, "● tts ◆ llm ■ asr ▲ vad")
        )

    def tap_height(self, y: float) -> float:
        """Return how high a delay is drawn, pixels from below."""
        return _height_of(min(max(y, LOW_MS), HIGH_MS))


def points_of(
    metrics: Sequence[Metric], texts: Sequence[Recognition], speech: Sequence[Speech]
) -> list[Point]:
    """Return every delay that is one.

    The recognisers' own ``*.asr.*`` durations count from the start of the session and
    are not latencies: the delay of a final comes from its own times.
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


def free_labels(rows: Sequence[Point], window: Window) -> list[Label]:
    """Return the numbers that fit beside their points without touching others."""
    labels: list[Label] = []
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
            labels.append(Label(row.at_ms, _drawn(row), text, dx=side))
            break
    return labels


Box = tuple[float, float, float, float]


def _drawn(row: Point) -> float:
    return min(max(row.value_ms, FLOOR_MS), CEILING_MS)


def _height(row: Point) -> float:
    return _height_of(_drawn(row))


def _height_of(value_ms: float) -> float:
    return math.log(value_ms / LOW_MS) / math.log(HIGH_MS / LOW_MS) * HEIGHT


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
