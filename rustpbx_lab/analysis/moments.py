"""Single moments of a call: metrics, commands and errors."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from typing_extensions import override

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.log import Record
from rustpbx_lab.models import events, notes
from rustpbx_lab.models.base import WireModel

from .folds import Changes, Fold, Handlers, details, flag, length, said_at

NO_DURATION = frozenset(
    {"llm_call_start", "tts_play_id_map", "tool_invocation", "rag_result"}
)
"""Metrics whose ``duration`` is always 0 and means nothing."""
MARKED_EVENTS = frozenset(
    {
        "answer",
        "answerMachineDetection",
        "custom",
        "dtmf",
        "eou",
        "functionCall",
        "hangup",
        "hold",
        "inactivity",
        "incoming",
        "message",
        "ringing",
        "rtpTimeout",
        "transferRequest",
    }
)
AUDIO_NOTES = frozenset(
    {"audioStarted", "audioStopped", "soundStarted", "soundStopped"}
)

FAILURES = frozenset({"agentFailed", "audioLost", "handlerFailed", "unreadable"})
"""Notes that each say that something broke."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One measurement."""

    at_ms: int
    key: str
    """As the server names it: ``completed.tts.<provider>``, …"""
    value_ms: int | None
    """The duration; empty where the key has none. For ``*.asr.*`` not a latency."""
    ttfb_ms: int | None
    is_cached: bool | None
    play_id: str | None
    seq: int


class MetricFold(Fold[Metric]):
    """``metrics`` → measurements."""

    row: ClassVar[type] = Metric

    @override
    def _handling(self) -> Handlers:
        return {("event", "metrics"): self._metric}

    def _metric(self, record: Record, message: events.Metrics) -> None:
        value = None if message.key in NO_DURATION else message.value
        self._closed.append(
            Metric(
                at_ms=said_at(record),
                key=message.key,
                value_ms=length(value),
                ttfb_ms=length(message.ttfb),
                is_cached=flag(details(message).get("cached")),
                play_id=message.play_id,
                seq=record.seq,
            )
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """One moment."""

    at_ms: int
    kind: Literal["command", "event", "error", "reject", "note"]
    name: str
    text: str | None
    """What was said with it: the words of a tts, the text of an error, …"""
    seq: int


class MarkFold(Fold[Mark]):
    """Commands, errors, notes and the steps of the call → moments."""

    row: ClassVar[type] = Mark

    @override
    def _handling(self) -> Handlers:
        return {}

    @override
    def advance(self, records: Iterable[Record]) -> Changes[Mark]:
        marks: list[Mark] = []
        for record in records:
            kind = _kind(record)
            if kind is not None:
                at, text = said_at(record), _text(record)
                marks.append(Mark(at, kind, record.name, text, record.seq))
        return Changes(marks, [])


def _kind(
    record: Record,
) -> Literal["command", "event", "error", "reject", "note"] | None:
    if record.direction == "command":
        return "command"
    if record.direction == "note":
        if record.name in AUDIO_NOTES or record.name == notes.SIP_MESSAGE:
            return None
        return "error" if _is_failure(record) else "note"
    if record.name == "error":
        return "error"
    if record.name == "reject":
        return "reject"
    return "event" if record.name in MARKED_EVENTS else None


def _is_failure(record: Record) -> bool:
    """Whether a note says that something broke; an advice says only that it may."""
    if record.name != "closed":
        return record.name in FAILURES
    message = _message(record)
    return isinstance(message, notes.Closed) and message.is_failure


def _text(record: Record) -> str | None:
    message = _message(record)
    if message is None:
        return None
    text = getattr(message, message.log_columns.get("text", "text"), None)
    is_audio = getattr(message, "base64", None)
    return text if isinstance(text, str) and not is_audio else None


def _message(record: Record) -> WireModel | None:
    try:
        return record.message
    except UnreadableFrameError:
        return None
