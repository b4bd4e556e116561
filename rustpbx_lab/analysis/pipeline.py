"""The speech, recognition and playback folds, run once and shared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from typing_extensions import override

from rustpbx_lab.log import Record

from .folds import Changes, Fold, Handlers
from .playback import Playback, PlaybackFold
from .recognition import Recognition, RecognitionFold
from .speech import Speech, SpeechFold

KEPT = 4096
"""Records whose changes are remembered: more than anyone takes in at once."""

R = TypeVar("R")


class SharedFold(Fold[R]):
    """A fold that several others read, each record in its turn.

    The first to come with a record folds it; the others are given the same changes.
    They must keep together: within the last `KEPT` records.
    """

    def __init__(self, fold: Fold[R]) -> None:
        self._fold = fold
        self._steps: dict[int, Changes[R]] = {}
        self._newest = -1
        self._last: Changes[R] = Changes([], [])
        super().__init__()

    @override
    def _handling(self) -> Handlers:
        return self._fold.handled

    @override
    def advance(self, records: Iterable[Record]) -> Changes[R]:
        """Return what the records change, in the order of the log.

        Raises:
            ValueError: If they were folded too long ago.
        """
        closed: list[R] = []
        still = self._last.open
        for record in records:
            if (record.direction, record.name) in self._handlers:
                step = self._step(record)
                closed += step.closed
                still = step.open
        return Changes(closed, still)

    @override
    def step(self, record: Record) -> Changes[R]:
        """Return what a record changes; see ``advance``."""
        if (record.direction, record.name) in self._handlers:
            return self._step(record)
        return Changes([], self._last.open)

    def _step(self, record: Record) -> Changes[R]:
        if record.seq <= self._newest:
            known = self._steps.get(record.seq)
            if known is None:
                raise ValueError(f"cannot fold {record!r} again: too much came since")
            return known
        self._newest = record.seq
        self._last = self._steps[record.seq] = self._fold.step(record)
        if len(self._steps) > KEPT:
            del self._steps[next(iter(self._steps))]
        return self._last


@dataclass(frozen=True)
class Basics:
    """The folds that others build on."""

    speech: Fold[Speech]
    recognition: Fold[Recognition]
    playback: Fold[Playback]

    @property
    def own(self) -> Mapping[type[Fold[Any]], Fold[Any]]:
        """The folds by their kind."""
        return {
            SpeechFold: self.speech,
            RecognitionFold: self.recognition,
            PlaybackFold: self.playback,
        }

    @classmethod
    def alone(cls) -> Self:
        """Return folds for a single reader."""
        return cls(SpeechFold(), RecognitionFold(), PlaybackFold())

    @classmethod
    def shared(cls) -> Self:
        """Return folds that any number of folds may build on together."""
        speech = SharedFold(SpeechFold())
        recognition = SharedFold(RecognitionFold(speech))
        return cls(speech, recognition, SharedFold(PlaybackFold()))


class BuiltFold(Fold[R]):
    """A fold that builds on what the caller says, what is recognised and played."""

    def __init__(self, basics: Basics | None = None) -> None:
        self._basics = Basics.alone() if basics is None else basics
        super().__init__()
