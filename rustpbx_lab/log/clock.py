"""Call time: where the server's clock and ours meet."""

from collections import deque

from .record import Record

SKEW_WINDOW = 64
"""Events over which the skew is estimated."""


class CallClock:
    """Turns epoch milliseconds of either clock into call time.

    Call time is 0 at the first record. The first event that carries a timestamp places
    the server's clock against ours; from then on events count by the server's clock,
    commands and notes by ours.
    """

    def __init__(self) -> None:
        self._ours: int | None = None
        self._server: int | None = None
        self._last = 0
        self._delays: deque[int] = deque(maxlen=SKEW_WINDOW)

    def place(self, record: Record) -> int:
        """Return the call time of the next record and learn from it."""
        received, stamped = record.received_ms, record.timestamp
        if (  # both clocks are placed: the way of nearly every row
            stamped is not None
            and received is not None
            and self._server is not None
            and self._ours is not None
            and record.direction == "event"
        ):
            self._last = time_ms = stamped - self._server
            self._delays.append(received - self._ours - time_ms)
            return time_ms
        if self._ours is None and self._server is None:
            self._ours, self._server = received, None if received else stamped
        elif self._ours is None and received is not None:
            self._ours = received - self._last
        by_server = stamped is not None and (
            record.direction == "event" or received is None
        )
        if by_server and self._server is None and stamped is not None:
            base = self._last if received is None else received - (self._ours or 0)
            self._server = stamped - base
        time_ms = self._time_of(record, by_server)
        if by_server and received is not None and self._ours is not None:
            self._delays.append(received - self._ours - time_ms)
        self._last = time_ms
        return time_ms

    def _time_of(self, record: Record, by_server: bool) -> int:
        if by_server and record.timestamp is not None and self._server is not None:
            return record.timestamp - self._server
        if record.received_ms is not None and self._ours is not None:
            return record.received_ms - self._ours
        return self._last

    def restore(self, record: Record, time_ms: int) -> None:
        """Learn the two clocks from a record whose call time is already known."""
        if record.direction == "event" and record.timestamp is not None:
            if self._server is None:
                self._server = record.timestamp - time_ms
                if self._ours is None and record.received_ms is not None:
                    self._ours = record.received_ms - time_ms
            elif self._ours is not None and record.received_ms is not None:
                self._delays.append(record.received_ms - self._ours - time_ms)
        elif record.received_ms is not None and self._ours is None:
            self._ours = record.received_ms - time_ms
        elif record.timestamp is not None and self._server is None:
            self._server = record.timestamp - time_ms
        self._last = time_ms

    def from_server(self, epoch_ms: int | None) -> int | None:
        """Return the call time of a server or media time; None while unknown."""
        if epoch_ms is None or self._server is None:
            return None
        return epoch_ms - self._server

    def from_ours(self, epoch_ms: int | None) -> int | None:
        """Return the call time of a moment on our clock; None while unknown."""
        if epoch_ms is None or self._ours is None:
            return None
        return epoch_ms - self._ours

    def to_wall(self, time_ms: int) -> int | None:
        """Return the wall clock (ours, else the server's) of a call time."""
        origin = self._ours if self._ours is not None else self._server
        return None if origin is None else origin + time_ms

    @property
    def skew_ms(self) -> int | None:
        """How far the server's clock has fallen behind ours since the first event.

        The smallest delay of the last events, since a network only ever adds; None
        before two events were received, or in a log that the server wrote.
        """
        return min(self._delays) if len(self._delays) > 1 else None
