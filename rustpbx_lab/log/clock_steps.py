"""Steps of the server's clock, in logs that only this clock has stamped.

Without a second clock a step shows in two ways: times that jump back, or further than
a call can be silent; and tracks whose ``duration``, which the server measures with a
clock that is never set, does not fit the times of their start and end.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models import events, notes

from .clock import DISORDER_MS, JUMP, STEP_MS, goes_on, is_possible
from .record import Record

CERTAIN_MS = 60_000
"""Of a SIP leg only a larger misfit counts: its duration may begin late."""

MISFIT = "the duration of a track does not fit its start and end"
MAX_TOLD = 3
MAX_PAUSE_MS = 60_000
"""A longer pause at a step is not believed of media times alone."""
_TRACK_EVENTS = (events.TrackStart, events.Answer, events.TrackEnd)
_MEDIA_EVENTS = (events.Speaking, events.Silence, events.Transcript)
_TRACK = frozenset({"trackStart", "answer", "trackEnd"})
_MEDIA = frozenset({"speaking", "silence", "asrDelta", "asrFinal"})
_SIP_ONLY = frozenset({"incoming", "ringing", "hangup", "mediaReady"})


class Step(NamedTuple):
    """A step between two records."""

    record: int
    """Number of the first record after it."""
    by_ms: int
    why: str


class _Span(NamedTuple):
    start: int
    end: int
    duration_ms: int
    is_caller: bool


def clock_remarks(records: Iterable[Record]) -> list[str]:
    """Say which clocks were set during a call, one sentence each."""
    told: list[str] = []
    for record in records:
        if record.name == "clockStep" and isinstance(record.message, notes.ClockStep):
            whose = "the server's" if record.message.clock == "server" else "our own"
            seconds = record.message.by_ms / 1000
            told.append(
                f"{whose} clock was set by {seconds:+.3f} s during the call, at "
                f"{(record.time_ms or 0) / 1000:.3f} s: times after it are corrected"
            )
    return told if len(told) <= MAX_TOLD else [*told[:MAX_TOLD], "and more often"]


class StepFinder:
    """Reads the records of one log, then says where its clock was set."""

    def __init__(self) -> None:
        self.applies = True
        """Whether the log has no other clock and no call times of its own."""
        self._index = -1
        self._times: list[tuple[int, int]] = []
        """(record, server's clock)"""
        self._starts: dict[tuple[str, str | None], int] = {}
        self._spans: list[_Span] = []
        self._media: list[tuple[int, int]] = []
        """(record, the latest media time it names)"""
        self._is_sip = False

    def take(self, record: Record) -> None:
        """Read the next record, before it is appended to its log."""
        self._index += 1
        if record.received_ms is not None or record.time_ms is not None:
            self.applies = False
        if not self.applies or record.timestamp is None:
            return
        self._times.append((self._index, record.timestamp))
        self._is_sip |= record.name in _SIP_ONLY
        if record.name not in _TRACK and record.name not in _MEDIA:
            return
        try:
            message = record.message
        except UnreadableFrameError:
            return
        if isinstance(message, _TRACK_EVENTS):
            self._track(record.name, message)
        elif isinstance(message, _MEDIA_EVENTS) and (latest := _latest(message)):
            self._media.append((self._index, latest))

    def _track(self, name: str, message: Any) -> None:
        track = (message.track_id, getattr(message, "play_id", None))
        if name != "trackEnd":
            self._starts[track] = self._index
            return
        start = self._starts.pop(track, None)
        if start is not None:
            is_caller = track[1] is None
            span = _Span(start, self._index, message.duration, is_caller)
            self._spans.append(span)

    def steps(self) -> list[Step]:
        """Return the steps, in order; none in a log that other clocks have stamped."""
        times, odd = _without_outliers(self._times if self.applies else [])
        gaps = [after - before for (_, before), (_, after) in pairwise(times)]
        steps = _jumps(gaps)
        places = {record: place for place, (record, _) in enumerate(times)}
        for span in self._spans:
            start, end = places.get(span.start), places.get(span.end)
            if start is not None and end is not None:
                self._fit(span, range(start, end), gaps, steps, odd)
        for record, latest in self._media:
            if record in places and steps:
                _fit_media(latest, places[record], times, steps)
        firsts = {place: record for place, (record, _) in odd.items()}
        return [
            Step(firsts.get(place, times[place + 1][0]), by_ms, why)
            for place, (by_ms, why) in sorted(steps.items())
        ]

    def _fit(
        self,
        span: _Span,
        inside: range,
        gaps: list[int],
        steps: dict[int, tuple[int, str]],
        odd: dict[int, tuple[int, int]],
    ) -> None:
        """Make a track last as long as the server measured, by what steps allow."""
        known = [place for place in inside if place in steps]
        elapsed = sum(gaps[place] for place in inside)
        missing = span.duration_ms - elapsed + sum(steps[k][0] for k in known)
        if known:
            if missing > 0:  # the step was larger by the pause that it covers
                by_ms, why = steps[known[-1]]
                steps[known[-1]] = (by_ms - missing, why)
            return
        least = CERTAIN_MS if self._is_sip or not span.is_caller else STEP_MS
        if missing > STEP_MS:  # set back, where time went back a little or for once
            where = [
                place
                for place in inside
                if gaps[place] < -DISORDER_MS
                or 0 < odd.get(place, (0, 0))[1] <= missing
            ]
        elif -missing > least:  # set forward, in a pause that is long enough
            where = [place for place in inside if gaps[place] >= -missing]
        else:
            return
        if len(where) == 1:  # else nobody can tell where
            steps[where[0]] = (-missing, MISFIT)


def _fit_media(
    latest: int,
    place: int,
    times: list[tuple[int, int]],
    steps: dict[int, tuple[int, str]],
) -> None:
    """Lengthen the pause at a step: what is heard is heard before it is told.

    A stream that began before the step has kept its clock.
    """
    before = sorted(at for at in steps if at < place)
    if not before or steps[before[-1]][1] != JUMP:
        return
    by_ms, why = steps[before[-1]]
    ahead = latest - (times[place][1] - by_ms)
    if 0 < ahead <= MAX_PAUSE_MS:
        steps[before[-1]] = (by_ms - ahead, why)


def _latest(message: events.Speaking | events.Silence | events.Transcript) -> int:
    """Return the latest media time that a message names; 0 if none."""
    if isinstance(message, events.Silence):
        return message.start_time + message.duration
    if isinstance(message, events.Speaking):
        return message.start_time
    return message.end_time or message.start_time or 0


def _without_outliers(
    times: list[tuple[int, int]],
) -> tuple[list[tuple[int, int]], dict[int, tuple[int, int]]]:
    """Return the times without single ones that fit neither side, and those.

    Returns:
        The times that are kept, and for those that are not: the place in what is kept
        that they follow → (record, how far it lies behind).
    """
    kept, left = times[:1], dict[int, tuple[int, int]]()
    odd: tuple[int, int] | None = None
    latest = kept[0][1] if kept else 0
    for each in times[1:]:
        stamped = each[1]
        if odd is not None and goes_on(stamped, odd[1], latest):
            kept += (odd, each)
            latest, odd = max(odd[1], stamped), None
        elif is_possible(stamped - latest, STEP_MS):
            if odd is not None:
                left[len(kept) - 1] = (odd[0], latest - odd[1])
            kept.append(each)
            latest, odd = max(latest, stamped), None
        else:
            odd = each
    return kept, left


def _jumps(gaps: list[int]) -> dict[int, tuple[int, str]]:
    """Return gap → step where time goes backwards or too far."""
    steps: dict[int, tuple[int, str]] = {}
    behind = 0
    for place, gap in enumerate(gaps):
        # small disorder is not a step: count from the latest time so far
        if is_possible(behind + gap, STEP_MS):
            behind = min(behind + gap, 0)
        else:
            steps[place] = (behind + gap, JUMP)
            behind = 0
    return steps
