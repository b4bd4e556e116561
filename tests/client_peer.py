"""A server's end of a call in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson

from rustpbx_lab import CallSession
from rustpbx_lab.client.transport import MemoryTransport, memory_transports


class Peer:
    """What a test says as the server, and what it heard."""

    def __init__(self, wire: MemoryTransport) -> None:
        self.wire = wire

    async def says(self, event: str, **fields: Any) -> None:
        fields.setdefault("timestamp", 1_787_302_461_000)
        if event in ("answer", "trackStart", "error", "reject", "speaking", "ringing"):
            fields.setdefault("trackId", "s.1")
        await self.wire.send(orjson.dumps({"event": event, **fields}).decode())

    async def hears(self) -> dict[str, Any]:
        frame = await self.wire.receive()
        assert isinstance(frame, str)
        return orjson.loads(frame)


@asynccontextmanager
async def a_call(**options: Any) -> AsyncIterator[tuple[CallSession, Peer]]:
    """A running call over memory: our end and the server's."""
    ours, theirs = memory_transports()
    clock = iter(range(1_000, 10_000_000))
    options.setdefault("now_ms", lambda: next(clock))
    try:
        async with CallSession(ours, **options).running() as call:
            yield call, Peer(theirs)
    finally:
        with anyio.CancelScope(shield=True):
            await theirs.close()
