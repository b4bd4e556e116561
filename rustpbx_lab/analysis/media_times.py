"""Media times as call times, past steps of the server's clock.

The server counts media times in samples from the moment a stream began. If its clock
is set later, they stay on the clock of that moment, while the events that name them
carry the new one.
"""

from collections.abc import Hashable

from rustpbx_lab.log import Record
from rustpbx_lab.models import notes

from .folds import FAR_OFF_MS, said_at

AHEAD_MS = 1000
"""A stream may be this much ahead of the clock that it began with."""
BEHIND_MS = 60_000
"""A stream keeps its clock as long as its times are not older than this."""


class MediaTimes:
    """Places media times; learns the steps of the server's clock from the log."""

    def __init__(self) -> None:
        self._since: list[int] = [0]
        """Clock → how far the server's was set since, ms; the newest is the last."""
        self._clocks: dict[Hashable, int] = {}
        """Stream → its clock, once it has named a time."""

    def learn(self, _: Record, message: notes.ClockStep) -> None:
        """Process that a clock was set."""
        if message.clock == "server":
            self._since = [*(since + message.by_ms for since in self._since), 0]

    def place(
        self,
        record: Record,
        stream: Hashable,
        start_ms: int | None,
        end_ms: int | None = None,
    ) -> tuple[int | None, int | None]:
        """Return the call times of a start and an end that ``record`` names.

        None where one is missing, or so far from the record's own time that it must be
        on another clock (a realtime service counts from its own start).
        """
        latest = start_ms if end_ms is None else end_ms
        if latest is None or record.timestamp is None:
            return None, None
        since = self._since[self._clock(stream, record.timestamp - latest)]
        behind = said_at(record) - record.timestamp + since
        start, end = (
            None
            if epoch is None or abs(record.timestamp - epoch - since) > FAR_OFF_MS
            else epoch + behind
            for epoch in (start_ms, end_ms)
        )
        return start, end

    def _clock(self, stream: Hashable, behind_ms: int) -> int:
        """Return the clock of a stream by the age of the time it names."""
        newest = len(self._since) - 1
        if not newest:
            self._clocks.setdefault(stream, 0)
            return 0
        known = self._clocks.get(stream)
        if known is not None and self._fits(behind_ms - self._since[known]):
            return known
        possible = [
            (behind_ms - since, -clock)
            for clock, since in enumerate(self._since)
            if behind_ms - since >= -AHEAD_MS
        ]
        chosen = -min(possible)[1] if possible else newest
        self._clocks[stream] = chosen
        return chosen

    @staticmethod
    def _fits(behind_ms: int) -> bool:
        return -AHEAD_MS <= behind_ms <= BEHIND_MS
