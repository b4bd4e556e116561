"""Waveforms: the outline of a sound around a line."""

import numpy as np
from bokeh.models import ColumnDataSource, Span
from bokeh.plotting import figure

from .drawing import Columns, plain, refill
from .theme import Painter


class Waveform:
    """Draws the outline of a sound.

    Args:
        plot: The lane.
        painter: Gives the colour.
        role: Which colour.
        y: Height of the line that is silence.
        height: Of full scale above and below it.
        has_line: Whether the line is drawn.
    """

    def __init__(
        self,
        plot: figure,
        painter: Painter,
        role: str,
        y: float,
        height: float,
        *,
        has_line: bool = True,
    ) -> None:
        self._y, self._height = y, height
        self.source = ColumnDataSource(data=silence(y))
        wave = plot.varea_step(
            x="x", y1="low", y2="high", source=self.source, step_mode="after"
        )
        painter.paint(plain(wave).glyph, fill_color=role)
        if has_line:
            middle = Span(
                location=y,
                dimension="width",
                line_width=1,
                line_alpha=0.35,
                level="underlay",
            )
            painter.paint(middle, line_color=role)
            plot.add_layout(middle)

    def show(self, outline: Columns) -> None:
        """Redraw if anything changed.

        Args:
            outline: ``x`` (call time, ms), ``low`` and ``high`` (in [-1, 1]).
        """
        refill(self.source, wave_columns(outline, self._y, self._height))


def silence(y: float) -> Columns:
    """Return the outline of no sound: two points in one place.

    A step area without any point makes Bokeh's script hang.
    """
    return {"x": [0.0, 0.0], "low": [y, y], "high": [y, y]}


def wave_columns(outline: Columns, y: float, height: float) -> Columns:
    """Place an outline in [-1, 1] around ``y``; quiet speech stays visible.

    The root shows 40 dB of range in the few pixels there are.
    """
    low, high = np.asarray(outline["low"]), np.asarray(outline["high"])
    if not len(low):
        return silence(y)
    return {
        "x": outline["x"],
        "low": (y - height * np.sqrt(-low)).astype(np.float32),
        "high": (y + height * np.sqrt(high)).astype(np.float32),
    }
