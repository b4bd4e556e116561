"""Growing tables of a call, looked up by time."""

from array import array
from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rustpbx_lab.analysis.timelines import Changes, Fold
from rustpbx_lab.audio.envelope import Times
from rustpbx_lab.log import Record
from rustpbx_lab.plots.density import Block

REACH = 4000
"""Rows before a window that are looked at, whether they reach into it."""
NOTABLE_OUTCOMES = ("cut_off", "interrupted", "unheard")
NEWEST = 20
"""Rows of a running call that are drawn in any case: they have just come."""
MOST_BLOCKS = 150
STEPS_MS = tuple(
    1000 * seconds
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
)
"""What a block of rows may cover; beyond, whole hours."""


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
        self._times = array("d")  # start and end of each finished row, in turns
        self.open: list[Any] = []
        self.n_closed = 0

    def advance(self, records: Sequence[Record]) -> bool:
        """Process new records; return whether the table changed."""
        self.changes = changes = self._fold.advance(records)
        for row in changes.closed:
            start, end = _span(row)
            self._longest = max(self._longest, end - start)
            self._times.extend((start, end))
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
        newest: int = NEWEST,
    ) -> list[Any]:
        """Return the rows that may lie between two call times, by time.

        Args:
            start_ms: The first call time.
            end_ms: The last one.
            most: If more begin there, only those that are notable, the newest, and
                the unfinished; `blocks` says how many the others are.
            newest: How many of the newest.
        """
        low, high = _place(self._closed, start_ms), _place(self._closed, end_ms)
        # what began before may reach in
        early = self._closed[
            max(_place(self._closed, start_ms - self._longest), low - REACH) : low
        ]
        if most is None or high - low <= most:
            found = [e for e in early if e.end_ms >= start_ms] + self._closed[low:high]
        else:
            last_few = self._closed[max(high - newest, low) : high]
            drawn = {id(entry) for entry in last_few}
            first, last = _place(self._notable, start_ms), _place(self._notable, end_ms)
            notable = [e for e in self._notable[first:last] if id(e) not in drawn]
            found = sorted([*last_few, *notable], key=_by_time)
        return [*(entry.row for entry in found), *self.open]

    def blocks(self, start_ms: float, end_ms: float, most: int) -> list[Block]:
        """Return how many finished rows begin where, if too many to return each.

        Args:
            start_ms: The first call time.
            end_ms: The last one.
            most: Nothing is returned if no more begin between the two times.

        Returns:
            Blocks on a grid that is the same wherever the window begins, without the
            empty ones. The rows of a block that reaches out of the window all count.
        """
        if not self._closed or self.n_between(start_ms, end_ms) <= most:
            return []
        first, last = self._closed[0].start_ms, self._closed[-1].start_ms
        start, end = max(start_ms, first), min(end_ms, last + 1)
        span = end_ms - start_ms
        step = _step(span if np.isfinite(span) else end - start)
        edges = np.arange(np.floor(start / step), np.ceil(end / step) + 1) * step
        places = [_place(self._closed, float(edge)) for edge in edges]
        return [
            Block(float(edges[at]), float(edges[at + 1]), places[at + 1] - places[at])
            for at in range(len(edges) - 1)
            if places[at + 1] > places[at]
        ]

    def n_between(self, start_ms: float, end_ms: float) -> int:
        """Return how many finished rows begin between two call times."""
        return _place(self._closed, end_ms) - _place(self._closed, start_ms)

    def spans(self) -> tuple[Times, Times]:
        """Return when each row starts and ends, in the order in which they ended.

        Unfinished ones last until now.
        """
        times = array("d", self._times)
        for row in self.open:
            times.extend((_span(row)[0], np.inf))
        starts, ends = np.frombuffer(times, np.float64).reshape(-1, 2).T
        return starts, ends

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


def _step(span_ms: float) -> float:
    least = span_ms / MOST_BLOCKS
    hours = np.ceil(least / STEPS_MS[-1]) * STEPS_MS[-1]
    return next((float(step) for step in STEPS_MS if step >= least), float(hours))


def _place(entries: Sequence[Entry], at_ms: float) -> int:
    return bisect_left(entries, at_ms, key=lambda entry: entry.start_ms)


def _span(row: Any) -> tuple[float, float]:
    times = [
        value
        for name in ("command_ms", "start_ms", "at_ms", "said_ms", "end_ms")
        if (value := getattr(row, name, None)) is not None
    ]
    return (float(min(times)), float(max(times))) if times else (0.0, 0.0)
