"""The overview: the whole call in one narrow lane."""

from collections.abc import Sequence

from bokeh.models import Range1d, RangeTool, Span
from bokeh.plotting import figure

from rustpbx_lab.analysis.moments import Mark
from rustpbx_lab.analysis.playback import Playback
from rustpbx_lab.wording import clock

from .drawing import Columns
from .hit_test import Target
from .markers import Marker, Markers
from .time_axis import LANE_TAG, RIGHT_AXIS_PX, TimeAxis, Window
from .waveform import Waveform

HEIGHT = 34
RULER_PX = 14
N_SLOTS = 900
CALLER_Y, AGENT_Y, WAVE_PX = 25, 9, 7


class Overview:
    """Draws both voices and the marks of a whole call."""

    def __init__(self, axis: TimeAxis) -> None:
        self._painter = painter = axis.painter
        self._scale = -500.0, 20_000.0
        self.range = Range1d(start=-500, end=20_000)
        self.figure = plot = figure(
            height=HEIGHT + RULER_PX,
            width=1100,
            x_range=self.range,
            y_range=Range1d(start=0, end=HEIGHT),
            x_axis_type="datetime",
            x_axis_location="above",
            y_axis_location=None,
            tools="",
            toolbar_location=None,
            min_border=0,
            min_border_top=RULER_PX,
            min_border_left=1,
            min_border_right=RIGHT_AXIS_PX,
            sizing_mode="stretch_width",
            tags=[LANE_TAG],
        )
        axis.rule(plot)
        plot.xaxis[0].update(
            major_label_text_font_size="9px", major_label_standoff=0, major_tick_out=2
        )
        plot.grid.visible = False
        self.caller = Waveform(
            plot, painter, "caller", CALLER_Y, WAVE_PX, has_line=False
        )
        self.agent = Waveform(plot, painter, "agent", AGENT_Y, WAVE_PX, has_line=False)
        self.marks = Markers(plot, painter)
        self.targets: Sequence[Target] = ()
        """What can be tapped."""
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
        whole = max(end_ms, 1000)  # a mark at the very beginning fits, too
        start, end = self._scale = -whole * 0.01, whole * 1.02
        self.range.update(start=start, end=end)
        self.caller.show(caller)
        self.agent.show(agent)

    def show_marks(self, marks: Sequence[Mark], playbacks: Sequence[Playback]) -> None:
        """Redraw interruptions and errors."""
        wrong = [mark for mark in marks if mark.kind in ("error", "reject")]
        broken = [row for row in playbacks if row.interrupted_ms]
        drawn = [*map(_cut, broken), *map(_error, wrong)]
        self.targets = [
            Target(mark.x, mark.x, mark.y - 5, mark.y + 5, mark.seq, mark.x)
            for mark in drawn
        ]
        self.marks.show(drawn)


def _cut(row: Playback) -> Marker:
    at = row.interrupted_ms or 0
    seq = row.seq if row.interrupted_seq is None else row.interrupted_seq
    what = f"{row.kind} {row.play_id or ''}".rstrip()
    tip = f"{what} interrupted {clock(at)}\nlog row {seq}"
    return Marker(at, HEIGHT / 2, "diamond", "text", tip, seq)


def _error(mark: Mark) -> Marker:
    words = f"{mark.name}: {mark.text or ''}".rstrip(": ")
    tip = f"{words}\n{clock(mark.at_ms)}\nlog row {mark.seq}"
    return Marker(mark.at_ms, HEIGHT / 2, "x", "error", tip, mark.seq)
