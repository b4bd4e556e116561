"""Waking tasks of any event loop from any thread."""

import threading
from collections.abc import Callable
from typing import Any

import anyio
from anyio.lowlevel import current_token


class Wakeup:
    """An event of the running loop that any thread may set."""

    def __init__(self) -> None:
        self._event = anyio.Event()
        self._thread = threading.get_ident()
        loop: Any = current_token().native_token  # an asyncio loop or a trio token
        self._schedule: Callable[[Callable[[], None]], object] = (
            loop.run_sync_soon
            if hasattr(loop, "run_sync_soon")
            else loop.call_soon_threadsafe
        )

    def set(self) -> None:
        """Wake the task that waits; a loop that is gone has nobody waiting."""
        if threading.get_ident() == self._thread:
            self._event.set()
            return
        try:
            self._schedule(self._event.set)
        except RuntimeError:  # closed asyncio loop; trio.RunFinishedError is one too
            return

    async def wait(self) -> None:
        """Wait until someone calls ``set``."""
        await self._event.wait()
