"""A call in the few numbers that tell how it goes, while it runs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from rustpbx_lab.analysis.turns.fold import TurnFold
from rustpbx_lab.analysis.turns.latency import Percentiles, percentiles, turn_latencies
from rustpbx_lab.analysis.turns.turn import Turn
from rustpbx_lab.log import Record

from .barge_in import Overlap, OverlapFold
from .folds import Changes, Quality, said_at
from .pipeline import Basics
from .playback import PlaybackFold
from .talk_ratio import Talk, TalkMeter


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a call so far. What is unknown is empty."""

    latency: Percentiles
    """Of the turns that were answered and heard out."""
    latency_quality: Quality
    """Measured if all of them are."""
    recent: tuple[int, ...]
    """The last of these latencies, oldest first."""
    interrupted: Percentiles
    """Latency of the turns whose reply was interrupted, kept apart."""
    n_turns: int
    """Turns that got a reply."""
    n_cut_off: int
    first_word_ms: int | None
    """First audio of the agent that can be heard less the answer."""
    first_word_quality: Quality
    first_word_is_audible: bool
    """Whether it is when sound began, not merely when audio came."""
    first_word_id: str | None
    """Play id of it."""
    n_interruptions: int
    n_false: int
    """Interruptions that no words followed."""
    stop_latency: Percentiles
    """From the caller's onset to the end of playback."""
    talk: Talk
    is_answered: bool


N_RECENT = 12


class _First(NamedTuple):
    delay_ms: int | None
    quality: Quality
    play_id: str | None
    is_audible: bool = False


class NumbersFold:
    """Keeps up with a log: a step costs the new records.

    Turns and double talk are folded by whoever shows them, too; so they are given.
    """

    def __init__(self, basics: Basics | None = None) -> None:
        self._talk = TalkMeter(basics)
        self._playback = PlaybackFold() if basics is None else basics.playback
        self._settled_turns: list[Turn] = []
        self._open_turns: list[Turn] = []
        self._settled_overlaps: list[Overlap] = []
        self._open_overlaps: list[Overlap] = []
        self._answered_ms: int | None = None
        self._first: _First | None = None
        self._is_first_settled = False

    def advance(
        self,
        records: Iterable[Record],
        turns: Changes[Turn],
        overlaps: Changes[Overlap],
    ) -> None:
        """Take in the next records of the log and what they made of its tables."""
        new = list(records)
        self._settled_turns += turns.closed
        self._open_turns = turns.open
        self._settled_overlaps += overlaps.closed
        self._open_overlaps = overlaps.open
        self._talk.advance(new)
        for record in new:
            if record.name == "answer" and self._answered_ms is None:
                self._answered_ms = said_at(record)
        if not self._is_first_settled:
            self._find_first(new)

    def _find_first(self, new: list[Record]) -> None:
        played = self._playback.advance(new)
        rows = [*played.closed, *played.open]
        for row in sorted(rows, key=lambda row: row.seq):
            at, since = row.first_audio_ms, self._answered_ms
            if at is None or since is None or at < since:
                continue
            self._first = _First(at - since, row.quality, row.play_id, row.is_audible)
            # what is inferred may still be measured
            self._is_first_settled = row.quality == "measured" or row in played.closed
            return

    def now(self, now_ms: float) -> Numbers:
        """Return the numbers up to a call time."""
        turns = [*self._settled_turns, *self._open_turns]
        overlaps = [*self._settled_overlaps, *self._open_overlaps]
        latencies = turn_latencies(turns)
        breaks = [row for row in overlaps if row.kind == "interruption"]
        first = self._first or _First(None, "unknown", None)
        return Numbers(
            latency=percentiles(latencies),
            latency_quality=_quality(turns),
            recent=tuple(latencies[-N_RECENT:]),
            interrupted=percentiles(turn_latencies(turns, "interrupted")),
            n_turns=sum(turn.command_ms is not None for turn in turns),
            n_cut_off=sum(turn.outcome == "cut_off" for turn in turns),
            first_word_ms=first.delay_ms,
            first_word_quality=first.quality,
            first_word_is_audible=first.is_audible,
            first_word_id=first.play_id,
            n_interruptions=len(breaks),
            n_false=sum(row.is_false is True for row in breaks),
            stop_latency=percentiles(
                [row.stop_latency_ms for row in breaks if row.stop_latency_ms]
            ),
            talk=self._talk.now(now_ms),
            is_answered=self._answered_ms is not None,
        )


def _quality(turns: Iterable[Turn]) -> Quality:
    known = {turn.quality for turn in turns if turn.latency_ms is not None}
    if not known:
        return "unknown"
    return "measured" if known == {"measured"} else "inferred"


def numbers(records: Iterable[Record], now_ms: float) -> Numbers:
    """Return the numbers of a whole log; see `NumbersFold`."""
    new = list(records)
    fold = NumbersFold()
    fold.advance(new, TurnFold().advance(new), OverlapFold().advance(new))
    return fold.now(now_ms)
