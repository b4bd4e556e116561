"""Filters over a call's messages: by type, the next one, each one."""

from collections import deque
from collections.abc import Callable
from typing import Any

import anyio

from rustpbx_lab.errors import CallTimeoutError
from rustpbx_lab.log import Cursor, Record
from rustpbx_lab.log.event_log import BATCH_ROWS
from rustpbx_lab.models.base import BaseEvent, BaseNote

Wanted = str | type[BaseEvent] | type[BaseNote]
"""A class of events or notes, the name of an event, or ``"*"`` for every event."""


def name_of(what: Wanted) -> str:
    """Return how to call what was asked for in a message."""
    return what if isinstance(what, str) else what.__name__


def matcher(what: Wanted) -> Callable[[Record], bool]:
    """Return a function that tells whether a record is what was asked for."""
    if isinstance(what, str):
        if what == "*":
            return lambda record: record.direction == "event"
        return lambda record: record.direction == "event" and record.name == what
    direction = "note" if issubclass(what, BaseNote) else "event"

    def is_instance(record: Record) -> bool:
        return record.direction == direction and isinstance(record.message, what)

    return is_instance


async def first_message(
    cursor: Cursor,
    what: Wanted,
    timeout: float | None,
    where: Callable[[Any], bool] | None = None,
    awaited: str | None = None,
) -> Any:
    """Return the next message that fits; None if the log ends without one.

    Raises:
        CallTimeoutError: If none came within ``timeout`` seconds; it names ``awaited``
            or else what was asked for.
    """
    fits = matcher(what)
    with anyio.move_on_after(timeout) as scope:
        async for record in cursor:
            if fits(record) and (where is None or where(record.message)):
                return record.message
    if scope.cancelled_caught and timeout is not None:
        raise CallTimeoutError(awaited or name_of(what), timeout)
    return None


class EventIterator:
    """The events of a call in order; notes and commands are left out."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._ahead: deque[Record] = deque()

    def __aiter__(self) -> "EventIterator":
        return self

    async def __anext__(self) -> BaseEvent:
        while True:
            while self._ahead:
                record = self._ahead.popleft()
                if record.direction == "event":
                    return record.message  # pyright: ignore[reportReturnType]
            if self._cursor.is_finished:
                raise StopAsyncIteration
            await self._cursor.wait()
            self._ahead.extend(self._cursor.read(BATCH_ROWS))
