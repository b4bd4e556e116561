"""The transcript: utterances of both sides in order."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from typing_extensions import override

from rustpbx_lab.log import Record
from rustpbx_lab.models import events

from .folds import Changes, Handlers, call_option, said_at
from .pipeline import Basics, BuiltFold
from .playback import Playback
from .recognition import Recognition


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a conversation."""

    at_ms: int
    """When it began, as far as known: start of the sentence, first audio of a reply."""
    who: Literal["caller", "agent"]
    text: str
    is_final: bool
    """It will not change: recognised finally, or played to its end."""
    interrupted: bool
    heard_ms: int | None
    """How much of an interrupted reply was played."""
    total_ms: int | None
    seq: int
    """Log row that made this one."""


class TranscriptFold(BuiltFold[Line]):
    """Sentences of the caller and replies of the agent, each a line.

    A reply is what a ``tts`` command asked for and a track began to play; of a realtime
    service it is the text it sends. Sentences without words make no line.
    """

    row: ClassVar[type] = Line

    def __init__(self, basics: Basics | None = None) -> None:
        self._is_realtime = False
        self._reply: tuple[object, Line] | None = None
        super().__init__(basics)

    @override
    def _handling(self) -> Handlers:
        return {
            ("command", "invite"): self._configure,
            ("command", "accept"): self._configure,
            ("event", "asrDelta"): self._fragment,
            ("event", "asrFinal"): self._end_reply,
            ("event", "hangup"): self._end_reply,
            ("note", "closed"): self._end_reply,
        }

    @override
    def advance(self, records: Iterable[Record]) -> Changes[Line]:
        new = list(records)
        said = self._basics.recognition.advance(new)
        played = self._basics.playback.advance(new)
        service = super().advance(new)
        closed = [*_sentences(said.closed), *_replies(played.closed), *service.closed]
        still = [*_sentences(said.open), *_replies(played.open), *service.open]
        closed.sort(key=lambda line: line.seq)
        still.sort(key=lambda line: line.seq)
        return Changes(closed, still)

    @override
    def _open_rows(self) -> list[Line]:
        return [] if self._reply is None else [self._reply[1]]

    def _configure(self, _: Record, message: Any) -> None:
        option = call_option(message)
        self._is_realtime = option is not None and option.realtime is not None

    def _fragment(self, record: Record, message: events.AsrDelta) -> None:
        if not self._is_realtime:
            return
        item = (message.task_id, message.index)
        if self._reply is not None and self._reply[0] == item:
            line = self._reply[1]
            self._reply = (item, replace(line, text=line.text + message.text))
            return
        self._end_reply(record, message)
        line = Line(
            said_at(record), "agent", message.text, False, False, None, None, record.seq
        )
        self._reply = (item, line)

    def _end_reply(self, _: Record, __: Any) -> None:
        if self._reply is not None:
            self._closed.append(replace(self._reply[1], is_final=True))
            self._reply = None


def _sentences(rows: Iterable[Recognition]) -> list[Line]:
    return [
        Line(
            at_ms=_begin(row),
            who="caller",
            text=row.text,
            is_final=row.is_final,
            interrupted=False,
            heard_ms=None,
            total_ms=None,
            seq=row.seq,
        )
        for row in rows
        if row.text.strip()
    ]


def _begin(row: Recognition) -> int:
    first = row.deltas[0] if row.deltas else row.said_ms
    return first if row.start_ms is None else min(row.start_ms, first)


def _replies(rows: Iterable[Playback]) -> list[Line]:
    return [
        Line(
            at_ms=row.start_ms if row.first_audio_ms is None else row.first_audio_ms,
            who="agent",
            text=row.text,
            is_final=row.end_ms is not None,
            interrupted=row.interrupted_ms is not None,
            heard_ms=row.heard_ms,
            total_ms=row.total_ms,
            seq=row.seq,
        )
        for row in rows
        if row.kind == "tts" and row.text and row.text.strip()
    ]
