"""A ``/call/webrtc`` connection: audio from and to a real peer."""

from functools import partial
from types import ModuleType
from typing import Any

from typing_extensions import override

from rustpbx_lab.errors import MissingExtraError
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.simulator.core.query import CallQuery
from rustpbx_lab.simulator.tracks.audio_out import PeerOut
from rustpbx_lab.simulator.tracks.playback import CommandError, SetUpError

from .call import Call
from .caller_leg import CallerLeg
from .services import Line, Services


class WebRtcCall(Call):
    """A call whose audio goes over a peer connection of its own."""

    call_type = "webrtc"

    def __init__(self, query: CallQuery, services: Services, line: Line) -> None:
        super().__init__(query, services, line)
        self._peer: Any = None
        self._candidates: list[str] = []

    @override
    def take_audio(self, message: bytes) -> None:
        """Ignore it: the peer's audio comes over its own connection."""

    @override
    def set_up(self, sender: str, option: CallOption) -> None:
        if self.caller is not None or self._peer is not None:
            raise SetUpError("no track created for caller")
        try:
            media = _media()
        except MissingExtraError as exc:
            raise SetUpError(str(exc)) from exc
        peer = media.WebRtcPeer(is_local=self.services.is_local)
        connect = partial(self._connect, peer, sender, option, media.PeerError)
        self.services.start(connect)
        self._peer = peer
        if sender != "invite" or self.dialect.invite_blocks:
            self.block()

    async def _connect(
        self, peer: Any, sender: str, option: CallOption, error: type[Exception]
    ) -> None:
        try:
            sdp = await peer.answer(option.offer or "")
            for candidate in self._candidates:
                await peer.add_candidate(candidate)
        except error as exc:
            self.fail(sender, f"Failed to setup track: {exc}")
            self.end("bySystem")
            return
        if self.is_over:
            return  # the client has gone meanwhile
        leg = CallerLeg(self.id, self.runtime, self.emit)
        out = PeerOut(
            peer.play, self.send_audio, is_subscribed=option.subscribe is True
        )
        self.open_leg(option, leg, out)
        leg.taps.append(out.caller)
        self.answered(sdp)
        self.unblock()
        await peer.hear(leg.hear)
        leg.end()  # the peer has gone; the call stays up

    @override
    def renegotiate(self, command: commands.Renegotiate) -> None:
        if self.caller is None or self._peer is None:
            super().renegotiate(command)
            return
        self.services.start(partial(self._answer_again, self._peer, command.offer))

    async def _answer_again(self, peer: Any, offer: str) -> None:
        try:
            sdp = await peer.answer(offer)
        except _media().PeerError as exc:
            self.fail("command", str(exc))
            return
        now = self.runtime.now_ms()
        self.emit(events.Answer(track_id=self.id, timestamp=now, sdp=sdp, refer=False))

    @override
    def add_candidate(self, command: commands.AddIceCandidate) -> None:
        if self.caller is None:
            self._candidates.append(command.candidate)
            return
        try:
            _media().read_candidate(command.candidate)
        except _media().PeerError as exc:
            raise CommandError(str(exc)) from exc
        self.services.start(partial(self._peer.add_candidate, command.candidate))

    @override
    def hang_up_peer(self) -> None:
        if self._peer is not None:
            self.services.start(self._peer.close)


def _media() -> ModuleType:
    try:
        from . import webrtc_peer
    except ImportError as exc:
        raise MissingExtraError("aiortc", "webrtc") from exc
    return webrtc_peer
