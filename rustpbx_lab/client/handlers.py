"""Event handlers: a task and a cursor each."""

import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from rustpbx_lab.log import Cursor, Record
from rustpbx_lab.models import notes

from .message_filter import Wanted, matcher

Handler = Callable[[Any], Awaitable[object] | object]


class HandlerRunner:
    """Runs handlers; what one raises hurts only itself, and is logged and counted."""

    def __init__(
        self, note: Callable[[notes.HandlerFailed], object], logger: logging.Logger
    ) -> None:
        self._note = note
        self._logger = logger

    async def run(self, what: Wanted, handler: Handler, cursor: Cursor) -> None:
        """Call ``handler`` with each message that fits, in order, one at a time."""
        fits, failures = matcher(what), 0
        async for record in cursor:
            if not fits(record):
                continue
            try:
                result = handler(record.message)
                if isawaitable(result):
                    await result
            except Exception as exc:  # noqa: BLE001  (a user's function: any of them)
                failures += 1
                self._report(handler, record, exc, failures)

    def _report(
        self, handler: Handler, record: Record, exc: Exception, count: int
    ) -> None:
        name = getattr(handler, "__qualname__", type(handler).__name__)
        self._logger.error(
            "the handler %s failed on row %s (%s)",
            name,
            record.seq,
            record.raw,
            exc_info=exc,
        )
        if isinstance(record.message, notes.HandlerFailed):
            return  # or a broken handler of failures would feed itself
        self._note(
            notes.HandlerFailed(
                handler=name,
                event_seq=record.seq,
                error=f"{type(exc).__name__}: {exc}",
                count=count,
            )
        )
