"""A toast: one line that fades."""

from collections.abc import Callable
from html import escape

import panel as pn
import panel_material_ui as pmui

from .document_lock import callback
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
    """

    def __init__(self, n_ticks: int) -> None:
        self.words = html("", WORDS_CSS, styles={"flex": "0 1 auto", "min-width": "0"})
        self.button = pmui.Button(
            label="Show",
            description="Show what this is about",
            variant="text",
            size="small",
            margin=(2, 6, 2, 0),
            styles={"flex": "none"},
            visible=False,
        )
        self.button.on_click(callback(self._show))
        self.pane = pn.Row(
            self.words, self.button, margin=0, stylesheets=[CSS], visible=False
        )
        self._go: Callable[[], None] | None = None
        self._n_ticks, self._left = n_ticks, 0

    def say(
        self, text: str, severity: str, go: Callable[[], None] | None = None
    ) -> None:
        """Show a line; ``go`` shows what it is about, for who presses ``Show``."""
        sign = SIGNS.get(severity, "i")
        told = f"<i>{sign}</i><span>{escape(text[:400])}</span>"
        self.words.object = f'<div class="w {severity}">{told}</div>'
        self._go = go
        self.button.visible = go is not None
        self.pane.visible = True
        self._left = self._n_ticks

    def _show(self) -> None:
        if self._go is not None:
            self._go()
        self._left = min(self._left, 1)

    def fade(self) -> None:
        """Count a tick."""
        if self._left:
            self._left -= 1
            if not self._left:
                self._go = None
                self.words.object = ""
                self.pane.visible = False
