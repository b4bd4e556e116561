"""connect(): a call on a server, as an async context manager."""

import logging
import ssl as ssl_module
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from functools import partial
from typing import Literal

from rustpbx_lab.audio.sources import AudioSource
from rustpbx_lab.errors import ConnectError
from rustpbx_lab.log import EventLog
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models import notes
from rustpbx_lab.models.server_versions import ServerVersion, named_version

from .backoff import Backoff
from .call_address import call_url, type_of_call
from .call_advisor import LintMode
from .session import CallSession, check_takes_audio
from .transport import (
    MAX_MESSAGE_BYTES,
    PING_INTERVAL_S,
    PING_TIMEOUT_S,
    WebSocketTransport,
    connection_secrets,
    open_websocket,
)

CallType = Literal["", "websocket", "webrtc", "sip"]


@asynccontextmanager
async def connect(
    url: str,
    call_type: CallType | None = None,
    id: str | None = None,
    dump_events: bool = True,
    server_ping_s: int | None = None,
    server_side_track: str | None = None,
    log: EventLog | None = None,
    audio: AudioSource | None = None,
    logger: logging.Logger | None = None,
    headers: Mapping[str, str] | None = None,
    ssl: ssl_module.SSLContext | None = None,
    lint: LintMode = "warn",
    server_version: str | ServerVersion | None = None,
    ping_interval_s: float | None = PING_INTERVAL_S,
    ping_timeout_s: float | None = PING_TIMEOUT_S,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    retry: Backoff | None = None,
) -> AsyncGenerator[CallSession, None]:
    """Connect to a server; leaving the block closes the connection with 1000.

    Args:
        url: Address of the server, ``ws://HOST:PORT``, or of a kind of call on it,
            ``ws://HOST:PORT/call/sip``.
        call_type: ``"websocket"`` (also ``""``), ``"webrtc"`` or ``"sip"``; None is
            what the address ends in, else ``"websocket"``.
        id: Session id; None lets the server choose. For an inbound SIP call it is the
            dialog id of the webhook. An id that is in use does not join that call but
            makes a second one (and REST finds only the newer); ``watch`` joins a call.
        dump_events: Whether the server writes its own event log.
        server_ping_s: The server's keep-alive period, seconds; None is its 20.
        server_side_track: Track id of what the server plays.
        log: The log to write to; None makes a new one.
        audio: What the caller says, sent in real time from the answer on; for calls of
            type ``websocket``.
        logger: Where the call is logged: rows at DEBUG, connected and closed at INFO,
            advice and errors at WARNING; None is ``rustpbx_lab.call``.
        headers: Further HTTP headers of the upgrade.
        ssl: TLS settings for ``wss://``; None trusts whom the system trusts.
        lint: What to do about options and commands that will surprise: ``"off"``
            nothing, ``"warn"`` put an ``Advice`` note before the command's row,
            ``"strict"`` also refuse to send what the server would not do.
        server_version: The server's release, such as ``"0.3.113"``: what it does not
            know is advised against. None is not known, and taken for the newest.
        ping_interval_s: Our keep-alive period; None turns it off.
        ping_timeout_s: How long the server may take to answer a ping until the
            connection counts as lost; None waits for ever.
        max_message_bytes: The longest message that is taken; a longer one closes the
            connection with 1009.
        retry: Try again while no server answers; None tries once. A call that has
            begun is never resumed: the server has no such thing.

    Raises:
        ConnectError: If no connection could be opened, or the address contradicts
            the call type. Redirects are followed within the server only.
        InvalidOptionError: If there is ``audio`` for a call that takes none, or
            ``server_version`` is malformed.
    """
    version = named_version(server_version)
    kind = type_of_call(url, call_type)
    if audio is not None:
        check_takes_audio(kind)
    target = call_url(
        url,
        kind,
        call_id=id,
        dump_events=dump_events,
        server_ping_s=server_ping_s,
        server_side_track=server_side_track,
    )
    opening = partial(
        open_websocket,
        target,
        headers=headers,
        ssl=ssl,
        logger=logger,
        ping_interval_s=ping_interval_s,
        ping_timeout_s=ping_timeout_s,
        max_message_bytes=max_message_bytes,
    )
    async with AsyncExitStack() as stack:
        wire = await _opened(stack, opening, retry or Backoff(give_up_s=0))
        session = CallSession(
            wire,
            call_type=kind,
            call_id=id,
            log=log,
            audio=audio,
            logger=logger,
            lint=lint,
            server_version=version,
            secrets=connection_secrets(target, headers),
        )
        connected = notes.Connected(
            url=mask_url(target),
            call_type=kind,
            id=id,
            server_version=None if version is None else str(version),
        )
        session.note(connected)
        async with session.running():
            yield session


async def _opened(
    stack: AsyncExitStack,
    opening: Callable[[], AbstractAsyncContextManager[WebSocketTransport]],
    retry: Backoff,
) -> WebSocketTransport:
    async for is_last in retry.attempts():
        try:
            return await stack.enter_async_context(opening())
        except ConnectError as error:
            if is_last or not error.may_pass:
                raise
    raise AssertionError("the last attempt returns or raises")
