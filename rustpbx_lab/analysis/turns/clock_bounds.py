"""Bounds of the error of lengths measured across two clocks.

A length that begins and ends by one clock is exact, whatever the clocks say of each
other. One that begins by the server's clock and ends by ours (a final, then the command
it led to) is as good as the join of the two. Causes bound the join: an event was made
before it was received, and a playback began after it was asked for.
"""

from math import ceil
from typing import Any, ClassVar

from rustpbx_lab.analysis.folds import said_at
from rustpbx_lab.log import Record
from rustpbx_lab.log.clock import DRIFT
from rustpbx_lab.models import commands, events, notes

CERTAIN_MS = 20
"""A length between two clocks that may be wrong by more is not measured."""
MAX_CAUSES = 64


class ClockBounds:
    """The least and the most that the server's clock can be ahead of call time."""

    TOLD_BY: ClassVar = (
        *(("command", name) for name in ("invite", "tts", "play")),
        *(("event", name) for name in ("ringing", "answer", "trackStart", "metrics")),
        ("note", "clockStep"),
    )
    """What must be taken in: (direction, name)."""

    def __init__(self) -> None:
        self._forget()
        self._ours: int | None = None

    def _forget(self) -> None:
        self._low: float | None = None
        self._high: float | None = None
        self._at = 0
        self._asked: dict[str, int] = {}
        """Play id, or nothing for the call itself → when it was asked for."""

    def take(self, record: Record, message: Any) -> None:
        """Learn from the next record of the log."""
        if isinstance(message, notes.ClockStep):
            self._forget()
        if record.received_ms is None:
            return
        if record.direction == "event":
            self._take_event(record, message)
            return
        at = said_at(record)
        self._ours = record.received_ms - at
        if isinstance(message, commands.Invite):
            self._asked[""] = at
        elif isinstance(message, commands.Tts | commands.Play):
            self._ask(_play_id(message), at)

    def _ask(self, play_id: str, at: int) -> None:
        if play_id:
            self._asked.setdefault(play_id, at)
        if len(self._asked) > MAX_CAUSES:
            del self._asked[next(iter(self._asked))]

    def _take_event(self, record: Record, message: Any) -> None:
        if record.timestamp is None or record.received_ms is None:
            return
        if self._ours is None:  # all that is known of our clock is this receipt
            return
        at = record.received_ms - self._ours
        self._age(at)
        low = record.timestamp - at
        self._low = low if self._low is None else max(self._low, low)
        for cause in self._causes(message):
            high = record.timestamp - cause
            self._high = high if self._high is None else min(self._high, high)

    def _causes(self, message: Any) -> list[int]:
        """Return when that was asked for which this event shows to have begun."""
        named: list[str] = []
        if isinstance(message, events.Answer | events.Ringing | events.TrackStart):
            named.append("")
        if isinstance(message, events.TrackStart) and message.play_id:
            named.append(message.play_id)
        found = (self._asked.pop(name, None) for name in named)
        return [at for at in found if at is not None]

    def _age(self, at: int) -> None:
        """Loosen both bounds by as much as two quartz clocks may have drifted."""
        by = DRIFT * max(at - self._at, 0)
        self._at = max(at, self._at)
        self._low = None if self._low is None else self._low - by
        self._high = None if self._high is None else self._high + by

    def error_ms(self, least_join: int, most_join: int) -> int | None:
        """Return how far times may be off that were placed with joins between these.

        A join is the server's clock less call time, ``timestamp - time_ms``. None
        while nothing bounds it from above.
        """
        if self._low is None or self._high is None:
            return None
        return max(ceil(max(self._high - least_join, most_join - self._low)), 0)


def _play_id(message: commands.Tts | commands.Play) -> str:
    named = message.play_id
    if named is None and isinstance(message, commands.Play):
        named = message.url
    return named if isinstance(named, str) else ""


def is_certain(error_ms: int | None) -> bool:
    """Whether a length that may be wrong by so much counts as measured."""
    return error_ms is not None and error_ms <= CERTAIN_MS
