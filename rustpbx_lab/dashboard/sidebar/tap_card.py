"""Audio taps of the hub, in the sidebar: where they listen, and what a call needs."""

import json
from collections.abc import Mapping
from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.tapped_call import HubTap

CSS = stylesheet("tap_card")
WAITING = "no call yet: set the option on the other side"


class TapCard(JSComponent):
    """Lists the hub's taps; the option to set is copied, and shown to no one.

    Args:
        hub: The calls of this process.
        user: Who looks; only operators get the option, which may have a token.
    """

    taps = param.List(default=[])
    """A tap each: address, what is heard, what was refused last."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("copy", "tap_card")

    def __init__(self, hub: CallHub, user: str | None, **params: Any) -> None:
        super().__init__(**params)
        self._hub, self._user = hub, user
        on_message(self, self._on_message)

    def refresh(self) -> bool:
        """Show how the taps stand; return whether there are any."""
        rows = [_row(tap) for tap in self._hub.taps]
        if rows != self.taps:
            self.taps = rows
        return bool(rows)

    def _on_message(self, message: Mapping[str, Any]) -> None:
        place, taps = message.get("copy"), self._hub.taps
        if not isinstance(place, int) or not 0 <= place < len(taps):
            return
        if not self._hub.may_send(self._user):
            self._send_msg({"tell": "only operators may copy it: it may have a token"})
            return
        option = {"monitor": taps[place].option.to_wire(reveal=True)}
        self._send_msg({"clip": json.dumps(option, indent=2)})


def _row(tap: HubTap) -> dict[str, Any]:
    n_calls, n_refused = len(tap.calls), tap.n_refused
    heard = f"hears {n_calls} {'call' if n_calls == 1 else 'calls'}"
    last = tap.refused[-1].why if tap.refused else ""
    return {
        "url": tap.url,
        "heard": heard if n_calls else WAITING,
        "refused": f"refused {n_refused}: {last}" if n_refused else "",
        "why": last,
    }
