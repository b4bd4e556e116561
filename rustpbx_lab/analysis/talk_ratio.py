"""Talk time of each side, overlap, silence and dead air."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.log import Record
from rustpbx_lab.models import notes

from .folds import our_time, said_at
from .moments import AUDIO_NOTES
from .pipeline import Basics
from .playback import Playback
from .speech import Speech

DEAD_AIR_MS = 2000
"""So long a silence after the caller stopped is one too many."""
LATE_MS = 60_000
"""No speech is heard of later than this after it began, unless it is still open."""
SETTLE_MS = 1000
"""The least that is settled at a time."""
MANY, SOON_MS = 600, 2000
"""With more stretches than anyone can speak in a minute, only the last are open."""

Side = Literal["caller", "agent"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence of both sides after the caller stopped."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Talk:
    """The shares of a call so far, from its answer on, milliseconds."""

    caller_ms: int = 0
    agent_ms: int = 0
    both_ms: int = 0
    """Part of ``caller_ms`` and of ``agent_ms``."""
    none_ms: int = 0
    gaps: tuple[Gap, ...] = ()
    """Dead air, longer than `DEAD_AIR_MS`."""
    is_audible: bool = False
    """Whether the agent's share is what could be heard, not all that was played."""

    @property
    def total_ms(self) -> int:
        """How long the call was."""
        return self.caller_ms + self.agent_ms - self.both_ms + self.none_ms


@dataclass(frozen=True, slots=True)
class _Sound:
    side: Side
    start_ms: int
    end_ms: int | None


_SIDES: tuple[Side, Side] = ("caller", "agent")


class TalkMeter:
    """Sums up who talks; what is settled is not looked at again.

    Where the log tells sound from silence, the agent talks while it can be heard. Else
    it talks from its first audio, or from ``trackStart`` where nobody knows that, to
    the end of playback.
    """

    def __init__(self, basics: Basics | None = None) -> None:
        self._basics = Basics.alone() if basics is None else basics
        self._sounds: dict[tuple[Side, int], _Sound] = {}
        self._going_on: dict[tuple[Side, int], int] = {}
        self._done = Talk()
        self._until_ms: int | None = None
        self._last: Side | None = None
        self._since_ms = 0
        self._end_ms: int | None = None
        self._hears_since: int | None = None
        self._sound_seq: int | None = None

    def advance(self, records: Iterable[Record]) -> None:
        """Process the next records of the log."""
        new = list(records)
        for record in new:
            if record.name == "answer" and self._until_ms is None:
                self._until_ms = self._since_ms = said_at(record)
            is_end = record.name == "closed" and record.direction == "note"
            if is_end and self._end_ms is None:
                self._end_ms = said_at(record)
            if record.direction == "note" and record.name in AUDIO_NOTES:
                self._listen(record)
        spoken = self._basics.speech.advance(new)
        played = self._basics.playback.advance(new)
        for speech in spoken.closed:
            self._hear(speech, is_over=True)
        for speech in spoken.open:
            self._hear(speech, is_over=False)
        for playback in played.closed:
            self._play(playback, is_over=True)
        for playback in played.open:
            self._play(playback, is_over=False)
        if new and self._until_ms is not None:
            is_dense = len(self._sounds) > MANY
            self._settle(said_at(new[-1]) - (SOON_MS if is_dense else LATE_MS))

    def now(self, now_ms: float) -> Talk:
        """Return the shares up to a call time, or to the end of the call."""
        if self._until_ms is None:
            return Talk()
        end = round(now_ms) if self._end_ms is None else self._end_ms
        shares, last, since = self._swept(end)
        talk = _with_gap(shares, last, since, end)  # a silence that goes on
        return replace(talk, is_audible=self._hears_since is not None)

    def _listen(self, record: Record) -> None:
        try:
            message = record.message
        except UnreadableFrameError:  # masked beyond reading: it says nothing here
            return
        match message:
            case notes.AudioStarted(leg="server", is_silent=bool()):
                at = our_time(record, message.at_ms)
                if self._hears_since is None:
                    self._hear_from(at)
                if not message.is_silent:
                    self._sound(record.seq, at)
            case notes.SoundStarted(leg="server", at_ms=at_ms):
                self._sound(record.seq, our_time(record, at_ms))
            case (
                notes.SoundStopped(leg="server", at_ms=at_ms)
                | notes.AudioStopped(leg="server", at_ms=at_ms)
            ):
                self._fall_silent(our_time(record, at_ms))
            case _:
                pass

    def _hear_from(self, at: int) -> None:
        """Believe what is heard from now on, and what was played only until now."""
        self._hears_since = at
        for key, row in list(self._sounds.items()):
            if key[0] == "agent":
                self._put(*key, row.start_ms, at if row.end_ms is None else row.end_ms)

    def _sound(self, seq: int, at: int) -> None:
        if self._hears_since is not None and self._sound_seq is None:
            self._sound_seq = seq
            self._put("agent", seq, at, None)

    def _fall_silent(self, at: int) -> None:
        seq, self._sound_seq = self._sound_seq, None
        if seq is not None:
            self._put("agent", seq, self._going_on.get(("agent", seq), at), at)

    def _hear(self, row: Speech, *, is_over: bool) -> None:
        is_lost = is_over and row.end_ms is None  # nobody knows how long it lasted
        if row.start_ms is None or row.refer or is_lost:
            self._forget("caller", row.seq)
        else:
            self._put("caller", row.seq, row.start_ms, row.end_ms)

    def _play(self, row: Playback, *, is_over: bool) -> None:
        end = row.end_ms if row.interrupted_ms is None else row.interrupted_ms
        if is_over and end is None:
            self._forget("agent", row.seq)
            return
        start = row.first_audio_ms
        if start is None:
            start = row.start_ms
        if self._hears_since is not None:
            end = min(self._hears_since if end is None else end, self._hears_since)
            if start >= end:
                self._forget("agent", row.seq)
                return
        self._put("agent", row.seq, start, end)

    def _forget(self, side: Side, seq: int) -> None:
        self._sounds.pop((side, seq), None)
        self._going_on.pop((side, seq), None)

    def _put(self, side: Side, seq: int, start: int, end: int | None) -> None:
        if end is None:
            self._going_on[side, seq] = start
            self._sounds[side, seq] = _Sound(side, start, None)
        else:
            self._going_on.pop((side, seq), None)
            self._sounds[side, seq] = _Sound(side, start, max(end, start))

    def _settle(self, late_ms: int) -> None:
        begin = self._until_ms or 0
        until = min([late_ms, *self._going_on.values()])
        if until <= begin + SETTLE_MS:
            return
        self._done, self._last, self._since_ms = self._swept(until)
        self._until_ms = until
        for key, row in list(self._sounds.items()):
            if row.end_ms is not None and row.end_ms <= until:
                del self._sounds[key]

    def _swept(self, end_ms: int) -> tuple[Talk, Side | None, int]:
        """Return shares, who was last to stop, and when (the end, if one goes on)."""
        begin = self._until_ms or 0
        talk, last, since = self._done, self._last, self._since_ms
        active, passed = [0, 0], [0, 0, 0, 0]  # passed: by who talked, both is 3
        at = begin
        for time, step, side in self._edges(begin, end_ms):
            passed[(active[0] > 0) + 2 * (active[1] > 0)] += time - at
            at = time
            if step > 0 and not (active[0] or active[1]):
                talk = _with_gap(talk, last, since, time)
            active[side] += step
            if not (active[0] or active[1]):
                last, since = _SIDES[side], time
        passed[(active[0] > 0) + 2 * (active[1] > 0)] += max(end_ms - at, 0)
        return _add(talk, *passed), last, since

    def _edges(self, begin: int, end: int) -> list[tuple[int, int, int]]:
        """Return when, whether it begins (1) or ends (-1), whose: in that order.

        So what ends at a moment ends before what begins at it.
        """
        edges: list[tuple[int, int, int]] = []
        for side, name in enumerate(_SIDES):
            sounds = [row for row in self._sounds.values() if row.side == name]
            for start, stop in _joined(sounds, begin, end):
                edges += [(start, 1, side), (stop, -1, side)]
        edges.sort()
        return edges


def _joined(sounds: Sequence[_Sound], begin: int, end: int) -> list[tuple[int, int]]:
    """Return the stretches between two times in which one of the sounds is heard."""
    starts = np.array([row.start_ms for row in sounds], dtype=np.int64)
    stops = np.array(
        [end if row.end_ms is None else row.end_ms for row in sounds], dtype=np.int64
    )
    starts, stops = np.maximum(starts, begin), np.minimum(stops, end)
    is_inside = stops > starts
    if not is_inside.any():
        return []
    order = np.argsort(starts[is_inside])
    starts = starts[is_inside][order]
    until = np.maximum.accumulate(stops[is_inside][order])
    is_new = starts[1:] > until[:-1]
    first = starts[np.concatenate(([True], is_new))]
    last = until[np.concatenate((is_new, [True]))]
    return list(zip(first.tolist(), last.tolist(), strict=True))


def _add(talk: Talk, none: int, caller: int, agent: int, both: int) -> Talk:
    return replace(
        talk,
        caller_ms=talk.caller_ms + caller + both,
        agent_ms=talk.agent_ms + agent + both,
        both_ms=talk.both_ms + both,
        none_ms=talk.none_ms + none,
    )


def _with_gap(talk: Talk, last: Side | None, since: int, until: int) -> Talk:
    if last != "caller" or until - since <= DEAD_AIR_MS:
        return talk
    return replace(talk, gaps=(*talk.gaps, Gap(since, until)))


def talk(records: Iterable[Record], now_ms: int) -> Talk:
    """Return who talked how much in a whole log; see `TalkMeter`."""
    meter = TalkMeter()
    meter.advance(records)
    return meter.now(now_ms)
