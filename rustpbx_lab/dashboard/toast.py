"""One line that comes and goes: errors, refusals, what a key waits for."""

from html import escape

from .styles import NOTE_CSS, html

CSS = (
    NOTE_CSS
    + ":host{position:fixed;right:16px;bottom:64px;z-index:1400;max-width:420px}"
    ".w{font-size:12px;line-height:17px;padding:8px 12px;"
    "border:1px solid var(--lab-border)}"
)
SIGNS = {"error": "✕", "warning": "⚠"}


class Toast:
    """Shows a line for some ticks; screen readers read it out.

    Args:
        n_ticks: How many.
    """

    def __init__(self, n_ticks: int) -> None:
        self.pane = html("", CSS)
        self._n_ticks, self._left = n_ticks, 0

    def say(self, text: str, severity: str) -> None:
        """Show a line."""
        sign = SIGNS.get(severity, "i")
        self.pane.object = (
            f'<div class="w {severity}" role="status" aria-live="polite"><i>{sign}</i>'
            f"<span>{escape(text[:400])}</span></div>"
        )
        self._left = self._n_ticks

    def fade(self) -> None:
        """Count a tick."""
        if self._left:
            self._left -= 1
            if not self._left:
                self.pane.object = ""
