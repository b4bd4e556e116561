"""Spans of time as boxes, many looks in one renderer."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from .drawing import add_tips, plain, refill
from .hit_test import Target
from .labels import CLEAR
from .theme import Painter

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
    *("dash", "tip"),
)
_EDGES = ("left", "right", "bottom", "top")


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
            border_radius=radius,
            source=self.source,
        )
        plain(renderer)
        self.hatched = {
            name: self._add_hatch(lane, look, radius)
            for name, look in looks.items()
            if look.hatch is not None
        }
        if with_tips:
            add_tips(plot, [renderer])

    def _add_hatch(self, lane: Any, look: Look, radius: int) -> ColumnDataSource:
        """Add what hatches a kind of span.

        It has a renderer of its own, since one with many hatches makes a canvas for
        each of its boxes at every change.
        """
        source = ColumnDataSource(data={name: [] for name in _EDGES})
        renderer = lane.quad(
            **{name: name for name in _EDGES},
            fill_color=None,
            line_color=None,
            hatch_alpha=look.hatch_alpha,
            hatch_pattern=HATCH,
            hatch_scale=6,
            hatch_weight=0.9,
            border_radius=radius,
            source=source,
        )
        if look.hatch is not None:
            self._painter.paint(plain(renderer).glyph, hatch_color=look.hatch)
        return source

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
                *(look.dash, row.tip),
            )
            for name, cell in zip(_NAMES, cells, strict=True):
                columns[name].append(cell)
        refill(self.source, columns)
        for name, source in self.hatched.items():
            like = [row for row in rows if row.look == name]
            refill(
                source, {edge: [getattr(row, edge) for row in like] for edge in _EDGES}
            )

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
