"""The SIP ladder of the inspector: columns are parties, arrows are messages."""

from collections.abc import Callable
from typing import Any

import orjson
import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import locked
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.models.notes import SIP_MESSAGE
from rustpbx_lab.views.sip_ladder import ladder

from .row_list import LIST_CSS

GONE = "gone"
"""Class of a ladder that is not there: our style sheets outdo ``visible``."""
EMPTY = '{"parties":[],"steps":[],"left_out":[0,0]}'


class SipLadder(JSComponent):
    """Draws the messages of a call; there while one of them is selected.

    Its script writes every text of a call with ``textContent``: it is shown, never run.

    Args:
        on_select: Called with the log row of a message that was chosen.
    """

    ladder = param.String(default=EMPTY)
    """Parties and steps as JSON; see `rustpbx_lab.views.sip_ladder.ladder`."""
    selected = param.Integer(default=None, allow_None=True)
    """The selected log row."""

    _stylesheets = [LIST_CSS, stylesheet("sip_ladder")]  # noqa: RUF012
    _esm = script("list", "sip_ladder")

    def __init__(self, on_select: Callable[[int], None], **params: Any) -> None:
        super().__init__(css_classes=[GONE], **params)
        self._on_select = on_select
        self.on_msg(self._on_message)

    @property
    def is_shown(self) -> bool:
        """Whether a SIP message is selected."""
        return GONE not in self.css_classes

    def show_row(self, view: CallView | None, seq: int | None) -> None:
        """Show the ladder around a row of the log, or none if it is not of SIP."""
        is_row = view is not None and seq is not None and 0 <= seq < len(view.log)
        if view is None or not is_row or view.log[seq or 0].name != SIP_MESSAGE:
            self.param.update(css_classes=[GONE], selected=None)
            return
        rows = sorted(view.tables["sip"].rows(), key=lambda row: row.seq)
        drawn = orjson.dumps(ladder(rows, seq, view.clock)).decode()
        self.param.update(ladder=drawn, selected=seq, css_classes=[])

    def _on_message(self, event: Any) -> None:
        message = getattr(event, "data", event)
        if isinstance(message.get("select"), int):
            row = message["select"]
            locked(lambda: self._on_select(row))
