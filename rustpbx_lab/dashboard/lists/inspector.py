"""The inspector: one log row in words and as JSON text."""

import json
from collections.abc import Callable
from html import escape

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.browser.styles import BOX, html
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.log import Record
from rustpbx_lab.models.notes import SipMessage
from rustpbx_lab.views.event_rows import message_of
from rustpbx_lab.views.explanations import explain
from rustpbx_lab.wording import clock

from .sip_ladder import SipLadder

CSS = """
.ex{margin:8px 10px 6px;padding:7px 9px;border-radius:3px;font-size:11.5px;
  line-height:16px;background:var(--lab-vad-tint);border-left:3px solid var(--lab-vad);
  overflow-wrap:anywhere}
pre{margin:0;padding:2px 12px;font:11px/16.5px var(--lab-mono);white-space:pre-wrap;
  overflow-wrap:anywhere;color:var(--lab-text)}
.row{padding:5px 12px;font-size:11px;color:var(--lab-muted)}
"""
DRAWER_CSS = """
@media (max-width:1399px){
  :host{position:fixed !important;right:8px;top:52px;bottom:58px;z-index:1200;
    height:auto !important;box-shadow:0 4px 16px rgba(16,24,40,.18)}
  :host(:not(.open)){display:none !important}
}
/* the commands below stay in reach, on however many lines they stand */
@media (max-width:899px){:host{bottom:auto !important;height:45vh !important}}
"""
"""On a narrow page the inspector is a drawer; Enter opens and closes it."""
DRAWER_ONLY_CSS = "@media (min-width:1400px){:host{display:none !important}}"
LADDER_CSS = (
    ":host{flex:0 1 auto;max-height:50%;min-height:90px;display:flex;"
    "flex-direction:column;border-bottom:1px solid var(--lab-border)}"
)
EMPTY = '<div class="row">Tap a mark or a row to see it here.</div>'
MAX_TEXT = 20_000


class Inspector(Viewer):
    """Shows the selected row.

    Args:
        copy: Called with the text that someone wants on the clipboard.
        on_select: Called with the log row of a SIP message that was chosen.
        width: In pixels.
    """

    def __init__(
        self,
        copy: Callable[[str], None],
        on_select: Callable[[int], None] = lambda seq: None,
        width: int = 286,
    ) -> None:
        super().__init__()
        self._copy = copy
        self._text = ""
        self.ladder = SipLadder(on_select, sizing_mode="stretch_width", margin=0)
        self.ladder.stylesheets = [LADDER_CSS]
        self.body = html(
            EMPTY,
            CSS,
            sizing_mode="stretch_both",
            styles={"overflow-y": "auto", "overflow-x": "hidden"},
        )
        button = _icon("content_copy", "Copy the JSON", 15)
        button.on_click(callback(lambda: self._copy(self._text)))
        close = _icon("close", "Close the inspector (Enter)", 16)
        close.stylesheets = [DRAWER_ONLY_CSS]
        close.on_click(callback(self.toggle))
        head = pn.Row(
            html('<div class="head">Inspector</div>', height=30),
            pn.Spacer(sizing_mode="stretch_width"),
            button,
            close,
            height=31,
            margin=0,
            sizing_mode="stretch_width",
            styles={"border-bottom": "1px solid var(--lab-hair)"},
        )
        self._layout = pn.Column(
            head,
            self.ladder,
            self.body,
            width=width,
            margin=0,
            sizing_mode="stretch_height",
            styles=BOX,
            stylesheets=[DRAWER_CSS],
        )

    def opener(self) -> pmui.IconButton:
        """Return a button for another box that opens and closes the drawer."""
        what = "Inspector: the selected row in words and as JSON (Enter)"
        button = _icon("info", what, 17)
        button.stylesheets = [DRAWER_ONLY_CSS]
        button.on_click(callback(self.toggle))
        return button

    def toggle(self) -> None:
        """Open or close the drawer of a narrow page."""
        is_open = "open" in self._layout.css_classes
        self._layout.css_classes = [] if is_open else ["open"]

    def close(self) -> None:
        """Close the drawer of a narrow page."""
        if self._layout.css_classes:
            self._layout.css_classes = []

    def __panel__(self) -> Viewable:
        return self._layout

    def show_row(self, view: CallView | None, seq: int | None) -> None:
        """Show a row of a call's log, or none."""
        self.ladder.show_row(view, seq)
        if view is None or seq is None or not 0 <= seq < len(view.log):
            self._text, self.body.object = "", EMPTY
            return
        record = view.log[seq]
        self._text = pretty(record)
        self.body.object = record_html(record, self._text, view)


def _icon(name: str, description: str, size_px: int) -> pmui.IconButton:
    return pmui.IconButton(
        icon=name,
        description=description,
        size="small",
        icon_size=f"{size_px}px",
        margin=(1, 4, 0, 0),
    )


def pretty(record: Record) -> str:
    """Return the JSON of a record with line breaks; text that is none as it is.

    Of a SIP message it is the message itself.
    """
    message = message_of(record)
    if isinstance(message, SipMessage):
        return _cut("\n".join(message.text.splitlines()).strip())
    try:
        shown = json.dumps(json.loads(record.raw), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):  # the latter if nested too deep
        shown = record.raw
    return _cut(shown)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\n… cut"


def record_html(record: Record, text: str, view: CallView) -> str:
    """Return what the inspector shows; everything of the call is escaped."""
    told = explain(record, view.tables)
    words = (
        f'<div class="ex"><b>{escape(told[0])}</b> {escape(told[1])}</div>'
        if told
        else ""
    )
    received = "" if record.received_ms is None else f", our clock {record.received_ms}"
    where = f"log row {record.seq}, {record.direction}, call time "
    return (
        f"{words}<pre>{escape(text)}</pre>"
        f'<div class="row">{escape(where + clock(record.time_ms) + received)}</div>'
    )
