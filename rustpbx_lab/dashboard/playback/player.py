"""The audio player of a call."""

from collections.abc import Callable, Mapping
from typing import Any

from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet

CSS = stylesheet("player")


class Player(JSComponent):
    """Plays a call's sound, or shows and steers a replay that leads the sound."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("player")

    def __init__(
        self, heard: Callable[[Mapping[str, Any]], None], **params: Any
    ) -> None:
        super().__init__(**params)
        on_message(self, heard)

    def tell(self, state: Mapping[str, Any]) -> None:
        """Show a place, a speed, a sound; see the script for the keys."""
        self._send_msg(dict(state))

    def toggle(self) -> None:
        """Play or pause, as a click does."""
        self._send_msg({"toggle": True})

    def go(self, at_ms: float) -> None:
        """Go to a call time, if there is sound there."""
        self._send_msg({"go": at_ms})
