"""The watch of a call's incoming audio: ``rtpTimeout``.

Source:
    active-call 0.3.113, media/track/rtc.rs; asked on the running server.
"""

import math
from collections.abc import Callable

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models import events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.simulator.core.runtime import Runtime, Timer

POLL_MS = 1000
"""It looks once a second, from the start of the caller's track on."""


class RtpWatch:
    """Says once for each silence that no audio comes; the call goes on.

    Args:
        timeout_s: Seconds without audio; 0 or None watches nothing.
        track_id: The caller's track.
        began_ms: When that started, on the runtime's clock.
        runtime: Time and timers.
        emit: Takes the event.
    """

    def __init__(
        self,
        timeout_s: int | None,
        track_id: str,
        began_ms: float,
        runtime: Runtime,
        emit: Callable[[BaseEvent], None],
    ) -> None:
        self._timeout_s, self._track_id = timeout_s or 0, track_id
        self._began_ms, self._runtime, self._emit = began_ms, runtime, emit
        self._heard_ms = runtime.monotonic_ms()
        self._is_said = False
        self._timer: Timer | None = None
        if self._timeout_s:
            age_ms = self._heard_ms - began_ms
            self._poll_at(began_ms + POLL_MS * (math.floor(age_ms / POLL_MS) + 1))

    def heard(self, _: Samples) -> None:
        """Take note that audio came; silence counts."""
        self._heard_ms = self._runtime.monotonic_ms()
        self._is_said = False

    def close(self) -> None:
        """Stop: the call is over."""
        if self._timer is not None:
            self._timer.cancel()

    def _poll_at(self, at_ms: float) -> None:
        self._timer = self._runtime.call_at(at_ms, lambda: self._poll(at_ms))

    def _poll(self, at_ms: float) -> None:
        self._poll_at(at_ms + POLL_MS)
        silent_ms = self._runtime.monotonic_ms() - self._heard_ms
        if self._is_said or silent_ms < 1000 * self._timeout_s:
            return
        self._is_said = True
        self._emit(
            events.RtpTimeout(
                track_id=self._track_id,
                timestamp=self._runtime.now_ms(),
                timeout=self._timeout_s,
            )
        )
