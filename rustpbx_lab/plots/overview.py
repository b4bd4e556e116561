"""The whole call in one narrow lane, with the box of what is visible."""

from collections.abc import Sequence

from bokeh.models import ColumnDataSource, Range1d, RangeTool, Span
from bokeh.plotting import figure

from rustpbx_lab.analysis.playback import Playback
from rustpbx_lab.analysis.points import Mark

from .caller_lane import no_wave, wave_columns
from .timeline import (
    LANE_TAG,
    RIGHT_AXIS_PX,
    Columns,
    Target,
    TimeAxis,
    Window,
    plain,
    refill,
)

HEIGHT = 34
N_SLOTS = 900
CALLER_Y, AGENT_Y, WAVE_PX = 25, 9, 7


class Overview:
    """Draws both voices and the marks of a whole call."""

    def __init__(self, axis: TimeAxis) -> None:
        self._painter = painter = axis.painter
        self._scale = -500.0, 20_000.0
        self.range = Range1d(start=-500, end=20_000)
        self.figure = plot = figure(
            height=HEIGHT,
            width=1100,
            x_range=self.range,
            y_range=Range1d(start=0, end=HEIGHT),
            x_axis_type="datetime",
            x_axis_location=None,
            y_axis_location=None,
            tools="",
            toolbar_location=None,
            min_border=0,
            min_border_left=1,
            min_border_right=RIGHT_AXIS_PX,
            sizing_mode="stretch_width",
            tags=[LANE_TAG],
        )
        plot.grid.visible = False
        self.waves = {}
        for role, y in (("caller", CALLER_Y), ("agent", AGENT_Y)):
            source = ColumnDataSource(data=no_wave(y))
            wave = plot.varea_step(
                x="x", y1="low", y2="high", source=source, step_mode="after"
            )
            painter.paint(plain(wave).glyph, fill_color=role)
            self.waves[role] = source
        self.marks = ColumnDataSource(data={"x": [], "marker": [], "colour": []})
        self.targets: list[Target] = []
        """What can be tapped."""
        mark = plot.scatter(
            x="x",
            y=HEIGHT / 2,
            marker="marker",
            size=8,
            line_width=2,
            line_color="colour",
            fill_color="colour",
            source=self.marks,
        )
        plain(mark)
        hair = Span(location=0.5, dimension="width", line_width=1)
        painter.paint(hair, line_color="hair")
        plot.add_layout(hair)
        self._add_box(axis)

    def _add_box(self, axis: TimeAxis) -> None:
        tool = RangeTool(x_range=axis.range, start_gesture="pan")
        tool.overlay.update(fill_alpha=0.13, line_width=1, line_dash="solid")
        tool.overlay.use_handles = False
        self._painter.paint(tool.overlay, fill_color="accent", line_color="accent")
        self.figure.add_tools(tool)

    def window(self, width_px: int) -> Window:
        """Return what the lane shows, if it is so wide."""
        return Window(*self._scale, self._scale[1], width_px)

    def show_waves(self, caller: Columns, agent: Columns, end_ms: float) -> None:
        """Redraw the outlines of both voices; ``end_ms`` is the end of the scale."""
        start, end = self._scale = -end_ms * 0.01, max(end_ms, 1000) * 1.02
        self.range.update(start=start, end=end)
        refill(self.waves["caller"], wave_columns(caller, CALLER_Y, WAVE_PX))
        refill(self.waves["agent"], wave_columns(agent, AGENT_Y, WAVE_PX))

    def show_marks(self, marks: Sequence[Mark], playbacks: Sequence[Playback]) -> None:
        """Redraw interruptions and errors."""
        wrong = [mark for mark in marks if mark.kind in ("error", "reject")]
        broken = [
            (
                row.interrupted_ms,
                row.seq if row.interrupted_seq is None else row.interrupted_seq,
            )
            for row in playbacks
            if row.interrupted_ms
        ]
        errors, cuts = [mark.at_ms for mark in wrong], [at for at, _ in broken]
        self.targets = [
            Target(at, at, HEIGHT / 2 - 5, HEIGHT / 2 + 5, seq)
            for at, seq in [*broken, *((mark.at_ms, mark.seq) for mark in wrong)]
        ]
        colour = self._painter.colour
        refill(
            self.marks,
            {
                "x": [*cuts, *errors],
                "marker": ["diamond"] * len(cuts) + ["x"] * len(errors),
                "colour": [colour("text")] * len(cuts)
                + [colour("error")] * len(errors),
            },
        )
