"""Signals that end a command in order."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import anyio
from anyio.lowlevel import current_token

STOPPING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Names of the signals; a system may lack some."""


class StopRequest:
    """Whether the process was asked to stop."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        """The first signal that came."""
        self._event = anyio.Event()
        loop: Any = current_token().native_token  # an asyncio loop or a trio token
        # a handler runs between any two instructions of the loop: only these may be
        # called there, and they wake a loop that waits
        self._schedule = (
            getattr(loop, "run_sync_soon", None) or loop.call_soon_threadsafe
        )

    async def wait(self) -> None:
        """Wait for the first signal."""
        await self._event.wait()

    def on_signal(self, number: int, _: FrameType | None) -> None:
        """Note the first signal; the second ends the process at once."""
        if self.signal is not None:
            os._exit(128 + number)
        self.signal = signal.Signals(number)
        self._schedule(self._event.set)


@contextmanager
def stop_signals() -> Generator[StopRequest]:
    """Take SIGINT, SIGTERM and SIGHUP while the block runs, in an event loop.

    Whoever waits for the request then ends the work properly, in bounded time. Outside
    of the main thread no signal arrives, and the request never comes.
    """
    request = StopRequest()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in STOPPING:
            number = getattr(signal, name, None)
            if number is None:
                continue
            if name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN:
                continue  # started with nohup
            before[number] = signal.signal(number, request.on_signal)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
