"""The cards of the wall of calls: the browser part."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet

CSS = stylesheet("call_cards")


class WallCards(JSComponent):
    """Groups of cards; texts of calls are text, whatever is in them."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("call_cards")

    def __init__(
        self, heard: Callable[[Mapping[str, Any]], None], **params: Any
    ) -> None:
        super().__init__(**params)
        on_message(self, heard)

    def draw(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Show other cards."""
        self._send_msg({"groups": list(groups)})
