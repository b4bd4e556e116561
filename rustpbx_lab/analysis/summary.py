"""One call as a row, many calls as a table."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import events, notes
from rustpbx_lab.models.notes import SIP_MESSAGE

from .ending import Ending
from .folds import Quality
from .key_figures import Value, figure_values, key_figures, numbers
from .moments import Metric, MetricFold
from .playback import PlaybackFold
from .recognition import Recognition, RecognitionFold
from .speech import Speech, SpeechFold
from .timelines import as_table
from .words import count_words as count_words

_PHASES = {"invite": "inviting", "accept": "inviting", "ringing": "ringing"}


@dataclass(frozen=True, slots=True)
class Summary:
    """One call. Percentiles are over ``…_n`` values; what is unknown is empty."""

    id: str | None
    type: str | None
    """``websocket``, ``webrtc`` or ``sip``, where the log tells."""
    phase: str
    """How far it came: connected, inviting, ringing or answered."""
    is_closed: bool
    close_reason: str | None
    """Why the connection closed, the call was hung up or was rejected."""
    started_ms: int | None
    """First record, milliseconds since the Unix epoch: our clock, else the server's."""
    duration_ms: int | None
    """From the first record to the end of the call, or the last record so far."""
    answered_ms: int | None
    """Call time of the answer."""
    n_events: int
    n_commands: int
    n_utterances: int
    """Stretches of speech, short ones included."""
    n_finals: int
    n_words: int
    """Words of the finals, by Unicode's word boundaries; Han and hiragana by the
    character."""
    n_playbacks: int
    n_interrupted: int
    """Playbacks that were stopped before their end, by whatever."""
    n_errors: int
    hang_over_p50_ms: int | None
    """``silence`` event less the end of speech that it tells of."""
    hang_over_n: int
    asr_final_delay_p50_ms: int | None
    """``asrFinal`` less the later of VAD end and the provider's own end."""
    asr_final_delay_p90_ms: int | None
    asr_final_delay_n: int
    asr_final_delay_quality: Quality
    """Measured if all of them are."""
    tts_ttfb_p50_ms: int | None
    """Time to the first byte of a synthesis, as the server measured it."""
    tts_ttfb_n: int
    tts_ttfb_cached_p50_ms: int | None
    tts_ttfb_cached_n: int
    turn_latency_quality: Quality
    """Measured if all of the turns are."""
    first_word_quality: Quality
    clock_steps: list[dict[str, Any]]
    """Where a clock was set during the call: ``at_ms`` (call time at which it shows),
    ``by_ms`` (positive is forward) and ``clock`` (the server's or ours)."""


def summary(log: EventLog) -> dict[str, Any]:
    """Return a call in one row, plain values: `Summary`, then the key figures.

    What is unknown is None; counts are counts. The log may still grow.
    """
    row, figures = _summary(log)
    return {**asdict(row), **figures}


def summaries(logs: Iterable[EventLog]) -> pd.DataFrame:
    """Return one row a call, in the order given; no logs give an empty table."""
    found = [_summary(log) for log in logs]
    table = as_table(Summary, [row for row, _ in found])
    for figure in key_figures():
        values = [figures[figure.name] for _, figures in found]
        table[figure.name] = pd.Series(values, dtype=figure.dtype)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return table


def _summary(log: EventLog) -> tuple[Summary, dict[str, Value]]:
    # they come from another file, and may precede the first record of the call
    records = [record for record in log.records() if record.name != SIP_MESSAGE]
    life = _Life()
    for record in records:
        life.take(record)
    first = records[0].time_ms if records else None
    playbacks = _rows(PlaybackFold(), records)
    finals = [row for row in _rows(RecognitionFold(), records) if row.is_final]
    utterances: list[Speech] = _rows(SpeechFold(), records)
    hang_over = _hang_overs(utterances)
    delays = [row.delay_ms for row in finals if row.delay_ms is not None]
    new, cached = _ttfbs(_rows(MetricFold(), records))
    found = numbers(records, life.last_ms or 0)
    row = Summary(
        id=life.id,
        type=life.type,
        phase=life.phase,
        is_closed=log.is_closed,
        close_reason=life.reason,
        started_ms=None if first is None else log.clock.to_wall(first),
        duration_ms=life.duration_ms(first),
        answered_ms=life.answered_ms,
        n_events=life.n_events,
        n_commands=life.n_commands,
        n_utterances=len(utterances),
        n_finals=len(finals),
        n_words=sum(count_words(row.text) for row in finals),
        n_playbacks=len(playbacks),
        n_interrupted=sum(row.interrupted_ms is not None for row in playbacks),
        n_errors=life.n_errors,
        hang_over_p50_ms=percentile(hang_over, 50),
        hang_over_n=len(hang_over),
        asr_final_delay_p50_ms=percentile(delays, 50),
        asr_final_delay_p90_ms=percentile(delays, 90),
        asr_final_delay_n=len(delays),
        asr_final_delay_quality=_delay_quality(finals),
        tts_ttfb_p50_ms=percentile(new, 50),
        tts_ttfb_n=len(new),
        tts_ttfb_cached_p50_ms=percentile(cached, 50),
        tts_ttfb_cached_n=len(cached),
        turn_latency_quality=found.latency_quality,
        first_word_quality=found.first_word_quality,
        clock_steps=life.clock_steps,
    )
    return row, figure_values(found)


def percentile(values: Sequence[int], rank: float) -> int | None:
    """Return a percentile in whole milliseconds; None of no values.

    Between two values it is interpolated, as numpy does.
    """
    return round(float(np.percentile(values, rank))) if values else None


def _rows(fold: Any, records: Sequence[Record]) -> list[Any]:
    changes = fold.advance(records)
    return [*changes.closed, *changes.open]


class _Life:
    """The course of a call, from the records that tell of it."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.type: str | None = None
        self.phase = "connected"
        self.reason: str | None = None
        self.answered_ms: int | None = None
        self.n_events = self.n_commands = self.n_errors = 0
        self.clock_steps: list[dict[str, Any]] = []
        self.ending = Ending()
        self._end_ms: int | None = None
        self.last_ms: int | None = None
        """The newest call time of a record."""

    def duration_ms(self, first_ms: int | None) -> int | None:
        end = self.last_ms if self._end_ms is None else self._end_ms
        return None if end is None or first_ms is None else max(0, end - first_ms)

    def take(self, record: Record) -> None:
        if record.time_ms is not None:
            self.last_ms = max(record.time_ms, self.last_ms or 0)
        if record.direction == "event":
            self.n_events += 1
            self.n_errors += record.name == "error"
        elif record.direction == "command":
            self.n_commands += 1
        self.ending.take(record)
        if self.phase != "answered":
            self.phase = _PHASES.get(record.name, self.phase)
        if record.name in _TELLING:
            try:
                self._read(record, record.message)
            except UnreadableFrameError:  # masked beyond reading
                return

    def _read(self, record: Record, message: object) -> None:
        match message:
            case notes.Connected():
                self.type, self.id = message.call_type, message.id or self.id
            case events.Answer() if not message.refer:
                self.phase, self.id = "answered", self.id or message.track_id
                if self.answered_ms is None:
                    self.answered_ms = record.time_ms
            case events.Incoming():
                self.type, self.id = self.type or "sip", self.id or message.track_id
            case events.Reject() if not message.refer:
                self.reason = self.reason or message.reason
            case events.Hangup() if not message.refer:
                self.type = self.type or "sip"
                self.reason = message.reason_name or self.reason
                self._end_ms = record.time_ms
            case notes.ClockStep():
                step = {"by_ms": message.by_ms, "clock": message.clock}
                self.clock_steps.append({"at_ms": record.time_ms, **step})
            case notes.Closed():
                self.reason = self.reason or self.ending.words or message.why
                self._end_ms = record.time_ms
            case _:
                return


_TELLING = frozenset(
    {
        "connected",
        "answer",
        "incoming",
        "reject",
        "hangup",
        "closed",
        "clockStep",
    }
)


def _hang_overs(rows: Iterable[Speech]) -> list[int]:
    """Return how long after each measured end of speech it was said."""
    return [
        row.said_ms - row.end_ms
        for row in rows
        if row.quality == "measured"
        and row.said_ms is not None
        and row.end_ms is not None
        and row.said_ms >= row.end_ms
    ]


def _delay_quality(finals: Iterable[Recognition]) -> Quality:
    known = {row.quality for row in finals if row.delay_ms is not None}
    if not known:
        return "unknown"
    return "measured" if known == {"measured"} else "inferred"


def _ttfbs(rows: Iterable[Metric]) -> tuple[list[int], list[int]]:
    """Return times to the first byte: synthesised again, and from the cache."""
    new: list[int] = []
    cached: list[int] = []
    for row in rows:
        is_tts = row.key.startswith("completed.tts.")
        if is_tts and row.ttfb_ms is not None and row.is_cached is not None:
            (cached if row.is_cached else new).append(row.ttfb_ms)
    return new, cached
