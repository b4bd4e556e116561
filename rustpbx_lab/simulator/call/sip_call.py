"""A ``/call/sip`` connection: to a scripted telephone, or from one."""

from typing_extensions import override

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.simulator.core.query import CallQuery
from rustpbx_lab.simulator.telephone.incoming import IncomingSip
from rustpbx_lab.simulator.telephone.sip_leg import SipLeg, extra_of
from rustpbx_lab.simulator.telephone.sip_script import (
    DECLINE,
    Act,
    ScriptError,
    dialog_error,
    read_script,
)
from rustpbx_lab.simulator.telephone.telephone import SDP, Telephone
from rustpbx_lab.simulator.tracks.audio_out import PeerOut
from rustpbx_lab.simulator.tracks.playback import CommandError, SetUpError
from rustpbx_lab.simulator.tracks.track import new_ssrc

from .call import Call
from .caller_leg import CallerLeg
from .services import Line, Services

NOBODY = "sip:nobody@127.0.0.1"
RINGING_INACTIVITY_S = 50
"""What a call that was only rung is listed with."""


class SipCallerLeg(CallerLeg):
    """A caller on plain RTP: only the end of its dialog says ``trackEnd``."""

    @override
    def end(self) -> None:
        self.silence()


class SipCall(Call):
    """A call whose other side is a telephone; it need not be there yet."""

    call_type = "sip"

    def __init__(self, query: CallQuery, services: Services, line: Line) -> None:
        super().__init__(query, services, line)
        moves = self.dialect.answer_moves
        self.sip = SipLeg(self.id, self.runtime, self.emit, answer_moves=moves)
        if self.dialect.names_leg:
            self.sip.leg_id = f"{self.id}-{new_ssrc():08x}-{new_ssrc():08x}"
        self._phone: Telephone | None = None
        self._sender = "invite"
        self._incoming: IncomingSip | None = None

    @override
    def take_audio(self, message: bytes) -> None:
        """Ignore it: a SIP caller's audio comes from its telephone."""

    # ------------------------------------------------------------------ outgoing

    @override
    def set_up(self, sender: str, option: CallOption) -> None:
        if self.caller is not None:
            raise SetUpError("no track created for caller")
        if option.callee is None:
            self.report(
                "no callee",
                f"{sender} has no callee: after 32 s it is refused with 408; set "
                "option.callee",
            )
        try:
            script = read_script(option.callee or NOBODY).called_with(option.sip)
        except ScriptError as exc:
            raise SetUpError(str(exc)) from exc
        self._phone = self.telephone(script)
        self._sender = sender
        self._open(option)
        if sender != "invite" or self.dialect.invite_blocks:
            self.block()
        self._phone.ring(self)

    def _open(self, option: CallOption) -> None:
        """Start the caller's track."""
        leg = SipCallerLeg(self.id, self.runtime, self.emit)
        self.sip.ssrc, self.sip.start_ms = leg.ssrc, self.runtime.now_ms()
        self._name_parties(option)
        out = PeerOut(
            self._play, self.send_audio, is_subscribed=option.subscribe is True
        )
        self.open_leg(option, leg, out)
        leg.taps.append(out.caller)

    def _name_parties(self, option: CallOption) -> None:
        self.sip.caller, self.sip.callee = option.caller, option.callee
        self.sip.extra = extra_of(self.id, self.call_type, self.sip.start_ms)

    def _play(self, samples: Samples) -> None:
        if self._phone is not None and not self._is_held():
            self._phone.hear(samples)

    def _is_held(self) -> bool:
        return self.caller is not None and self.caller.is_held

    # ------------------------------------------------------------------ an OtherEnd

    def rings(self, *, early_media: bool) -> None:
        """Pass on that it rings."""
        self.sip.rings(early_media=early_media)
        self.ringing_ms = self.sip.ring_ms

    def picks_up(self) -> None:
        """Pass on that it answered, and go on with what waits."""
        self.sip.answers()
        self.answered(SDP)
        # after what the same moment still has to say
        self.runtime.soon(self.unblock)

    def refuses(self, code: int, reason: str) -> None:
        """Pass on that it refused; the call ends."""
        self.sip.rejects(code, reason)
        self.fail(self._sender, dialog_error(code, reason))
        self.sip.ends("bySystem", "system")
        self.end("bySystem")

    def says(self, samples: Samples) -> None:
        """Take its audio."""
        if self.caller is not None and not self.is_over:
            self.sip.has_media()
            self.caller.hear(samples)

    def does(self, act: Act) -> None:
        """Pass on what it does."""
        caller = self.caller
        if caller is None or self.is_over:
            return
        if act.kind in ("hold", "resume"):
            caller.is_held = act.kind == "hold"
        self.sip.act(act, is_muted=caller.is_muted)
        if act.kind == "transfer" and self.dialect.follows_refer:
            self._follow(act.text)
        if act.kind == "bye":
            is_outgoing = self._incoming is None
            by = "callee" if is_outgoing else "caller"
            self._over(f"by{by.capitalize()}", by)

    def _follow(self, target: str) -> None:
        """Call whom the other side asks for, unless a transfer is under way."""
        if self.transfer.is_there:
            return
        caller = "" if self.option is None else self.option.caller or ""
        try:
            self.transfer.refer(commands.Refer(caller=caller, callee=target))
        except CommandError as exc:
            self.report("not followed", str(exc))

    def _over(self, reason: str, initiator: str) -> None:
        self.sip.reason = self.hangup_reason
        self.sip.ends(reason, initiator)
        self.end(reason)

    # ------------------------------------------------------------------ incoming

    @override
    def ring(self, command: commands.Ringing) -> None:
        if self._incoming is None and not self._take_incoming():
            self.set_up("ringing", CallOption(recorder=command.recorder))
            return
        assert self._incoming is not None
        if not self._incoming.is_pending:
            return
        if self.caller is None:
            option = CallOption(recorder=command.recorder)
            self._come_in(option)  # what listens to the caller is built by accept
            listed = {"inactivity_timeout": RINGING_INACTIVITY_S}
            self.option = option.model_copy(update=listed)
        code = 183 if command.early_media or command.ringtone else 180
        self._incoming.hears("ringing", code)
        self.sip.note_ringing()
        self.ringing_ms = self.sip.ring_ms
        if command.ringtone is not None:
            self.playback.play(commands.Play(url=command.ringtone))

    @override
    def accept(self, command: commands.Accept) -> None:
        has_rung = self._incoming is not None
        if not has_rung and not self._take_incoming():
            super().accept(command)
            return
        incoming = self._incoming
        assert incoming is not None
        if not incoming.is_pending:
            super().accept(command)
            return
        if has_rung:
            self._change_option(command.option)
        else:
            self._come_in(command.option)
        incoming.hears("answered", 200)
        self.sip.answers()
        self.answered(SDP)
        if self._phone is not None:
            self._phone.talk(self)

    @override
    def reject(self, command: commands.Reject) -> None:
        if self._incoming is None and not self._take_incoming():
            return
        if self._incoming is not None and self._incoming.is_pending:
            code = DECLINE if command.code is None else command.code
            self._incoming.hears("refused", code, command.reason)
            self.end("rejected")

    def caller_gone(self, reason: str, initiator: str) -> None:
        """The caller gave up, or has waited too long; ``ringing`` was sent."""
        if self.caller is not None:
            self._over(reason, initiator)

    def _take_incoming(self) -> bool:
        self._incoming = self.services.incoming.take(self.id, self)
        return self._incoming is not None

    def _come_in(self, option: CallOption) -> None:
        """Say who calls, and start the caller's track."""
        incoming = self._incoming
        assert incoming is not None
        self.emit(
            events.Incoming(
                track_id=self.id,
                timestamp=self.runtime.now_ms(),
                caller=incoming.caller,
                callee=incoming.callee,
                sdp=SDP,
                headers=dict(incoming.headers) or None,
            )
        )
        self._phone = self.telephone(incoming.script)
        self._open(option)

    def _change_option(self, option: CallOption) -> None:
        """Go on with another option; the caller's tap was fixed by ``ringing``."""
        caller, out = self.caller, self.out
        assert caller is not None
        assert out is not None
        self.option = option
        self._name_parties(option)
        if caller.processors is not None:
            caller.processors.close()
        caller.processors = self.processors(option, self.id, self.emit)
        if isinstance(out, PeerOut):
            out.tells_server = option.subscribe is True
        self.side_audio.begin(option, caller, out)

    # ------------------------------------------------------------------ commands

    @override
    def message(self, command: commands.Message) -> None:
        refer = bool(command.refer)
        is_there = self.transfer.is_connected if refer else self.sip.is_answered
        if not is_there:
            raise CommandError(
                "no established SIP dialog found for message command, "
                f"refer={str(refer).lower()}"
            )

    @override
    def hang_up_peer(self) -> None:
        incoming = self._incoming
        if incoming is None and self.caller is None:
            incoming = self.services.incoming.take(self.id, self)
        if self._phone is not None:
            self._phone.hang_up()
        if incoming is not None and incoming.is_pending:
            incoming.hears("refused", DECLINE, "handler disconnected")
        elif incoming is not None and incoming.state == "answered":
            incoming.hears("over", 200)
        is_ringing_out = incoming is None and self._phone is not None
        if is_ringing_out and not self.sip.is_answered:
            self.sip.reason = self.hangup_reason
            self.sip.ends("canceled", "caller")
