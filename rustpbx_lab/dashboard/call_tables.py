"""Tables that grow with a call: the rows of a timeline, looked up by time."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rustpbx_lab.analysis.timelines import Changes, Fold
from rustpbx_lab.log import Record

REACH = 4000
"""Rows before a window that are looked at, whether they reach into it."""
NOTABLE_OUTCOMES = ("cut_off", "interrupted", "unheard")
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

    def __init__(self, fold: Fold[Any]) -> None:
        self._fold = fold
        self.changes: Changes[Any] = Changes([], [])
        """What the last records changed."""
        self.revision = 0
        """Grows with every change."""
        self._closed: list[Entry] = []
        self._notable: list[Entry] = []
        """Those of ``_closed`` that are never left out."""
        self._longest = 0.0
        self.open: list[Any] = []
        self.n_closed = 0

    def advance(self, records: Sequence[Record]) -> bool:
        """Take in new records; tell whether the table changed."""
        self.changes = changes = self._fold.advance(records)
        for row in changes.closed:
            start, end = _span(row)
            self._longest = max(self._longest, end - start)
            entry = Entry(start, row.seq, end, row)
            insort(self._closed, entry, key=_by_time)
            if is_notable(row):
                insort(self._notable, entry, key=_by_time)
        self.n_closed += len(changes.closed)
        changed = bool(changes.closed) or changes.open != self.open
        self.open = list(changes.open)
        self.revision += changed
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
                whatever the times; and all that are notable, the newest, and the
                unfinished.
        """
        low, high = _place(self._closed, start_ms), _place(self._closed, end_ms)
        # what began before may reach in
        early = self._closed[
            max(_place(self._closed, start_ms - self._longest), low - REACH) : low
        ]
        rows = [entry.row for entry in early if entry.end_ms >= start_ms]
        stride, newest = 1, high
        if most is not None and high - low > most:
            newest = high - NEWEST
            while (newest - low) / stride > most:
                stride *= 2
            low = -(-low // stride) * stride
        thinned = self._closed[low:newest:stride] + self._closed[newest:high]
        if stride > 1:
            thinned = self._with_notable(thinned, start_ms, end_ms)
        return [*rows, *(entry.row for entry in thinned), *self.open]

    def _with_notable(
        self, thinned: Sequence[Entry], start_ms: float, end_ms: float
    ) -> list[Entry]:
        low, high = _place(self._notable, start_ms), _place(self._notable, end_ms)
        drawn = {id(entry) for entry in thinned}
        more = [e for e in self._notable[low:high] if id(e) not in drawn]
        return sorted([*thinned, *more], key=_by_time)

    def n_between(self, start_ms: float, end_ms: float) -> int:
        """Return how many finished rows begin between two call times."""
        return _place(self._closed, end_ms) - _place(self._closed, start_ms)

    def newest(self, most: int) -> list[Any]:
        """Return the last finished rows, by time, and the unfinished ones."""
        return [*(entry.row for entry in self._closed[-most:]), *self.open]


def is_notable(row: Any) -> bool:
    """Whether a row is drawn however many there are: what one looks for in a call.

    Errors and refusals, playback that was interrupted, turns that went wrong.
    """
    is_error = getattr(row, "kind", None) in ("error", "reject")
    is_cut = getattr(row, "interrupted_ms", None) is not None
    return is_error or is_cut or getattr(row, "outcome", None) in NOTABLE_OUTCOMES


def _place(entries: Sequence[Entry], at_ms: float) -> int:
    return bisect_left(entries, at_ms, key=lambda entry: entry.start_ms)


def _span(row: Any) -> tuple[float, float]:
    times = [
        value
        for name in ("command_ms", "start_ms", "at_ms", "said_ms", "end_ms")
        if (value := getattr(row, name, None)) is not None
    ]
    return (float(min(times)), float(max(times))) if times else (0.0, 0.0)
