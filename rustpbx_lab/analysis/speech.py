"""The caller's speech as reported by the server's voice activity detection."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from typing_extensions import override

from rustpbx_lab.log import Record
from rustpbx_lab.models import commands, events, options

from .folds import (
    MAX_OPEN,
    Fold,
    Handlers,
    Quality,
    Tracks,
    call_option,
    length,
    said_at,
)
from .media_times import MediaTimes

CHUNK_MS = 32
"""The detector's step: a short utterance is less than this longer than the padding."""
DEFAULT_PADDING_MS = 250


@dataclass(frozen=True, slots=True)
class Speech:
    """One stretch of speech."""

    start_ms: int | None
    """Onset; empty if the event's time is on no clock we know."""
    end_ms: int | None
    """End, ``startTime + duration``; at the end of the call at the latest (then
    ``inferred``); empty while it lasts, or if its end was never said."""
    detected_ms: int | None
    """When ``speaking`` said so; empty for a speech without one."""
    said_ms: int | None
    """When the event came that ended it."""
    kind: Literal["speech", "short"]
    """``short``: too short for a ``speaking`` of its own."""
    track_id: str
    refer: bool
    """Whether it is on a transfer leg."""
    quality: Quality
    """Of ``end_ms``: measured by the detector, inferred from the end of the call, or
    unknown."""
    seq: int
    """Log row that made this one."""
    said_seq: int | None = None
    """Log row of the event that ended it."""


@dataclass(slots=True)
class _Detector:
    """What is known of the detector of one kind of leg."""

    is_known: bool = False
    padding_ms: int = DEFAULT_PADDING_MS
    timeout_ms: int | None = None

    def set(self, vad: options.VADOption | None) -> None:
        given = None if vad is None else vad.speech_padding
        self.is_known = True
        self.padding_ms = DEFAULT_PADDING_MS if given is None else given
        self.timeout_ms = None if vad is None else vad.silence_timeout

    def kind_of(self, duration_ms: int) -> Literal["speech", "short"] | None:
        """Class a ``silence`` that no ``speaking`` announced; None: it is a tick."""
        is_short = 0 <= duration_ms - self.padding_ms < CHUNK_MS
        if self.timeout_ms is not None and duration_ms >= self.timeout_ms:
            return None
        if is_short:
            return "short"
        # with options nobody saw it may be a tick, and a tick is never speech
        return "speech" if self.is_known else None


class SpeechFold(Fold[Speech]):
    """``speaking`` and ``silence`` → stretches of speech.

    Only the ``silence`` that ends a speech counts: ticks of ``silenceTimeout`` and the
    no-input timer of the server-side track are left out.

    Source:
        active-call 0.3.83, media/vad/mod.rs, process_vad_logic.
    """

    row: ClassVar[type] = Speech

    def __init__(self) -> None:
        self._tracks = Tracks()
        self._times = MediaTimes()
        self._main, self._transfer = _Detector(), _Detector()
        self._open: dict[tuple[str, bool], tuple[int, Speech]] = {}
        self._last: dict[tuple[str, bool], int] = {}
        super().__init__()

    @override
    def _handling(self) -> Handlers:
        return {
            ("note", "connected"): self._tracks.learn,
            ("note", "clockStep"): self._times.learn,
            ("command", "invite"): self._configure,
            ("command", "accept"): self._configure,
            ("command", "refer"): self._configure,
            ("event", "answer"): self._tracks.learn,
            ("event", "trackStart"): self._tracks.learn,
            ("event", "interruption"): self._tracks.learn,
            ("event", "speaking"): self._speaking,
            ("event", "silence"): self._silence,
            ("event", "trackEnd"): self._track_end,
            ("event", "hangup"): self._call_end,
            ("note", "closed"): self._call_end,
        }

    @override
    def _open_rows(self) -> list[Speech]:
        return [row for _, row in self._open.values()]

    def _configure(self, _: Record, message: Any) -> None:
        option = call_option(message)
        if option is not None:
            self._main.set(option.vad)
        elif isinstance(message, commands.Refer) and message.options is not None:
            self._transfer.set(message.options.vad)

    def _speaking(self, record: Record, message: events.Speaking) -> None:
        leg = (message.track_id, bool(message.refer))
        lost = self._open.pop(leg, None)
        if lost is not None and lost[0] == message.start_time:
            self._open[leg] = lost  # said twice
            return
        if lost is not None:  # its end never came
            self._closed.append(lost[1])
        row = Speech(
            start_ms=self._times.place(record, leg, message.start_time)[0],
            end_ms=None,
            detected_ms=said_at(record),
            said_ms=None,
            kind="speech",
            track_id=leg[0],
            refer=leg[1],
            quality="unknown",
            seq=record.seq,
        )
        if len(self._open) >= MAX_OPEN:
            self._closed.append(self._open.pop(next(iter(self._open)))[1])
        self._open[leg] = (message.start_time, row)
        self._last[leg] = message.start_time

    def _silence(self, record: Record, message: events.Silence) -> None:
        leg = (message.track_id, bool(message.refer))
        if self._tracks.is_server(leg[0]) and not leg[1]:
            return  # the no-input timer
        begun, row = self._open.get(leg, (None, None))
        if row is not None and begun == message.start_time:
            del self._open[leg]
            self._end(record, message, row)
            return
        if self._last.get(leg) == message.start_time:
            return  # said twice
        detector = self._transfer if leg[1] else self._main
        kind = detector.kind_of(message.duration)
        if kind is None:
            return
        self._last[leg] = message.start_time
        end = message.start_time + message.duration
        start_ms, _ = self._times.place(record, leg, message.start_time, end)
        self._end(
            record,
            message,
            Speech(
                start_ms=start_ms,
                end_ms=None,
                detected_ms=None,
                said_ms=None,
                kind=kind,
                track_id=leg[0],
                refer=leg[1],
                quality="unknown",
                seq=record.seq,
            ),
        )

    def _end(self, record: Record, message: events.Silence, row: Speech) -> None:
        lasted = length(message.duration)
        row = replace(row, said_seq=record.seq)
        if row.start_ms is None or lasted is None:
            self._closed.append(replace(row, said_ms=said_at(record)))
            return
        # placed again: the clocks may be joined better than at its beginning, and what
        # the server measured by one clock must not come from two
        leg = (message.track_id, bool(message.refer))
        end = message.start_time + message.duration
        start_ms, end_ms = self._times.place(record, leg, message.start_time, end)
        start_ms = row.start_ms if start_ms is None else start_ms
        self._closed.append(
            replace(
                row,
                start_ms=start_ms,
                end_ms=start_ms + lasted if end_ms is None else end_ms,
                said_ms=said_at(record),
                quality="measured",
            )
        )

    def _track_end(self, record: Record, message: events.TrackEnd) -> None:
        self._tracks.learn(record, message)
        self._cut_off(record, [leg for leg in self._open if leg[0] == message.track_id])

    def _call_end(self, record: Record, message: Any) -> None:
        if not getattr(message, "refer", None):
            self._cut_off(record, list(self._open))

    def _cut_off(self, record: Record, legs: list[tuple[str, bool]]) -> None:
        for leg in legs:
            _, row = self._open.pop(leg)
            at = said_at(record)
            if row.start_ms is None or at < row.start_ms:
                self._closed.append(row)
            else:
                self._closed.append(replace(row, end_ms=at, quality="inferred"))
