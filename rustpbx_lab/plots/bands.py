"""Bands behind several lanes: waiting for the reply, and double talk."""

from collections.abc import Sequence
from typing import Any

from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from rustpbx_lab.analysis.barge_in import Overlap
from rustpbx_lab.analysis.turns.turn import Turn

from .drawing import Columns, plain, refill
from .theme import Painter
from .time_axis import Window

WAIT_ALPHA, TALK_ALPHA = 0.06, 0.14
HIGHEST = 400
"""Above the top of any lane."""


class Bands:
    """From stop to first audio a faint band, where both talk a red one.

    Two sources serve all lanes: one with both kinds, one with the waits alone.
    """

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self.waits = ColumnDataSource(data=_none())
        self.both = ColumnDataSource(data=_none())

    def draw_on(self, plot: figure, *, with_double_talk: bool = True) -> None:
        """Draw the bands behind what the lane will show; call it first."""
        lane: Any = plot  # its types lack some of its arguments
        band = lane.quad(
            left="left",
            right="right",
            bottom=-HIGHEST,
            top=HIGHEST,
            fill_color="colour",
            fill_alpha="alpha",
            line_color=None,
            source=self.both if with_double_talk else self.waits,
        )
        plain(band).level = "underlay"

    def show(
        self, turns: Sequence[Turn], overlaps: Sequence[Overlap], window: Window
    ) -> None:
        """Redraw what changed: rows of the ``turns`` and ``overlaps`` tables."""
        waits, both = _none(), _none()
        for turn in turns:
            start, end = turn.stop_ms, turn.first_audio_ms
            if start is not None and end is not None and start < end:
                if not window.shows(start, end):
                    continue
                colour = self._painter.colour("text")
                for columns in (waits, both):
                    _add(columns, start, end, colour, WAIT_ALPHA)
        for row in overlaps:
            end = window.now_ms if row.end_ms is None else row.end_ms
            if window.shows(row.start_ms, end) and row.start_ms < end:
                colour = self._painter.colour("error")
                _add(both, row.start_ms, end, colour, TALK_ALPHA)
        refill(self.waits, waits)
        refill(self.both, both)


def _none() -> Columns:
    return {name: [] for name in ("left", "right", "colour", "alpha")}


def _add(
    columns: Columns, left: float, right: float, colour: str, alpha: float
) -> None:
    for name, cell in zip(columns, (left, right, colour, alpha), strict=True):
        columns[name].append(cell)
