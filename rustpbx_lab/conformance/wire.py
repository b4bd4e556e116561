"""A connection that shows every frame: texts, audio, pings, the close."""

import json
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteStream, SocketAttribute
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.uri import parse_uri

from rustpbx_lab.client.task_groups import plain_task_group

WAIT_S = 8.0
"""How long a point waits for what is promised."""
MESSAGE_BYTES = 64 * 1024 * 1024


class MissingError(Exception):
    """What was promised did not come; the text says what came instead."""


class RefusedError(Exception):
    """The server refused the upgrade."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"HTTP {status}: {body}")
        self.status, self.body = status, body


class Seen(NamedTuple):
    """A frame as it arrived."""

    at_ms: float
    """On our monotonic clock, from the opening of the connection."""
    kind: str
    """``event``, ``audio``, ``ping``, ``pong`` or ``close``."""
    value: Any
    """The event as a dict, the bytes, or the close code."""


class Wire:
    """One connection to a server, below all our own models."""

    def __init__(self, protocol: ClientProtocol, stream: ByteStream) -> None:
        self.frames: list[Seen] = []
        """Everything that came, in order."""
        self.server_track = "server-side-track"
        self._protocol, self._stream = protocol, stream
        self._began = time.monotonic()
        self._news = anyio.Event()
        self._sending, self._gone = anyio.Lock(), anyio.Event()
        self._is_leaving = False
        self._mark = 0

    # ------------------------------------------------------------------ out

    async def send(self, *messages: dict[str, Any] | str | bytes) -> None:
        """Send commands, texts or audio, all in one write.

        Raises:
            MissingError: If the server has closed the connection.
        """
        if self._closed() is not None:
            raise MissingError(f"it was closed too early; there was {self.story()}")
        for message in messages:
            if isinstance(message, bytes):
                self._protocol.send_binary(message)
            else:
                text = message if isinstance(message, str) else json.dumps(message)
                self._protocol.send_text(text.encode())
        await self._flush()

    async def say(self, command: str, **keys: Any) -> None:
        """Send one command."""
        await self.send({"command": command, **keys})

    async def ping(self, payload: bytes) -> None:
        """Send a control ping."""
        self._protocol.send_ping(payload)
        await self._flush()

    async def close(self) -> None:
        """Close with 1000 if nobody did."""
        if self._closed() is None:
            self._is_leaving = True
            self._protocol.send_close(1000)
            await self._flush()
            await self._gone.wait()

    async def _flush(self) -> None:
        async with self._sending:
            for data in self._protocol.data_to_send():
                if data:
                    try:
                        await self._stream.send(data)
                    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                        return  # the reader says how it closed

    # ------------------------------------------------------------------ in

    @property
    def now_ms(self) -> float:
        """Milliseconds since the connection was opened."""
        return (time.monotonic() - self._began) * 1000

    def mark(self) -> None:
        """Let what follows be looked at apart from what came before."""
        self._mark = len(self.frames)

    @property
    def new(self) -> list[Seen]:
        """What came since the mark."""
        return self.frames[self._mark :]

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the events since the mark, or those of one name."""
        found = [seen.value for seen in self.new if seen.kind == "event"]
        return [event for event in found if name in (None, event.get("event"))]

    def first_event(self, name: str) -> dict[str, Any]:
        """Return the first event of a name since the mark.

        Raises:
            MissingError: If there was none.
        """
        found = self.events(name)
        if not found:
            raise MissingError(f"no {name}; there was {self.story()}")
        return found[0]

    @property
    def audio(self) -> list[bytes]:
        """The audio frames since the mark."""
        return [seen.value for seen in self.new if seen.kind == "audio"]

    def arrivals(self, kind: str) -> list[float]:
        """Return when frames of a kind came since the mark."""
        return [seen.at_ms for seen in self.new if seen.kind == kind]

    def story(self) -> list[str]:
        """Return what was said since the mark, in short; audio and pings left out."""
        return [
            self._label(seen) for seen in self.new if seen.kind in ("event", "close")
        ]

    def _label(self, seen: Seen) -> str:
        if seen.kind == "close":
            return "close"
        event: dict[str, Any] = seen.value
        name = str(event.get("event"))
        if name in ("trackStart", "trackEnd", "interruption"):
            is_server = event.get("trackId") == self.server_track
            who = "server" if is_server else "caller"
            return f"{name} {event.get('playId', who)}"
        if name == "error":
            return f"error {event['sender']}: {event['error']}"
        return name

    async def until(
        self,
        name: str,
        where: Callable[[dict[str, Any]], bool] = lambda _: True,
        timeout: float = WAIT_S,
    ) -> dict[str, Any]:
        """Wait for an event since the mark.

        Raises:
            MissingError: If it does not come in time.
        """

        def found() -> dict[str, Any] | None:
            return next((e for e in self.events(name) if where(e)), None)

        return await self._wait(found, name, timeout)

    async def until_end(self, play_id: str, timeout: float = WAIT_S) -> dict[str, Any]:
        """Wait for the end of a playback."""
        return await self.until(
            "trackEnd", lambda event: event.get("playId") == play_id, timeout
        )

    async def close_code(self, timeout: float = WAIT_S) -> int:
        """Wait for the close and return its code; 1005 is a close without one."""
        return (await self._wait(self._closed, "close", timeout)).value

    async def until_audio(self, n_frames: int, timeout: float = WAIT_S) -> None:
        """Wait for a number of audio frames since the mark."""

        def found() -> bool | None:
            return True if len(self.audio) >= n_frames else None

        await self._wait(found, f"{n_frames} audio frames", timeout)

    async def first(self, kind: str) -> Seen:
        """Wait for the first frame of a kind since the mark."""

        def found() -> Seen | None:
            return next((seen for seen in self.new if seen.kind == kind), None)

        return await self._wait(found, kind, WAIT_S)

    async def echo(self) -> None:
        """Wait until all commands before this one are done, where they do not block."""
        marker = f"echo-{len(self.frames)}-{self.now_ms}"
        await self.say("custom", data=marker)
        await self.until("custom", lambda event: event["data"] == marker)
        last = next(
            n
            for n, seen in enumerate(self.frames)
            if seen.kind == "event" and seen.value.get("data") == marker
        )
        del self.frames[last]

    def _closed(self) -> Seen | None:
        return next((seen for seen in self.frames if seen.kind == "close"), None)

    async def _wait(
        self, found: Callable[[], Any], awaited: str, timeout: float
    ) -> Any:
        with anyio.move_on_after(timeout):
            while (result := found()) is None:
                if self._closed() is not None:
                    break
                await self._news.wait()
            else:
                return result
        raise MissingError(f"no {awaited}; there was {self.story()}")

    async def handshake(self) -> None:
        """Upgrade the connection.

        Raises:
            RefusedError: If the server refuses.
        """
        self._protocol.send_request(self._protocol.connect())
        await self._flush()
        while not (events := self._protocol.events_received()):
            try:
                self._protocol.receive_data(await self._stream.receive())
            except anyio.EndOfStream:
                self._protocol.receive_eof()
            if self._protocol.handshake_exc is not None:
                break
        refusal = self._protocol.handshake_exc
        if refusal is not None:
            response = getattr(refusal, "response", None)
            if not isinstance(refusal, InvalidHandshake) or response is None:
                raise RefusedError(0, str(refusal))
            body = bytes(response.body or b"").decode("utf-8", "replace")
            raise RefusedError(response.status_code, body.strip())
        self._began = time.monotonic()
        for event in events:  # frames may have come in one piece with the response
            if isinstance(event, WireFrame):
                self._take(event)

    async def read(self) -> None:
        """Keep what comes until the connection is closed."""
        while True:
            self._take_all()
            await self._flush()
            try:
                self._protocol.receive_data(await self._stream.receive())
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                self._protocol.receive_eof()
                self._take_all()
                if self._closed() is None:
                    self._keep("close", 1006)
                self._gone.set()
                return

    def _take_all(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, WireFrame):
                self._take(event)

    def _take(self, frame: WireFrame) -> None:
        if frame.opcode is Opcode.TEXT:
            self._keep("event", json.loads(bytes(frame.data)))
        elif frame.opcode is Opcode.BINARY:
            self._keep("audio", bytes(frame.data))
        elif frame.opcode is Opcode.PING:
            self._keep("ping", bytes(frame.data))
        elif frame.opcode is Opcode.PONG:
            self._keep("pong", bytes(frame.data))
        elif frame.opcode is Opcode.CLOSE:
            received = self._protocol.close_rcvd
            self._keep("close", 1005 if received is None else int(received.code))

    def _keep(self, kind: str, value: Any) -> None:
        if self._is_leaving:
            return  # the scenario is over: what our close brings is not part of it
        self.frames.append(Seen(self.now_ms, kind, value))
        self._news.set()
        self._news = anyio.Event()


@asynccontextmanager
async def open_wire(url: str) -> AsyncGenerator[Wire]:
    """Open a connection; leaving the block closes it.

    Raises:
        OSError: If nobody listens there.
        RefusedError: If the server refuses the upgrade.
    """
    parts = urlsplit(url)
    is_tls = parts.scheme == "wss"
    host, port = parts.hostname or "127.0.0.1", parts.port or (443 if is_tls else 80)
    stream: ByteStream = await (
        anyio.connect_tcp(host, port, tls=True, tls_standard_compatible=False)
        if is_tls
        else anyio.connect_tcp(host, port)
    )
    stream.extra(SocketAttribute.raw_socket).setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )
    protocol = ClientProtocol(parse_uri(url), max_size=MESSAGE_BYTES)
    async with stream:
        wire = Wire(protocol, stream)
        await wire.handshake()
        async with plain_task_group() as tasks:
            tasks.start_soon(wire.read)
            try:
                yield wire
            finally:
                with anyio.move_on_after(2, shield=True):
                    await wire.close()
                tasks.cancel_scope.cancel()
