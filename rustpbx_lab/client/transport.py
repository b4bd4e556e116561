"""The wire below a call: a WebSocket on asyncio or trio, or memory for tests."""

import logging
import ssl as ssl_module
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, NoReturn, Protocol
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import anyio
from anyio.lowlevel import checkpoint, current_token
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from websockets import exceptions as ws_errors
from websockets.frames import CloseCode
from websockets.protocol import State

from rustpbx_lab.errors import ConnectError, RustpbxLabError
from rustpbx_lab.models.secrets import (
    header_secrets,
    mask_text,
    mask_url,
    url_secrets,
)

from .tasks import plain_task_group

MAX_MESSAGE_BYTES = 64 * 2**20
"""The server's own limit for one message."""
OPEN_TIMEOUT_S = 10
CLOSE_TIMEOUT_S = 5
HALF_CLOSED_POLL_S = 0.5
PING_INTERVAL_S = 20
PING_TIMEOUT_S = 20
FRAMES_A_TURN = 256
"""Frames handed over before others get their turn: some three milliseconds."""
MEMORY_FRAMES = 4096
"""Frames a memory transport holds before the sender waits."""

PATHS: Mapping[str, str] = {
    "": "/call",
    "websocket": "/call",
    "webrtc": "/call/webrtc",
    "sip": "/call/sip",
}
"""Call type → path. The empty one is the Go SDK's spelling of a WebSocket call."""


REFUSALS: Mapping[int, str] = {
    CloseCode.PROTOCOL_ERROR: "what is no WebSocket frame",
    CloseCode.INVALID_DATA: "a text frame that is no UTF-8",
    CloseCode.MESSAGE_TOO_BIG: "a message that is too long",
}
"""Close code of ours → what made us close."""


class TransportClosedError(RustpbxLabError):
    """The wire is closed; never leaves this package's session."""

    def __init__(self, why: str, code: int | None) -> None:
        super().__init__(why)
        self.why = why
        self.code = code


class Transport(Protocol):
    """What a session needs of a wire. Text frames are str, binary frames bytes."""

    async def deliver(self, take: Callable[[str | bytes], None]) -> NoReturn:
        """Hand over each frame as it comes, until ``TransportClosedError``."""
        ...

    async def send(self, frame: str | bytes) -> None:
        """Send one frame; raises ``TransportClosedError`` when closed."""
        ...

    async def close(self) -> None:
        """Close with code 1000; harmless when closed."""
        ...


class WebSocketTransport:
    """A ``websockets`` connection, of its asyncio or its trio client."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def deliver(self, take: Callable[[str | bytes], None]) -> NoReturn:
        """Hand over each frame as it comes."""
        try:
            await _deliver(self._connection.recv, take)
        except ws_errors.ConnectionClosed as exc:
            raise _closed(exc) from exc

    async def send(self, frame: str | bytes) -> None:
        """Send one frame."""
        try:
            await self._connection.send(frame)
        except ws_errors.ConnectionClosed as exc:
            raise _closed(exc) from exc

    async def close(self) -> None:
        """Close with code 1000."""
        close = getattr(self._connection, "aclose", None) or self._connection.close
        await close()


async def _deliver(
    receive: Callable[[], Awaitable[str | bytes]],
    take: Callable[[str | bytes], None],
) -> NoReturn:
    while True:
        for _ in range(FRAMES_A_TURN):
            take(await receive())
        # frames that wait already never suspend us: let the readers follow
        await checkpoint()


def _closed(exc: ws_errors.ConnectionClosed) -> TransportClosedError:
    received, sent = exc.rcvd, exc.sent
    if received is not None and (sent is None or exc.rcvd_then_sent):
        why = received.reason or "the server closed the connection"
        return TransportClosedError(why, received.code)
    if sent is not None:
        return TransportClosedError(_why_we_closed(sent.code, sent.reason), sent.code)
    cause = exc.__cause__
    why = "the connection broke" + (f": {cause}" if cause and str(cause) else "")
    return TransportClosedError(why, 1006)


def _why_we_closed(code: int, reason: str) -> str:
    if code == CloseCode.INTERNAL_ERROR and "ping" in reason:
        return "the server did not answer our ping: the connection is lost"
    if code in REFUSALS:
        told = f" ({reason})" if reason else ""
        return f"we closed the connection: the server sent {REFUSALS[code]}{told}"
    return reason or "we closed the connection"


def call_url(
    url: str,
    call_type: str,
    *,
    call_id: str | None = None,
    dump_events: bool = True,
    server_ping_s: int | None = None,
    server_side_track: str | None = None,
) -> str:
    """Return the address of a call on a server.

    Args:
        url: ``ws://`` or ``wss://`` address of the server; ``http(s)://`` and an
            address that already ends in a call path will do.
        call_type: A key of ``PATHS``.
        call_id: Session id; percent-encoded here.
        dump_events: Whether the server writes its own event log.
        server_ping_s: The server's keep-alive period, seconds; 0 turns it off.
        server_side_track: The track id of what the server plays.

    Raises:
        ConnectError: If the URL or the call type cannot be used.
    """
    parts = urlsplit(url.strip())
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.netloc:
        raise ConnectError(
            mask_url(url), "it is no WebSocket address; write ws://HOST:PORT"
        )
    if call_type not in PATHS:
        known = ", ".join(repr(name) for name in PATHS if name)
        raise ConnectError(
            mask_url(url), f"there is no call type {call_type!r}; choose one of {known}"
        )
    path = parts.path.rstrip("/")
    for known_path in sorted(PATHS.values(), key=len, reverse=True):
        if path.endswith(known_path):
            path = path.removesuffix(known_path)
            break
    query = {
        "id": call_id,
        "dump": None if dump_events else "false",
        "ping": server_ping_s,
        "serverSideTrack": server_side_track,
    }
    given = {key: value for key, value in query.items() if value is not None}
    added = urlencode(given, quote_via=quote, safe="")
    joined = "&".join(part for part in (parts.query, added) if part)
    return urlunsplit((scheme, parts.netloc, path + PATHS[call_type], joined, ""))


@asynccontextmanager
async def open_websocket(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    ssl: ssl_module.SSLContext | None = None,
    logger: logging.Logger | None = None,
    ping_interval_s: float | None = PING_INTERVAL_S,
    ping_timeout_s: float | None = PING_TIMEOUT_S,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    close_timeout_s: float = CLOSE_TIMEOUT_S,
) -> AsyncGenerator[WebSocketTransport, None]:
    """Open a WebSocket with the client of the running backend; close it with 1000.

    Arguments are those of ``connect``.

    Raises:
        ConnectError: If there is no server, or none that speaks this protocol.
    """
    options: dict[str, Any] = {
        "additional_headers": headers,
        "compression": None,  # the server offers none
        "open_timeout": OPEN_TIMEOUT_S,
        "close_timeout": close_timeout_s,
        "ping_interval": ping_interval_s,
        "ping_timeout": ping_timeout_s,
        "max_size": max_message_bytes,
        "logger": _without_frames(logger or logging.getLogger(__name__)),
    }
    secrets = connection_secrets(url, headers)
    if ssl is not None:
        options["ssl"] = ssl
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(_client(url, options))
        except (OSError, TimeoutError, ValueError, EOFError) as exc:
            raise _no_connection(url, secrets, _why_unreachable(exc), True) from None
        except ws_errors.WebSocketException as exc:
            may_pass = isinstance(exc, ws_errors.InvalidStatus) and (
                exc.response.status_code >= 500
            )
            raise _no_connection(url, secrets, _why_refused(exc), may_pass) from None
        transport = WebSocketTransport(connection)
        tasks = await stack.enter_async_context(plain_task_group())
        tasks.start_soon(_end_half_closed, connection, transport)
        try:
            yield transport
        finally:
            with anyio.move_on_after(close_timeout_s + 1, shield=True):
                await transport.close()
            tasks.cancel_scope.cancel()


def connection_secrets(url: str, headers: Mapping[str, str] | None) -> frozenset[str]:
    """Return the passwords and tokens that a connection is opened with."""
    return frozenset(url_secrets(url) | header_secrets(headers or {}))


def _no_connection(
    url: str, secrets: frozenset[str], why: str, may_pass: bool
) -> ConnectError:
    # the library's own exception is not chained: it may show the address whole
    return ConnectError(mask_url(url), mask_text(why, secrets), may_pass=may_pass)


def _without_frames(logger: logging.Logger) -> logging.Logger:
    """Return a logger below ``logger`` that hides what websockets says at DEBUG.

    There it writes all headers and frames, secrets in the clear.
    """
    quiet = logger.getChild("wire")
    quiet.setLevel(max(logging.INFO, logger.getEffectiveLevel()))
    return quiet


async def _end_half_closed(connection: Any, transport: WebSocketTransport) -> None:
    """Close a connection whose other side said so and does not end the TCP one.

    ``websockets`` waits for that for ever; its ``close`` waits for the close timeout.
    """
    while connection.protocol.state is State.OPEN:  # noqa: ASYNC110  (it tells nobody)
        await anyio.sleep(HALF_CLOSED_POLL_S)
    await transport.close()


def _client(url: str, options: dict[str, Any]) -> AbstractAsyncContextManager[Any]:
    if hasattr(current_token().native_token, "run_sync_soon"):  # a trio token
        from websockets.trio.client import connect as connect_trio

        return connect_trio(url, **options)
    from websockets.asyncio.client import connect as connect_asyncio

    return connect_asyncio(url, **options)


def _why_unreachable(exc: Exception) -> str:
    # trio tries all addresses and groups the failures
    attempts: tuple[Exception, ...] = getattr(exc.__cause__, "exceptions", (exc,))
    exc = attempts[0]
    if isinstance(exc, TimeoutError):
        return f"no answer within {OPEN_TIMEOUT_S} s; check host, port and firewall"
    if isinstance(exc, ConnectionRefusedError):
        return "connection refused; start the server there, or check host and port"
    if isinstance(exc, EOFError):
        return NO_SERVER
    return f"{exc}; check the address"


NO_SERVER = "what answers there is no Active Call server; check host and port"


def _why_refused(exc: ws_errors.WebSocketException) -> str:
    if isinstance(exc, ws_errors.InvalidStatus):
        status = exc.response.status_code
        if status == 400:
            body = bytes(exc.response.body or b"").decode("utf-8", "replace").strip()
            return (
                "the server refused the parameters (HTTP 400)"
                + (f": {body[:200]}" if body else "")
                + "; check id, ping and other query values"
            )
        if status == 404:
            return f"no such path there (HTTP 404); {NO_SERVER}"
        return f"the server refused the connection (HTTP {status})"
    if isinstance(exc, ws_errors.InvalidURI):
        return "it is no WebSocket address; write ws://HOST:PORT"
    return NO_SERVER


class MemoryTransport:
    """One end of a pair in memory, for tests and for local bridges."""

    def __init__(
        self,
        outgoing: MemoryObjectSendStream[str | bytes],
        incoming: MemoryObjectReceiveStream[str | bytes],
    ) -> None:
        self._outgoing = outgoing
        self._incoming = incoming
        self._closed_by_us = False
        self.close_code: int | None = None
        """What the other end will be told; None is a close without a code."""

    async def deliver(self, take: Callable[[str | bytes], None]) -> NoReturn:
        """Hand over each frame as it comes."""
        await _deliver(self.receive, take)

    async def receive(self) -> str | bytes:
        """Return the next frame; raises ``TransportClosedError`` at the end."""
        try:
            return await self._incoming.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError) as exc:
            why = "we closed" if self._closed_by_us else "the server closed"
            raise TransportClosedError(
                f"{why} the connection", self.close_code
            ) from exc

    async def send(self, frame: str | bytes) -> None:
        """Send one frame."""
        try:
            await self._outgoing.send(frame)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as exc:
            raise TransportClosedError("the connection is closed", None) from exc

    async def close(self) -> None:
        """Close both directions."""
        if self.close_code is None:
            self.close_code = 1000
        self._closed_by_us = True
        self._outgoing.close()
        self._incoming.close()


def memory_transports() -> tuple[MemoryTransport, MemoryTransport]:
    """Return two ends of one wire in memory: what one sends, the other receives."""
    to_b, from_a = anyio.create_memory_object_stream[str | bytes](MEMORY_FRAMES)
    to_a, from_b = anyio.create_memory_object_stream[str | bytes](MEMORY_FRAMES)
    return MemoryTransport(to_b, from_b), MemoryTransport(to_a, from_a)
