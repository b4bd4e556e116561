"""Server-sent events of a call: the server's event stream."""

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

import anyio
import httpx
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from httpx_sse import EventSource, SSEError

from rustpbx_lab.client.task_groups import plain_task_group
from rustpbx_lab.errors import RustpbxLabError

SILENCE_S = 50
"""Without a word for this long the stream is dead: keep-alives come every 15 s."""


class StreamBrokenError(RustpbxLabError):
    """The stream broke before its end; never leaves this package's readers."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Entry(NamedTuple):
    """One entry of the stream."""

    kind: str
    """``event`` or ``command``."""
    text: str
    """Its JSON text."""


class CallStream:
    """An open event stream: iterate over its entries.

    It ends in order with the call, or raises ``StreamBrokenError``. The server sends
    what happens from now on, and neither repeats nor counts what a slow reader lost.
    """

    def __init__(self, entries: MemoryObjectReceiveStream[Entry]) -> None:
        self._entries = entries
        self.broken: str | None = None
        """Why it broke."""

    def __aiter__(self) -> "CallStream":
        return self

    async def __anext__(self) -> Entry:
        try:
            return await self._entries.receive()
        except anyio.EndOfStream:
            if self.broken is not None:
                raise StreamBrokenError(self.broken) from None
            raise StopAsyncIteration from None


@asynccontextmanager
async def call_stream(response: httpx.Response) -> AsyncGenerator[CallStream, None]:
    """Read a response as it comes, for the time of the block."""
    # unbounded: a reader of ours that is slow must not make the server lose events
    sending, receiving = anyio.create_memory_object_stream[Entry](math.inf)
    stream = CallStream(receiving)
    with receiving:
        async with plain_task_group() as tasks:
            tasks.start_soon(_read, response, sending, stream)
            yield stream
            tasks.cancel_scope.cancel()


async def _read(
    response: httpx.Response,
    entries: MemoryObjectSendStream[Entry],
    stream: CallStream,
) -> None:
    # a task of its own that waits for nothing else: when it is cancelled it is inside
    # the generators of httpx, which do not close one another otherwise
    with entries:
        try:
            async for entry in EventSource(response).aiter_sse():
                if entry.data:
                    entries.send_nowait(Entry(entry.event, entry.data))
        except httpx.TimeoutException:
            stream.broken = f"nothing came for {SILENCE_S} s"
        except (httpx.HTTPError, httpx.StreamError, SSEError) as exc:
            stream.broken = str(exc) or type(exc).__name__
