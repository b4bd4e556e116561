"""A WebRTC peer for ``connect(call_type="webrtc")``: the call's audio, with aiortc."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import anyio
import numpy as np

from rustpbx_lab.audio.clip import Resampler
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.audio.sources import AudioSource
from rustpbx_lab.client.session import CallSession
from rustpbx_lab.client.task_groups import plain_task_group
from rustpbx_lab.errors import CallFailedError, MissingExtraError
from rustpbx_lab.models import events, options
from rustpbx_lab.models.rest import IceServer

CONNECT_TIMEOUT_S = 15
CLOSE_GRACE_S = 2


@asynccontextmanager
async def webrtc_peer(
    call: CallSession,
    audio: AudioSource | None = None,
    *,
    ice_servers: Sequence[IceServer] = (),
    loopback: bool = False,
) -> AsyncGenerator["WebRtcPeer", None]:
    """Give a WebRTC call its audio for the time of a block.

    ::

        async with connect(url, call_type="webrtc") as call:
            async with webrtc_peer(call, ClipSource(clip)) as peer:
                answer = await peer.invite(options.CallOption(...))

    What is sent and heard goes into ``call.recording`` (16 kHz), and ``call.audio()``
    yields what is heard, unless the option has ``subscribe``: then the server sends
    both sides over the socket. Runs on asyncio only, as aiortc does.

    Args:
        call: A call of type ``webrtc``.
        audio: What the caller says; None is silence. It begins when the connection is
            up and silence follows its end.
        ice_servers: STUN and TURN servers, as ``iceservers()`` of the server lists
            them; none by default.
        loopback: Offer the address 127.0.0.1 only: for a server on this machine.

    Raises:
        MissingExtraError: If aiortc is not installed.
        CallFailedError: If this is not an asyncio loop.
    """
    media = _media()
    try:
        asyncio.get_running_loop()
    except RuntimeError as exc:
        why = "aiortc needs an asyncio loop; anyio.run(main) runs one"
        raise CallFailedError("webrtc", why) from exc
    async with plain_task_group() as tasks:
        peer = WebRtcPeer(call, audio, media, list(ice_servers), loopback)
        tasks.start_soon(peer.run)
        try:
            yield peer
        finally:
            with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
                await peer.aclose()
            tasks.cancel_scope.cancel()


def check_webrtc() -> None:
    """Check that a WebRTC peer can be made.

    Raises:
        MissingExtraError: If aiortc is not installed.
    """
    _media()


def _media() -> ModuleType:
    try:
        from . import webrtc_media
    except ImportError as exc:
        raise MissingExtraError("aiortc", "webrtc") from exc
    return webrtc_media


class WebRtcPeer:
    """Our end of a WebRTC call. Made by ``webrtc_peer``."""

    def __init__(
        self,
        call: CallSession,
        audio: AudioSource | None,
        media: Any,
        ice_servers: list[IceServer],
        loopback: bool,
    ) -> None:
        self._call, self._source, self._media = call, audio, media
        self._loopback = loopback
        self._records = True
        self._rates = (
            None
            if audio is None
            else Resampler(audio.sample_rate_hz, media.SAMPLE_RATE_HZ)
        )
        self._waiting: Samples = np.zeros(0, np.int16)
        self._remote = anyio.Event()
        self._connected, self._closed = anyio.Event(), anyio.Event()
        self._track: Any = None
        self._connection = media.peer_connection(ice_servers)
        self._connection.addTrack(media.PacedTrack(self._read))
        self._connection.on("track", self._take_track)
        self._connection.on("connectionstatechange", self._note_state)

    @property
    def state(self) -> str:
        """``new``, ``connecting``, ``connected``, ``failed`` or ``closed``."""
        return str(self._connection.connectionState)

    async def offer(self) -> str:
        """Return our session description, with all candidates in it."""
        with self._media.on_loopback(self._loopback):
            offer = await self._connection.createOffer()
            await self._connection.setLocalDescription(offer)
        sdp = self._connection.localDescription.sdp
        return str(self._media.with_one_fingerprint(sdp))

    async def apply(self, answer_sdp: str) -> None:
        """Take the server's session description.

        Raises:
            CallFailedError: If it makes no sense.
        """
        answer = self._media.description(answer_sdp, "answer")
        try:
            await self._connection.setRemoteDescription(answer)
        except ValueError as exc:
            why = f"the server's answer cannot be used: {exc}"
            raise CallFailedError("webrtc", why) from exc

    async def invite(
        self, option: options.CallOption | None = None, timeout: float | None = 30
    ) -> events.Answer:
        """Offer our audio, set the call up and wait until audio can flow.

        Args:
            option: What the call is to be; its ``offer`` is filled in.
            timeout: Seconds to wait for the answer.

        Returns:
            The answer.

        Raises:
            CallError: As ``call.invite``.
            CallFailedError: If no connection to the server's media comes about.
        """
        wanted = option or options.CallOption()
        self._records = wanted.subscribe is not True
        offered = wanted.model_copy(update={"offer": await self.offer()})
        answer = await self._call.invite(offered, timeout)
        await self.apply(answer.sdp)
        with anyio.move_on_after(CONNECT_TIMEOUT_S):
            await self._connected.wait()
        if self.state != "connected":
            why = f"no audio connection to the server: it is {self.state}"
            raise CallFailedError("webrtc", why)
        return answer

    async def renegotiate(self, timeout: float | None = 30) -> events.Answer:
        """Offer our audio again in the running call, and take the answer.

        For servers since 0.3.100. aiortc cannot gather new candidates for it, so a
        change of network still needs a new call.

        Raises:
            CallTimeoutError: If no answer came in time.
            CallFailedError: If the answer makes no sense.
            CallClosedError: If the call ended.
        """
        sent = await self._call.renegotiate(await self.offer())
        answer = await self._call.wait_for(events.Answer, timeout=timeout, after=sent)
        await self.apply(answer.sdp)
        return answer

    async def run(self) -> None:
        """Hear the server until the connection closes."""
        await self._remote.wait()
        await self._media.listen(self._track, self._hear)

    async def wait_closed(self) -> None:
        """Wait until the connection is closed, by either side."""
        await self._closed.wait()

    async def aclose(self) -> None:
        """Close the audio connection; the call stays up."""
        await self._connection.close()

    def _hear(self, samples: Samples) -> None:
        if self._records:
            self._call.add_audio("server", samples.astype("<i2").tobytes())

    def _read(self, n_samples: int) -> Samples:
        """Return the caller's next samples, once someone can hear them."""
        source, rates = self._source, self._rates
        if source is None or rates is None or self.state != "connected":
            return np.zeros(0, np.int16)
        n_wanted = n_samples * source.sample_rate_hz // self._media.SAMPLE_RATE_HZ
        while len(self._waiting) < n_samples:
            samples = source.read(n_wanted)
            if samples is None:
                break
            self._waiting = np.concatenate([self._waiting, rates.push(samples)])
        taken, self._waiting = self._waiting[:n_samples], self._waiting[n_samples:]
        if self._records and len(taken):
            self._call.add_audio("caller", taken.astype("<i2").tobytes())
        return taken

    def _take_track(self, track: Any) -> None:
        self._track = track
        self._remote.set()

    def _note_state(self) -> None:
        if self.state in ("connected", "failed", "closed"):
            self._connected.set()
        if self.state in ("failed", "closed"):
            self._closed.set()
