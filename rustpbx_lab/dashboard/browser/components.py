"""The page's keyboard, and the browser's pace.

A part says ``ready`` when it is drawn, since what is sent before that is lost.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import param
from panel.custom import JSComponent

from .document_lock import locked, on_message
from .scripts import script

KEPT = 8
LEAD_S = 0.03
"""The next picture is on its way while the browser draws the last one."""


class Pulse(JSComponent):
    """Asks the browser whether it has drawn what it was sent.

    A slow browser gets fewer pictures that way, never late ones.
    """

    _esm = script("pulse")

    patience_s = 2.0
    """After so long it is asked again: a hidden tab draws nothing and says nothing."""

    def __init__(self, on_drawn: Callable[[], None], **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
        self._on_drawn = on_drawn
        self._n_sent = 0
        self._n_drawn = 0
        self._sent_s: deque[float] = deque([0.0], maxlen=KEPT)
        self._took_s = 0.0
        self._rests_until_s = 0.0
        on_message(self, self._on_message)

    @property
    def is_free(self) -> bool:
        """Whether what was sent is drawn, half drawn by now, or long overdue."""
        since_s = time.monotonic() - self._sent_s[-1]
        lead_s = max(self._took_s / 2, LEAD_S)
        is_half = self._n_drawn == self._n_sent - 1 and since_s >= lead_s
        is_overdue = since_s > self.patience_s
        return self._n_drawn >= self._n_sent or is_half or is_overdue

    @property
    def is_rested(self) -> bool:
        """Whether a browser that is free rested as long as its last picture took."""
        return time.monotonic() >= self._rests_until_s

    def beat(self) -> None:
        """Ask about everything that was sent so far."""
        self._n_sent += 1
        self._sent_s.append(time.monotonic())
        self._send_msg({"beat": self._n_sent})

    def _on_message(self, said: Mapping[str, Any]) -> None:
        beat = said.get("beat")
        if not isinstance(beat, int):
            return
        self._n_drawn = max(self._n_drawn, min(beat, self._n_sent))
        waiting = self._n_sent - self._n_drawn
        if self._n_sent and waiting < len(self._sent_s):  # else it is only ready
            now = time.monotonic()
            self._took_s = min(now - self._sent_s[-1 - waiting], self.patience_s)
            self._rests_until_s = now + self._took_s
        self._on_drawn()


class Keys(JSComponent):
    """The keyboard of a page: says which key was pressed, silent while typing."""

    _esm = script("copy", "keys")

    keys = param.List(default=[])
    """The keys that are taken."""

    def __init__(
        self,
        on_key: Callable[[str, bool], None],
        on_narrow: Callable[[], None],
        **params: Any,
    ) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
        self._on_key = on_key
        self._on_narrow = on_narrow
        self.on_system: Callable[[bool], None] = lambda is_dark: None
        """Called with whether the system's palette is dark: once, and at changes."""
        self.on_draft: Callable[[str], None] = lambda text: None
        """Called when the page is drawn, with what its tab has kept of the last one."""
        self.on_fold: Callable[[str], None] = lambda name: None
        """Called with the name of the lane whose fold button was pressed."""
        self.on_copied: Callable[[bool], None] = lambda is_copied: None
        """Called with whether the browser took a text onto its clipboard."""
        self._title = ""
        self.on_msg(self._on_message)

    def focus(self, css_class: str) -> None:
        """Put the cursor into the input of a widget."""
        self._send_msg({"focus": css_class})

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        self._send_msg({"copy": text})

    def keep(self, cookie: str) -> None:
        """Let the browser remember how the page is liked."""
        self._send_msg({"keep": cookie})

    def keep_draft(self, text: str) -> None:
        """Let the browser's tab keep a text until it is closed."""
        self._send_msg({"draft": text})

    def name_tab(self, title: str) -> None:
        """Give the browser's tab a title; text."""
        if title != self._title:
            self._title = title
            self._send_msg({"title": title})

    def _on_message(self, event: Any) -> None:
        message = getattr(event, "data", event)
        if isinstance(message.get("key"), str):
            key, shift = message["key"], bool(message.get("shift"))
            locked(lambda: self._on_key(key, shift))
        elif message.get("narrow"):
            locked(self._narrow)
        elif isinstance(message.get("draft"), str):
            draft = message["draft"]
            locked(lambda: self.on_draft(draft))
        elif isinstance(message.get("fold"), str):
            name = message["fold"]
            locked(lambda: self.on_fold(name))
        elif isinstance(message.get("copied"), bool):
            is_copied = message["copied"]
            locked(lambda: self.on_copied(is_copied))
        elif isinstance(message.get("dark"), bool):  # drawn: it hears from now on
            is_dark = message["dark"]
            locked(lambda: self._begin(is_dark))

    def _begin(self, is_dark: bool) -> None:
        self._send_msg({"title": self._title})
        self.on_system(is_dark)

    def _narrow(self) -> None:
        self._on_narrow()
        self._send_msg({"narrowed": True})
