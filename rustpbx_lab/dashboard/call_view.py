"""What a page knows of the call it shows: tables that grow, sound, a selection."""

import time
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import param

from rustpbx_lab.analysis.numbers import NumbersFold
from rustpbx_lab.analysis.timelines import TIMELINES, Changes
from rustpbx_lab.audio.recording import Leg
from rustpbx_lab.log import Record
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.plots.envelope import (
    Anchors,
    Envelope,
    Levels,
    Times,
)
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.workbench.hub_call import HubCall

from .event_rows import message_of

ROWS_A_TICK = 300
"""A long log is taken in over several ticks, so that none blocks the page: 20 ms."""
SAMPLES_A_TICK = 16000 * 120
REACH = 4000
"""Rows before a window that are looked at, whether they reach into it."""
NEWEST = 20
"""Rows that are returned in any case: what just came is what somebody waits for."""


class Entry(NamedTuple):
    """A finished row and the time it covers."""

    start_ms: float
    seq: int
    end_ms: float
    row: Any


def _by_time(entry: Entry) -> tuple[float, int]:
    return entry.start_ms, entry.seq


class Table:
    """The rows of one timeline: finished ones by time, unfinished ones beside them."""

    def __init__(self, name: str) -> None:
        self._fold = TIMELINES[name]()
        self.changes: Changes[Any] = Changes([], [])
        """What the last records changed."""
        self._closed: list[Entry] = []
        self._longest = 0.0
        self.open: list[Any] = []
        self.n_closed = 0

    def advance(self, records: Sequence[Record]) -> bool:
        """Take in new records; tell whether the table changed."""
        self.changes = changes = self._fold.advance(records)
        for row in changes.closed:
            start, end = _span(row)
            self._longest = max(self._longest, end - start)
            insort(self._closed, Entry(start, row.seq, end, row), key=_by_time)
        self.n_closed += len(changes.closed)
        changed = bool(changes.closed) or changes.open != self.open
        self.open = list(changes.open)
        return changed

    @property
    def n_rows(self) -> int:
        """How many rows there are, unfinished ones included."""
        return self.n_closed + len(self.open)

    def rows(
        self,
        start_ms: float = -np.inf,
        end_ms: float = np.inf,
        most: int | None = None,
    ) -> list[Any]:
        """Return the rows that may lie between two call times, by time.

        Args:
            start_ms: The first call time.
            end_ms: The last one.
            most: If there are more, every second, fourth, … is returned, the same ones
                whatever the times; and the newest, and the unfinished.
        """
        low, high = self._place(start_ms), self._place(end_ms)
        # what began before may reach in
        early = self._closed[
            max(self._place(start_ms - self._longest), low - REACH) : low
        ]
        rows = [entry.row for entry in early if entry.end_ms >= start_ms]
        stride, newest = 1, high
        if most is not None and high - low > most:
            newest = high - NEWEST
            while (newest - low) / stride > most:
                stride *= 2
            low = -(-low // stride) * stride
        thinned = self._closed[low:newest:stride] + self._closed[newest:high]
        return [*rows, *(entry.row for entry in thinned), *self.open]

    def newest(self, most: int) -> list[Any]:
        """Return the last finished rows, by time, and the unfinished ones."""
        return [*(entry.row for entry in self._closed[-most:]), *self.open]

    def _place(self, at_ms: float) -> int:
        return bisect_left(self._closed, at_ms, key=lambda entry: entry.start_ms)


def _span(row: Any) -> tuple[float, float]:
    times = [
        value
        for name in ("command_ms", "start_ms", "at_ms", "said_ms", "end_ms")
        if (value := getattr(row, name, None)) is not None
    ]
    return (float(min(times)), float(max(times))) if times else (0.0, 0.0)


class Sound:
    """The outline of one leg, kept up with its recording."""

    def __init__(self, leg: Callable[[], Leg]) -> None:
        self._find_leg = leg
        self._leg: Leg | None = None
        self._envelope: Envelope | None = None

    def refresh(self) -> bool:
        """Take in new samples; tell whether there were any."""
        leg = self._find_leg()
        if leg is not self._leg:  # the recording begins with the connection
            self._leg, self._envelope = leg, None
        have = 0 if self._envelope is None else self._envelope.n_samples
        if leg.n_samples <= have:
            return False
        if self._envelope is None:
            self._envelope = Envelope(leg.sample_rate_hz)
        samples = leg.samples(have)[:SAMPLES_A_TICK]
        self._envelope.push(samples)
        return len(samples) > 0

    def outline(
        self, anchors: Anchors, start_ms: float, end_ms: float, n_slots: int
    ) -> dict[str, Any]:
        """Return what to draw between two call times, nothing if there is no sound.

        See `Envelope.outline`.
        """
        if self._envelope is None:
            return {"x": np.zeros(0), "low": np.zeros(0), "high": np.zeros(0)}
        return self._envelope.outline(anchors, start_ms, end_ms, n_slots)

    @property
    def is_empty(self) -> bool:
        """Whether there is no sound at all."""
        return self._envelope is None

    @property
    def level_dbfs(self) -> float | None:
        """Peak of the last moment."""
        return None if self._envelope is None else self._envelope.recent_level_dbfs()


class CallView(param.Parameterized):
    """One call as a page sees it; the call itself belongs to the hub."""

    selected = param.Integer(default=None, allow_None=True)
    """The selected log row."""

    def __init__(self, call: HubCall) -> None:
        super().__init__()
        self.call = call
        self.log = call.log
        self.tables = {name: Table(name) for name in TIMELINES}
        self.caller = Sound(lambda: call.recording.caller)
        self.agent = Sound(lambda: call.recording.server)
        self.numbers = NumbersFold()
        self.changed: frozenset[str] = frozenset()
        """Tables that the last refresh changed."""
        self.new_records: Sequence[Record] = ()
        self.caller_track: str | None = None
        self.n_errors = 0
        self.is_muted = False
        """Whether the caller was muted, by the commands sent."""
        self.is_paused = False
        """Whether playback was paused, by the commands sent."""
        self._cursor = call.log.cursor()
        self._option: CallOption | None = None
        self._arrivals: deque[float] = deque(maxlen=2000)
        self._last_ms = 0

    def refresh(self, most: int = ROWS_A_TICK) -> bool:
        """Take in what is new, at most so many rows; tell whether anything is."""
        self.new_records = records = self._cursor.read(most)
        for record in records:
            self._learn(record)
        self.changed = frozenset(
            name for name, table in self.tables.items() if table.advance(records)
        )
        turns, overlaps = self.tables["turns"], self.tables["overlaps"]
        self.numbers.advance(records, turns.changes, overlaps.changes)
        heard = [sound.refresh() for sound in (self.caller, self.agent)]
        return bool(records) or any(heard)

    def _learn(self, record: Record) -> None:
        if record.time_ms is not None:
            self._last_ms = max(self._last_ms, record.time_ms)
        if record.direction == "event":
            self._arrivals.append(time.monotonic())
        if record.name in ("error", "reject", "unreadable"):
            self.n_errors += 1
        if record.direction == "command":
            self._learn_toggle(record)
        if record.name in ("invite", "accept", "answer"):
            message = message_of(record)
            if isinstance(message, commands.Invite | commands.Accept):
                self._option = message.option
            elif isinstance(message, events.Answer) and not message.refer:
                self.caller_track = message.track_id

    def _learn_toggle(self, record: Record) -> None:
        if record.name in ("mute", "unmute"):
            track = getattr(message_of(record), "track_id", None)
            if track in (None, self.caller_track):
                self.is_muted = record.name == "mute"
        elif record.name in ("pause", "resume"):
            self.is_paused = record.name == "pause"
        elif record.name in ("tts", "play", "interrupt"):
            self.is_paused = False  # what is paused is replaced or stopped

    @property
    def seen(self) -> int:
        """How many records were taken in."""
        return self._cursor.position

    @property
    def option(self) -> CallOption | None:
        """The option that the call was made with, secrets masked."""
        return self._option

    @property
    def vad_params(self) -> VadParams | None:
        """What the server's VAD was asked; None: the call has none."""
        vad = None if self._option is None else self._option.vad
        if vad is None or vad.type != "silero":
            return None
        return VadParams.from_option(vad)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.call.is_over

    @property
    def now_ms(self) -> float:
        """The last moment there is, call time."""
        if self.is_over:
            return float(self._last_ms)
        ours = self.call.now_ms
        return float(self._last_ms if ours is None else max(ours, self._last_ms))

    @property
    def events_per_s(self) -> float:
        """Events that came in the last five seconds, per second."""
        since = time.monotonic() - 5
        while self._arrivals and self._arrivals[0] < since:
            self._arrivals.popleft()
        return len(self._arrivals) / 5

    @property
    def is_speaking(self) -> bool:
        """Whether the server says that the caller speaks now."""
        return any(row.end_ms is None for row in self.tables["speech"].open)

    def anchors(self, leg: Leg) -> list[tuple[int, float]]:
        """Return the arrival anchors of a leg in call time."""
        placed = (
            (sample, self.call.time_of(received)) for sample, received in leg.anchors
        )
        return [(sample, float(at)) for sample, at in placed if at is not None]

    def frames(self, start_ms: float, end_ms: float) -> tuple[Times, Levels]:
        """Return start and speech probability of the frames between two times."""
        probabilities: Levels = self.call.probabilities
        # a burst may go back in time: what is drawn must not
        times = np.maximum.accumulate(self.call.frame_times(0, len(probabilities)))
        low = max(int(np.searchsorted(times, start_ms)) - 1, 0)
        high = int(np.searchsorted(times, end_ms))
        return times[low:high].astype(np.float64), probabilities[low:high]


class LoopLag:
    """How late the ticks of a page run: the lag of the loop that serves it."""

    def __init__(self, period_ms: float) -> None:
        self._period_ms = period_ms
        self._last: float | None = None
        self._late: deque[float] = deque(maxlen=200)

    def tick(self) -> None:
        """Note that a tick runs now."""
        now = time.monotonic() * 1000
        if self._last is not None:
            self._late.append(max(now - self._last - self._period_ms, 0.0))
        self._last = now

    @property
    def p95_ms(self) -> float | None:
        """95th percentile of the last ticks; None before there are enough."""
        return float(np.percentile(self._late, 95)) if len(self._late) > 10 else None
