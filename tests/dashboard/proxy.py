"""A reverse proxy in front of the dashboard, as a web server is one; for tests."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from anyio.from_thread import start_blocking_portal

UPGRADE = re.compile(r"(?im)^upgrade: *websocket\r?$")
CONNECTION = re.compile(r"(?im)^connection:.*\r\n")
HOST = re.compile(r"(?im)^host:.*\r$")


class Proxy:
    """Passes requests on, one for a connection, and what an upgrade begins.

    Args:
        port: Where the dashboard listens, on this machine.
        strips: Path that is taken away before a request is passed on.
        passes_host: Whether the dashboard gets the name the browser has asked for.
    """

    def __init__(self, port: int, strips: str = "", passes_host: bool = True) -> None:
        self._port, self._strips, self._passes_host = port, strips, passes_host
        self.port = 0

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Run in a thread of its own."""
        with (
            start_blocking_portal("asyncio", name="proxy") as portal,
            portal.wrap_async_context_manager(self._listening()),
        ):
            yield self

    @asynccontextmanager
    async def _listening(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            ours = asyncio.current_task()
            tasks = [task for task in self._open if task is not ours]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _open(self) -> list[asyncio.Task]:
        """Connections that are still served."""
        return [task for task in asyncio.all_tasks() if task.get_name() == "proxied"]

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asyncio.current_task().set_name("proxied")
        theirs = None
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                back, theirs = await asyncio.open_connection("127.0.0.1", self._port)
                theirs.write(self._passed_on(head).encode("latin-1"))
                await asyncio.gather(pipe(reader, theirs), pipe(back, writer))
        finally:
            for end in (writer, theirs):
                if end is not None:
                    end.close()

    def _passed_on(self, head: str) -> str:
        if self._strips:
            head = re.sub(rf"^(\w+) {self._strips}(?=[/? ])", r"\1 ", head)
            head = re.sub(r"^(\w+) (?=[? ])", r"\1 /", head)
        if not self._passes_host:
            head = HOST.sub(f"Host: 127.0.0.1:{self._port}\r", head)
        if not UPGRADE.search(head):
            head = CONNECTION.sub("", head)
            head = head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
        return head


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, to the end."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
