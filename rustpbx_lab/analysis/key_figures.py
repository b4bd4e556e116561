"""Key figures of a call: one definition each, for page, table and file alike."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from rustpbx_lab.analysis.turns.fold import TurnFold
from rustpbx_lab.analysis.turns.latency import Percentiles, percentiles, turn_latencies
from rustpbx_lab.analysis.turns.turn import Turn
from rustpbx_lab.log import Record
from rustpbx_lab.plugins import installed

from .barge_in import Overlap, OverlapFold
from .folds import Changes, Quality, said_at
from .pipeline import KEPT, Basics
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
    turns: Sequence[Turn] = ()
    """All turns so far, those under way last."""
    overlaps: Sequence[Overlap] = ()
    """All stretches in which both sides spoke."""


N_RECENT = 12
STEP = KEPT // 2
"""Records that a whole log is folded by at a time: shared folds keep together."""
PLUGIN_GROUP = "rustpbx_lab.key_figures"
"""Entry points of this group name a `KeyFigure` each."""

logger = logging.getLogger(__name__)

Value = int | float | None


@dataclass(frozen=True)
class KeyFigure:
    """One number of a call, the same on the page, in ``analyse``, CSV and JSON."""

    name: str
    """Column and JSON key; it ends in its unit: ``turn_latency_p50_ms``."""
    title: str
    """As people read it."""
    unit: str
    """``ms``, ``share`` (0 to 1), or empty for a count."""
    about: str
    """What is measured, from which event to which, in a sentence or two."""
    of: Callable[[Numbers], Value]
    """Returns the value; None if it is unknown."""

    @property
    def dtype(self) -> str:
        """The pandas type of its column."""
        return "Float64" if self.unit == "share" else "Int64"


def _share(of: Callable[[Talk], int]) -> Callable[[Numbers], Value]:
    def share(numbers: Numbers) -> float | None:
        talk = numbers.talk
        return round(of(talk) / talk.total_ms, 4) if talk.total_ms else None

    return share


def _counted(of: Callable[[Numbers], int]) -> Callable[[Numbers], Value]:
    """Return a count that is unknown before the call is answered."""
    return lambda numbers: of(numbers) if numbers.is_answered else None


def _longest_gap(numbers: Numbers) -> int | None:
    return max((gap.end_ms - gap.start_ms for gap in numbers.talk.gaps), default=None)


KEY_FIGURES: Sequence[KeyFigure] = (
    KeyFigure(
        "turn_latency_p50_ms",
        "Turn latency P50",
        "ms",
        "From the end of the caller's speech to the first audio of the reply. Only "
        "replies that were heard out; interrupted ones and cut-offs are counted apart.",
        lambda numbers: numbers.latency.p50,
    ),
    KeyFigure(
        "turn_latency_p95_ms",
        "Turn latency P95",
        "ms",
        "From the same turns as P50; unknown if they are too few.",
        lambda numbers: numbers.latency.p95,
    ),
    KeyFigure(
        "turn_latency_n",
        "Turns measured",
        "",
        "How many turns the percentiles of the turn latency are over.",
        lambda numbers: numbers.latency.n,
    ),
    KeyFigure(
        "first_word_ms",
        "Time to first word",
        "ms",
        "From the answer to the first audio of the agent: to the first sound (louder "
        "than -50 dBFS) where the recording tells.",
        lambda numbers: numbers.first_word_ms,
    ),
    KeyFigure(
        "n_turns",
        "Turns",
        "",
        "Turns of the caller that the agent replied to.",
        _counted(lambda numbers: numbers.n_turns),
    ),
    KeyFigure(
        "n_cut_offs",
        "Cut-offs",
        "",
        "Replies that began before the caller had finished; unknown without a turn.",
        lambda numbers: numbers.n_cut_off if numbers.n_turns else None,
    ),
    KeyFigure(
        "n_interruptions",
        "Interruptions",
        "",
        "The caller spoke over a reply, and playback stopped.",
        _counted(lambda numbers: numbers.n_interruptions),
    ),
    KeyFigure(
        "n_false_interruptions",
        "False interruptions",
        "",
        "Interruptions that no words followed within 2 s.",
        _counted(lambda numbers: numbers.n_false),
    ),
    KeyFigure(
        "stop_latency_p50_ms",
        "Stop latency P50",
        "ms",
        "From the onset of the interrupting speech to the end of playback.",
        lambda numbers: numbers.stop_latency.p50,
    ),
    KeyFigure(
        "n_dead_air",
        "Dead air",
        "",
        "Silences of both sides, longer than 2 s, after the caller stopped speaking.",
        lambda numbers: len(numbers.talk.gaps) if numbers.talk.total_ms else None,
    ),
    KeyFigure(
        "dead_air_longest_ms",
        "Longest dead air",
        "ms",
        "Length of the longest of these silences.",
        _longest_gap,
    ),
    KeyFigure(
        "caller_talk_share",
        "Caller talk share",
        "share",
        "Share of the time since the answer in which the caller spoke; overlap counts "
        "for both sides.",
        _share(lambda talk: talk.caller_ms),
    ),
    KeyFigure(
        "agent_talk_share",
        "Agent talk share",
        "share",
        "The same for the agent: while it can be heard where the log tells sound from "
        "silence, else while something is played.",
        _share(lambda talk: talk.agent_ms),
    ),
    KeyFigure(
        "overlap_share",
        "Overlap share",
        "share",
        "Share of the time since the answer in which both spoke.",
        _share(lambda talk: talk.both_ms),
    ),
    KeyFigure(
        "silence_share",
        "Silence share",
        "share",
        "Share of the time since the answer in which nobody spoke.",
        _share(lambda talk: talk.none_ms),
    ),
)
"""Every key figure of this package; `key_figures` adds those of other packages."""


@cache
def key_figures() -> Sequence[KeyFigure]:
    """Return every key figure, those of installed packages last.

    A package adds one by an entry point of the group ``rustpbx_lab.key_figures`` that
    names a `KeyFigure`. One that cannot be loaded, or whose name is taken, is logged
    and left out.
    """
    found = {figure.name: figure for figure in KEY_FIGURES}
    for figure in installed(PLUGIN_GROUP, _is_figure, "a KeyFigure"):
        if not isinstance(figure, KeyFigure):
            continue
        if figure.name in found:
            logger.warning("cannot use the key figure %r: it is taken", figure.name)
        else:
            found[figure.name] = figure
    return tuple(found.values())


def _is_figure(found: object) -> bool:
    return isinstance(found, KeyFigure)


def figure_values(numbers: Numbers) -> dict[str, Value]:
    """Return the key figures of a call by name; what is unknown is None.

    A figure of another package that fails is unknown, and logged.
    """
    values: dict[str, Value] = {}
    for figure in key_figures():
        try:
            values[figure.name] = figure.of(numbers)
        except Exception as exc:
            if figure in KEY_FIGURES:
                raise
            logger.warning("cannot compute the key figure %s: %r", figure.name, exc)
            values[figure.name] = None
    return values


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
        """Process the next records of the log and what they made of its tables."""
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
            turns=tuple(turns),
            overlaps=tuple(overlaps),
        )


def _quality(turns: Iterable[Turn]) -> Quality:
    known = {turn.quality for turn in turns if turn.latency_ms is not None}
    if not known:
        return "unknown"
    return "measured" if known == {"measured"} else "inferred"


def numbers(records: Iterable[Record], now_ms: float) -> Numbers:
    """Return the numbers of a whole log; see `NumbersFold`."""
    basics, everything = Basics.shared(), list(records)
    fold, turns, overlaps = NumbersFold(basics), TurnFold(basics), OverlapFold(basics)
    for start in range(0, len(everything), STEP):
        new = everything[start : start + STEP]
        fold.advance(new, turns.advance(new), overlaps.advance(new))
    return fold.now(now_ms)
