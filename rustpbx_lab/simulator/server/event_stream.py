"""``GET /events/{id}``: the events and commands of a call as they pass (SSE)."""

import asyncio

from tornado.iostream import StreamClosedError
from typing_extensions import override

from rustpbx_lab.simulator.call.subscribers import Witness

from .handlers import Guarded

KEEP_ALIVE_S = 15


class CallEvents(Guarded):
    """One reader; live only, and it ends with the call."""

    _reader: Witness | None = None

    async def get(self, call_id: str) -> None:
        """Send what passes, until the call is over or the reader has gone."""
        call = self.state.services.registry.get(call_id)
        if call is None:
            self.refuse(404, "track not active")
            return
        self.set_header("Content-Type", "text/event-stream;charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        self._reader = call.witnesses.join()
        try:
            await self.flush()
            await self._send_all(self._reader)
        except StreamClosedError:
            return  # the reader has gone
        finally:
            call.witnesses.leave(self._reader)

    async def _send_all(self, reader: Witness) -> None:
        news = asyncio.Event()
        reader.on_news = news.set
        while True:
            # a reader that does not read holds us here, and its queue fills
            while (entry := reader.take()) is not None:
                kind, text = entry
                await self._send(f"event: {kind}\ndata: {text}\n\n")
            if reader.is_over:
                return
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    await news.wait()
            except TimeoutError:
                await self._send(":\n\n")
            news.clear()

    async def _send(self, text: str) -> None:
        self.write(text)  # pyright: ignore[reportUnknownMemberType]
        await self.flush()

    @override
    def on_connection_close(self) -> None:
        if self._reader is not None:
            self._reader.close()
