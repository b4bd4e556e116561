"""The stand-in's end of a WebRTC call. Imports aiortc: only such calls load it."""

from collections.abc import Callable
from typing import Any

import anyio
import numpy as np
from aiortc import MediaStreamTrack, RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.client.media import webrtc_media
from rustpbx_lab.errors import RustpbxLabError

CLOSE_GRACE_S = 2
LONGEST_WAITING = 10 * webrtc_media.FRAME_SAMPLES
"""Samples kept for a track that is read slowly: 200 ms; older ones are lost."""


class PeerError(RustpbxLabError):
    """An offer or a candidate that cannot be used."""


class WebRtcPeer:
    """Answers an offer, plays to the peer and hears it."""

    def __init__(self, *, is_local: bool) -> None:
        """Prepare.

        Args:
            is_local: Offer the loopback address only.
        """
        self._is_local = is_local
        self._waiting: Samples = np.zeros(0, np.int16)
        self._remote: MediaStreamTrack | None = None
        self._plays = False
        self._ended = anyio.Event()
        self._connection = webrtc_media.peer_connection()
        self._connection.on("track", self._take_track)
        self._connection.on("connectionstatechange", self._note_state)

    async def answer(self, offer: str) -> str:
        """Return our session description, with all candidates in it.

        A later offer of the same peer is a renegotiation.

        Raises:
            PeerError: If the offer makes no sense or has no audio.
        """
        connection = self._connection
        if len(_fingerprints(offer)) > 1:
            raise PeerError(
                "invalid configuration: invalid DTLS fingerprint in remote SDP: failed "
                "to parse SDP: conflicting DTLS fingerprint attributes in SDP"
            )
        if self._plays and "m=audio" not in offer:
            raise PeerError("the offer has no audio")
        try:
            description = webrtc_media.description(offer, "offer")
            with webrtc_media.on_loopback(self._is_local):
                await connection.setRemoteDescription(description)
                if self._remote is None:
                    raise PeerError("the offer has no audio")
                if not self._plays:
                    self._plays = True
                    connection.addTrack(webrtc_media.PacedTrack(self._read))
                answer = await connection.createAnswer()
                await connection.setLocalDescription(answer)
        except PeerError:
            raise
        except Exception as exc:
            # aiortc fails in many ways on an offer that makes no sense
            raise PeerError(f"the offer cannot be used: {exc}") from exc
        return webrtc_media.with_one_fingerprint(connection.localDescription.sdp)

    def play(self, samples: Samples) -> None:
        """Let the peer hear a frame."""
        self._waiting = np.concatenate([self._waiting, samples])[-LONGEST_WAITING:]

    async def hear(self, take: Callable[[Samples], object]) -> None:
        """Pass on what the peer says until it is gone."""
        async with anyio.create_task_group() as tasks:
            if self._remote is not None:
                tasks.start_soon(webrtc_media.listen, self._remote, take)
            await self._ended.wait()
            tasks.cancel_scope.cancel()

    async def add_candidate(self, text: str) -> None:
        """Take a candidate that came later.

        Raises:
            PeerError: If it makes no sense.
        """
        await self._connection.addIceCandidate(read_candidate(text))

    async def close(self) -> None:
        """Close the connection, even while the server stops."""
        self._ended.set()
        with anyio.move_on_after(CLOSE_GRACE_S, shield=True):
            await self._connection.close()

    def _read(self, n_samples: int) -> Samples:
        taken, self._waiting = self._waiting[:n_samples], self._waiting[n_samples:]
        return taken

    def _take_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._remote = track

    def _note_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._ended.set()


def _fingerprints(sdp: str) -> set[str]:
    lines = (line.strip().lower() for line in sdp.splitlines())
    return {line for line in lines if line.startswith("a=fingerprint:")}


def read_candidate(text: str) -> RTCIceCandidate:
    """Read ``candidate:…`` as a browser writes it.

    Raises:
        PeerError: If it makes no sense.
    """
    fields: Any = text.removeprefix("a=").removeprefix("candidate:")
    try:
        candidate = candidate_from_sdp(fields)
    except (ValueError, IndexError, AssertionError) as exc:
        raise PeerError(f"cannot read the candidate: {exc}") from exc
    candidate.sdpMLineIndex = 0
    return candidate
