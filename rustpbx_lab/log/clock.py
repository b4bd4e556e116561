"""Call time: the join of the server's clock and ours.

A network only ever adds: an event is received after it was made. So of all events the
one with the smallest delay joins the clocks best, and the join moves to it as soon as
it comes. No event then lies after its receipt. It moves back slowly, as far as two
quartz clocks may drift apart, so no event lies before the command that caused it.

A clock may also be set while a call runs (NTP, a machine that was resumed). Then call
time goes on, the join is made again, and the log tells it with a ``clockStep`` note.
"""

from math import ceil
from typing import Literal, NamedTuple

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models.notes import ClockName

from .record import Record

DRIFT = 1e-4
"""How fast two clocks may drift apart: 100 parts in a million."""
STEP_MS = 1000
"""A smaller step cannot be told from slow delivery and is absorbed in silence."""
DISORDER_MS = 100
"""Events of one server may come in another order than they were made, by so much."""
CERTAIN_MS = 60_000
"""No delivery is this slow."""
FAR_MS = 24 * 3600 * 1000
"""In a log without our clock a longer silence is a step."""
SAME_MS = 200
"""Delays this much alike are one delay."""
RUN_EVENTS = 3
RUN_MS = 2000
"""So many events over so long, all late by the same: the clock was set back."""
MAX_CAUSES = 64

JUMP = "the times of its events jump"
TOO_EARLY = "its events seem to arrive before they were made"
ALL_LATE = "all its events seem to arrive late by the same time"
BEFORE_CAUSE = "a playback seems to begin before it was asked for"
RECEIVED_BACK = "what was received later has an earlier time"


_Misfit = Literal["early", "back", "slow"]
"""Before it was made; late, with a time before that of others; late."""


class ClockShift(NamedTuple):
    """A clock that was set."""

    clock: ClockName
    by_ms: int
    """How far; positive is forward."""
    why: str
    """How it shows."""


class _Run:
    """Events in a row that do not fit the join: slow ones, odd ones, or a new clock."""

    def __init__(self, kind: _Misfit = "slow") -> None:
        self.kind: _Misfit = kind
        self.n = 0
        self.best = self.worst = 0
        """The least and the most late: server's clock less call time."""
        self._from_ms = 0

    def add(self, offset: int, received_ms: int) -> None:
        """Process the next event of the run."""
        if not self.n:
            self.best = self.worst = offset
            self._from_ms = received_ms
        self.n += 1
        self.best, self.worst = max(self.best, offset), min(self.worst, offset)

    def is_step(self, received_ms: int, misfit_ms: float) -> bool:
        """Whether a step explains these events, and slow delivery does not."""
        if self.kind == "early" or (self.kind == "back" and misfit_ms > CERTAIN_MS):
            return self.n > 1  # a single one is a wrong time
        # two connections in one log: the quicker one comes in between
        is_long = self.n >= RUN_EVENTS and received_ms - self._from_ms >= RUN_MS
        return is_long and (self.kind == "back" or self.best - self.worst <= SAME_MS)


class CallClock:
    """Turns epoch milliseconds of either clock into call time.

    Call time is 0 at the first record. Events count by the server's clock, commands
    and notes by ours. What is placed stays where it is.
    """

    def __init__(self) -> None:
        self.shifts: list[ClockShift] = []
        """The steps that the record placed last has shown."""
        self._ours: int | None = None
        self._server: int | None = None
        self._bound = 0.0
        """The server's clock less call time, before it is rounded up."""
        self._first_server: int | None = None
        self._begins_ours = False
        """Whether the first record is of our clock: no event was made before it."""
        self._last = 0
        self._last_at = 0
        """Receipt of the last event, call time."""
        self._stamped: int | None = None
        """The latest time of the server's clock since it was last set."""
        self._received: int | None = None
        self._alike: tuple[int, int] | None = None
        """When the first and the last event came that the join rests on."""
        self._odd: int | None = None
        """A time of the server's clock alone that cannot be."""
        self._run = _Run()
        self._causes: dict[str, int] = {}
        """Play id → when it was asked for."""

    def place(self, record: Record) -> int:
        """Return the call time of the next record and learn from it."""
        received, stamped = record.received_ms, record.timestamp
        self.shifts = []
        if self._ours is None:
            self._begin(record)
        if received is not None:
            self._check_ours(received, stamped)
        if stamped is not None and record.direction == "event" and received is not None:
            time_ms = self._by_both(record, stamped, received)
        elif received is not None:
            time_ms = self._by_ours(record, received)
        elif stamped is not None:
            time_ms = self._by_server(stamped)
        else:
            time_ms = self._last
        self._last = time_ms
        return time_ms

    def _begin(self, record: Record) -> None:
        if record.received_ms is None:
            return
        self._begins_ours = self._server is None and record.direction != "event"
        self._ours = record.received_ms - self._last

    def _join(self, bound: float) -> None:
        self._bound, self._server = bound, ceil(bound)
        if self._first_server is None:
            self._first_server = self._server

    def set_server(self, by_ms: int, why: str) -> None:
        """Process that the server's clock was set after the last record."""
        self._join(self._bound + by_ms)
        self._stamped, self._alike = None, None
        self._run = _Run()
        self.shifts.append(ClockShift("server", by_ms, why))

    # ------------------------------------------------------------------ one clock

    def _by_ours(self, record: Record, received: int) -> int:
        time_ms = received - (self._ours or 0)
        play_id = _play_id(record)
        if play_id:
            self._causes.setdefault(play_id, time_ms)
            if len(self._causes) > MAX_CAUSES:
                del self._causes[next(iter(self._causes))]
        return time_ms

    def _check_ours(self, received: int, stamped: int | None) -> None:
        """Notice that our own clock was set back: what came later came earlier."""
        before, self._received = self._received, received
        if before is None or received >= before - STEP_MS:
            return
        at = self._last
        if stamped is not None and self._server is not None:
            at = max(at, stamped - self._server)
        by_ms = received - (self._ours or 0) - at
        self._ours = received - at
        self.shifts.append(ClockShift("ours", by_ms, RECEIVED_BACK))

    def _by_server(self, stamped: int) -> int:
        """Place by the server's clock alone: it shows only what cannot be."""
        if self._server is None or self._stamped is None:
            self._join(stamped - self._last if self._server is None else self._bound)
            self._stamp(stamped)
            return stamped - (self._server or 0)
        odd = self._odd
        if odd is not None and goes_on(stamped, odd, self._stamped):
            self.set_server(odd - (self._server or 0) - self._last, JUMP)
        elif not is_possible(stamped - self._stamped):
            self._odd = stamped
            return self._last  # one wrong time is not a step
        self._odd = None
        self._stamp(stamped)
        return stamped - (self._server or 0)

    def _stamp(self, stamped: int) -> None:
        self._stamped = (
            stamped if self._stamped is None else max(self._stamped, stamped)
        )

    # ------------------------------------------------------------------ both clocks

    def _by_both(self, record: Record, stamped: int, received: int) -> int:
        at = received - (self._ours or 0)
        offset = stamped - at
        if self._server is None:
            self._join(offset)
        self._bound -= DRIFT * max(at - self._last_at, 0)
        self._last_at = max(at, self._last_at)
        late = self._bound - offset
        if abs(late) <= STEP_MS:
            self._run = _Run() if self._run.n else self._run
            self._rest_on(late, received)
            self._bound = max(self._bound, offset)
        else:
            self._misfit(late, offset, stamped, received)
        if record.name == "trackStart" and self._causes:
            self._not_before_its_cause(record, stamped, offset)
        self._server = ceil(self._bound)
        if self._run.n and self._run.kind != "slow":
            return at  # wherever the clock is now: not after this, hardly before
        self._stamp(stamped)
        return stamped - self._server

    def _rest_on(self, late: float, received: int) -> None:
        if abs(late) <= SAME_MS:
            first = received if self._alike is None else self._alike[0]
            self._alike = (first, received)
        elif late < 0:
            self._alike = (received, received)

    def _misfit(self, late: float, offset: int, stamped: int, received: int) -> None:
        """Tell slow delivery and wrong times from a clock that was set."""
        kind: _Misfit = "early" if late < 0 else "slow"
        if (
            late > 0
            and self._stamped is not None
            and stamped < self._stamped - DISORDER_MS
        ):
            kind = "back"
        if kind != self._run.kind and "early" in (kind, self._run.kind):
            self._run = _Run(kind)
        if not self._run.n:
            self._run = _Run(kind)
        self._run.add(offset, received)
        if not self._run.is_step(received, abs(late)):
            return
        by_ms = round(self._run.best - self._bound)
        if kind != "early":
            self.set_server(by_ms, ALL_LATE)
        elif self._is_set_forward(by_ms, received):
            self.set_server(by_ms, TOO_EARLY)
        else:  # those before it were slow
            self._run, self._alike = _Run(), (received, received)
        self._join(max(self._bound, offset))

    def _is_set_forward(self, by_ms: int, received: int) -> bool:
        """Whether all events before this were not merely slow by so much."""
        if self._alike is not None and self._alike[1] - self._alike[0] >= STEP_MS:
            return True
        at = received - (self._ours or 0)
        possible = at + STEP_MS if self._begins_ours else CERTAIN_MS
        return by_ms > min(possible, CERTAIN_MS)

    def _not_before_its_cause(self, record: Record, stamped: int, offset: int) -> None:
        """Move the join if it puts a playback before the command that asked for it."""
        caused = self._causes.get(_play_id(record))
        if caused is None or stamped - caused >= self._bound:
            return
        bound = max(stamped - caused, offset)
        if self._bound - bound > STEP_MS:
            self.set_server(round(bound - self._bound), BEFORE_CAUSE)
        self._join(bound)
        self._run = _Run()

    # ------------------------------------------------------------------ known times

    def restore(self, record: Record, time_ms: int) -> None:
        """Learn the two clocks from a record whose call time is already known."""
        received, stamped = record.received_ms, record.timestamp
        if record.direction != "event" and received is not None:
            self._ours = received - time_ms
        elif stamped is not None:
            self._join(stamped - time_ms)
            self._stamped = stamped
            if self._ours is None and received is not None:
                self._ours = received - time_ms
        self._received = received if received is not None else self._received
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

        None before an event was received, or in a log that the server wrote.
        """
        if self._ours is None or self._server is None or self._first_server is None:
            return None
        return self._first_server - self._server


def is_possible(gap_ms: int, disorder_ms: int = DISORDER_MS) -> bool:
    """Whether the server's clock may show this between two records."""
    return -disorder_ms <= gap_ms <= FAR_MS


def goes_on(stamped: int, odd: int, latest: int) -> bool:
    """Whether a time goes on from an odd one, rather than from the latest before it."""
    is_new = stamped < latest or not is_possible(stamped - latest)
    return is_new and is_possible(stamped - odd)


_PLAYING = frozenset({"tts", "play", "trackStart"})


def _play_id(record: Record) -> str:
    if record.name not in _PLAYING:
        return ""
    try:
        message = record.message
    except UnreadableFrameError:
        return ""
    named = getattr(message, "play_id", None) or getattr(message, "url", None)
    return named if isinstance(named, str) else ""
