"""Bokeh sources and renderers: updates, tips, and text that fits."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from bokeh.models import ColumnDataSource, GlyphRenderer, HoverTool
from bokeh.plotting import figure

REMEMBERED = 4000
"""Rows for which a lane remembers what it draws of them."""
PX_PER_CHARACTER = 5.6
"""Roboto at 11 px; wide scripts count double."""
TIP = '<div style="max-width:360px;white-space:pre-line">@tip</div>'
"""Bokeh escapes ``@tip``: texts of a call are shown, never run."""
R = TypeVar("R")
T = TypeVar("T")

Columns = dict[str, Any]


def remembered(make: Callable[[R], T]) -> Callable[[R], T]:
    """Make a function of a row remember: rows never change and are drawn often."""
    known: dict[int, tuple[R, T]] = {}

    @wraps(make)
    def recall(row: R) -> T:
        found = known.get(id(row))
        if found is not None and found[0] is row:
            return found[1]
        if len(known) >= REMEMBERED:
            known.clear()
        made = make(row)
        known[id(row)] = (row, made)
        return made

    return recall


def fit(text: str, room_px: float, px_per_character: float = PX_PER_CHARACTER) -> str:
    """Cut a text so that it takes at most ``room_px``."""
    room = int(room_px / px_per_character)
    text = " ".join(text.split())
    used = 0
    for index, character in enumerate(text):
        used += 2 if ord(character) > 0x2E7F else 1
        if used > room:
            kept = text[: max(index - 1, 0)].rstrip()
            return f"{kept}…" if kept else ""
    return text


def refill(source: ColumnDataSource, columns: Columns) -> bool:
    """Give a source new columns in one update, unless they are what it holds.

    Returns:
        Whether anything was sent.
    """
    held = source.data
    if held.keys() == columns.keys() and all(
        _is_same(held[name], column) for name, column in columns.items()
    ):
        return False
    source.data = columns
    return True


def _is_same(held: Any, column: Any) -> bool:
    if isinstance(held, np.ndarray) or isinstance(column, np.ndarray):
        return len(held) == len(column) and np.array_equal(held, column)
    return held == column


def plain(renderer: GlyphRenderer) -> GlyphRenderer:
    """Keep a renderer's look whatever is selected or muted."""
    renderer.update(selection_glyph=None, nonselection_glyph=None, muted_glyph=None)
    return renderer


def add_tips(plot: figure, renderers: Sequence[GlyphRenderer]) -> None:
    """Show the ``tip`` column of some renderers under the pointer."""
    plot.add_tools(
        HoverTool(renderers=list(renderers), tooltips=TIP, attachment="below")
    )
