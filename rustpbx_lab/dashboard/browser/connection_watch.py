"""Detection of a lost dashboard in the browser, and recovery."""

import json
import time
import uuid
from typing import Any

import param
from bokeh.server.views.auth_request_handler import AuthRequestHandler
from panel.custom import JSComponent

from .scripts import script

BEAT_S = 1.0
"""How often the page says that it is alive."""
PROCESS = uuid.uuid4().hex
"""Tells this process from the one before it at the same address."""


class AliveHandler(AuthRequestHandler):
    """``GET /alive``: which process answers."""

    def get(self) -> None:
        """Name this process."""
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"process": PROCESS}))


class ConnectionWatch(JSComponent):
    """Shows a line while the dashboard does not answer, and switches all controls off.

    A page whose process or network is gone looks like one of a quiet call, and its
    buttons look as if they worked. The browser therefore expects a beat each second.
    Once the dashboard answers again the page goes on, or is loaded again where its
    session ended: its address names the call and the part that was looked at.
    """

    _esm = script("connection_watch")

    process = param.String(default=PROCESS)
    """The process that made the page."""

    address = param.String(default="alive")
    """Where to ask for the process that answers, beside the page."""

    def __init__(self, **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
        self._due_s = 0.0

    def beat(self) -> None:
        """Say that the page is alive, once a second however often it is called."""
        now = time.monotonic()
        if now >= self._due_s:
            self._due_s = now + BEAT_S
            self._send_msg({"beat": True})
