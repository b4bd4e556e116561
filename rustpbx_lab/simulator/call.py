"""One call on the stand-in: commands in, events and audio out."""

from collections import deque
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.base import BaseCommand, BaseEvent
from rustpbx_lab.models.options import CallOption, RecorderOption

from .ambiance import Ambiance
from .audio_out import AudioOut
from .bridges import Bridges
from .caller_leg import CallerLeg
from .playback import CommandError, Playback
from .processors import ProcessorError, Processors
from .query import CallQuery
from .reasons import hangup_reason
from .recorder import Recorder
from .runtime import Runtime, Timer
from .services import Line, Services
from .strict import not_simulated, read_command
from .times import rfc3339
from .tracks import PlayedTrack
from .transfer import Transfer
from .wire import event_text, option_wire

QUEUED_COMMANDS = 32
"""Commands that may wait behind one that blocks; one more ends the call."""


class SetUpError(CommandError):
    """A set-up command that failed: the call ends."""


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
        self._services, self._line = services, line
        self._ping_ms = 1000 * query.ping_s
        self._ping_timer: Timer | None = None
        self.witnesses = services.witnesses(query.id, is_logged=query.dump)
        self._waiting: deque[BaseCommand] = deque()
        self._is_blocked = False
        self._early_audio: list[bytes] = []
        self._answered_ms: int | None = None
        self.caller: CallerLeg | None = None
        self.out: AudioOut | None = None
        self._recorder: Recorder | None = None
        self._ambiance: Ambiance | None = None
        self.playback = Playback(self, services.voice, services.media)
        self.bridges = Bridges(self, services.registry)
        self._transfer = Transfer(self)
        self._commands = self._dispatch()

    def _dispatch(self) -> dict[type[BaseCommand], Callable[[Any], None]]:
        playback = self.playback
        return {
            commands.Invite: lambda c: self._set_up("invite", c.option),
            commands.Accept: self._accept,
            commands.Ringing: self._ring,
            commands.Reject: lambda _: None,
            commands.Tts: lambda c: playback.tts(c, self._tts_option()),
            commands.Play: playback.play,
            commands.Interrupt: lambda c: playback.interrupt(graceful=bool(c.graceful)),
            commands.Pause: lambda _: playback.pause(is_paused=True),
            commands.Resume: lambda _: playback.pause(is_paused=False),
            commands.Hangup: self._hang_up,
            commands.Refer: self._transfer.refer,
            commands.Mute: lambda c: self._mute(c.track_id, is_muted=True),
            commands.Unmute: lambda c: self._mute(c.track_id, is_muted=False),
            commands.History: self._add_history,
            commands.Message: self._message,
            commands.Bridge: lambda c: self.bridges.connect(c.target_session_id),
            commands.Unbridge: lambda c: self.bridges.disconnect(c.target_session_id),
            commands.Custom: self._echo,
            commands.AddIceCandidate: lambda _: None,
        }

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        """Register the call and send the first ping."""
        self._services.registry[self.id] = self
        if self._ping_ms:
            self._ping(self.runtime.monotonic_ms())

    def _ping(self, at_ms: float) -> None:
        now = self.runtime.now_ms()
        payload = rfc3339(now)
        self._line.send_ping(payload.encode())
        ping = events.Ping(timestamp=now, payload=payload)
        self.witnesses.event(event_text(ping))
        next_ms = at_ms + self._ping_ms
        self._ping_timer = self.runtime.call_at(next_ms, lambda: self._ping(next_ms))

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
        self._transfer.cancel()
        self.bridges.close()
        if self._ambiance is not None:
            self._ambiance.close()
        if self.caller is not None:
            self.caller.end()
        self.playback.end()
        if self._ping_timer is not None:
            self._ping_timer.cancel()
        if self._recorder is None:
            self._close()
        else:
            self._recorder.close(self._close)

    def _close(self) -> None:
        if self._services.registry.get(self.id) is not None:
            # even if a newer call of this id is meant: the server forgets that one
            del self._services.registry[self.id]
        self.witnesses.close()
        self._line.hang_up()

    def auto_hangup(self) -> None:
        """End the call: a playback with automatic hangup is over."""
        # after what the same moment still has to say, as the server's hook does
        self.runtime.soon(lambda: self.end("bySystem"))

    def listing(self) -> dict[str, Any]:
        """Return the call's entry in ``/list``; secrets are masked."""
        answered = self._answered_ms
        return {
            "callType": self.call_type,
            "cs.option": None if self.option is None else option_wire(self.option),
            "id": self.id,
            "ringTime": None,
            "startTime": None if answered is None else rfc3339(answered, zone="Z"),
        }

    # ------------------------------------------------------------------ out

    def emit(self, event: BaseEvent) -> None:
        """Send an event, log it, and let the playback follow it."""
        text = event_text(event)
        self._line.text(text)
        self.witnesses.event(text)
        if not self.is_over:
            self.playback.on_event(event)

    def _send_audio(self, frame: bytes) -> None:
        self._line.audio(frame)
        self.witnesses.audio(frame)

    def frame(self, track: PlayedTrack, samples: Samples) -> None:
        """Send a frame of a track; without a caller's track nobody hears it."""
        if self.is_over:
            return
        if self._ambiance is not None:
            samples = self._ambiance.under(samples)
        if self._recorder is not None:
            self._recorder.server(samples)
        if self.out is not None:
            self.out.frame(track.ssrc, samples)

    def hear_bridge(self, source: str, samples: Samples) -> None:
        """Send and record what another call's party says."""
        if self._recorder is not None:
            self._recorder.server(samples)
        if self.out is not None:
            self.out.frame(source, samples)

    def report(self, rule: str, why: str) -> None:
        """Tell strict mode what the server does in silence."""
        self._services.strict.add(self.id, rule, why)

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
            command = read_command(text)
        except UnreadableFrameError as exc:
            self.report("dropped", exc.why)
            return
        self.take(command)

    def take(self, command: BaseCommand) -> None:
        """Queue a command; commands run strictly one after another."""
        if self.is_over:
            return
        self.witnesses.command(command)
        if len(self._waiting) >= QUEUED_COMMANDS:
            self.report("queue overflow", "more than 32 commands waited; the call ends")
            self.end("bySystem")
            return
        self._waiting.append(command)
        # not at once: a burst that fills the queue ends the call
        self.runtime.soon(self.run_commands)

    def block(self) -> None:
        """Hold later commands back until `unblock`."""
        self._is_blocked = True

    def unblock(self) -> None:
        """Let the commands behind a blocking one run."""
        self._is_blocked = False
        self.run_commands()

    def run_commands(self) -> None:
        """Run what waits."""
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

    def _set_up(self, sender: str, option: CallOption) -> None:
        if self.caller is not None:
            raise SetUpError("no track created for caller")
        self.option = option
        for key, what in not_simulated(option).items():
            self.report("not simulated", f"{key}: {what}")
        self.out = AudioOut(option.codec, self._send_audio)
        self.caller = CallerLeg(self.id, option.codec, self.runtime, self.emit)
        self.caller.processors = self._processors(option)
        self._tap(option, self.caller, self.out)
        self.playback.forget_current()
        self.caller.start()
        now = self._answered_ms = self.runtime.now_ms()
        self.emit(events.Answer(track_id=self.id, timestamp=now, sdp="", refer=False))
        if self.caller.processors is not None:
            self.caller.processors.answered()
        early, self._early_audio = self._early_audio, []
        for message in early:
            self.caller.push(message)

    def _tap(self, option: CallOption, caller: CallerLeg, out: AudioOut) -> None:
        folder = self._services.dump_dir
        if option.recorder is not None and folder is None:
            self.report("not simulated", "recorder: it needs a dump_dir to write to")
        elif option.recorder is not None and folder is not None:
            recorder = Recorder(option.recorder, self.id, folder, self.runtime)
            self._recorder = recorder
            caller.taps.append(recorder.caller)
        if option.ambiance is not None:
            self._ambiance = Ambiance(
                option.ambiance,
                self.runtime,
                self._services.media,
                lambda samples: out.frame("ambiance-track", samples),
                self.report,
            )

    def _processors(self, option: CallOption) -> Processors | None:
        if option.realtime is not None:
            return None
        try:
            return Processors(
                option,
                self.id,
                self.runtime,
                self._services.recogniser,
                self.emit,
                lambda: self.end("inactivityTimeout"),
            )
        except ProcessorError as exc:
            self.report(
                "no processors",
                f"{exc}. Denoise, VAD, AGC, ASR and the inactivity watch are all off "
                "for this call, and no event says so",
            )
            return None

    def _tts_option(self) -> Any:
        return None if self.option is None else self.option.tts

    def _accept(self, _: commands.Accept) -> None:
        self.emit(
            events.Reject(
                track_id=self.id,
                timestamp=self.runtime.now_ms(),
                reason="no pending call",
                code=486,
            )
        )
        self.end("rejected")

    def _ring(self, command: commands.Ringing) -> None:
        recorder: RecorderOption | None = command.recorder
        self._set_up("ringing", CallOption(recorder=recorder, inactivity_timeout=50))

    # ------------------------------------------------------------------ commands

    def _hang_up(self, command: commands.Hangup) -> None:
        if command.refer:
            self._transfer.hang_up()
        else:
            self.end(hangup_reason(command))

    def _mute(self, track_id: str | None, *, is_muted: bool) -> None:
        if self.caller is not None and track_id in (None, self.id):
            self.caller.is_muted = is_muted
        if track_id in (None, self.server_track):
            self.playback.mute(is_muted=is_muted)

    def _add_history(self, command: commands.History) -> None:
        self.emit(
            events.AddHistory(
                sender=self.id,
                timestamp=self.runtime.now_ms(),
                speaker=command.speaker,
                text=command.text,
            )
        )

    def _message(self, _: commands.Message) -> None:
        raise CommandError("message command is only supported for SIP calls")

    def _echo(self, command: commands.Custom) -> None:
        self.emit(
            events.Custom(
                timestamp=self.runtime.now_ms(),
                sender=command.sender,
                data=command.data,
            )
        )


class CallWithoutMedia(Call):
    """A ``/call/sip`` or ``/call/webrtc`` connection: its set-up always fails."""

    def __init__(
        self, kind: str, query: CallQuery, services: Services, line: Line
    ) -> None:
        self.call_type = kind
        super().__init__(query, services, line)

    @override
    def _set_up(self, sender: str, option: CallOption) -> None:
        raise SetUpError(
            f"the stand-in has no {self.call_type} media: it serves /call only; "
            "connect to /call (call_type='websocket') or to a real server"
        )
