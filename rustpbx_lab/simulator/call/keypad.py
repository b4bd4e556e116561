"""The track of a key that the client presses, on servers since 0.3.100.

One digit, an update every 20 ms, on a track of its own that neither interrupts playback
nor is interrupted by it. Source: protocol.md, 3.17.
"""

from math import ceil
from typing import NamedTuple, Protocol

from rustpbx_lab.models import commands, events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.simulator.core.runtime import Runtime, Timer
from rustpbx_lab.simulator.tracks.playback import CommandError
from rustpbx_lab.simulator.tracks.track import FRAME_MS, new_ssrc

DEFAULT_MS = 100


class KeyStage(Protocol):
    """What a key needs of its call."""

    runtime: Runtime

    def emit(self, event: BaseEvent) -> None:
        """Send an event."""
        ...


class Key(NamedTuple):
    """A key that is held."""

    play_id: str | None
    ssrc: int
    began_ms: float


class Keypad:
    """Presses one key at a time; another ends the one before."""

    def __init__(self, stage: KeyStage) -> None:
        self._stage, self._ssrc = stage, new_ssrc()
        self._held: Key | None = None
        self._timer: Timer | None = None

    def press(self, command: commands.Dtmf) -> None:
        """Press a key.

        Raises:
            CommandError: If there is no such key.
        """
        if command.digit.upper() not in commands.DTMF_DIGITS:
            raise CommandError(f"invalid DTMF digit: '{command.digit}'")
        runtime, held, ssrc = self._stage.runtime, self._held, self._ssrc
        self._held = Key(command.play_id, ssrc, runtime.monotonic_ms())
        for _ in range(2):  # said by the stream, and by the track itself
            self._stage.emit(
                events.TrackStart(
                    track_id=events.DTMF_TRACK_ID,
                    timestamp=runtime.now_ms(),
                    play_id=command.play_id,
                )
            )
        if held is not None:
            self._end(held)
        lasts = DEFAULT_MS if command.duration_ms is None else command.duration_ms
        updates = max(ceil(lasts / FRAME_MS), 1)  # the first comes at once
        at_ms = self._held.began_ms + (updates - 1) * FRAME_MS
        self._timer = runtime.call_at(at_ms, self.release)

    def release(self) -> None:
        """End the key that is held, if any."""
        held, self._held = self._held, None
        if held is not None:
            self._end(held)

    def _end(self, key: Key) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        runtime = self._stage.runtime
        self._stage.emit(
            events.TrackEnd(
                track_id=events.DTMF_TRACK_ID,
                timestamp=runtime.now_ms(),
                duration=round(runtime.monotonic_ms() - key.began_ms),
                ssrc=key.ssrc,
                play_id=key.play_id,
            )
        )
