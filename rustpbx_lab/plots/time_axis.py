"""The time axis that all lanes share, and the window in view."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from bokeh.models import (
    BoxAnnotation,
    BoxZoomTool,
    CrosshairTool,
    CustomJSTickFormatter,
    DatetimeTicker,
    PanTool,
    Range1d,
    Span,
    WheelZoomTool,
)
from bokeh.plotting import figure

from .theme import Painter
from .wall_clock import wall_formatter, wall_ticker

RIGHT_AXIS_PX = 40
MOST_TICKS, PX_PER_TICK = 10, 80
LANE_TAG = "rustpbx-lab-lane"
"""Marks our lanes among the plots of a page."""


@dataclass(frozen=True)
class Window:
    """The part of a call that is drawn."""

    start_ms: float
    end_ms: float
    now_ms: float
    """The last moment there is, call time."""
    width_px: int
    """Of the plot between its borders."""

    @property
    def ms_per_px(self) -> float:
        """How much time a pixel covers."""
        return max(self.end_ms - self.start_ms, 1.0) / max(self.width_px, 1)

    @property
    def with_margin(self) -> tuple[float, float]:
        """What is sent to the browser: a short pan must not show an empty edge."""
        margin = (self.end_ms - self.start_ms) * 0.15
        return self.start_ms - margin, self.end_ms + margin

    def shows(self, start_ms: float, end_ms: float) -> bool:
        """Whether a span lies in the window or just beside it."""
        margin = (self.end_ms - self.start_ms) * 0.25
        return end_ms >= self.start_ms - margin and start_ms <= self.end_ms + margin


class TimeAxis:
    """One range, one ticker, one crosshair and one "now" for all lanes."""

    def __init__(self, painter: Painter) -> None:
        self.painter = painter
        self.range = Range1d(start=0, end=20_000, min_interval=400)
        self._drags: list[tuple[figure, PanTool, BoxZoomTool]] = []
        self._ticker = DatetimeTicker(desired_num_ticks=MOST_TICKS)
        self._rulers: list[Any] = []
        self._grids: list[Any] = []
        self.cursor = Span(dimension="height", line_dash=[2, 2], line_alpha=0.55)
        painter.paint(self.cursor, line_color="text")
        self.playhead = Span(
            location=0, dimension="height", line_width=2, visible=False
        )
        """Where one listens; one for all lanes."""
        painter.paint(self.playhead, line_color="accent")

    def lane(self, height: int, *, ruler: bool = False, **options: Any) -> figure:
        """Return an empty lane whose y axis counts pixels from below."""
        # what is drawn in the first row or column of a canvas is never quite cleared
        top = 20 if ruler else 0
        edge = top or 1
        options.setdefault("y_range", Range1d(start=0, end=height))
        plot = figure(
            height=height + top,
            width=1100,
            x_range=self.range,
            x_axis_type="datetime",
            x_axis_location="above" if ruler else None,
            y_axis_location=None,
            tools="",
            toolbar_location=None,
            min_border_left=1,
            min_border_right=RIGHT_AXIS_PX,
            min_border_top=edge,
            min_border_bottom=0,
            sizing_mode="stretch_width",
            output_backend="canvas",
            tags=[LANE_TAG],
            **options,
        )
        plot.xgrid.ticker = self._ticker
        self._grids.append(plot.xgrid[0])
        self.painter.paint(plot.xgrid[0], grid_line_color="grid")
        if ruler:
            self.rule(plot)
        _drop_unseen(plot)
        self._add_tools(plot)
        self._add_now(plot)
        return plot

    def rule(self, plot: figure) -> None:
        """Label the x axis of a figure as that of all lanes is labelled."""
        axis = plot.xaxis[0]
        self._rulers.append(axis)
        axis.ticker = self._ticker
        axis.formatter = call_time_formatter()
        axis.major_label_standoff = 2
        self.painter.paint(
            axis, major_label_text_color="muted", major_tick_line_color="border"
        )

    def _add_tools(self, plot: figure) -> None:
        pan = PanTool(dimensions="width")
        box = BoxZoomTool(dimensions="width")
        self.painter.paint(box.overlay, fill_color="accent", line_color="accent")
        plot.add_tools(
            pan,
            box,
            WheelZoomTool(dimensions="width", modifiers="ctrl"),
            CrosshairTool(overlay=self.cursor),
        )
        plot.toolbar.active_drag = pan
        self._drags.append((plot, pan, box))

    def use_wall_clock(self, began_ms: int | None) -> None:
        """Label the time of day; ``began_ms``: call time 0, ms since midnight.

        None labels call time.
        """
        ticker: Any = self._ticker if began_ms is None else wall_ticker(began_ms)
        for ruler in self._rulers:
            ruler.ticker = ticker
            ruler.formatter = (
                call_time_formatter() if began_ms is None else wall_formatter(began_ms)
            )
        for grid in self._grids:
            grid.ticker = ticker

    def use_width(self, width_px: int) -> None:
        """Have as many ticks as there is room for their labels."""
        n_ticks = max(min(width_px // PX_PER_TICK, MOST_TICKS), 2)
        if self._ticker.desired_num_ticks != n_ticks:
            self._ticker.desired_num_ticks = n_ticks

    def use_box_zoom(self, is_on: bool) -> None:
        """Let dragging draw the part to zoom into, or move along."""
        for plot, pan, box in self._drags:
            plot.toolbar.active_drag = box if is_on else pan

    def _add_now(self, plot: figure) -> None:
        hair = Span(location=0.5, dimension="width", line_width=1)
        self.painter.paint(hair, line_color="hair")
        now = Span(location=0, dimension="height", line_width=1.5, name="now")
        self.painter.paint(now, line_color="accent")
        after = BoxAnnotation(
            left=0, line_color=None, fill_alpha=0.9, level="underlay", name="after"
        )
        self.painter.paint(after, fill_color="page")
        for annotation in (after, hair, now, self.playhead):
            plot.add_layout(annotation)

    @property
    def visible(self) -> tuple[float, float]:
        """The left and the right edge, call time."""
        return cast(float, self.range.start), cast(float, self.range.end)

    def move(self, start_ms: float, end_ms: float) -> None:
        """Show another part of the call."""
        self.range.update(start=start_ms, end=end_ms)


def _drop_unseen(plot: figure) -> None:
    """Take away axes and grids that nobody sees: a quarter of what a page consists of.

    Bokeh gives each grid an axis, with tickers for every step of a calendar.
    """
    seen = [*plot.above, *plot.below, *plot.left, *plot.right]
    for grid in plot.xgrid:
        if grid.axis not in seen:
            grid.axis = None
    unseen = list(plot.ygrid)
    plot.center = [part for part in plot.center if part not in unseen]


def set_now(plots: Sequence[figure], now_ms: float) -> None:
    """Move the line at "now" and the empty ground after it."""
    for plot in plots:
        for annotation in plot.center:
            if isinstance(annotation, Span) and annotation.name == "now":
                annotation.location = now_ms
            elif isinstance(annotation, BoxAnnotation) and annotation.name == "after":
                annotation.left = now_ms


_CALL_TIME = """
const two = (number) => String(number).padStart(2, '0')
const ms = Math.round(Math.abs(tick)), s = Math.floor(ms / 1000)
const hours = Math.floor(s / 3600), minutes = Math.floor(s / 60) % 60
const isWhole = ticks.every((one) => Math.round(one) % 1000 === 0)
const rest = isWhole ? '' : '.' + String(ms % 1000).padStart(3, '0')
return (Math.round(tick) < 0 ? '\\u2212' : '')
  + (hours ? hours + ':' : '') + two(minutes) + ':' + two(s % 60) + rest
"""


def call_time_formatter() -> CustomJSTickFormatter:
    """Return a formatter of call time in ms: ``00:07``, ``6:19:26``, below 0 as well.

    A calendar's formatter reads 59:58 two seconds before a call, and drops the hours.
    """
    return CustomJSTickFormatter(code=_CALL_TIME)
