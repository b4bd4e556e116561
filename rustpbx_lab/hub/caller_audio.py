"""The caller's audio of a call: over the connection or by WebRTC."""

import ssl as ssl_module
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import AudioSource, ClipSource, SilenceSource
from rustpbx_lab.client import CallSession
from rustpbx_lab.client.call_address import parse_address
from rustpbx_lab.client.media.webrtc import check_webrtc, webrtc_peer
from rustpbx_lab.client.rest.server_api import ServerApi
from rustpbx_lab.errors import InvalidOptionError, RequestRefusedError
from rustpbx_lab.models import events, options
from rustpbx_lab.models.rest import IceServer


class Invite(Protocol):
    """Sets a call up; see ``CallSession.invite``."""

    def __call__(
        self, option: options.CallOption, timeout: float | None = ...
    ) -> Awaitable[events.Answer]:
        """Wait for the answer for so many seconds; None waits as long as it takes."""
        ...


class ThenSilence:
    """A clip, and silence behind it: a caller who says no more is still there."""

    def __init__(self, clip: Clip) -> None:
        self._clip = ClipSource(clip)
        self.sample_rate_hz = clip.sample_rate_hz
        self._silence = SilenceSource(clip.sample_rate_hz)

    def read(self, n_samples: int) -> Any:
        """Return the next samples."""
        samples = self._clip.read(n_samples)
        return self._silence.read(n_samples) if samples is None else samples


def check_audio(call_type: str, has_sound: bool) -> None:
    """Refuse, before anything is dialled, what a kind of call cannot do.

    Args:
        call_type: ``websocket``, ``webrtc`` or ``sip``.
        has_sound: Whether the caller is to say something.

    Raises:
        InvalidOptionError: If sound is to be sent on a SIP call.
        MissingExtraError: If a WebRTC call lacks its package.
    """
    if call_type == "webrtc":
        check_webrtc()
    if call_type == "sip" and has_sound:
        raise InvalidOptionError(
            "cannot send audio on a sip call: its caller is a telephone; leave --wav "
            "and --say out, or use --type websocket or webrtc"
        )


@asynccontextmanager
async def by_the_connection(call: CallSession) -> AsyncGenerator[Invite, None]:
    """Yield the function that sets a call up whose audio its connection carries."""
    yield call.invite


@asynccontextmanager
async def caller_audio(
    call: CallSession,
    url: str,
    call_type: str,
    source: AudioSource | None,
    ssl: ssl_module.SSLContext | None = None,
) -> AsyncGenerator[Invite, None]:
    """Yield the function that sets the call up; with WebRTC a peer sends the audio.

    Args:
        call: The connected call.
        url: Address of its server.
        call_type: Its type.
        source: What the caller says on a WebRTC call; None is silence.
        ssl: TLS settings for the server.

    Raises:
        MissingExtraError: If a WebRTC call lacks its package.
    """
    if call_type != "webrtc":
        yield call.invite
        return
    is_local = parse_address(url).is_loopback
    servers: Sequence[IceServer] = () if is_local else await _ice_servers(url, ssl)
    async with webrtc_peer(
        call, source, ice_servers=servers, loopback=is_local
    ) as peer:
        yield peer.invite


async def _ice_servers(
    url: str, ssl: ssl_module.SSLContext | None
) -> Sequence[IceServer]:
    async with ServerApi(url, ssl=ssl) as api:
        try:
            return await api.iceservers()
        except RequestRefusedError:
            return ()  # a server without any: its own address has to do
