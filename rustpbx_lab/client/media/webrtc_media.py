"""Audio of a WebRTC peer connection: 16 kHz samples in and out. Imports aiortc."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from typing import Any, cast

import aioice.ice
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler
from typing_extensions import override

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models.rest import IceServer

SAMPLE_RATE_HZ = 16000
FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000
LOOPBACK = "127.0.0.1"

_all_addresses = aioice.ice.get_host_addresses
_stays_here: ContextVar[bool] = ContextVar("stays_here", default=False)


def _host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
    return [LOOPBACK] if _stays_here.get() else _all_addresses(use_ipv4, use_ipv6)


# aioice offers every interface but the loopback, and has no setting for it
aioice.ice.get_host_addresses = _host_addresses


@contextmanager
def on_loopback(stays_here: bool = True) -> Generator[None]:
    """Offer the loopback address only, in what this task gathers within the block."""
    token = _stays_here.set(stays_here)
    try:
        yield
    finally:
        _stays_here.reset(token)


def peer_connection(ice_servers: Sequence[IceServer] = ()) -> RTCPeerConnection:
    """Return a connection; without servers it asks none, not even the usual one."""
    known = [
        RTCIceServer(
            urls=server.urls,
            username=server.username,
            credential=(
                None
                if server.credential is None
                else server.credential.get_secret_value()
            ),
        )
        for server in ice_servers
    ]
    return RTCPeerConnection(RTCConfiguration(iceServers=known))


def description(sdp: str, kind: str) -> RTCSessionDescription:
    """Return a session description; ``kind`` is ``"offer"`` or ``"answer"``."""
    return RTCSessionDescription(sdp=sdp, type=kind)


def with_one_fingerprint(sdp: str) -> str:
    """Return a session description as browsers write it, with SHA-256 alone.

    aiortc offers three hashes of its certificate, and the server (0.3.83) refuses
    them as "conflicting DTLS fingerprint attributes".
    """
    kept = [
        line
        for line in sdp.splitlines(keepends=True)
        if not line.startswith("a=fingerprint:")
        or line.startswith("a=fingerprint:sha-256 ")
    ]
    return "".join(kept)


class PacedTrack(MediaStreamTrack):
    """A track that reads 20 ms whenever 20 ms have passed, and never ends by itself."""

    kind = "audio"

    def __init__(self, read: Callable[[int], Samples]) -> None:
        """Prepare.

        Args:
            read: Returns so many samples, int16 at 16 kHz; fewer are filled with zeros.
        """
        super().__init__()
        self._read = read
        self._n_sent = 0
        self._began_s: float | None = None

    @override
    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        now_s = asyncio.get_running_loop().time()
        if self._began_s is None:
            self._began_s = now_s
        wait_s = self._began_s + self._n_sent / SAMPLE_RATE_HZ - now_s
        await asyncio.sleep(max(0, wait_s))
        samples = self._read(FRAME_SAMPLES)
        whole = np.zeros((1, FRAME_SAMPLES), np.int16)
        whole[0, : len(samples)] = samples
        frame = AudioFrame.from_ndarray(whole, format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
        frame.pts = self._n_sent
        self._n_sent += FRAME_SAMPLES
        return frame


async def listen(track: MediaStreamTrack, take: Callable[[Samples], object]) -> None:
    """Pass on what a remote track says, 20 ms at a time, until it ends."""
    resampler = AudioResampler(
        format="s16", layout="mono", rate=SAMPLE_RATE_HZ, frame_size=FRAME_SAMPLES
    )
    while True:
        try:
            frame = await cast(Any, track).recv()
        except MediaStreamError:
            return
        for narrow in resampler.resample(frame):
            take(narrow.to_ndarray().reshape(-1).astype(np.int16))
