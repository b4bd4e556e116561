"""Recognised utterances and their delays."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Self

from typing_extensions import override

from rustpbx_lab.log import Record
from rustpbx_lab.log.record import column_int
from rustpbx_lab.models import events, notes

from .folds import (
    MAX_OPEN,
    Fold,
    Handlers,
    Quality,
    call_option,
    said_at,
)
from .media_times import MediaTimes
from .speech import Speech, SpeechFold

MAX_DELTAS = 512
"""Times of deltas that a row keeps."""
MAX_DELAY_MS = 60_000
"""A final later than this after the end of speech is not an answer to it."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """One sentence."""

    index: int | None
    """Number of the sentence, as the provider counts."""
    text: str
    is_final: bool
    start_ms: int | None
    """Start on the recogniser's clock, which runs late by its connection delay."""
    end_ms: int | None
    said_ms: int
    """When the last event of the sentence came."""
    deltas: tuple[int, ...]
    """When each partial result came; the first `MAX_DELTAS`."""
    delay_ms: int | None
    """From the end of its own speech to the final: ``said_ms`` less the later of VAD
    end and ``end_ms``; empty for partial results and for impossible values."""
    quality: Quality
    """Of ``delay_ms``: measured with the provider's own end, inferred from the VAD end
    alone, or unknown."""
    track_id: str
    refer: bool
    seq: int
    """Log row that made this one."""
    said_seq: int | None = None
    """Log row of the last event of the sentence: of a final, the final itself."""
    delta_seqs: tuple[int, ...] = ()
    """Log rows of ``deltas``."""


Leg = tuple[str, bool]


def _join(record: Record) -> int:
    """Return the server's clock less call time, as the record's place has it."""
    return (record.timestamp or 0) - said_at(record)


class _Spoken(NamedTuple):
    """A stretch of speech that waits for its final."""

    start_ms: int
    end_ms: int
    join_ms: int
    """The server's clock less call time, as it was known then."""

    def placed(self, join_ms: int) -> Self:
        """Return the speech as a later, better join places it."""
        moved = self.join_ms - join_ms
        return type(self)(self.start_ms + moved, self.end_ms + moved, join_ms)

    def is_part_of(self, row: Recognition) -> bool:
        """Whether most of the shorter of both lies in the other."""
        since = self.start_ms if row.start_ms is None else row.start_ms
        until = self.start_ms if row.end_ms is None else row.end_ms
        shared = min(self.end_ms, until) - max(self.start_ms, since)
        return 2 * shared > min(self.end_ms - self.start_ms, until - since)


class RecognitionFold(Fold[Recognition]):
    """``asrDelta`` and ``asrFinal`` → sentences.

    A delta replaces the one of the same index before it. A sentence that never got its
    final is closed as it is by the next final of its track or the end of the call. The
    deltas of a realtime service are the assistant's words and are left out.
    """

    row: ClassVar[type] = Recognition

    def __init__(self, speech: Fold[Speech] | None = None) -> None:
        self._open: dict[tuple[Leg, int], Recognition] = {}
        self._speech = SpeechFold() if speech is None else speech
        self._times = MediaTimes()
        self._spoken: dict[Leg, deque[_Spoken]] = {}
        self._is_realtime = False
        super().__init__()

    @override
    def _handling(self) -> Handlers:
        speech = dict.fromkeys(self._speech.handled, self._hear)
        return speech | {
            ("command", "invite"): self._configure,
            ("command", "accept"): self._configure,
            ("event", "asrDelta"): self._delta,
            ("event", "asrFinal"): self._final,
            ("event", "hangup"): self._call_end,
            ("note", "closed"): self._call_end,
            ("note", "clockStep"): self._clock_step,
        }

    @override
    def _open_rows(self) -> list[Recognition]:
        return list(self._open.values())

    def _hear(self, record: Record, _: Any) -> None:
        changes = self._speech.step(record)
        for speech in changes.closed:
            start, end = speech.start_ms, speech.end_ms
            if speech.quality != "measured" or start is None or end is None:
                continue
            leg = (speech.track_id, speech.refer)
            spoken = self._spoken.setdefault(leg, deque(maxlen=MAX_OPEN))
            spoken.append(_Spoken(start, end, _join(record)))

    def _clock_step(self, record: Record, message: notes.ClockStep) -> None:
        self._times.learn(record, message)
        if message.clock == "server":
            for leg, spoken in self._spoken.items():
                moved = (s._replace(join_ms=s.join_ms + message.by_ms) for s in spoken)
                self._spoken[leg] = deque(moved, MAX_OPEN)
        self._hear(record, message)

    def _configure(self, record: Record, message: Any) -> None:
        option = call_option(message)
        self._is_realtime = option is not None and option.realtime is not None
        self._hear(record, message)

    def _delta(self, record: Record, message: events.AsrDelta) -> None:
        if self._is_realtime:
            return
        key = ((message.track_id, bool(message.refer)), message.index)
        before = self._open.get(key)
        if before is None and len(self._open) >= MAX_OPEN:
            self._closed.append(self._open.pop(next(iter(self._open))))
        deltas = () if before is None else before.deltas
        seqs = () if before is None else before.delta_seqs
        if len(deltas) < MAX_DELTAS:
            deltas, seqs = (*deltas, said_at(record)), (*seqs, record.seq)
        self._open[key] = self._row(record, message, before, deltas, seqs)

    def _final(self, record: Record, message: events.AsrFinal) -> None:
        leg = (message.track_id, bool(message.refer))
        before = self._open.pop((leg, message.index), None)
        deltas = () if before is None else before.deltas
        seqs = () if before is None else before.delta_seqs
        row = self._row(record, message, before, deltas, seqs)
        for key in [key for key in self._open if key[0] == leg]:
            self._closed.append(self._open.pop(key))
        delay, quality = self._delay(row, self._own_stop(leg, row, _join(record)))
        self._closed.append(
            replace(row, is_final=True, delay_ms=delay, quality=quality)
        )

    def _row(
        self,
        record: Record,
        message: events.Transcript,
        before: Recognition | None,
        deltas: tuple[int, ...],
        delta_seqs: tuple[int, ...],
    ) -> Recognition:
        leg = (message.track_id, bool(message.refer))
        start, end = self._times.place(
            record, leg, message.start_time, message.end_time
        )
        if before is not None and start is None:
            start = before.start_ms
        if start is not None and end is not None and end < start:
            end = None
        return Recognition(
            index=column_int(message.index),
            text=message.text,
            is_final=False,
            start_ms=start,
            end_ms=end,
            said_ms=said_at(record),
            deltas=deltas,
            delay_ms=None,
            quality="unknown",
            track_id=message.track_id,
            refer=bool(message.refer),
            seq=record.seq if before is None else before.seq,
            said_seq=record.seq,
            delta_seqs=delta_seqs,
        )

    def _own_stop(self, leg: Leg, row: Recognition, join_ms: int) -> int | None:
        """Return the end of the speech that a final is of, and forget it.

        A slow recogniser answers when the caller has spoken again: what was said later
        is left for its own final. None if nobody can tell which speech it was.
        """
        spoken = self._spoken.get(leg, deque())
        if row.end_ms is None:
            own = [each.placed(join_ms) for each in spoken] if len(spoken) == 1 else []
            spoken.clear()
        else:
            placed = (each.placed(join_ms) for each in spoken)
            own = [speech for speech in placed if speech.is_part_of(row)]
            while spoken and spoken[0].start_ms < row.end_ms:
                spoken.popleft()
        return own[-1].end_ms if own else None

    @staticmethod
    def _delay(row: Recognition, stop: int | None) -> tuple[int | None, Quality]:
        known = [end for end in (row.end_ms, stop) if end is not None]
        if not known:
            return None, "unknown"
        delay = row.said_ms - max(known)
        if not 0 <= delay <= MAX_DELAY_MS:
            return None, "unknown"
        return delay, "inferred" if row.end_ms is None else "measured"

    def _call_end(self, record: Record, message: Any) -> None:
        self._hear(record, message)
        if not getattr(message, "refer", None):
            self._closed.extend(self._open.values())
            self._open.clear()
