"""Base classes of folds: records in, changed rows out.

A fold is a function of the records alone: it reads no clock and keeps no log. Media
times are placed by the record that names them, whose call time and server time are
both known, so that any way of cutting the records into pieces gives the same rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from types import UnionType
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)
from urllib.parse import parse_qs, urlsplit

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.log import Record
from rustpbx_lab.models import commands, events, notes, options

Quality = Literal["measured", "inferred", "unknown"]

FAR_OFF_MS = 24 * 3600 * 1000
"""A media time this far from the event that names it is on no clock we know."""
SERVER_SIDE_TRACK = "server-side-track"
MAX_OPEN = 8
"""Unfinished rows that a table keeps open; the oldest is given up first."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Changes(Generic[R]):
    """What some records changed in a table."""

    closed: list[R]
    """Rows that these records finished; each row is closed once."""
    open: list[R]
    """All rows that are unfinished now; a later change replaces them by ``seq``."""


Handlers = Mapping[tuple[str, str], Callable[[Record, Any], None]]


class Fold(ABC, Generic[R]):
    """A table that grows with the log: ``advance`` costs the new records only."""

    row: ClassVar[type]
    """The dataclass of a row; its fields are the columns."""

    def __init__(self) -> None:
        self._closed: list[R] = []
        self._handlers = self._handling()

    @property
    def columns(self) -> Mapping[str, str]:
        """Column → pandas dtype."""
        return column_types(self.row)

    @property
    def handled(self) -> Handlers:
        """What this fold looks at: (direction, name) → function."""
        return self._handlers

    def advance(self, records: Iterable[Record]) -> Changes[R]:
        """Process the next records of the log and return what they change."""
        for record in records:
            self._take_in(record)
        return self._changes()

    def step(self, record: Record) -> Changes[R]:
        """Process the next record of the log and return what it changes."""
        self._take_in(record)
        return self._changes()

    def _take_in(self, record: Record) -> None:
        handle = self._handlers.get((record.direction, record.name))
        if handle is None:
            return
        try:
            message = record.message
        except UnreadableFrameError:  # masked beyond reading: it says nothing here
            return
        handle(record, message)

    def _changes(self) -> Changes[R]:
        closed, self._closed = self._closed, []
        return Changes(closed, self._open_rows())

    @abstractmethod
    def _handling(self) -> Handlers:
        """Return what handles a record: (direction, name) → function."""

    def _open_rows(self) -> list[R]:
        return []


_DTYPES = {int: "Int64", str: "string", bool: "boolean"}


def column_types(row: type) -> dict[str, str]:
    """Return column → pandas dtype of a row's dataclass."""
    hints = get_type_hints(row)
    return {field.name: _dtype(hints[field.name]) for field in fields(row)}


def _dtype(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Literal:
        return "string"
    choices = get_args(hint) if origin is UnionType else (hint,)
    return next((_DTYPES[choice] for choice in choices if choice in _DTYPES), "object")


def said_at(record: Record) -> int:
    """Return the call time of a placed record."""
    if record.time_ms is None:
        raise ValueError(f"cannot fold {record!r}: append it to a log first")
    return record.time_ms


def our_time(record: Record, epoch_ms: int) -> int:
    """Return the call time of a moment on our clock that a note names."""
    if record.received_ms is None:
        return said_at(record)
    behind = record.received_ms - epoch_ms
    return said_at(record) - behind if abs(behind) <= FAR_OFF_MS else said_at(record)


def length(duration_ms: float | None) -> int | None:
    """Return a length in whole milliseconds; None if it is impossible."""
    if duration_ms is None or not 0 <= duration_ms <= FAR_OFF_MS:
        return None
    return round(duration_ms)


class Tracks:
    """Which track is the caller's and which are the server's, as the log tells."""

    def __init__(self) -> None:
        self.caller: str | None = None
        """The caller's track, once an answer has named it."""
        self._server = {SERVER_SIDE_TRACK}

    def is_server(self, track_id: str) -> bool:
        """Whether the server plays on this track."""
        return track_id in self._server

    def learn(self, _: Record, message: Any) -> None:
        """Process a message that may name a track."""
        match message:
            case notes.Connected():
                named = parse_qs(urlsplit(message.url).query).get("serverSideTrack")
                self._server.update(named or [])
            case events.Answer():
                if not message.refer:
                    self.caller = message.track_id
            case events.TrackStart() | events.TrackEnd() | events.Interruption():
                # only what the server plays has a play id
                if message.play_id is not None:
                    self._server.add(message.track_id)
            case _:
                return

    def learn_playing(self, track_id: str) -> None:
        """Process that an unnamed playback runs on this track."""
        self._server.add(track_id)


def call_option(message: object) -> options.CallOption | None:
    """Return the call's option if the message sets one."""
    if isinstance(message, commands.Invite | commands.Accept):
        return message.option
    return None


def details(message: events.Metrics) -> Mapping[str, Any]:
    """Return the ``data`` of a measurement; empty if it is not an object."""
    data: Any = message.data
    return cast(dict[str, Any], data) if isinstance(data, dict) else {}


def flag(value: object) -> bool | None:
    """Return a truth value that someone else said; None for anything else."""
    return value if isinstance(value, bool) else None
