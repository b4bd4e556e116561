"""Overlaps of both voices: who spoke second, and how each ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from typing_extensions import override

from rustpbx_lab.analysis.turns.fold import ends_call
from rustpbx_lab.log import Record

from .fillers import fillers_of, is_words
from .folds import Handlers, Quality, call_option, said_at
from .pipeline import Basics, BuiltFold
from .playback import Playback
from .recognition import Recognition
from .speech import Speech

FALSE_MS = 2000
"""An interruption that no words follow so soon was a noise."""
MAX_KEPT = 8

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Overlap:
    """One stretch of double talk."""

    start_ms: int
    """When the second voice began."""
    end_ms: int | None
    """When the first of them was over; empty while both go on."""
    kind: Literal["interruption", "talked_over", "agent"]
    """``interruption``: the caller broke in and playback stopped; ``talked_over``: it
    went on; ``agent``: the agent began while the caller spoke."""
    detection_ms: int | None
    """From the caller's onset to the server's ``speaking``."""
    stop_latency_ms: int | None
    """From the caller's onset to the end of playback; of interruptions."""
    is_false: bool | None
    """Whether no words but fillers came within two seconds of an interruption; empty
    if that is not known (yet) or without a recogniser."""
    quality: Quality
    """Of the agent's side: measured where its audio arrived, inferred from the
    synthesis or from how much was heard."""
    play_id: str | None
    seq: int
    """Log row of the speech."""
    play_seq: int
    """Log row of the playback."""


@dataclass(slots=True)
class _Watched:
    speech: Speech
    playback: Playback
    is_false: bool | None = None


class OverlapFold(BuiltFold[Overlap]):
    """Speech of the caller and playback at the same time → double talk."""

    row: ClassVar[type] = Overlap

    def __init__(self, basics: Basics | None = None) -> None:
        self._speeches: dict[int, Speech] = {}
        self._playbacks: dict[int, Playback] = {}
        self._done: dict[int, None] = {}
        self._watched: dict[Pair, _Watched] = {}
        self._has_words = False
        self._fillers = fillers_of(None)
        self._seen = -1
        super().__init__(basics)

    @override
    def _handling(self) -> Handlers:
        handled = {**self._basics.recognition.handled, **self._basics.playback.handled}
        return dict.fromkeys(handled, self._take)

    @override
    def _open_rows(self) -> list[Overlap]:
        rows = [_overlap(watched) for watched in self._watched.values()]
        return sorted(
            (row for row in rows if row is not None), key=lambda row: row.start_ms
        )

    def _take(self, record: Record, message: Any) -> None:
        now, basics = said_at(record), self._basics
        key = (record.direction, record.name)
        option = call_option(message)
        if option is not None and option.asr is not None:
            self._fillers = fillers_of(option.asr.language)
        if key in basics.speech.handled:
            spoken = basics.speech.step(record)
            for speech in (*spoken.closed, *spoken.open):
                self._hear(speech)
            self._end(spoken.closed)
        if key in basics.playback.handled:
            played = basics.playback.step(record)
            for playback in (*played.closed, *played.open):
                self._play(playback)
            self._end(played.closed)
        if key in basics.recognition.handled:
            self._read(record)
        self._settle(now, is_over=ends_call(record, message))

    def _hear(self, row: Speech) -> None:
        if row.refer or row.start_ms is None:
            return
        if row.seq > self._seen:  # heard of late: playback may be over by now
            self._seen = row.seq
            for other in self._playbacks.values():
                self._watched[row.seq, other.seq] = _Watched(row, other)
        elif row.seq not in self._speeches:
            return
        for (seq, _), watched in self._watched.items():
            if seq == row.seq:
                watched.speech = row
        _keep(self._speeches, row.seq, row)

    def _play(self, row: Playback) -> None:
        if row.seq > self._seen:
            self._seen = row.seq
            for other in self._speeches.values():
                self._watched[other.seq, row.seq] = _Watched(other, row)
        elif row.seq not in self._playbacks:
            return
        for (_, seq), watched in self._watched.items():
            if seq == row.seq:
                watched.playback = row
        _keep(self._playbacks, row.seq, row)

    def _end(self, rows: Iterable[Speech | Playback]) -> None:
        for row in rows:
            _keep(self._done, row.seq, None, 4 * MAX_KEPT)

    def _read(self, record: Record) -> None:
        changes = self._basics.recognition.step(record)
        texts = [*changes.closed, *changes.open]
        self._has_words = self._has_words or bool(texts)
        for watched in self._watched.values():
            cut, onset = watched.playback.interrupted_ms, watched.speech.start_ms
            if cut is None or onset is None:
                continue
            until = cut + FALSE_MS
            if any(_tells(text, onset, until, self._fillers) for text in texts):
                watched.is_false = False

    def _settle(self, now_ms: int, *, is_over: bool) -> None:
        for pair, watched in list(self._watched.items()):
            if not is_over and not all(seq in self._done for seq in pair):
                continue
            cut = watched.playback.interrupted_ms
            row = _overlap(watched)
            if row is not None and row.kind == "interruption" and cut is not None:
                if not is_over and watched.is_false is None and now_ms < cut + FALSE_MS:
                    continue
                if watched.is_false is None and self._has_words:
                    watched.is_false = True
                row = _overlap(watched)
            if row is not None:
                self._closed.append(row)
            del self._watched[pair]


def _tells(row: Recognition, onset: int, until: int, fillers: frozenset[str]) -> bool:
    """Whether words of a text can have been said between two times."""
    began = row.said_ms if row.start_ms is None else row.start_ms
    ended = row.said_ms if row.end_ms is None else row.end_ms
    is_then = ended > onset and began <= until
    return is_then and is_words(row.text, fillers)


def _keep(kept: dict[int, Any], seq: int, row: Any, limit: int = MAX_KEPT) -> None:
    kept[seq] = row
    while len(kept) > limit:
        del kept[next(iter(kept))]


def _heard(playback: Playback) -> tuple[int | None, int | None]:
    end = playback.end_ms
    if playback.interrupted_ms is not None:
        end = playback.interrupted_ms
    start, heard = playback.first_audio_ms, playback.heard_ms
    if start is None and end is not None and heard:
        start = max(end - heard, playback.start_ms)
    return start, end


def _meet(speech: Speech, playback: Playback) -> bool:
    """Whether both sounded at once, as far as known."""
    start, end = _heard(playback)
    onset, stop = speech.start_ms, speech.end_ms
    if start is None or onset is None:
        return False
    return (end is None or onset < end) and (stop is None or start < stop)


def _overlap(watched: _Watched) -> Overlap | None:
    speech, playback = watched.speech, watched.playback
    onset = speech.start_ms
    start, end = _heard(playback)
    if onset is None or start is None or not _meet(speech, playback):
        return None
    ends = [at for at in (speech.end_ms, end) if at is not None]
    cut = playback.interrupted_ms
    is_cut = cut is not None and (speech.end_ms is None or cut >= onset)
    kind = "agent" if start > onset else "interruption" if is_cut else "talked_over"
    detected = speech.detected_ms
    broke_in = kind == "interruption" and cut is not None
    return Overlap(
        start_ms=max(onset, start),
        end_ms=min(ends, default=None),
        kind=kind,
        detection_ms=None if detected is None else max(detected - onset, 0),
        stop_latency_ms=cut - onset if broke_in and cut is not None else None,
        is_false=watched.is_false if broke_in else None,
        quality="inferred" if playback.first_audio_ms is None else playback.quality,
        play_id=playback.play_id,
        seq=speech.seq,
        play_seq=playback.seq,
    )
