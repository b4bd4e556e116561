"""Waking tasks of any event loop from any thread."""

import threading
from collections.abc import Callable
from typing import Any, cast

import anyio
from anyio.lowlevel import current_token


class Wakeup:
    """An event of the running loop that any thread may set, again and again."""

    def __init__(self) -> None:
        self._event = anyio.Event()
        # the class of the running backend: to ask for it at each event costs as much
        # as to wait for one
        self._kind = type(self._event)
        self._thread = threading.get_ident()
        # an asyncio loop or a trio token
        self._loop = loop = cast(Any, current_token().native_token)
        self._schedule: Callable[[Callable[[], None]], object] = (
            loop.run_sync_soon
            if hasattr(loop, "run_sync_soon")
            else loop.call_soon_threadsafe
        )

    def belongs_here(self) -> bool:
        """Return whether a task of the running loop may wait for it."""
        return current_token().native_token is self._loop

    def rearm(self) -> None:
        """Make it wait once more."""
        self._event = self._kind()

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
