"""Spans of time drawn as boxes, many looks in one renderer."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from .theme import Painter
from .timeline import Target, add_tips, plain, refill

CLEAR = "rgba(0,0,0,0)"
HATCH = "right_diagonal_line"


class Look(NamedTuple):
    """How a kind of span is drawn; colours by role."""

    fill: str | None = None
    fill_alpha: float = 1.0
    line: str | None = None
    line_alpha: float = 1.0
    dash: str = "solid"
    hatch: str | None = None
    hatch_alpha: float = 0.6


class Span(NamedTuple):
    """One box: two call times, two heights in pixels, a kind of look."""

    left: float
    right: float
    bottom: float
    top: float
    look: str
    tip: str = ""
    seq: int = -1
    """The log row behind it; -1: a tap on it selects nothing."""
    alpha: float = 1.0
    """Fades the whole box."""


_NAMES = (
    *("left", "right", "bottom", "top", "fill", "fill_alpha", "line", "line_alpha"),
    *("dash", "hatch", "hatch_alpha", "pattern", "tip"),
)


class Spans:
    """The boxes of a lane.

    Args:
        plot: The lane.
        painter: Gives the colours.
        looks: Every kind of look.
        radius: Of the corners, pixels.
        with_tips: Whether the pointer shows the ``tip`` of a box.
    """

    def __init__(
        self,
        plot: figure,
        painter: Painter,
        looks: dict[str, Look],
        *,
        radius: int = 2,
        with_tips: bool = True,
    ) -> None:
        self._painter, self._looks = painter, looks
        self.source = ColumnDataSource(data={name: [] for name in _NAMES})
        self.rows: Sequence[Span] = ()
        """What is drawn."""
        lane: Any = plot  # its types lack some of its arguments
        renderer = lane.quad(
            left="left",
            right="right",
            bottom="bottom",
            top="top",
            fill_color="fill",
            fill_alpha="fill_alpha",
            line_color="line",
            line_alpha="line_alpha",
            line_dash="dash",
            line_width=1,
            hatch_color="hatch",
            hatch_alpha="hatch_alpha",
            hatch_pattern="pattern",
            hatch_scale=6,
            hatch_weight=0.9,
            border_radius=radius,
            source=self.source,
        )
        plain(renderer)
        if with_tips:
            add_tips(plot, [renderer])

    def show(self, rows: Sequence[Span]) -> None:
        """Redraw if anything changed."""
        self.rows = rows
        columns: dict[str, list[Any]] = {name: [] for name in _NAMES}
        for row in rows:
            look = self._looks[row.look]
            cells = (
                *(row.left, row.right, row.bottom, row.top),
                *(self._colour(look.fill), look.fill_alpha * row.alpha),
                *(self._colour(look.line), look.line_alpha * row.alpha),
                *(look.dash, self._colour(look.hatch), look.hatch_alpha * row.alpha),
                *(HATCH if look.hatch else " ", row.tip),
            )
            for name, cell in zip(_NAMES, cells, strict=True):
                columns[name].append(cell)
        refill(self.source, columns)

    @property
    def targets(self) -> list[Target]:
        """What can be tapped."""
        return [
            Target(row.left, row.right, row.bottom, row.top, row.seq)
            for row in self.rows
            if row.seq >= 0
        ]

    def _colour(self, role: str | None) -> str:
        return CLEAR if role is None else self._painter.colour(role)
