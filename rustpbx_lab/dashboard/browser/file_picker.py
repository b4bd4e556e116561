"""Files in the browser: options saved and loaded, logs opened, texts copied."""

from collections.abc import Callable, Mapping
from typing import Any

from panel.custom import JSComponent

from .document_lock import on_message
from .scripts import script, stylesheet

CSS = stylesheet("file_picker")


class OptionFiles(JSComponent):
    """Save, load and copy the options.

    Args:
        heard: Gets what was pressed: ``save``, ``load`` and a file's text, ``copy``.
    """

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("copy", "file_picker", "option_files")

    def __init__(
        self, heard: Callable[[Mapping[str, Any]], None], **params: Any
    ) -> None:
        super().__init__(**params)
        on_message(self, heard)

    def tell(self, text: str, *, is_bad: bool = False) -> None:
        """Show a line."""
        self._send_msg({"say": text, "bad": is_bad})

    def offer(self, name: str, text: str) -> None:
        """Let the browser save a file."""
        self._send_msg({"file": text, "name": name})

    def copy_text(self, text: str) -> None:
        """Put a text on the clipboard."""
        self._send_msg({"clip": text})


class FileOpener(JSComponent):
    """Sends files to the server over HTTP and says which call came of them."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("copy", "file_picker", "file_opener")

    def __init__(self, opened: Callable[[str], None], **params: Any) -> None:
        super().__init__(**params)
        self._opened = opened
        on_message(self, self._on_message)

    def _on_message(self, message: Mapping[str, Any]) -> None:
        call_id = message.get("opened")
        if isinstance(call_id, str):
            self._opened(call_id)
