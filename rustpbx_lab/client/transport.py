"""Transports: a WebSocket on asyncio or trio, or memory for tests."""

import logging
import ssl as ssl_module
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any, NoReturn, Protocol

import anyio
from anyio.lowlevel import checkpoint, current_token
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from websockets import exceptions as ws_errors
from websockets.frames import CloseCode
from websockets.protocol import State

from rustpbx_lab.client.rest.refusals import (
    MAX_REDIRECTS,
    NO_SERVER,
    REDIRECTS,
    speaks_tls,
    why_status,
    why_unreachable,
)
from rustpbx_lab.errors import ConnectError, RustpbxLabError
from rustpbx_lab.masking import header_secrets, mask_text, mask_url, url_secrets

from .call_address import ServerAddress, parse_address, redirected
from .proxies import Proxy, proxy_for
from .task_groups import plain_task_group

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

REFUSALS: Mapping[int, str] = {
    CloseCode.PROTOCOL_ERROR: "what is not a WebSocket frame",
    CloseCode.INVALID_DATA: "a text frame that is not UTF-8",
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
    if ssl is not None and url.startswith("wss:"):
        options["ssl"] = ssl
    async with AsyncExitStack() as stack:
        connection = await _connected(stack, url, headers, options)
        transport = WebSocketTransport(connection)
        tasks = await stack.enter_async_context(plain_task_group())
        tasks.start_soon(_end_half_closed, connection, transport)
        try:
            yield transport
        finally:
            with anyio.move_on_after(close_timeout_s + 1, shield=True):
                await transport.close()
            tasks.cancel_scope.cancel()


async def _connected(
    stack: AsyncExitStack,
    url: str,
    headers: Mapping[str, str] | None,
    options: dict[str, Any],
) -> Any:
    """Connect, following redirects within the server.

    Raises:
        ConnectError: If there is no connection; it says why.
    """
    secrets = connection_secrets(url, headers)
    for _ in range(MAX_REDIRECTS + 1):
        address = parse_address(url)
        proxy = proxy_for(address)
        options["proxy"] = None if proxy is None else proxy.url
        try:
            return await stack.enter_async_context(_client(url, options))
        except ws_errors.InvalidStatus as exc:
            response = exc.response
            location = response.headers.get("Location")
            if response.status_code in REDIRECTS and location is not None:
                url = redirected(url, location)
                continue
            content_type = response.headers.get("Content-Type", "")
            body = bytes(response.body or b"")
            why = why_status(response.status_code, body, content_type)
            raise _no_connection(
                url, secrets, why, response.status_code >= 500
            ) from None
        except Exception as exc:
            why = await _why_not_open(exc, address, proxy)
            if why is None:
                raise
            may_pass = not isinstance(exc, ws_errors.WebSocketException | ImportError)
            raise _no_connection(url, secrets, why, may_pass) from None
    raise _no_connection(
        url, secrets, f"more than {MAX_REDIRECTS} redirects; {NO_SERVER}", False
    )


async def _why_not_open(
    error: Exception, address: ServerAddress, proxy: Proxy | None
) -> str | None:
    """Return why a connection was not opened; None if the error is a bug."""
    if isinstance(error, ImportError) and proxy is not None:  # python-socks
        return proxy.told(f"{error}; install it with: pip install python-socks")
    if isinstance(error, ws_errors.InvalidProxyStatus):
        why: str | None = f"the proxy refused: HTTP {error.response.status_code}"
    elif isinstance(error, ws_errors.ProxyError | ws_errors.InvalidProxy):
        why = f"the proxy failed: {error}"
    elif isinstance(error, ws_errors.WebSocketException | EOFError):
        if proxy is None and await speaks_tls(address):
            return "the port speaks TLS; write wss:// instead of ws://"
        why = why_unreachable(error, OPEN_TIMEOUT_S, address) or NO_SERVER
    else:
        why = why_unreachable(error, OPEN_TIMEOUT_S, address)
        if why is None and isinstance(error, ValueError):
            why = f"{error}; check the address"
    return why if why is None or proxy is None else proxy.told(why)


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

        return _without_redirects(connect_trio)(url, **options)
    from websockets.asyncio.client import connect as connect_asyncio

    return _without_redirects(connect_asyncio)(url, **options)


@cache
def _without_redirects(client: type[Any]) -> type[Any]:
    """Return a client that follows no redirect: the library sends headers anywhere."""

    class Client(client):
        def process_redirect(self, exc: Exception) -> Exception:
            return exc

    return Client


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
