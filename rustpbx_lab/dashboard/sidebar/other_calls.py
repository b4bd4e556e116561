"""Other calls of the server, in the sidebar."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet
from rustpbx_lab.dashboard.state.server_calls import (
    ServerCalls,
    age_of_call,
    kind_of_call,
    state_of_call,
)
from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.rest import ActiveCall

MOST = 50
"""So many are listed; the wall has them all."""
CSS = stylesheet("other_calls")


class OtherCalls(JSComponent):
    """Lists what the server runs besides our calls; ids are text, whatever is in them.

    Args:
        server: The calls of the server.
        on_open: Called with the call that is watched from now on.
        on_text: Called with what went wrong.
    """

    rows = param.List(default=[])
    """A call each: id, kind and age, whether it is answered."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("other_calls")

    def __init__(
        self,
        server: ServerCalls,
        on_open: Callable[[HubCall], None],
        on_text: Callable[[str], None],
        **params: Any,
    ) -> None:
        super().__init__(**params)
        self._server, self._on_open, self._on_text = server, on_open, on_text
        self._shown: tuple[str, int] | None = None
        on_message(self, self._on_message)

    def poll(self) -> bool:
        """Ask the server, and list its last answer; return whether it has calls."""
        listing = self._server.ask()
        state = listing.url, listing.n_answers
        if state != self._shown:
            self._shown = state
            self._list(self._server.others)
        return bool(self.rows)

    def _list(self, others: Sequence[ActiveCall]) -> None:
        rows = [
            {
                "id": call.id,
                "about": f"{kind_of_call(call)} {age_of_call(call)}".strip(),
                "state": state_of_call(call),
                "up": call.start_time is not None,
            }
            for call in sorted(others, key=lambda call: call.id)[:MOST]
        ]
        if rows != self.rows:
            self.rows = rows

    def _on_message(self, message: Mapping[str, Any]) -> None:
        call_id = message.get("watch")
        if not isinstance(call_id, str):
            return
        try:
            self._on_open(self._server.watch(call_id))
        except RustpbxLabError as exc:
            self._on_text(str(exc))
