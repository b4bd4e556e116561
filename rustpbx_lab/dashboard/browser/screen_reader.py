"""Announcements for screen readers, and the wish for less motion."""

from collections.abc import Callable, Mapping
from typing import Any

import param
from panel.custom import JSComponent

from .document_lock import on_message
from .scripts import script, stylesheet

KEPT = 5
CSS = stylesheet("screen_reader")


class Spoken(JSComponent):
    """One polite live region of the page, and a summary of its plots.

    Args:
        on_still: Told whether the reader of the page wants things not to move.
    """

    news = param.List(default=[])
    """The last things that happened, numbered: what is new among them is read out."""
    summary = param.String(default="")
    """The plots in a sentence: read when someone goes there."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = script("screen_reader")

    def __init__(self, on_still: Callable[[bool], None], **params: Any) -> None:
        super().__init__(width=1, height=1, margin=0, **params)
        self._on_still = on_still
        self._n_said = 0
        on_message(self, self._on_message)

    def say(self, text: str) -> None:
        """Say something that has happened, even if it is the same again."""
        self._n_said += 1
        self.news = [*self.news, [self._n_said, text]][-KEPT:]

    def sum_up(self, words: str) -> None:
        """Renew the summary."""
        if words != self.summary:
            self.summary = words

    def _on_message(self, message: Mapping[str, Any]) -> None:
        if isinstance(message.get("still"), bool):
            self._on_still(message["still"])
