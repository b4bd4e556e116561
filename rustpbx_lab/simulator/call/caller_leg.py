"""The caller's track: audio of the remote party and its listeners."""

from collections.abc import Callable

import numpy as np
from typing_extensions import override

from rustpbx_lab.audio.codecs import Samples, call_codec
from rustpbx_lab.models import events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.simulator.core.rates import DoubleRate
from rustpbx_lab.simulator.core.runtime import Runtime
from rustpbx_lab.simulator.tracks.track import new_ssrc

from .processors import Processors
from .rtp_watch import RtpWatch


class CallerLeg:
    """The caller's track, from its start to its end."""

    is_rtp = True
    """Whether its audio comes in RTP packets."""
    native_rate_hz = 8000
    """Of its audio as it comes: telephones here speak G.711."""

    def __init__(
        self, track_id: str, runtime: Runtime, emit: Callable[[BaseEvent], None]
    ) -> None:
        self.track_id, self.ssrc = track_id, new_ssrc()
        self.is_muted = self.is_held = False
        self.processors: Processors | None = None
        self.taps: list[Callable[[Samples], None]] = []
        """Who else hears the caller: the recorder, bridges, a transfer."""
        self._runtime, self._emit = runtime, emit
        self._began_ms = runtime.monotonic_ms()
        self._is_over = False
        self._rtp_watch: RtpWatch | None = None

    def start(self) -> None:
        """Announce the track."""
        self._emit(
            events.TrackStart(track_id=self.track_id, timestamp=self._runtime.now_ms())
        )

    def answered(self, option: CallOption) -> None:
        """Take note that the call is answered."""
        if self.processors is not None:
            self.processors.answered()
        if self.is_rtp:
            self._rtp_watch = RtpWatch(
                option.rtp_timeout,
                self.track_id,
                self._began_ms,
                self._runtime,
                self._emit,
            )
            self.taps.append(self._rtp_watch.heard)

    def push(self, message: bytes) -> None:
        """Take one binary message; only ``/call`` has any."""

    def hear(self, samples: Samples) -> None:
        """Take what the caller says, int16 at 16 kHz."""
        if self._is_over:
            return
        if self.is_muted or self.is_held:
            samples = np.zeros_like(samples)
        if self.processors is not None:
            self.processors.push(samples)
        for tap in list(self.taps):
            tap(samples)

    def silence(self) -> None:
        """Stop hearing."""
        self._is_over = True
        if self.processors is not None:
            self.processors.close()
        if self._rtp_watch is not None:
            self._rtp_watch.close()
        self.taps.clear()

    def end(self) -> None:
        """End the track; twice is not an error."""
        if self._is_over:
            return
        self.silence()
        self._emit(
            events.TrackEnd(
                track_id=self.track_id,
                timestamp=self._runtime.now_ms(),
                duration=round(self._runtime.monotonic_ms() - self._began_ms),
                ssrc=self.ssrc,
            )
        )


class SocketLeg(CallerLeg):
    """A caller whose audio comes as binary messages, on ``/call``."""

    is_rtp = False

    def __init__(
        self,
        track_id: str,
        codec: str | None,
        runtime: Runtime,
        emit: Callable[[BaseEvent], None],
    ) -> None:
        super().__init__(track_id, runtime, emit)
        chosen = call_codec(codec)
        self._decoder = chosen.decoder()
        self.native_rate_hz = chosen.sample_rate_hz
        self._wider = DoubleRate() if chosen.sample_rate_hz == 8000 else None

    @override
    def push(self, message: bytes) -> None:
        samples = self._decoder.decode(message)
        if self._wider is not None:
            samples = self._wider.push(samples)
        self.hear(samples)
