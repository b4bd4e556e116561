"""Density of rows, where there is no room to draw each."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

from rustpbx_lab.wording import clock, thousands

from .drawing import add_tips, plain, refill
from .theme import Painter

ALPHA = 0.55
LEAST_SHARE = 0.12
"""Of the height: one row among hundreds is still seen."""


class Block(NamedTuple):
    """The rows that begin within a stretch of call time."""

    start_ms: float
    end_ms: float
    n: int


class Density:
    """Blocks as high as the number of rows that begin in them; none: nothing drawn.

    Args:
        plot: The lane.
        painter: Gives the colour.
        role: Which colour.
        heights: Of the foot and of the highest block, in the units of the y axis.
        noun: What a row is, in the plural.
        scale: Where a share of the height lies; None: the axis is linear.
    """

    def __init__(
        self,
        plot: figure,
        painter: Painter,
        role: str,
        heights: tuple[float, float],
        noun: str,
        scale: Callable[[float, float, float], float] | None = None,
    ) -> None:
        self._heights, self._noun = heights, noun
        self._scale = scale or _linear
        self.source = ColumnDataSource(data=_columns([], [], []))
        lane: Any = plot  # its types lack some of its arguments
        renderer = lane.quad(
            left="left",
            right="right",
            bottom=heights[0],
            top="top",
            fill_alpha=ALPHA,
            line_color=None,
            source=self.source,
        )
        painter.paint(plain(renderer).glyph, fill_color=role)
        add_tips(plot, [renderer])

    def show(self, blocks: Sequence[Block]) -> None:
        """Redraw if anything changed."""
        low, high = self._heights
        most = max((block.n for block in blocks), default=1)
        tops = [
            self._scale(low, high, max(block.n / most, LEAST_SHARE)) for block in blocks
        ]
        refill(self.source, _columns(blocks, tops, list(map(self._tip, blocks))))

    def _tip(self, block: Block) -> str:
        span = f"{clock(block.start_ms, 0)} to {clock(block.end_ms, 0)}"
        return f"{thousands(block.n)} {self._noun} begin from {span}\nzoom in for each"


def merged(*tables: Sequence[Block]) -> list[Block]:
    """Add up the blocks of several tables, drawn on one grid."""
    counts: dict[tuple[float, float], int] = {}
    for block in (block for blocks in tables for block in blocks):
        span = block.start_ms, block.end_ms
        counts[span] = counts.get(span, 0) + block.n
    return [Block(*span, n) for span, n in sorted(counts.items())]


def _linear(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def _columns(
    blocks: Sequence[Block], tops: Sequence[float], tips: Sequence[str]
) -> dict[str, list[Any]]:
    return {
        "left": [block.start_ms for block in blocks],
        "right": [block.end_ms for block in blocks],
        "top": list(tops),
        "tip": list(tips),
    }
