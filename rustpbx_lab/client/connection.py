"""connect(): a call on a server, for the time of a block."""

import logging
import ssl as ssl_module
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

from rustpbx_lab.audio.sources import AudioSource
from rustpbx_lab.log import EventLog
from rustpbx_lab.models import notes
from rustpbx_lab.models.secrets import mask_url

from .session import CallSession
from .transport import call_url, open_websocket

CallType = Literal["", "websocket", "webrtc", "sip"]


@asynccontextmanager
async def connect(
    url: str,
    call_type: CallType = "websocket",
    id: str | None = None,
    dump_events: bool = True,
    server_ping_s: int | None = None,
    server_side_track: str | None = None,
    log: EventLog | None = None,
    audio: AudioSource | None = None,
    logger: logging.Logger | None = None,
    headers: Mapping[str, str] | None = None,
    ssl: ssl_module.SSLContext | None = None,
    lint: Literal["off", "warn", "strict"] = "warn",
) -> AsyncGenerator[CallSession, None]:
    """Connect to a server; leaving the block closes the connection with 1000.

    Args:
        url: Address of the server, ``ws://HOST:PORT``.
        call_type: ``"websocket"`` (also ``""``), ``"webrtc"`` or ``"sip"``.
        id: Session id; None lets the server choose. For an inbound SIP call it is the
            dialog id of the webhook.
        dump_events: Whether the server writes its own event log.
        server_ping_s: The server's keep-alive period, seconds; None is its 20.
        server_side_track: Track id of what the server plays.
        log: The log to write to; None makes a new one.
        audio: What the caller says, sent in real time from the answer on.
        logger: Where failures of handlers are logged.
        headers: Further HTTP headers of the upgrade.
        ssl: TLS settings for ``wss://``.
        lint: What to do about options that will surprise: nothing, note it, or refuse.

    Raises:
        ConnectError: If no connection could be opened.
    """
    target = call_url(
        url,
        call_type,
        call_id=id,
        dump_events=dump_events,
        server_ping_s=server_ping_s,
        server_side_track=server_side_track,
    )
    async with open_websocket(target, headers=headers, ssl=ssl, logger=logger) as wire:
        session = CallSession(
            wire,
            call_type=call_type or "websocket",
            call_id=id,
            log=log,
            audio=audio,
            logger=logger,
        )
        connected = notes.Connected(
            url=mask_url(target), call_type=call_type or "websocket", id=id
        )
        session.note(connected)
        async with session.running():
            yield session
