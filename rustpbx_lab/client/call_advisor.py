"""Advice on commands, from the state of the call they are sent in."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rustpbx_lab.lint.fault_symptoms import FaultWatch, Symptom
from rustpbx_lab.lint.rules import command_remarks
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.base import BaseCommand, BaseEvent
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_versions import ServerVersion

from .command_queue import QUEUE_COMMANDS, blocks_queue, overflow_ends_call

LintMode = Literal["off", "warn", "strict"]

SAFE_BURST = 20
"""Commands in a row after which the server wants a pause. Source: protocol.md, 1.8."""
BURST_GAP_MS = 20
"""A pause this long between two commands ends a burst."""

WATCHED_EVENTS = frozenset(
    {"answer", "reject", "error", "trackStart", "trackEnd", "hangup"}
)
"""Events that change what can be advised."""

Advised = Iterator[notes.Advice]


@dataclass(slots=True)
class Playback:
    """The last playback we asked for, as long as it is not known to have ended."""

    play_id: str | None
    is_tts: bool
    is_streaming: bool = False
    is_complete: bool = True
    """Whether its last piece was sent: what follows under its id is not read."""
    has_started: bool = False
    is_paused: bool = False


class CallAdvisor:
    """Watches the commands and events of one call; no I/O, no clock.

    It speaks up only when the state that is known decides; in doubt it is silent.
    """

    def __init__(
        self,
        call_type: str,
        call_id: str | None = None,
        server_version: ServerVersion | None = None,
    ) -> None:
        self._call_type, self._server_version = call_type, server_version
        self._id = call_id
        self._option: CallOption | None = None
        self._was_set_up = False
        self._playback: Playback | None = None
        self._ending: set[str | None] = set()
        """Play ids that were stopped and whose trackEnd has not come."""
        self._tracks: set[str] = set()
        self._has_played = False
        self._transfer: Literal["none", "ringing", "connected"] = "none"
        self._blocked_by: str | None = None
        self._waiting = 0
        self._burst = 0
        self._last_ms: int | None = None
        self._said: set[tuple[str, str]] = set()
        self._faults = FaultWatch(server_version)

    # ------------------------------------------------------------------ advising

    def advice(self, command: BaseCommand, now_ms: int) -> list[notes.Advice]:
        """Return what is to be said about a command before it is sent.

        Args:
            command: What is about to be sent.
            now_ms: Our clock, milliseconds since the Unix epoch.
        """
        given = [*self._of_options(command), *self._of_call_type(command)]
        given += self._of_playback(command)
        given += self._of_queue(command, now_ms)
        return given

    def _of_options(self, command: BaseCommand) -> Advised:
        for remark in command_remarks(command, self._option, self._server_version):
            if (remark.rule, remark.path) not in self._said:  # once a call is enough
                self._said.add((remark.rule, remark.path))
                yield notes.Advice(
                    rule=remark.rule,
                    severity=remark.severity,
                    text=f"{remark.path}: {remark.text}",
                    instead=remark.instead,
                )

    def _of_call_type(self, command: BaseCommand) -> Advised:
        kind, is_sip = self._call_type, self._call_type == "sip"
        match command:
            case commands.Invite() if self._was_set_up and kind == "websocket":
                text = "a second invite fails and ends the call"
                yield _advice("second_invite", "error", text, "a new connection")
            case commands.Accept() if not is_sip:
                text = "there is no call to accept here: the server rejects and closes"
                yield _advice("accept_without_call", "error", text, "invite")
            case commands.Message() if not is_sip:
                text = "message works on SIP calls only: an error event will come"
                yield _advice("message_not_sip", "error", text, "custom")
            case commands.Ringing() if kind == "websocket":
                text = "ringing acts here as an invite without options"
                yield _advice("ringing_on_websocket", "warning", text, "invite")
            case commands.Bridge(target_session_id=target) if target == self._id:
                text = "a call cannot be bridged to itself: an error event will come"
                yield _advice("bridge_to_itself", "error", text, "another call's id")
            case commands.Invite(option=option) if option.subscribe:
                if kind == "websocket":
                    text = "subscribe has no effect here: audio passes this connection"
                    yield _advice("subscribe_unused", "info", text, "leave it out")
            case _:
                pass

    def _of_playback(self, command: BaseCommand) -> Advised:
        now = self._playback
        if isinstance(command, commands.Tts | commands.Play):
            yield from self._of_new_playback(command)
        elif isinstance(command, commands.Pause | commands.Resume):
            own = self._tracks - {self._id}
            if not self._has_played and self._was_set_up and not own:
                text = "nothing was played yet: 'track not found' will come"
                yield _advice("pause_without_track", "warning", text, "play first")
        elif isinstance(command, commands.Interrupt) and command.graceful:
            is_speech = now is not None and now.is_tts and not now.is_streaming
            if now and now.is_paused and is_speech:
                text = "a graceful interrupt of paused speech never sends its trackEnd"
                instead = "resume first, or interrupt without graceful"
                yield _advice("graceful_while_paused", "warning", text, instead)

    def _of_new_playback(self, command: commands.Tts | commands.Play) -> Advised:
        now, is_tts = self._playback, isinstance(command, commands.Tts)
        play_id = _play_id(command)
        shown = "no playId" if play_id is None else f"playId {play_id!r:.80}"
        if self._transfer == "connected":
            text = "the transferred party falls silent: it has the track that plays"
            yield _advice("playback_during_transfer", "warning", text, None)
        joins = is_tts and now is not None and now.is_tts and now.play_id == play_id
        if joins and now and now.is_complete and now.is_streaming:
            text = f"{shown} got its endOfStream: this piece is never spoken"
            fresh = "a new play_id, or wait for the trackEnd"
            yield _advice("piece_after_end_of_stream", "error", text, fresh)
        elif joins and now and now.is_complete:
            text = f"{shown} still plays and reads nothing more: this is never spoken"
            fresh = "a new play_id (interrupts), stream_tts, or wait for the trackEnd"
            yield _advice("same_play_id_never_spoken", "error", text, fresh)
        elif self._lacks_voice(command):
            text = "the call has no tts option: 'no tts option available' will come"
            yield _advice("no_tts_option", "warning", text, "CallOption.tts, or option")
        elif not joins and (command.auto_hangup or command.wait_input_timeout):
            same = now is not None and now.play_id == play_id
            if same or play_id in self._ending:
                text = f"the end of the last {shown} passes for the end of this one: "
                text += "no auto hangup, and the no-input timer starts too early"
                yield _advice("play_id_replayed", "warning", text, "a new play_id")

    def _lacks_voice(self, command: BaseCommand) -> bool:
        if not isinstance(command, commands.Tts) or self._option is None:
            return False
        return command.option is None and self._option.tts is None

    def _of_queue(self, command: BaseCommand, now_ms: int) -> Advised:
        in_burst = self._last_ms is not None and now_ms - self._last_ms < BURST_GAP_MS
        self._burst = self._burst + 1 if in_burst else 1
        self._last_ms = now_ms
        limit = f"the server keeps {QUEUE_COMMANDS}, {self._one_more()}"
        if self._blocked_by is not None:
            yield from self._of_waiting(command, limit)
        elif self._burst == SAFE_BURST + 1:
            text = f"{self._burst} commands in one burst: {limit}"
            pause = f"a pause of some milliseconds after every {SAFE_BURST}"
            yield _advice("command_burst", "warning", text, pause)

    def _one_more(self) -> str:
        is_old = overflow_ends_call(self._server_version)
        return "one more ends the call" if is_old else "of more the oldest is lost"

    def _of_waiting(self, command: BaseCommand, limit: str) -> Advised:
        blocker, self._waiting = self._blocked_by, self._waiting + 1
        if isinstance(command, commands.Hangup):
            text = f"the hangup waits behind the {blocker} until that is decided"
            close = "close the connection (or GET /kill) to cancel at once"
            yield _advice("hangup_waits", "warning", text, close)
        if self._waiting == SAFE_BURST + 1:
            text = f"{self._waiting} commands wait behind the {blocker}: {limit}"
            wait = f"wait until the {blocker} is decided"
            yield _advice("commands_pile_up", "warning", text, wait)
        elif self._waiting == QUEUE_COMMANDS + 1:
            waiting = f"{self._waiting} commands wait behind the {blocker}"
            text = f"{waiting}: {self._one_more()}"
            wait = f"wait until the {blocker} is decided"
            yield _advice("commands_overflow", "error", text, wait)

    # ------------------------------------------------------------------ watching

    def sent(self, command: BaseCommand) -> None:
        """Process a command that is sent."""
        match command:
            case commands.Invite() | commands.Accept():
                self._option, self._was_set_up = command.option, True
                self._has_played |= command.option.media_pass is not None
                is_asked = self._call_type in ("sip", "webrtc")
                if isinstance(command, commands.Invite) and is_asked:
                    self._block("invite")
            case commands.Tts() | commands.Play():
                self._play(command)
            case commands.Interrupt():
                self._drop_playback()
            case commands.Pause() | commands.Resume() if self._playback:
                self._playback.is_paused = isinstance(command, commands.Pause)
            case commands.Refer():
                self._drop_playback()
                self._has_played, self._transfer = True, "ringing"
                self._block("refer")
            case _:
                pass

    def _play(self, command: commands.Tts | commands.Play) -> None:
        now, play_id = self._playback, _play_id(command)
        self._has_played = True
        if isinstance(command, commands.Play):
            self._drop_playback()
            self._playback = Playback(play_id, is_tts=False)
            return
        is_last = not command.streaming or bool(command.end_of_stream)
        if now is not None and now.is_tts and now.play_id == play_id:
            now.is_complete |= is_last
            return
        self._drop_playback()
        is_streaming = bool(command.streaming)
        self._playback = Playback(play_id, True, is_streaming, is_last)

    def _drop_playback(self) -> None:
        if self._playback is not None:
            self._ending.add(self._playback.play_id)
            self._playback = None

    def _block(self, by: str) -> None:
        if self._blocked_by is None and blocks_queue(by, self._server_version):
            self._blocked_by, self._waiting = by, 0

    def received(self, event: BaseEvent) -> None:
        """Process one of ``WATCHED_EVENTS``."""
        match event:
            case events.TrackStart():
                self._tracks.add(event.track_id)
                if self._playback and event.play_id == self._playback.play_id:
                    self._playback.has_started = True
            case events.TrackEnd():
                self._track_ended(event)
            case events.Answer():
                if event.refer:
                    self._transfer = "connected"
                elif self._id is None:
                    self._id = event.track_id
                self._decide("refer" if event.refer else "invite")
            case events.Reject():
                self._decide("refer" if event.refer else "invite")
                self._transfer = "none" if event.refer else self._transfer
            case events.Hangup() if event.refer:
                self._transfer = "none"
            case events.Error():
                self._failed(event)
            case _:
                pass

    def faults(self, message: object, at_ms: int, row: int) -> Advised:
        """Yield what known faults of the server a message shows, each once a call.

        Args:
            message: An event, a command or a note of the call, in order.
            at_ms: When, milliseconds; only differences count.
            row: Its row in the log.
        """
        version = self._server_version
        for symptom in self._faults.take(message, at_ms, row):
            fault = symptom.fault
            is_sure = version is not None and not fault.is_intended
            severity = "warning" if is_sure else "info"
            text = _fault_text(symptom, version)
            yield _advice(fault.name, severity, text, fault.helps)

    def _track_ended(self, event: events.TrackEnd) -> None:
        if event.track_id == self._id:
            return
        if event.play_id is None and self._transfer == "connected":
            self._transfer = "none"
        self._ending.discard(event.play_id)
        if self._playback and self._playback.play_id == event.play_id:
            self._playback = None

    def _failed(self, event: events.Error) -> None:
        if event.sender != "command":
            return
        self._decide("refer")
        if self._transfer == "ringing":
            self._transfer = "none"
        if self._playback and not self._playback.has_started:
            self._playback = None  # its command may be the one that failed

    def _decide(self, blocker: str) -> None:
        if self._blocked_by == blocker:
            self._blocked_by = None


def _fault_text(symptom: Symptom, version: ServerVersion | None) -> str:
    fault = symptom.fault
    issues = "".join(f", #{issue}" for issue in fault.issues)
    told = f"{fault.symptom} ({symptom.evidence})"
    return f"{told}; {fault.on(version)}{issues}"


def _play_id(command: commands.Tts | commands.Play) -> str | None:
    if isinstance(command, commands.Play) and command.play_id is None:
        return command.url
    return command.play_id


def _advice(
    rule: str, severity: notes.Severity, text: str, instead: str | None
) -> notes.Advice:
    return notes.Advice(rule=rule, severity=severity, text=text, instead=instead)
