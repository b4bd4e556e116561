"""The keypad: digits to the other side of a call."""

from collections.abc import Callable, Mapping
from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.line_commands import DTMF_DIGITS, Dtmf
from rustpbx_lab.models.server_versions import NEWEST, is_known

CSS = stylesheet("keypad")
DIGITS = "123456789*0#ABCD"
"""In the order of a telephone's keys."""
HINT = "Keypad: send digits (D)"
assert sorted(DIGITS) == sorted(DTMF_DIGITS)


class Keypad(JSComponent):
    """A button that opens the keys of a telephone; typing works, too.

    Args:
        on_digit: Called with each key that was pressed.
    """

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("keypad")

    disabled = param.Boolean(default=True)
    hint = param.String(default=HINT)
    """What the button says when one points at it; why it is off, if it is."""
    note = param.String(default="")
    """A sentence under the keys."""
    call = param.String(default="")
    """Id of the call; what was pressed in another one is not shown."""
    digits = param.String(default=DIGITS, constant=True)

    def __init__(self, on_digit: Callable[[str], None], **params: Any) -> None:
        super().__init__(**params)
        self._on_digit = on_digit
        on_message(self, self._on_message)

    def open(self) -> None:
        """Open the keys, if the call takes any."""
        self._send_msg({"open": True})

    def show_call(self, call: HubCall | None, *, talks: bool) -> None:
        """Follow a call: off, and why, where digits would reach no one.

        Args:
            call: The call that is shown.
            talks: Whether it takes commands now.
        """
        why = None if call is None else why_no_keys(call)
        known = {
            "disabled": not talks or why is not None,
            "hint": HINT if why is None else f"Keypad is off: {why}",
            "note": "" if call is None or why else _note(call),
            "call": "" if call is None else call.id,
        }
        changed = {k: v for k, v in known.items() if getattr(self, k) != v}
        if changed:
            self.param.update(**changed)

    def _on_message(self, message: Mapping[str, Any]) -> None:
        digit = message.get("digit")
        if isinstance(digit, str) and len(digit) == 1 and digit in DIGITS:
            self._on_digit(digit)


def why_no_keys(call: HubCall) -> str | None:
    """Return why a digit would reach no one in a call; None if it would."""
    if call.server_version is not None and not is_known(Dtmf, call.server_version):
        assert Dtmf.since is not None
        return (
            f"server {call.server_version} does not know dtmf; "
            f"{Dtmf.since.version} and newer do"
        )
    if call.call_type == "websocket":
        return "a WebSocket call has no telephone line; SIP and WebRTC calls do"
    return None


def _note(call: HubCall) -> str:
    if call.server_version is not None or Dtmf.since is None:
        return ""
    return (
        f"Servers before {Dtmf.since.version} ignore keys. Name the server's version "
        f"when you connect, such as {NEWEST}, to be sure."
    )
