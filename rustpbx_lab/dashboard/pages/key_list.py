"""The list of keys: every one that the live page knows."""

from html import escape

import panel_material_ui as pmui

from rustpbx_lab.dashboard.browser.styles import html

KEY_WORDS = (
    ("Space", "play or pause the audio"),
    ("← →", "one second back or on; with Shift ten"),
    ("+ −", "zoom in, zoom out"),  # noqa: RUF001
    ("Z", "drag to zoom, until the next Z"),
    ("F", "the whole call"),
    ("End", "follow live"),
    ("[ ]", "turn before, turn after"),
    ("J K", "next row, row before"),
    ("N P", "next error, error before"),
    ("Enter", "inspector"),
    ("W", "what-if"),
    ("C", "time of day, or call time"),
    ("T", "say something to the caller"),
    ("I", "interrupt"),
    ("M", "mute or unmute the caller"),
    ("H, Enter", "hang up"),
    (
        "/",
        'filter the events: words, "a phrase", /regex/, event:name, track:name, '
        ">500 or <500 (Δ ms); a - before it: all others",
    ),
    ("?", "this list"),
)
CSS = """
table{border-collapse:collapse;font-size:12.5px}
td{padding:4px 16px 4px 0}
kbd{font-family:var(--lab-mono);font-size:11.5px;padding:1px 6px;border-radius:3px;
  border:1px solid var(--lab-border);background:var(--lab-raised)}
"""


class KeyList:
    """A dialog with the keys; they rest while somebody types."""

    def __init__(self) -> None:
        rows = "".join(
            f"<tr><td><kbd>{escape(key)}</kbd></td><td>{escape(words)}</td></tr>"
            for key, words in KEY_WORDS
        )
        self.dialog = pmui.Dialog(
            html(f"<table>{rows}</table>", CSS),
            title="Keys",
            open=False,
            show_close_button=True,
            close_on_click=True,
        )

    def open(self) -> None:
        """Show the list."""
        self.dialog.open = True
