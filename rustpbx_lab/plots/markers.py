"""Markers of a lane that can be tapped."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from .drawing import add_tips, plain, refill
from .theme import Painter


class Marker(NamedTuple):
    """One mark."""

    x: float
    """Call time, ms."""
    y: float
    shape: str
    """A marker of Bokeh's."""
    role: str
    """Role of its colour."""
    tip: str
    seq: int
    """The log row behind it."""


_NAMES = ("x", "y", "shape", "role", "tip", "seq")


class Markers:
    """The marks of a lane.

    Args:
        plot: The lane.
        painter: Gives the colours.
        line: Role of the outline's colour; None: that of the mark.
        line_width: Of the outline, pixels.
    """

    def __init__(
        self,
        plot: figure,
        painter: Painter,
        *,
        line: str | None = None,
        line_width: float = 2,
    ) -> None:
        self._painter = painter
        self.source = ColumnDataSource(data={name: [] for name in _NAMES})
        lane: Any = plot  # its types lack some of its arguments
        renderer = plain(
            lane.scatter(
                x="x",
                y="y",
                marker="shape",
                size=8,
                fill_color="role",
                line_color="role",
                line_width=line_width,
                source=self.source,
            )
        )
        if line is not None:
            painter.paint(renderer.glyph, line_color=line)
        add_tips(plot, [renderer])

    def show(self, markers: Sequence[Marker]) -> None:
        """Redraw if anything changed."""
        columns = {
            name: [getattr(marker, name) for marker in markers] for name in _NAMES
        }
        columns["role"] = [self._painter.colour(role) for role in columns["role"]]
        refill(self.source, columns)
