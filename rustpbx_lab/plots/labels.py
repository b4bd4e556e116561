"""Text labels of a lane, in one renderer."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from bokeh.models import ColumnDataSource, GlyphRenderer
from bokeh.plotting import figure

from .drawing import plain, refill
from .theme import Painter

CLEAR = "rgba(0,0,0,0)"


class Label(NamedTuple):
    """Words at a call time and a height; they begin there, in the middle of a line."""

    x: float
    y: float
    text: str
    ink: str = "muted"
    """Role of the colour."""
    dx: float = 0
    """Pixels right of ``x``."""
    tip: str = ""
    ground: str = ""
    """Role of the colour behind the words; empty: none."""
    size: str = "11px"
    style: str = "normal"
    alpha: float = 1.0


_ALWAYS = ("x", "y", "text", "ink", "dx")
_GLYPH = {
    "ground": "background_fill_color",
    "size": "text_font_size",
    "style": "text_font_style",
    "alpha": "text_alpha",
}
"""Field of a label → property of the glyph, for the fields a lane may vary."""


class Labels:
    """The words of a lane.

    Args:
        plot: The lane.
        painter: Gives the colours.
        varying: Fields of `Label` that differ from label to label, besides place, text,
            ink and dx: ``tip``, ``ground``, ``size``, ``style``, ``alpha``.
        size: Font size where it does not vary.
        options: More properties of the glyph.
    """

    def __init__(
        self,
        plot: figure,
        painter: Painter,
        varying: Sequence[str] = (),
        *,
        size: str = "11px",
        **options: Any,
    ) -> None:
        self._painter = painter
        self._names = (*_ALWAYS, *varying)
        self.source = ColumnDataSource(data={name: [] for name in self._names})
        options.setdefault("text_font_size", size)
        options |= {_GLYPH[name]: name for name in varying if name in _GLYPH}
        lane: Any = plot  # its types lack some of its arguments
        self.renderer: GlyphRenderer = plain(
            lane.text(
                x="x",
                y="y",
                text="text",
                x_offset="dx",
                text_color="ink",
                text_baseline="middle",
                source=self.source,
                **options,
            )
        )

    def show(self, labels: Sequence[Label]) -> None:
        """Redraw if anything changed; labels without words are left out."""
        shown = [label for label in labels if label.text]
        refill(
            self.source,
            {
                name: [self._cell(label, name) for label in shown]
                for name in self._names
            },
        )

    def _cell(self, label: Label, name: str) -> Any:
        cell = getattr(label, name)
        if name not in ("ink", "ground"):
            return cell
        return self._painter.colour(cell) if cell else CLEAR
