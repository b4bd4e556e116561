"""VAD decisions under other thresholds, and their effect on a call."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from rustpbx_lab.analysis.turns.turn import HOLD_MS, Turn
from rustpbx_lab.speech.vad import VadEvent, VadParams, decide
from rustpbx_lab.speech.vad_engines import CHUNK_MS, Probabilities


class Ghost(NamedTuple):
    """Speech as other thresholds would have told it."""

    start_ms: float
    end_ms: float | None
    """None: it goes on."""
    said_ms: float | None
    """When its end would have been said."""


class GrowingDecision:
    """The server's decision over probabilities that grow.

    What was said up to the last end of speech stays; only what follows it is decided
    again when there is more.
    """

    def __init__(self, params: VadParams, frame_ms: int = CHUNK_MS) -> None:
        """Begin before the first frame.

        Args:
            params: The thresholds.
            frame_ms: How long a frame lasts.
        """
        self.params = params
        self._frame_ms = frame_ms
        self._settled: list[VadEvent] = []
        self._recent: list[VadEvent] = []
        self._from = 0
        self._n_frames = 0

    @property
    def events(self) -> list[VadEvent]:
        """What `decide` gives for all frames so far; times from the first frame."""
        return [*self._settled, *self._recent]

    def advance(self, probabilities: Probabilities) -> bool:
        """Process all probabilities so far; return whether there are new ones."""
        if len(probabilities) <= self._n_frames:
            return False
        self._n_frames = len(probabilities)
        first = self._from * self._frame_ms
        found = [
            event._replace(start_time=event.start_time + first, at=event.at + first)
            for event in decide(
                probabilities[self._from :], self.params, self._frame_ms
            )
            if event.at > 0 or not self._from  # said already
        ]
        ends = [i for i, event in enumerate(found) if event.kind == "end_of_speech"]
        if ends and found[-1].at >= found[ends[-1]].at:
            # after an end the decision is as new, its silence counted from there
            at = found[ends[-1]].at
            self._settled += [event for event in found if event.at <= at]
            found = [event for event in found if event.at > at]
            self._from = at // self._frame_ms
        self._recent = found
        return True


def spans_of(events: Iterable[VadEvent]) -> list[Ghost]:
    """Return the speech that some events tell of; times as in the events.

    Speech too short for a ``speaking`` is speech once its end is said.
    """
    ghosts: dict[int, Ghost] = {}
    for event in events:
        if event.kind == "speaking":
            ghosts[event.start_time] = Ghost(event.start_time, None, None)
        elif event.kind == "end_of_speech":
            end = event.start_time + (event.duration or 0)
            ghosts[event.start_time] = Ghost(event.start_time, end, event.at)
    return list(ghosts.values())


@dataclass(frozen=True, slots=True)
class Effect:
    """What other thresholds would change. Both sides are decided by us, alike."""

    splits_before: int
    """Ends of speech said although the caller went on within `HOLD_MS`."""
    splits_after: int
    cut_offs_before: int
    """Turns of the call in which the agent began too early."""
    cut_offs_after: int
    """Those of them in which the end of speech would still be said in the pause."""
    end_delay_ms: int | None
    """How much later the end of speech is said, by the medians; empty if unknown."""
    onset_delay_ms: int | None
    """How much later ``speaking`` is said."""
    n_missed: int
    """Speech that would not be told at all."""
    n_added: int
    """Speech that is told of only then."""


def effect(
    before: Sequence[VadEvent],
    after: Sequence[VadEvent],
    pauses: Sequence[tuple[float, float]] = (),
) -> Effect:
    """Compare what two settings would say of the same audio.

    Args:
        before: With the thresholds of the call.
        after: With the others.
        pauses: Stop and resumption of the cut-off turns, on the clock of the events.
    """
    was, now = spans_of(before), spans_of(after)
    return Effect(
        splits_before=_splits(was),
        splits_after=_splits(now),
        cut_offs_before=len(pauses),
        cut_offs_after=sum(_ends_in(now, *pause) for pause in pauses),
        end_delay_ms=_difference(_end_delays(was), _end_delays(now)),
        onset_delay_ms=_difference(_onset_delays(before), _onset_delays(after)),
        n_missed=_n_apart(was, now),
        n_added=_n_apart(now, was),
    )


def cut_off_pauses(turns: Iterable[Turn]) -> list[tuple[int, int]]:
    """Return when the caller paused in turns that were cut off, call time."""
    return [
        (turn.stop_ms, turn.resumed_ms)
        for turn in turns
        if turn.outcome == "cut_off"
        and turn.stop_ms is not None
        and turn.resumed_ms is not None
        and turn.resumed_ms > turn.stop_ms
    ]


def _splits(spans: Sequence[Ghost]) -> int:
    return sum(
        one.end_ms is not None and other.start_ms - one.end_ms <= HOLD_MS
        for one, other in pairwise(spans)
    )


def _ends_in(spans: Iterable[Ghost], stop: float, resumed: float) -> bool:
    """Whether the end of speech is said between a stop and what follows it.

    The caller's own clock and the server's differ by a chunk or two.
    """
    slack = 2 * CHUNK_MS
    return any(
        span.end_ms is not None and stop - slack <= span.end_ms < resumed - slack
        for span in spans
    )


def _end_delays(spans: Iterable[Ghost]) -> list[float]:
    return [
        span.said_ms - span.end_ms
        for span in spans
        if span.said_ms is not None and span.end_ms is not None
    ]


def _onset_delays(events: Iterable[VadEvent]) -> list[float]:
    return [event.at - event.start_time for event in events if event.kind == "speaking"]


def _difference(before: Sequence[float], after: Sequence[float]) -> int | None:
    if not before or not after:
        return None
    return round(float(np.median(after) - np.median(before)))


def _n_apart(spans: Sequence[Ghost], others: Sequence[Ghost]) -> int:
    """Count spans that no other one touches; both are sorted."""
    count, place = 0, 0
    for span in spans:
        while place < len(others):
            end = others[place].end_ms
            if end is None or end > span.start_ms:
                break
            place += 1
        stop = np.inf if span.end_ms is None else span.end_ms
        count += place >= len(others) or others[place].start_ms >= stop
    return count
