"""The text input for what the agent is to say."""

from collections.abc import Callable, Mapping
from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.browser.scripts import script, stylesheet

CSS = stylesheet("say_box")


class SayBox(JSComponent):
    """A text field that is emptied in the browser, in the moment a text is sent.

    A field that the server empties may be emptied too late: what was typed meanwhile
    would be lost, or the old text spoken once more. Up and Down bring back what was
    said before.

    Args:
        on_text: Called with each text, without the spaces around it; never empty.
    """

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("say_box")

    disabled = param.Boolean(default=False)
    """Whether nothing can be said; a text that was typed stays."""

    placeholder = param.String(default="Say to the caller…")

    def __init__(self, on_text: Callable[[str], None], **params: Any) -> None:
        super().__init__(**params)
        self._on_text = on_text
        on_message(self, self._on_message)

    def send(self) -> None:
        """Have the browser send what stands in the field."""
        self._send_msg({"send": True})

    def _on_message(self, message: Mapping[str, Any]) -> None:
        text = message.get("text")
        if isinstance(text, str) and text.strip():
            self._on_text(text.strip())
