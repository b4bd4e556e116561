"""Tables that grow with a call: the rows of a timeline, looked up by time."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rustpbx_lab.analysis.timelines import Changes, Fold
from rustpbx_lab.log import Record

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

    def __init__(self, fold: Fold[Any]) -> None:
        self._fold = fold
        self.changes: Changes[Any] = Changes([], [])
        """What the last records changed."""
        self.revision = 0
        """Grows with every change."""
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
