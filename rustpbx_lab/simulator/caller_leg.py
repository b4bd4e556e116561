"""The caller's side of a ``/call`` connection: binary messages in."""

from collections.abc import Callable

import numpy as np

from rustpbx_lab.audio.codecs import Samples, call_codec
from rustpbx_lab.models import events
from rustpbx_lab.models.base import BaseEvent

from .processors import Processors
from .rates import DoubleRate
from .runtime import Runtime
from .tracks import new_ssrc


class CallerLeg:
    """The caller's track, from its start to its end."""

    def __init__(
        self,
        track_id: str,
        codec: str | None,
        runtime: Runtime,
        emit: Callable[[BaseEvent], None],
    ) -> None:
        self.track_id, self.ssrc = track_id, new_ssrc()
        self.is_muted = False
        self.processors: Processors | None = None
        self.taps: list[Callable[[Samples], None]] = []
        """Who else hears the caller: the recorder, bridges."""
        chosen = call_codec(codec)
        self._decoder = chosen.decoder()
        self._wider = DoubleRate() if chosen.sample_rate_hz == 8000 else None
        self._runtime, self._emit = runtime, emit
        self._began_ms = runtime.monotonic_ms()

    def start(self) -> None:
        """Announce the track."""
        self._emit(
            events.TrackStart(track_id=self.track_id, timestamp=self._runtime.now_ms())
        )

    def push(self, message: bytes) -> None:
        """Take one binary message."""
        samples = self._decoder.decode(message)
        if self._wider is not None:
            samples = self._wider.push(samples)
        if self.is_muted:
            samples = np.zeros_like(samples)
        if self.processors is not None:
            self.processors.push(samples)
        for tap in list(self.taps):
            tap(samples)

    def end(self) -> None:
        """End the track."""
        if self.processors is not None:
            self.processors.close()
        self.taps.clear()
        self._emit(
            events.TrackEnd(
                track_id=self.track_id,
                timestamp=self._runtime.now_ms(),
                duration=round(self._runtime.monotonic_ms() - self._began_ms),
                ssrc=self.ssrc,
            )
        )
