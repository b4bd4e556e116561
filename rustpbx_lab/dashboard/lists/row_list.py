"""Row lists in the browser that take rows in batches.

Their scripts write every text of a call with ``textContent``: it is shown, never run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import locked
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet

LIST_CSS = stylesheet("list")

EVENTS_CSS = stylesheet("event_list")

TRANSCRIPT_CSS = stylesheet("transcript_list")


class RowList(JSComponent):
    """A bounded list of rows; a batch of changes is one message."""

    selected = param.Integer(default=None, allow_None=True)
    """The selected log row."""
    limit = param.Integer(default=500)
    """Rows kept in the page."""
    is_wall = param.Boolean(default=False)
    """Whether the times are those of the day, which need more room."""

    __abstract = True

    def __init__(self, on_select: Callable[[int], None], **params: Any) -> None:
        super().__init__(**params)
        self._on_select = on_select
        self._on_ready: Callable[[], None] | None = None
        self.is_ready = False
        self.on_msg(self._on_message)

    def when_ready(self, draw: Callable[[], None]) -> None:
        """Call ``draw`` whenever the browser has (re)built the list."""
        self._on_ready = draw

    def change(
        self,
        add: Sequence[Mapping[str, Any]],
        drop: int = 0,
        *,
        reset: bool = False,
        keep: bool = False,
    ) -> None:
        """Drop some of the newest rows and add others, oldest first.

        Args:
            add: The rows.
            drop: How many of the newest go before.
            reset: All go before.
            keep: The new rows are the old ones in other words: what is in view stays.
        """
        if self.is_ready and (add or drop or reset):
            change = {"add": list(add), "drop": drop, "reset": reset, "keep": keep}
            # as one text: to send ten cells a row as values takes ten times as long
            self._send_msg({"change": orjson.dumps(change).decode()})

    def clear(self, sentence: str) -> None:
        """Show a sentence in the place of rows."""
        if self.is_ready:
            self._send_msg({"reset": True, "empty": sentence})

    def _on_message(self, event: Any) -> None:
        message = getattr(event, "data", event)
        if message.get("ready"):
            self.is_ready = True
            if self._on_ready is not None:
                self._on_ready()
        elif isinstance(message.get("select"), int):
            row = message["select"]
            locked(lambda: self._on_select(row))


class EventList(RowList):
    """The events, newest on top; any number of rows costs the same."""

    _stylesheets = [LIST_CSS, EVENTS_CSS]  # noqa: RUF012
    _esm = script("list", "windowed_list", "event_list")


class TranscriptList(RowList):
    """What was said, oldest first, the end in view."""

    _stylesheets = [LIST_CSS, TRANSCRIPT_CSS]  # noqa: RUF012
    _esm = script("list", "growing_list", "transcript_list")
