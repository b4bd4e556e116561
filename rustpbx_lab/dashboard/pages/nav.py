"""The tabs of the app bar."""

from collections.abc import Callable, Mapping
from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet

LOGO_PX, TAB_PX = 150, 85
"""Width of the name, and room for each tab."""

CSS = stylesheet("nav")


class Nav(JSComponent):
    """The tabs; ``at`` is the one that is shown.

    Args:
        on_choice: Called with the tab that was pressed.
    """

    at = param.String(default="")
    tabs = param.List(default=[], item_type=tuple)
    """Title and icon of each."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("nav")

    def __init__(self, on_choice: Callable[[str], None], **params: Any) -> None:
        width = LOGO_PX + TAB_PX * len(params.get("tabs", ()))
        super().__init__(width=width, height=44, margin=0, **params)
        self._on_choice = on_choice
        on_message(self, self._on_message)

    def _on_message(self, message: Mapping[str, Any]) -> None:
        title = message.get("tab")
        if any(title == known for known, _ in self.tabs):
            self._on_choice(str(title))
