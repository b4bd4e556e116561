"""The list of keys: those of the page that is shown, and those of every page."""

from collections.abc import Sequence
from html import escape

import panel_material_ui as pmui

from rustpbx_lab.dashboard.browser.styles import html

from .page import KeyHelp

CSS = """
table{border-collapse:collapse;font-size:12.5px}
td{padding:4px 16px 4px 0}
kbd{font-family:var(--lab-mono);font-size:11.5px;padding:1px 6px;border-radius:3px;
  border:1px solid var(--lab-border);background:var(--lab-raised)}
"""


class KeyList:
    """A dialog with the keys; they rest while someone types."""

    def __init__(self) -> None:
        self._table = html("", CSS)
        self.dialog = pmui.Dialog(
            self._table,
            title="Keys",
            open=False,
            show_close_button=True,
            close_on_click=True,
        )

    def open(self, keys: Sequence[KeyHelp]) -> None:
        """Show the list."""
        rows = "".join(
            f"<tr><td><kbd>{escape(key.label)}</kbd></td>"
            f"<td>{escape(key.words)}</td></tr>"
            for key in keys
        )
        self._table.object = f"<table>{rows}</table>"
        self.dialog.open = True
