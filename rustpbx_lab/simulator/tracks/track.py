"""Server-side tracks: started, played in frames, ended."""

import secrets
from typing import Protocol

import numpy as np

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models import events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.simulator.core.runtime import Runtime, Timer

SAMPLE_RATE_HZ = 16000
FRAME_MS = 20
FRAME_SAMPLES = SAMPLE_RATE_HZ * FRAME_MS // 1000


class Stage(Protocol):
    """What a track plays to."""

    @property
    def runtime(self) -> Runtime:
        """Time and threads."""
        ...

    @property
    def server_track(self) -> str:
        """Id of the server-side track."""
        ...

    def emit(self, event: BaseEvent) -> None:
        """Send an event to everybody who listens."""
        ...

    def frame(self, track: "PlayedTrack", samples: Samples) -> None:
        """Take 16 kHz audio of a track; an empty frame is a silent tick."""
        ...

    def report(self, rule: str, why: str) -> None:
        """Tell strict mode what the server does in silence."""
        ...


def new_ssrc() -> int:
    """Return a stream number."""
    return secrets.randbits(32)


class PlayedTrack:
    """Something that plays on the server-side track, one frame every 20 ms."""

    can_pause = True

    def __init__(self, stage: Stage, ssrc: int, play_id: str | None) -> None:
        self.stage, self.ssrc, self.play_id = stage, ssrc, play_id
        self.is_muted = self.is_paused = False
        self.is_cancelled = False
        self.is_over = False
        """Its ``trackEnd`` was sent."""
        self._began_ms = 0.0
        self._next_tick_ms = 0.0
        self._timer: Timer | None = None

    def start(self) -> None:
        """Announce the track and begin."""
        stage = self.stage
        self._began_ms = stage.runtime.monotonic_ms()
        stage.emit(
            events.TrackStart(
                track_id=stage.server_track, timestamp=self.now_ms, play_id=self.play_id
            )
        )
        self._begin()

    def cancel(self, *, graceful: bool = False) -> None:
        """Stop; what follows from it is sent after what is being done now."""
        raise NotImplementedError

    def end_now(self) -> None:
        """Stop and send what follows from it at once: the call is over."""
        raise NotImplementedError

    @property
    def now_ms(self) -> int:
        """The wall clock."""
        return self.stage.runtime.now_ms()

    @property
    def age_ms(self) -> float:
        """Time since the track began."""
        return self.stage.runtime.monotonic_ms() - self._began_ms

    def _begin(self) -> None:
        raise NotImplementedError

    def _tick(self) -> None:
        raise NotImplementedError

    def _tick_at(self, at_ms: float) -> None:
        self._next_tick_ms = at_ms
        self._timer = self.stage.runtime.call_at(at_ms, self._run_tick)

    def _run_tick(self) -> None:
        self._timer = None
        if self.is_cancelled or self.is_over:
            return
        self._tick()
        if not self.is_over:
            # on a fixed grid: late ticks are caught up, as the server does
            self._tick_at(self._next_tick_ms + FRAME_MS)

    def _play(self, samples: Samples) -> None:
        if self.is_muted:
            samples = np.zeros_like(samples)
        self.stage.frame(self, samples)

    def _finish(self, timestamp: int | None = None) -> None:
        if self.is_over:
            return
        self.is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self.stage.emit(
            events.TrackEnd(
                track_id=self.stage.server_track,
                timestamp=self.now_ms if timestamp is None else timestamp,
                duration=round(self.age_ms),
                ssrc=self.ssrc,
                play_id=self.play_id,
            )
        )
