"""Keep-alive pings of a call."""

from collections.abc import Callable

from rustpbx_lab.models import events
from rustpbx_lab.simulator.core.runtime import Runtime, Timer
from rustpbx_lab.simulator.core.times import rfc3339


class KeepAlive:
    """Sends pings until it is stopped."""

    def __init__(
        self, runtime: Runtime, period_s: int, send: Callable[[events.Ping], object]
    ) -> None:
        self._runtime, self._period_ms, self._send = runtime, 1000 * period_s, send
        self._timer: Timer | None = None

    def start(self) -> None:
        """Send the first; a period of 0 sends none."""
        if self._period_ms:
            self._ping(self._runtime.monotonic_ms())

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _ping(self, at_ms: float) -> None:
        now = self._runtime.now_ms()
        self._send(events.Ping(timestamp=now, payload=rfc3339(now)))
        next_ms = at_ms + self._period_ms
        self._timer = self._runtime.call_at(next_ms, lambda: self._ping(next_ms))
