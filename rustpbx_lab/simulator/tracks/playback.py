"""Playback on the server-side track, and what follows its end.

Source:
    active-call 0.3.83, protocol section 4: the handle, the current play id, the
    automatic hangup and the no-input timer, with their traps.
"""

import math
from typing import NamedTuple, Protocol

from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.models.options import SynthesisOption
from rustpbx_lab.simulator.core.runtime import Timer

from .file_track import FileTrack
from .media import Media
from .track import PlayedTrack, Stage, new_ssrc
from .tts_task import TtsTask
from .voice import TTS_PROVIDERS, Voice

NO_INPUT_POLL_MS = 100


class CommandError(RustpbxLabError):
    """A command that failed: the client gets an ``error`` of sender ``command``."""


class PlaybackStage(Stage, Protocol):
    """What the playback of a call needs of it."""

    def auto_hangup(self, reason: str) -> None:
        """End the call: a playback with automatic hangup is over."""
        ...


class SetUpError(CommandError):
    """A set-up command that failed: the call ends."""


class AutoHangup(NamedTuple):
    """The stream whose end ends the call."""

    ssrc: int
    reason: str = "bySystem"


class Playback:
    """The playback state of one call."""

    def __init__(self, stage: PlaybackStage, voice: Voice, media: Media) -> None:
        self._stage, self._voice, self._media = stage, voice, media
        self._track: PlayedTrack | None = None
        self._tails: list[PlayedTrack] = []
        self._handle: TtsTask | None = None
        self._current: str | None = None
        self._auto_hangup: AutoHangup | None = None
        self._leg_hangup: AutoHangup | None = None
        """Of a transfer's leg, where that is not forgotten for what plays over it."""
        self._wait_input_ms: int | None = None
        self._no_input: Timer | None = None
        self._music: str | None = None
        self._began_ms = stage.runtime.monotonic_ms()

    # ------------------------------------------------------------------ commands

    def tts(self, command: commands.Tts, call_option: SynthesisOption | None) -> None:
        """Speak.

        Raises:
            CommandError: If there is no option, or no such provider.
        """
        option = merged(call_option, command.option)
        handle = self._handle
        replace = (
            handle is not None
            and command.play_id is not None
            and command.play_id != self._current
        )
        ssrc = new_ssrc() if handle is None or replace else handle.ssrc
        self._wait_input_ms = command.wait_input_timeout
        self._current = command.play_id
        if replace:
            self.interrupt()
        if command.auto_hangup:
            self._auto_hangup = AutoHangup(ssrc)
        elif handle is None or replace:
            self._auto_hangup = None
        self._speak(command, option, ssrc)

    def _speak(self, command: commands.Tts, option: SynthesisOption, ssrc: int) -> None:
        end_of_stream = bool(command.end_of_stream) or not command.streaming
        handle = self._handle
        if (
            handle is not None
            and handle.play_id == command.play_id
            and not handle.is_finished
        ):
            handle.push(command, end_of_stream=end_of_stream)
            return
        if option.provider not in TTS_PROVIDERS:
            raise CommandError(f"TTS type not found: {option.provider}")
        task = TtsTask(self._stage, self._voice, option, command, ssrc)
        self._handle = task
        self._put(task)
        task.push(command, end_of_stream=end_of_stream)

    def play(self, command: commands.Play) -> None:
        """Play a file or URL."""
        ssrc = new_ssrc()
        self._handle = None
        self._auto_hangup = AutoHangup(ssrc) if command.auto_hangup else None
        self._wait_input_ms = command.wait_input_timeout
        self._current = command.play_id or command.url
        self._put(FileTrack(self._stage, self._media, command, ssrc))

    def interrupt(self, *, graceful: bool = False) -> None:
        """Stop what plays; a graceful tail no longer belongs to the track."""
        self._handle = self._auto_hangup = self._music = None
        track, self._track = self._track, None
        if track is not None:
            track.cancel(graceful=graceful)
            self._tails.append(track)

    def pause(self, *, is_paused: bool) -> None:
        """Freeze what plays, or let it go on.

        Raises:
            CommandError: If nothing ever played, it was removed, or it is a transfer.
        """
        if self._track is None:
            raise CommandError(f"track not found: {self._stage.server_track}")
        if not self._track.can_pause:
            why = f"track does not support pausing: {self._stage.server_track}"
            raise CommandError(why)
        self._track.is_paused = is_paused

    def mute(self, *, is_muted: bool) -> None:
        """Silence the track that is there now, or let it be heard again."""
        if self._track is not None:
            self._track.is_muted = is_muted

    # ------------------------------------------------------------------ events

    def hang_up_after(self, ssrc: int, *, lasts: bool) -> None:
        """End the call when a stream without a play id ends: a transfer leg.

        Args:
            ssrc: The leg's.
            lasts: Whether that holds when something has played over it meanwhile.
        """
        intent = AutoHangup(ssrc, "byRefer")
        if lasts:
            self._leg_hangup = intent
        else:
            self._auto_hangup = intent

    def go_on_after_leg(self) -> None:
        """Let the call go on when the leg ends: nobody answered the transfer."""
        self._leg_hangup = None

    def repeat(self, url: str | None) -> None:
        """Play a file again whenever it ends; None: it ends once more, and for good."""
        self._music = url

    def take_over(self, track: PlayedTrack) -> None:
        """Let a transfer leg be the server's track; what plays there ends first."""
        old, self._track = self._track, None
        if old is not None:
            old.end_now()
        self._current = None
        self._put(track)

    def release(self, track: PlayedTrack) -> None:
        """Remove a track, unless another one has taken its place."""
        if self._track is track:
            self._track = None

    def forget_current(self) -> None:
        """Forget the play id: a caller, media pass or transfer leg has started."""
        self._current = None

    def hangs_up(self, event: BaseEvent) -> str | None:
        """Return why the call ends with an event; None: it does not."""
        if not isinstance(event, events.TrackEnd):
            return None
        leg, intent = self._leg_hangup, self._auto_hangup
        if leg is not None and event.ssrc == leg.ssrc:
            return leg.reason  # said even if what plays over it keeps the call
        if intent is None or event.ssrc != intent.ssrc:
            return None
        return intent.reason if event.play_id == self._current else None

    def on_event(self, event: BaseEvent) -> None:
        """Follow what the call says."""
        if isinstance(event, events.TrackEnd):
            if event.track_id == self._stage.server_track:
                self._track_over(event)
        elif isinstance(
            event, events.Speaking | events.Dtmf | events.Transcript | events.TrackStart
        ):
            self._disarm()
        elif isinstance(event, events.Error) and self._music is not None:
            self._music_failed(event.sender)

    def _music_failed(self, sender: str) -> None:
        if sender == f"filetrack: {self._music}":
            self._music = None
            why = "the server loads music that fails again and again, with no pause"
            self._stage.report("flood", f"{why}: thousands of events a second")

    def _track_over(self, event: events.TrackEnd) -> None:
        self._tails = [tail for tail in self._tails if not tail.is_over]
        if event.play_id != self._current:
            return  # it was interrupted earlier
        self._current = None
        for intent in (self._auto_hangup, self._leg_hangup):
            if intent is not None and intent.ssrc == event.ssrc:
                self._stage.auto_hangup(intent.reason)
                return
        wait_ms, self._wait_input_ms = self._wait_input_ms, None
        if self._music is not None and event.play_id == self._music:
            self._play_again(self._music)
            return
        if wait_ms is not None:
            self._disarm()
            if wait_ms:
                self._arm(wait_ms)

    def _play_again(self, url: str) -> None:
        self._current = url
        command = commands.Play(url=url)
        self._put(FileTrack(self._stage, self._media, command, new_ssrc()))

    def _arm(self, wait_ms: int) -> None:
        runtime = self._stage.runtime
        armed_ms, due_ms = runtime.now_ms(), runtime.monotonic_ms() + wait_ms
        polls = math.ceil((due_ms - self._began_ms) / NO_INPUT_POLL_MS)

        def expire() -> None:
            self._no_input = None
            self._stage.emit(
                events.Silence(
                    track_id=self._stage.server_track,
                    timestamp=runtime.now_ms(),
                    start_time=armed_ms,
                    duration=wait_ms,
                    refer=False,
                )
            )

        at_ms = self._began_ms + polls * NO_INPUT_POLL_MS
        self._no_input = runtime.call_at(at_ms, expire)

    def _disarm(self) -> None:
        if self._no_input is not None:
            self._no_input.cancel()
            self._no_input = None

    # ------------------------------------------------------------------ the track

    def _put(self, track: PlayedTrack) -> None:
        old, self._track = self._track, track
        if old is not None:
            old.cancel()
            self._tails.append(old)
        track.start()

    def end(self) -> None:
        """End everything: the call is over."""
        self._handle = self._auto_hangup = self._leg_hangup = None
        tracks = [*self._tails, *([self._track] if self._track else [])]
        self._current = None
        self._wait_input_ms = None
        for track in tracks:
            track.end_now()
        self._disarm()


def merged(
    call: SynthesisOption | None, own: SynthesisOption | None
) -> SynthesisOption:
    """Return the option that a command is spoken with.

    A command's own option has ``samplerate``, ``speed``, ``volume`` and ``codec``
    filled in where they are missing, and so resets them.

    Raises:
        CommandError: If neither the call nor the command has one.
    """
    if call is None or own is None:
        option = own or call
        if option is None:
            raise CommandError("no tts option available")
        return option
    given = {
        name: getattr(own, name)
        for name in SynthesisOption.model_fields
        if getattr(own, name) is not None
    }
    return call.model_copy(update=given)
