"""EventLog: every event, command and note of a call, in order of arrival."""

import threading
from collections import deque
from collections.abc import Iterator
from copy import deepcopy
from os import PathLike
from typing import Any, Self, overload

import anyio.lowlevel
import pandas as pd
import pyarrow as pa

from rustpbx_lab.models import notes

from .clock import CallClock
from .clock_steps import Step, StepFinder, clock_remarks
from .columns import LOG_COLUMNS, SCHEMA, records_of
from .pages import PAGE_ROWS, Pages
from .record import Record
from .source import LogSource
from .storage import Damage, read_records, write_records
from .wakeup import Wakeup

BATCH_ROWS = 256
"""Rows an ``async for`` takes before it lets other tasks run."""


class EventLog:
    """Every record of a call, once, in order of arrival.

    One thread appends, any number read: through ``cursor()``, by index, or as a table.
    Older rows are columns in Arrow, so reading the table again costs the new rows.
    """

    def __init__(self) -> None:
        self.clock = CallClock()
        self.damage = 0
        """Lines of its file that could not be read: rows that are missing here, or
        whose message could not be read and that are ``unreadable`` notes."""
        self.damaged_lines: list[int] = []
        """Numbers of these lines, from 1; the first thousand."""
        self.remarks: list[str] = []
        """What was done to read its file, or lost in it: one sentence each."""
        self._lock = threading.Lock()
        self._pages = Pages()
        self._tail: list[Record] = []
        self._clock_steps: list[Record] = []
        self._length = 0
        self._closed = False
        self._wakeups: list[Wakeup] = []
        self._frame: tuple[int, pd.DataFrame] | None = None

    # ------------------------------------------------------------------ writing

    def append(self, record: Record) -> Record:
        """Number the record, fix its call time and keep it; never waits.

        A record that has a call time already (read from a file) keeps it.

        Returns:
            The same record, placed.

        Raises:
            ValueError: If the record already belongs to a log.
        """
        if record.seq != -1:
            raise ValueError(
                f"cannot append {record!r}: it is in a log; append a new one"
            )
        with self._lock:
            if record.time_ms is None:
                record.time_ms = self.clock.place(record)
                if self.clock.shifts:
                    self._note_shifts(record.received_ms, record.time_ms)
            else:
                self.clock.restore(record, record.time_ms)
            self._keep(record)
            wakeups = self._wakeups
            if wakeups:
                self._wakeups = []
        for wakeup in wakeups:
            wakeup.set()
        return record

    def _keep(self, record: Record) -> None:
        record.seq = self._length
        if record.name == "clockStep":
            self._clock_steps.append(record)
        self._tail.append(record)
        self._length += 1
        if len(self._tail) == PAGE_ROWS:
            self._pages.add(self._tail)
            self._tail = []

    def _note_shifts(self, received_ms: int | None, time_ms: int) -> None:
        """Tell of the steps that the clocks made before the record that shows them."""
        at = self.clock.from_ours(received_ms)
        for shift in self.clock.shifts:
            note = Record.of_note(notes.ClockStep(**shift._asdict()), received_ms)
            note.time_ms = time_ms if at is None else at
            self._keep(note)

    def close(self) -> None:
        """Say that no row will follow: cursors end when they have read all."""
        with self._lock:
            self._closed = True
            wakeups, self._wakeups = self._wakeups, []
        for wakeup in wakeups:
            wakeup.set()

    # ------------------------------------------------------------------ reading

    @property
    def is_closed(self) -> bool:
        """Whether no row will follow."""
        return self._closed

    @property
    def revision(self) -> int:
        """A number that grows whenever there is something new to read."""
        return self._length + self._closed

    def cursor(self, start: int = 0) -> "Cursor":
        """Return a reader that begins at row ``start``."""
        return Cursor(self, start)

    def records(self, start: int = 0, stop: int | None = None) -> list[Record]:
        """Return the records of rows ``start`` to ``stop`` (exclusive)."""
        with self._lock:
            stop = self._length if stop is None else min(stop, self._length)
            first_tail = self._pages.n_rows
            if start >= first_tail:
                return self._tail[start - first_tail : max(stop - first_tail, 0)]
            older = self._pages.records(start, stop)
            return older + self._tail[: max(stop - first_tail, 0)]

    def frame(self) -> pd.DataFrame:
        """Return the log as a table: ``LOG_COLUMNS``, one row a record, by ``seq``.

        The values are shared with the log but cannot be changed through the table.
        """
        with self._lock:
            length = self._length
            if self._frame is None or self._frame[0] != length:
                batches = self._pages.batches(self._tail)
                table = pa.Table.from_batches(batches, schema=SCHEMA)
                columns = {
                    name: pd.Series(pd.arrays.ArrowExtensionArray(table.column(name)))
                    for name in LOG_COLUMNS
                }
                self._frame = (length, pd.DataFrame(columns))
            return self._frame[1].copy()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the log as JSON Lines (gzip when the name ends in ``.gz``).

        Raises:
            LogFileError: If the file cannot be written.
        """
        write_records(self.records(), path)

    @classmethod
    def load(cls, source: LogSource) -> Self:
        """Read a log that ``save`` or the server wrote; see `read_log`."""
        log, damage, finder = cls(), Damage(), StepFinder()
        for record in read_records(source, damage):
            finder.take(record)
            log.append(record)
        if steps := finder.steps():
            log = log._placed_anew(steps)
        damage.remarks += clock_remarks(log._clock_steps)
        log._take_damage(damage)
        log.close()
        return log

    def _placed_anew(self, steps: list[Step]) -> Self:
        """Return the log with its clock set where the whole of it shows."""
        log = type(self)()
        waiting, index = deque(steps), 0
        for record in self.records():
            if record.name == "clockStep" and record.direction == "note":
                continue  # what showed before the whole was known
            record.seq, record.time_ms = -1, None
            while waiting and waiting[0].record <= index:
                log._set_server_clock(waiting.popleft())
            log.append(record)
            index += 1
        return log

    def _set_server_clock(self, step: Step) -> None:
        self.clock.set_server(step.by_ms, step.why)
        self._note_shifts(None, self[-1].time_ms or 0)

    def _take_damage(self, damage: Damage) -> None:
        self.damage, self.damaged_lines = damage.count, damage.lines
        self.remarks = damage.remarks

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records())

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return self.records()[index]
        place = index + self._length if index < 0 else index
        found = self.records(place, place + 1) if place >= 0 else []
        if not found:
            raise IndexError(f"no row {index}: the log has {self._length}")
        return found[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EventLog) and self.records() == other.records()

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle or copy the rows there are now; nobody waits on the copy."""
        with self._lock:
            batches = self._pages.batches(self._tail)
            damage = Damage(self.damage, [*self.damaged_lines], [*self.remarks])
            state = (damage, self._closed, deepcopy(self.clock))
        return _restored, (type(self), batches, *state)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<EventLog of {self._length} rows, {state}>"

    def _arm(self, wakeup: Wakeup, position: int) -> bool:
        """Have a wakeup set by row ``position``; False if there is no need to wait."""
        with self._lock:
            if self._length > position or self._closed:
                return False
            wakeup.rearm()
            self._wakeups.append(wakeup)
            return True

    def _forget(self, wakeup: Wakeup) -> None:
        with self._lock:
            if wakeup in self._wakeups:
                self._wakeups.remove(wakeup)


def _restored(
    kind: type[EventLog],
    batches: list[pa.RecordBatch],
    damage: Damage,
    is_closed: bool,
    clock: CallClock,
) -> EventLog:
    log = kind()
    for batch in batches:
        for record in records_of(batch):
            record.seq = -1  # the log numbers them again, to the same numbers
            log.append(record)
    log.clock = clock
    log._take_damage(damage)  # pyright: ignore[reportPrivateUsage]
    if is_closed:
        log.close()
    return log


class Cursor:
    """A place in a log: reads what is new, at its own pace, losing nothing.

    ``read`` works in any thread; waiting works in any event loop, one task at a time.
    """

    def __init__(self, log: EventLog, start: int = 0) -> None:
        self._log = log
        self.position = start
        """The row that is read next."""
        self._ahead: deque[Record] = deque()
        self._wakeup: Wakeup | None = None

    def read(self, limit: int | None = None) -> list[Record]:
        """Return the records that are new since the last read; never waits."""
        self._ahead.clear()
        stop = None if limit is None else self.position + limit
        records = self._log.records(self.position, stop)
        self.position += len(records)
        return records

    @property
    def is_finished(self) -> bool:
        """Whether everything is read and nothing will follow."""
        return self._log.is_closed and self.position >= len(self._log)

    async def wait(self) -> None:
        """Wait until there is something to read or the log is closed."""
        wakeup = self._wakeup
        if wakeup is None or not wakeup.belongs_here():
            wakeup = self._wakeup = Wakeup()
        if not self._log._arm(wakeup, self.position):  # pyright: ignore[reportPrivateUsage]
            await anyio.lowlevel.checkpoint()
            return
        try:
            await wakeup.wait()
        except BaseException:  # one that was set is forgotten already
            self._log._forget(wakeup)  # pyright: ignore[reportPrivateUsage]
            raise

    def __aiter__(self) -> "Cursor":
        return self

    async def __anext__(self) -> Record:
        """Return the next record, waiting for it; ends with a closed log."""
        if not self._ahead and not await self._read_ahead():
            raise StopAsyncIteration
        self.position += 1
        return self._ahead.popleft()

    async def _read_ahead(self) -> bool:
        """Take the next batch, others get their turn once; False: there is none."""
        stop, has_waited = self.position + BATCH_ROWS, False
        while not (new := self._log.records(self.position, stop)):
            if self.is_finished:
                return False
            await self.wait()
            has_waited = True
        if not has_waited:
            await anyio.lowlevel.checkpoint()
        self._ahead.extend(new)
        return True
