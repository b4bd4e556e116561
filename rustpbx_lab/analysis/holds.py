"""Stretches in which a side was held back: the caller muted, playback paused."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from typing_extensions import override

from rustpbx_lab.analysis.turns.fold import ends_call
from rustpbx_lab.log import Record

from .folds import Fold, Handlers, Tracks, said_at

HoldKind = Literal["muted", "paused"]

REFUSALS = ("track not found", "track does not support pausing")
"""How the server's answers to a ``pause`` begin that had no effect.

Source: protocol.md, 3.8.
"""


@dataclass(frozen=True, slots=True)
class Hold:
    """One stretch, by the commands that were sent."""

    kind: HoldKind
    """``muted``: the server takes no notice of the caller's sound; ``paused``: what
    plays stands still."""
    start_ms: int
    end_ms: int | None
    """Empty while it lasts."""
    seq: int
    """Log row of the command that began it."""


class HoldFold(Fold[Hold]):
    """Mute, unmute, pause, resume → stretches."""

    row: ClassVar[type] = Hold

    def __init__(self) -> None:
        self._tracks = Tracks()
        self._held: dict[HoldKind, Hold] = {}
        super().__init__()

    @override
    def _handling(self) -> Handlers:
        return {
            ("event", "answer"): self._tracks.learn,
            ("command", "mute"): self._mute,
            ("command", "unmute"): self._mute,
            ("command", "pause"): self._pause,
            ("command", "resume"): self._release_paused,
            # what is paused is replaced or stopped
            ("command", "tts"): self._release_paused,
            ("command", "play"): self._release_paused,
            ("command", "interrupt"): self._release_paused,
            ("event", "error"): self._refused,
            ("event", "hangup"): self._end,
            ("note", "closed"): self._end,
        }

    @override
    def _open_rows(self) -> list[Hold]:
        return list(self._held.values())

    def _mute(self, record: Record, message: Any) -> None:
        if message.track_id not in (None, self._tracks.caller):
            return
        if record.name == "mute":
            self._begin("muted", record)
        else:
            self._release("muted", said_at(record))

    def _pause(self, record: Record, _: Any) -> None:
        self._begin("paused", record)

    def _release_paused(self, record: Record, _: Any) -> None:
        self._release("paused", said_at(record))

    def _refused(self, _: Record, message: Any) -> None:
        """Forget a pause that the server refused: nothing stood still."""
        if message.sender == "command" and message.error.startswith(REFUSALS):
            self._held.pop("paused", None)

    def _begin(self, kind: HoldKind, record: Record) -> None:
        self._held.setdefault(kind, Hold(kind, said_at(record), None, record.seq))

    def _release(self, kind: HoldKind, at: int) -> None:
        held = self._held.pop(kind, None)
        if held is not None:
            self._closed.append(replace(held, end_ms=max(at, held.start_ms)))

    def _end(self, record: Record, message: Any) -> None:
        if ends_call(record, message):
            for kind in list(self._held):
                self._release(kind, said_at(record))
