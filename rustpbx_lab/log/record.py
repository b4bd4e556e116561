"""One row of the log: a message, its time, and when it arrived."""

from typing import Literal, Self

from pydantic import BaseModel

from rustpbx_lab.masking import mask_text
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.base import BaseCommand, BaseEvent, BaseNote
from rustpbx_lab.models.surrogates import well_formed

Direction = Literal["event", "command", "note"]

INT64_MAX = 2**63 - 1

_PARSERS = {"event": events.parse, "command": commands.parse, "note": notes.parse}


def column_int(value: object) -> int | None:
    """Return ``value`` if a 64-bit integer column can hold it, else None.

    A float without a fraction is an integer: many tools have no other numbers.
    """
    # the class, not isinstance: a bool is not a number
    if value.__class__ is int and -INT64_MAX <= value <= INT64_MAX:  # pyright: ignore[reportOperatorIssue]
        return value  # pyright: ignore[reportReturnType]
    if isinstance(value, float) and abs(value) < 2**53 and value.is_integer():
        return int(value)
    return None


def storable(text: str) -> str:
    """Return ``text`` with what UTF-8 cannot hold (lone surrogates) replaced."""
    return well_formed(text)


class Record:
    """One row: an event, a command or a note.

    ``seq`` and ``time_ms`` are given by the log that the record is appended to; until
    then ``seq`` is -1. Secrets are masked in ``raw`` and therefore in ``message``.
    """

    __slots__ = (
        "_message",
        "direction",
        "name",
        "raw",
        "received_ms",
        "seq",
        "time_ms",
        "timestamp",
    )

    def __init__(
        self,
        direction: Direction,
        name: str,
        raw: str,
        timestamp: int | None = None,
        received_ms: int | None = None,
        message: BaseModel | None = None,
    ) -> None:
        self.seq = -1
        """Row number in the log, from 0."""
        self.direction: Direction = direction
        self.name = name
        """The event's, command's or note's own name."""
        self.time_ms: int | None = None
        """Call time, milliseconds since the first record."""
        self.timestamp = timestamp
        """The server's clock, milliseconds since the Unix epoch."""
        self.received_ms = received_ms
        """Our clock, milliseconds since the Unix epoch; None in a server's own log."""
        self.raw = raw if raw.isascii() else storable(raw)
        """The JSON text, secrets masked."""
        self._message = message

    @classmethod
    def of_event(
        cls,
        event: BaseEvent,
        raw: str,
        received_ms: int | None,
        logged_ms: int | None = None,
    ) -> Self:
        """Return the record of an event that arrived as ``raw``.

        Args:
            event: The parsed event.
            raw: Its text, secrets masked.
            received_ms: Our clock at arrival, milliseconds since the Unix epoch.
            logged_ms: The server's clock when it wrote the event to its own log; used
                for events that carry no timestamp.
        """
        stamped = getattr(event, "timestamp", None)
        timestamp = logged_ms if stamped is None else column_int(stamped)
        return cls("event", event.event, raw, timestamp, received_ms, event)

    @classmethod
    def of_command(
        cls,
        command: BaseCommand,
        received_ms: int | None,
        logged_ms: int | None = None,
        secrets: frozenset[str] = frozenset(),
    ) -> Self:
        """Return the record of a command; the secrets in it are masked."""
        raw = mask_text(command.to_json(), secrets)
        return cls("command", command.command, raw, logged_ms, received_ms)

    @classmethod
    def of_note(
        cls,
        note: BaseNote,
        received_ms: int | None,
        secrets: frozenset[str] = frozenset(),
    ) -> Self:
        """Return the record of a note of our own."""
        raw = mask_text(note.to_json(), secrets)
        return cls("note", note.note, raw, None, received_ms)

    def copy(self) -> "Record":
        """Return the same row with the same call time, for another log."""
        made = Record(
            self.direction, self.name, self.raw, self.timestamp, self.received_ms
        )
        made.time_ms, made._message = self.time_ms, self._message
        return made

    @property
    def message(self) -> BaseEvent | BaseCommand | BaseNote:
        """The typed message; parsed from ``raw`` when it is first asked for."""
        if self._message is None:
            self._message = _PARSERS[self.direction](self.raw)
        return self._message  # pyright: ignore[reportReturnType]

    def _key(self) -> tuple[object, ...]:
        return (
            self.seq,
            self.direction,
            self.name,
            self.time_ms,
            self.timestamp,
            self.received_ms,
            self.raw,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return (
            f"Record({self.seq}, {self.direction} {self.name!r}, "
            f"time_ms={self.time_ms}, raw={self.raw[:60]!r})"
        )
