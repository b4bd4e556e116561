"""Rows of the events table: their words, and the filter."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rustpbx_lab.analysis.moments import AUDIO_NOTES, FAILURES
from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.log import Record
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.sip_message import read_sip
from rustpbx_lab.wording import clock, thousands

KINDS = {
    "VAD": "vad",
    "ASR": "asr",
    "Playback": "agent",
    "Metrics": "tts",
    "Commands": "command",
    "Errors": "error",
    "Other": "llm",
}
"""Chip → role of its colour."""
ARROWS = {"event": "←", "command": "→", "note": "·"}
MAX_SUMMARY = 240

_RowTest = Callable[["EventRow"], bool]

_KIND_OF = {
    "speaking": "VAD",
    "silence": "VAD",
    "eou": "VAD",
    "inactivity": "VAD",
    "rtpTimeout": "VAD",
    "asrDelta": "ASR",
    "asrFinal": "ASR",
    "trackStart": "Playback",
    "trackEnd": "Playback",
    "interruption": "Playback",
    **dict.fromkeys(AUDIO_NOTES, "Playback"),
    "metrics": "Metrics",
    **dict.fromkeys({"error", "reject", *FAILURES}, "Errors"),
}


def kind_of(record: Record) -> str:
    """Return the chip that a record belongs to."""
    if record.direction == "command":
        return "Commands"
    match message_of(record) if record.name in ("advice", "closed") else None:
        case notes.Advice(severity="error"):
            return "Errors"
        case notes.Closed() as closed if closed.is_failure:
            return "Errors"
        case _:
            return _KIND_OF.get(record.name, "Other")


def summary(record: Record) -> str:
    """Say in words what a record says; plain text of the call inside."""
    message = message_of(record)
    text = " ".join((record.raw if message is None else _summary(message)).split())
    return text if len(text) <= MAX_SUMMARY else text[: MAX_SUMMARY - 1] + "…"


def message_of(record: Record) -> Any:
    """Return the typed message; None if its text cannot be read as one."""
    try:
        return record.message
    except UnreadableFrameError:
        return None


def _summary(message: Any) -> str:
    writer = _WRITERS.get(type(message))
    return _fields(message) if writer is None else writer(message)


def _speaking(message: events.Speaking) -> str:
    return f"onset {thousands(message.timestamp - message.start_time)} ms ago"


def _silence(message: events.Silence) -> str:
    late = message.timestamp - message.start_time - message.duration
    length = thousands(message.duration)
    return f"{length} ms long, reported {thousands(late)} ms after speech ended"


def _text(message: events.AsrDelta | events.AsrFinal) -> str:
    return f"#{message.index} “{message.text}”"


def _interruption(message: events.Interruption) -> str:
    at = thousands(message.current)
    if message.total_duration:  # 0 says that nobody counted, as for a cached text
        at += f" of {thousands(message.total_duration)}"
    return f"{message.play_id or 'no play id'} at {at} ms"


def _track_end(message: events.TrackEnd) -> str:
    ends = f"{message.play_id or 'track'} ends after {thousands(message.duration)} ms"
    return f"{ends}, and with it the call" if message.auto_hangup else ends


def _metrics(message: events.Metrics) -> str:
    told = "" if message.ttfb is None else f", ttfb {thousands(message.ttfb)} ms"
    about = f" {message.play_id}" if message.play_id else ""
    took = "" if message.duration is None else f" {thousands(message.duration)} ms"
    return f"{message.key}{about}{took}{told}"


def _tts(message: commands.Tts) -> str:
    how = " streaming" if message.streaming else ""
    return f"{message.play_id or 'no play id'} “{message.text}”{how}"


def _said(message: commands.History | events.AddHistory) -> str:
    return f"{message.speaker} “{message.text}”"


def _sip(message: notes.SipMessage) -> str:
    said = read_sip(message.text)
    if said is None:
        return message.text
    title = f"{said.code} {said.reason} to {said.method}" if said.code else said.method
    where = f"{message.source or '?'} to {message.destination or '?'}"
    return ", ".join(filter(None, [title, message.way, where, said.sdp]))


_WRITERS: dict[type, Callable[[Any], str]] = {
    events.Speaking: _speaking,
    events.Silence: _silence,
    events.AsrDelta: _text,
    events.AsrFinal: _text,
    events.TrackStart: lambda message: f"{message.play_id or 'track'} begins",
    events.TrackEnd: _track_end,
    events.RtpTimeout: lambda message: f"no audio packet for {message.timeout} s",
    events.Interruption: _interruption,
    events.Metrics: _metrics,
    events.AddHistory: _said,
    events.Error: lambda message: f"{message.sender}: {message.error}",
    commands.Tts: _tts,
    commands.Dtmf: lambda message: f"key {message.digit}",
    commands.History: _said,
    notes.AudioStarted: lambda message: (
        f"{message.leg} audio begins, {message.codec}"
        + (", with silence" if message.is_silent else "")
    ),
    notes.AudioStopped: lambda message: f"{message.leg} audio pauses",
    notes.AudioLost: lambda message: (
        f"{message.leg} audio lost, about {thousands(message.lost_ms)} ms"
    ),
    notes.Tapped: lambda message: f"audio from a tap on {message.id}",
    notes.SoundStarted: lambda message: f"{message.leg} is heard",
    notes.Closed: lambda message: (
        message.why + ("" if message.code is None else f", code {message.code}")
    ),
    notes.SipMessage: _sip,
    notes.SoundStopped: lambda message: f"{message.leg} sends silence",
    notes.Advice: lambda message: (
        message.text + (f"; instead: {message.instead}" if message.instead else "")
    ),
}


def _fields(message: Any) -> str:
    wire = message.to_wire()
    skipped = {message.tag, "timestamp", "trackId", "option", "sdp"}
    said = {key: value for key, value in wire.items() if key not in skipped and value}
    return ", ".join(f"{key} {value}" for key, value in said.items())


def track_of(record: Record, caller_track: str | None) -> str:
    """Return whose track a record is about, in a word."""
    track = getattr(message_of(record), "track_id", None)
    if track is None:
        return "–"  # noqa: RUF001
    if track == caller_track or track.startswith("s."):
        return "caller"
    return "agent" if track == "server-side-track" else track


@dataclass(frozen=True)
class EventRow:
    """One line of the table; several partial results may share it."""

    seqs: tuple[int, ...]
    time_ms: int | None
    delta_ms: int | None
    name: str
    direction: str
    kind: str
    track: str
    text: str
    fold_key: object = None
    """Neighbours with the same key become one row; None: never."""

    def joined(self, newer: "EventRow") -> "EventRow":
        """Return this row with a newer one folded in."""
        return EventRow(
            (*newer.seqs, *self.seqs),
            newer.time_ms,
            self.delta_ms,
            self.name,
            self.direction,
            self.kind,
            self.track,
            newer.text,
            self.fold_key,
        )

    def shown(self, clock: Callable[[float | None], str] = clock) -> dict[str, Any]:
        """Return the cells; the newest log row first in ``seqs``.

        Args:
            clock: Says a call time in words.
        """
        count = f" ×{len(self.seqs)}" if len(self.seqs) > 1 else ""  # noqa: RUF001
        return {
            "seqs": list(self.seqs[:200]),
            "time": clock(self.time_ms),
            "delta": thousands(self.delta_ms) if self.delta_ms is not None else "",
            "direction": ARROWS.get(self.direction, ""),
            "event": self.name + count,
            "role": KINDS[self.kind],
            "track": self.track,
            "summary": self.text,
        }


def event_row(
    record: Record, before_ms: int | None, caller_track: str | None = None
) -> EventRow:
    """Return the row of a record that follows one at ``before_ms``."""
    message = message_of(record)
    delta = (
        None
        if before_ms is None or record.time_ms is None
        else record.time_ms - before_ms
    )
    key = None
    if isinstance(message, events.AsrDelta):
        key = (message.track_id, message.index)
    return EventRow(
        (record.seq,),
        record.time_ms,
        delta,
        record.name,
        record.direction,
        kind_of(record),
        track_of(record, caller_track),
        summary(record),
        key,
    )


_PART = re.compile(r'-?(?:/(?:\\.|[^/])+/|"[^"]*"|\S+)')


class EventFilter:
    """Words, ``"a phrase"``, ``/regex/``, ``event:name``, ``track:name``, ``>500``.

    ``>500`` and ``<500`` are the milliseconds since the row before; ``-`` before
    anything turns it round. All must hold. A regular expression that cannot be read
    matches nothing; `problem` says why.
    """

    def __init__(self, text: str = "", kinds: Sequence[str] = tuple(KINDS)) -> None:
        self._kinds = frozenset(kinds)
        self.problem: str | None = None
        self._tests = [self._signed_test(part) for part in _PART.findall(text)]

    def accepts(self, row: EventRow) -> bool:
        """Whether a row is shown."""
        return row.kind in self._kinds and all(test(row) for test in self._tests)

    def _signed_test(self, part: str) -> _RowTest:
        if len(part) < 2 or part[0] != "-":
            return self._test(part)
        test, is_readable = self._test(part[1:]), self.problem is None
        return lambda row: is_readable and not test(row)

    def _test(self, part: str) -> _RowTest:
        if len(part) > 2 and part[0] == part[-1] == "/":
            return self._expression(part)
        name, colon, value = part.partition(":")
        wanted = value.casefold()
        if colon and name.casefold() == "event":
            return lambda row: row.name.casefold() == wanted
        if colon and name.casefold() == "track":
            return lambda row: row.track.casefold().startswith(wanted)
        if part[0] in "<>" and part[1:].isdecimal():
            limit, is_more = int(part[1:]), part[0] == ">"
            return lambda row: (
                row.delta_ms is not None
                and (row.delta_ms > limit if is_more else row.delta_ms < limit)
            )
        word = part.strip('"').casefold()
        return lambda row: word in f"{row.name} {row.text} {row.track}".casefold()

    def _expression(self, part: str) -> _RowTest:
        try:
            pattern = re.compile(part[1:-1], re.IGNORECASE)
        except re.error as exc:
            self.problem = f"cannot read {part[:40]}: {exc}"
            return lambda _: False
        return lambda row: bool(pattern.search(f"{row.name} {row.text}"))
