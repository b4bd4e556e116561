"""One line that comes and goes: errors, refusals, what a key waits for."""

from collections.abc import Callable
from html import escape

import panel as pn
import panel_material_ui as pmui

from .locking import then
from .styles import NOTE_CSS, html

CSS = (
    ":host{position:fixed !important;right:16px;bottom:64px;z-index:1400;"
    "width:max-content;max-width:500px;align-items:center;background:var(--lab-surface);"
    "border:1px solid var(--lab-border);border-radius:4px}"
)
WORDS_CSS = NOTE_CSS + ".w{font-size:12px;line-height:17px;padding:8px 12px}"
SIGNS = {"error": "✕", "warning": "⚠"}


class Toast:
    """Shows a line for some ticks.

    Args:
        n_ticks: How many.
        show: Called with the log row of a line when somebody wants to see it.
    """

    def __init__(self, n_ticks: int, show: Callable[[int], None]) -> None:
        self.words = html("", WORDS_CSS, styles={"flex": "0 1 auto", "min-width": "0"})
        self.button = pmui.Button(
            label="Show",
            description="Select this event",
            variant="text",
            size="small",
            margin=(2, 6, 2, 0),
            styles={"flex": "none"},
            visible=False,
        )
        self.button.on_click(then(self._show))
        self.pane = pn.Row(
            self.words, self.button, margin=0, stylesheets=[CSS], visible=False
        )
        self._on_show = show
        self._row: int | None = None
        self._n_ticks, self._left = n_ticks, 0

    def say(self, text: str, severity: str, row: int | None = None) -> None:
        """Show a line; with a log row it can be looked at."""
        sign = SIGNS.get(severity, "i")
        told = f"<i>{sign}</i><span>{escape(text[:400])}</span>"
        self.words.object = f'<div class="w {severity}">{told}</div>'
        self._row = row
        self.button.visible = row is not None
        self.pane.visible = True
        self._left = self._n_ticks

    def _show(self) -> None:
        if self._row is not None:
            self._on_show(self._row)
        self._left = min(self._left, 1)

    def fade(self) -> None:
        """Count a tick."""
        if self._left:
            self._left -= 1
            if not self._left:
                self._row = None
                self.words.object = ""
                self.pane.visible = False
