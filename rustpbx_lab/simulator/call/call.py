"""One call on the stand-in: commands in, events and audio out."""

from collections import deque
from collections.abc import Callable
from typing import Any

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.client.command_queue import QUEUE_COMMANDS
from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.base import BaseCommand, BaseEvent
from rustpbx_lab.models.options import CallOption, SynthesisOption
from rustpbx_lab.simulator.core.echoes import custom_event, history_event
from rustpbx_lab.simulator.core.query import CallQuery
from rustpbx_lab.simulator.core.reasons import hangup_reason
from rustpbx_lab.simulator.core.runtime import Runtime
from rustpbx_lab.simulator.core.strict import not_simulated, read_command
from rustpbx_lab.simulator.core.times import rfc3339
from rustpbx_lab.simulator.core.wire import event_text, option_wire
from rustpbx_lab.simulator.telephone.sip_script import Script
from rustpbx_lab.simulator.telephone.telephone import Telephone
from rustpbx_lab.simulator.tracks.audio_out import AudioOut, SocketOut
from rustpbx_lab.simulator.tracks.playback import CommandError, Playback, SetUpError
from rustpbx_lab.simulator.tracks.track import PlayedTrack

from .bridges import Bridges
from .caller_leg import CallerLeg, SocketLeg
from .keep_alive import KeepAlive
from .keypad import Keypad
from .processors import Processors, build_processors
from .services import Line, Services
from .side_audio import SideAudio
from .transfer import Transfer


class Call:
    """One connection: its queue of commands, its tracks, its end."""

    call_type = "webSocket"

    def __init__(self, query: CallQuery, services: Services, line: Line) -> None:
        self.id, self.server_track = query.id, query.server_track
        self.runtime: Runtime = services.runtime
        self.option: CallOption | None = None
        self.hangup_reason: str | None = None
        """The first that was recorded."""
        self.is_over = False
        self.services, self._line = services, line
        self.dialect = services.dialect
        self._keep_alive = KeepAlive(self.runtime, query.ping_s, self._ping)
        self.witnesses = services.witnesses(query.id, is_logged=query.dump)
        self._waiting: deque[BaseCommand] = deque()
        self._is_blocked = False
        self._early_audio: list[bytes] = []
        self.ringing_ms: int | None = None
        self.answered_ms: int | None = None
        self.caller: CallerLeg | None = None
        self.out: AudioOut | None = None
        self.side_audio = SideAudio(query.id, services, self.report)
        self.playback = Playback(self, services.voice, services.media)
        self.bridges = Bridges(self, services.registry)
        self.transfer = Transfer(self)
        self.keypad = Keypad(self)
        self._commands = self._dispatch()

    def _dispatch(self) -> dict[type[BaseCommand], Callable[[Any], None]]:
        playback, now_ms = self.playback, self.runtime.now_ms
        return {
            commands.Invite: lambda c: self.set_up("invite", c.option),
            commands.Accept: self.accept,
            commands.Ringing: self.ring,
            commands.Reject: self.reject,
            commands.Tts: lambda c: playback.tts(c, self._tts_option()),
            commands.Play: playback.play,
            commands.Interrupt: lambda c: playback.interrupt(graceful=bool(c.graceful)),
            commands.Pause: lambda _: playback.pause(is_paused=True),
            commands.Resume: lambda _: playback.pause(is_paused=False),
            commands.Hangup: self._hang_up,
            commands.Refer: self.transfer.refer,
            commands.Mute: lambda c: self._mute(c.track_id, is_muted=True),
            commands.Unmute: lambda c: self._mute(c.track_id, is_muted=False),
            commands.History: lambda c: self.emit(history_event(self.id, now_ms(), c)),
            commands.Message: self.message,
            commands.Bridge: lambda c: self.bridges.connect(c.target_session_id),
            commands.Unbridge: lambda c: self.bridges.disconnect(c.target_session_id),
            commands.Custom: lambda c: self.emit(custom_event(now_ms(), c)),
            commands.AddIceCandidate: self.add_candidate,
            commands.Dtmf: self.keypad.press,
            commands.Renegotiate: self.renegotiate,
        }

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Register the call and send the first ping."""
        self.services.registry[self.id] = self
        self._keep_alive.start()

    def _ping(self, ping: events.Ping) -> None:
        self._line.send_ping((ping.payload or "").encode())
        self.witnesses.event(event_text(ping))

    def end(self, reason: str) -> None:
        """End the call: tracks end, what is queued is sent, the connection closes.

        Args:
            reason: Recorded unless an earlier one is.
        """
        self.hangup_reason = self.hangup_reason or reason
        if self.is_over:
            return
        self.is_over = True
        self._waiting.clear()
        self._early_audio.clear()
        self.transfer.cancel()
        self.hang_up_peer()
        self.bridges.close()
        self.side_audio.end_background()
        if self.caller is not None:
            self.caller.end()
        self.playback.end()
        self.keypad.release()
        self._keep_alive.stop()
        self.side_audio.close(self._close)

    def hang_up_peer(self) -> None:
        """Let go of whom the call talks to; a WebSocket call has nobody else."""

    def _close(self) -> None:
        if self.services.registry.get(self.id) is not None:
            # even if a newer call of this id is meant: the server forgets that one
            del self.services.registry[self.id]
        self.witnesses.close()
        self._line.hang_up()

    def auto_hangup(self, reason: str) -> None:
        """End the call: a playback with automatic hangup is over."""
        # after what the same moment still has to say, as the server's hook does
        self.runtime.soon(lambda: self.end(reason))

    def listing(self) -> dict[str, Any]:
        """Return the call's entry in ``/list``; secrets are masked."""
        answered = self.answered_ms
        return {
            "callType": self.call_type,
            "cs.option": None if self.option is None else option_wire(self.option),
            "id": self.id,
            "ringTime": None if self.ringing_ms is None else _zulu(self.ringing_ms),
            "startTime": None if answered is None else _zulu(answered),
        }

    # ------------------------------------------------------------------ out

    def emit(self, event: BaseEvent) -> None:
        """Send an event, log it, and let the playback follow it."""
        why = self.playback.hangs_up(event)
        text = event_text(self.dialect.say(event, why))
        self._line.text(text)
        self.witnesses.event(text)
        if not self.is_over:
            self.playback.on_event(event)

    def send_audio(self, frame: bytes) -> None:
        """Send a binary frame."""
        self._line.audio(frame)
        self.witnesses.audio(frame)

    def frame(self, track: PlayedTrack, samples: Samples) -> None:
        """Send a frame of a track; without a caller's track nobody hears it."""
        if self.is_over:
            return
        samples = self.side_audio.played(samples)
        if self.out is not None:
            self.out.frame(track.ssrc, samples)

    def hear_bridge(self, source: str, samples: Samples) -> None:
        """Send and record what another call's party says."""
        self.side_audio.bridged(samples)
        if self.out is not None:
            self.out.frame(source, samples)

    def telephone(self, script: Script) -> Telephone:
        """Return a scripted telephone to call."""
        return Telephone(script, self.runtime, self.services.voice, self.services.media)

    def report(self, rule: str, why: str) -> None:
        """Tell strict mode what the server does in silence."""
        self.services.strict.add(self.id, rule, why)

    def fail(self, sender: str, error: str) -> None:
        """Emit an error of the command layer."""
        self.emit(
            events.Error(
                track_id=self.id,
                timestamp=self.runtime.now_ms(),
                sender=sender,
                error=error,
            )
        )

    # ------------------------------------------------------------------ in

    def take_text(self, text: str) -> None:
        """Take a text frame; what the server cannot read is dropped in silence."""
        try:
            command = read_command(text, self.dialect)
        except UnreadableFrameError as exc:
            self.report("dropped", exc.why)
            return
        self.take(command)

    def take(self, command: BaseCommand) -> None:
        """Queue a command; commands run strictly one after another."""
        if self.is_over:
            return
        self.witnesses.command(command)
        self._report_queue()
        self._waiting.append(command)
        if len(self._waiting) > QUEUE_COMMANDS and not self.dialect.overflow_ends_call:
            self._waiting.popleft()
        # not at once: a burst that fills the queue ends the call
        self.runtime.soon(self.run_commands)

    def _report_queue(self) -> None:
        """Tell strict mode what becomes of a command because others wait."""
        if len(self._waiting) == QUEUE_COMMANDS:
            ends = self.dialect.overflow_ends_call
            then = "the call ends" if ends else "the oldest is lost"
            self.report("queue overflow", f"more than 32 commands waited; {then}")
        is_beside = not self.dialect.invite_blocks
        if is_beside and any(isinstance(c, commands.Invite) for c in self._waiting):
            why = "sent before the answer: the server may run it before the invite"
            self.report("race", why)

    def block(self) -> None:
        """Hold later commands back until `unblock`."""
        self._is_blocked = True

    def unblock(self) -> None:
        """Let the commands behind a blocking one run."""
        self._is_blocked = False
        self.run_commands()

    def run_commands(self) -> None:
        """Run what waits."""
        if len(self._waiting) > QUEUE_COMMANDS and not self._is_blocked:
            self.end("bySystem")  # noticed only now, behind the one that blocked
        while self._waiting and not self._is_blocked and not self.is_over:
            command = self._waiting.popleft()
            try:
                self._commands[type(command)](command)
            except SetUpError as exc:
                self.fail(command.command, str(exc))
                self.end("bySystem")
            except CommandError as exc:
                self.fail("command", str(exc))

    def take_audio(self, message: bytes) -> None:
        """Take a binary frame; before the caller's track it is queued."""
        if self.is_over:
            return
        if self.caller is None:
            self._early_audio.append(message)
        else:
            self.caller.push(message)

    # ------------------------------------------------------------------ set-up

    def set_up(self, sender: str, option: CallOption) -> None:
        """Set the call up: at once, as a WebSocket call has nobody to ask."""
        caller = SocketLeg(self.id, option.codec, self.runtime, self.emit)
        self.open_leg(option, caller, SocketOut(option.codec, self.send_audio))
        self.answered("")
        early, self._early_audio = self._early_audio, []
        for message in early:
            caller.push(message)

    def open_leg(self, option: CallOption, caller: CallerLeg, out: AudioOut) -> None:
        """Start the caller's track with all that belongs to it.

        Raises:
            SetUpError: If there is one already.
        """
        if self.caller is not None:
            raise SetUpError("no track created for caller")
        self.option = option
        for key, what in not_simulated(option).items():
            self.report("not simulated", f"{key}: {what}")
        self.out, self.caller = out, caller
        caller.processors = self.processors(option, self.id, self.emit)
        self.side_audio.begin(option, caller, out)
        self.playback.forget_current()
        caller.start()

    def answered(self, sdp: str) -> None:
        """Say that the call is answered."""
        now = self.answered_ms = self.runtime.now_ms()
        self.side_audio.answered(self.call_type)
        self.emit(events.Answer(track_id=self.id, timestamp=now, sdp=sdp, refer=False))
        if self.caller is not None and self.option is not None:
            self.caller.answered(self.option)

    def processors(
        self, option: CallOption, track_id: str, emit: Callable[[BaseEvent], None]
    ) -> Processors | None:
        """Build what listens to a track: all of it, or in silence nothing."""
        return build_processors(
            option,
            track_id,
            self.services,
            emit,
            lambda: self.end("inactivityTimeout"),
            self.report,
        )

    def _tts_option(self) -> SynthesisOption | None:
        return None if self.option is None else self.option.tts

    def accept(self, command: commands.Accept) -> None:
        """Answer a pending call: there is none."""
        del command
        self.emit(
            events.Reject(
                track_id=self.id,
                timestamp=self.runtime.now_ms(),
                reason="no pending call",
                code=486,
            )
        )
        self.end("rejected")

    def ring(self, command: commands.Ringing) -> None:
        """Ring a pending call: there is none, so this is an invite."""
        option = CallOption(recorder=command.recorder, inactivity_timeout=50)
        self.set_up("ringing", option)

    def reject(self, command: commands.Reject) -> None:
        """Refuse a pending call; without one nothing happens."""

    # ------------------------------------------------------------------ commands

    def _hang_up(self, command: commands.Hangup) -> None:
        reason = hangup_reason(command, self.dialect)
        if command.refer:
            self.transfer.hang_up(reason)
        else:
            self.end(reason)

    def _mute(self, track_id: str | None, *, is_muted: bool) -> None:
        if self.caller is not None and track_id in (None, self.id):
            self.caller.is_muted = is_muted
        if track_id in (None, self.server_track):
            self.playback.mute(is_muted=is_muted)

    def message(self, command: commands.Message) -> None:
        """Send a SIP message.

        Raises:
            CommandError: If there is nobody to take it.
        """
        del command
        raise CommandError("message command is only supported for SIP calls")

    def add_candidate(self, command: commands.AddIceCandidate) -> None:
        """Take an ICE candidate; only WebRTC has any use for it."""

    def renegotiate(self, command: commands.Renegotiate) -> None:
        """Take a new offer.

        Raises:
            CommandError: If this is not a WebRTC call.
        """
        del command
        if self.caller is None:
            raise CommandError(f"track not found: {self.id}")
        raise CommandError(f"track {self.id} does not support renegotiation")


def _zulu(epoch_ms: int) -> str:
    return rfc3339(epoch_ms, zone="Z")
