"""SIP messages of a session: the JSON Lines that a server's ``[sipflow]`` uploads.

A line is ``{"timestamp", "seq", "leg", "msg_type", "call_id", "src_addr", "dst_addr",
"payload"}``: microseconds since the Unix epoch by the server's clock, and the message
as text. The file has all legs of a session and is named after it.

Source: active-call 0.3.113, src/sipflow/mod.rs and upload.rs.
"""

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import cast
from urllib.parse import quote

import orjson

from rustpbx_lab.errors import LogFileError
from rustpbx_lab.masking import mask_sip
from rustpbx_lab.models.notes import SIP_MESSAGE, SipMessage, SipWay
from rustpbx_lab.models.sip_message import read_sip

from .event_log import EventLog
from .record import Record, column_int
from .source import LineSource, LogSource
from .storage import SHOWN_LINES, Damage, session_name

SIPFLOW_ENDING = ".sipflow.jsonl"
NAMES = (f"{{}}{SIPFLOW_ENDING}", "{}.jsonl")
"""How the file of a session is named, the server's own way last."""
SERVER_AGENT = "active-call("
"""How the server's User-Agent begins, unless its configuration says otherwise."""
DAY_NAME = "[0-9]" * 8
"""Folder of a day, as the server names them: ``20261130``."""
PLAUSIBLE_US = range(10**14, 10**17)
"""Microseconds since the Unix epoch that are between 1973 and 5138."""


@dataclass(frozen=True, slots=True)
class _Line:
    at_us: int
    call_id: str
    source: str | None
    destination: str | None
    text: str
    is_servers: bool


@dataclass
class SipFlow:
    """The SIP messages of one session, by time; secrets are masked."""

    messages: list[SipMessage] = field(default_factory=list[SipMessage])
    damage: int = 0
    """Lines that could not be read."""
    damaged_lines: list[int] = field(default_factory=list[int])
    """Their numbers, from 1; the first thousand."""
    remarks: list[str] = field(default_factory=list[str])
    """What was done to read the file, or lost in it: one sentence each."""

    def __len__(self) -> int:
        return len(self.messages)


def read_sipflow(source: LogSource, session_id: str | None = None) -> SipFlow:
    """Read the SIP messages that a server wrote for one session.

    Compressed files and other encodings are read as `read_log` reads them. Both
    spellings of the keys are: ``src_addr``, as Active Call writes them, and
    ``srcAddr``, as RustPBX does.

    Args:
        source: A path, or an open file.
        session_id: Id of the session: it tells which side the server is where the
            messages do not.

    Returns:
        The messages by time. Lines that are not SIP messages are counted in
        ``damage``, and located.

    Raises:
        LogFileError: If there is no such file, or none of its lines is a message.
        TypeError: If the source is neither a path nor an open file.
    """
    lines, damage = LineSource(source), Damage()
    found: list[_Line] = []
    n_lines = 0
    for number, raw in enumerate(lines, 1):
        if raw.isspace():
            continue
        n_lines += 1
        line = _line(raw)
        if line is None:
            damage.add(number)
        else:
            found.append(line)
    if lines.is_cut:
        damage.add(n_lines + 1)
    if not found and damage.count:
        raise LogFileError(_refusal(lines, n_lines))
    ordered = sorted(found, key=attrgetter("at_us"))  # stable: equal times keep order
    local = _local_address(ordered, session_id)
    messages = [_message(line, local) for line in ordered]
    remarks = [*lines.remarks, *_told(damage)]
    if messages and local is None:
        remarks.append("nothing says which side the server is: no direction is shown")
    return SipFlow(messages, damage.count, damage.lines, remarks)


def _refusal(lines: LineSource, n_lines: int) -> str:
    why = f"none of its {n_lines} lines is a SIP message with its time and Call-ID"
    if lines.looks_like is not None:
        why = f"it is {lines.looks_like}"
    return (
        f"cannot read {lines.name} as a sipflow file: {why}; "
        "give the JSON Lines that [sipflow.upload] of the server sent for this session"
    )


def _told(damage: Damage) -> Iterator[str]:
    if damage.count:
        shown = ", ".join(map(str, damage.lines[:SHOWN_LINES]))
        more = ", …" if damage.count > SHOWN_LINES else ""
        noun = "line" if damage.count == 1 else "lines"
        yield f"{damage.count} {noun} could not be read: {shown}{more}"


def _line(raw: bytes) -> _Line | None:
    try:
        value: object = orjson.loads(raw)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    row = cast("Mapping[str, object]", value)
    at_us = column_int(row.get("timestamp"))
    text = row.get("payload")
    call_id = row.get("call_id", row.get("callId"))
    # None in a range looks at each of its numbers
    if at_us is None or at_us not in PLAUSIBLE_US or not isinstance(text, str):
        return None
    said = read_sip(text)
    if said is None:
        return None
    agent = said.header("user-agent") or said.header("server")
    return _Line(
        at_us=at_us,
        call_id=call_id if isinstance(call_id, str) else said.header("call-id"),
        source=_address(row.get("src_addr", row.get("srcAddr"))),
        destination=_address(row.get("dst_addr", row.get("dstAddr"))),
        text=mask_sip(text),
        is_servers=agent.startswith(SERVER_AGENT),
    )


def _address(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _local_address(lines: Sequence[_Line], session_id: str | None) -> str | None:
    """Return the server's own address: it stands on one side of each message.

    With a single peer, both do: then the one that sends the server's User-Agent, else
    what the session id says. It is the Call-ID of a call that the server made, and
    begins with the one of a call that came in.
    """
    counts = Counter(
        address for line in lines for address in {line.source, line.destination}
    )
    everywhere = [one for one, n in counts.items() if one and n == len(lines)]
    if len(everywhere) == 1:
        return everywhere[0]
    sent = {line.source for line in lines if line.is_servers} & set(everywhere)
    if len(sent) == 1:
        return sent.pop()
    first = lines[0] if lines else None
    if first is None or not everywhere or session_id is None:
        return None
    if session_id == first.call_id:
        return first.source
    is_incoming = session_id.startswith(f"{first.call_id}-")
    return first.destination if is_incoming else None


def _message(line: _Line, local: str | None) -> SipMessage:
    way: SipWay | None = None
    if local is not None and line.destination == local:
        way = "received"
    elif local is not None and line.source == local:
        way = "sent"
    return SipMessage(
        at_us=line.at_us,
        call_id=line.call_id,
        source=line.source,
        destination=line.destination,
        way=way,
        text=line.text,
    )


# ---------------------------------------------------------------------- beside a log


def sipflow_beside(log: Path) -> Path | None:
    """Return the sipflow file of an event log's session; None if there is none.

    Looked for, in the log's folder: ``ID.sipflow.jsonl``, ``ID.jsonl``; then, in a
    folder ``sipflow`` beside the log, the same and the server's own folders of days,
    ``sipflow/20261130/ID.jsonl``. Each may end in ``.gz``; the id may be written as a
    URL escapes it.
    """
    session = session_name(log)
    # a file name may have bytes that are no UTF-8
    quoted = (quote(session, safe, errors="surrogateescape") for safe in ("@", ""))
    spellings = dict.fromkeys((session, *quoted))
    names = [
        pattern.format(one) + packed
        for one in spellings
        for pattern in NAMES
        for packed in ("", ".gz")
    ]
    folder = log.parent / "sipflow"
    folders = [log.parent, folder, *sorted(folder.glob(DAY_NAME), reverse=True)]
    for place in folders:
        for name in names:
            path = place / name
            # os.path, unlike Path, says no where a name is too long
            if os.path.isfile(path) and not _is_same(path, log):
                return path
    return None


def _is_same(path: Path, log: Path) -> bool:
    try:
        return os.path.samefile(path, log)
    except OSError:
        return False


def read_with_sip_messages(
    log: Path, sipflow: Path | None = None
) -> tuple[EventLog, SipFlow | None]:
    """Read an event log and the SIP messages of its session, and put them together.

    Args:
        log: The event log.
        sipflow: The messages; None: `sipflow_beside` looks for them.

    Returns:
        The log, and what was read of the messages: None if there is no file of them.

    Raises:
        LogFileError: If one of the files cannot be read, or the messages not placed.
    """
    read = EventLog.load(log)
    found = sipflow_beside(log) if sipflow is None else sipflow
    if found is None:
        return read, None
    flow = read_sipflow(found, session_name(log))
    return with_sip_messages(read, flow), flow


def with_sip_messages(log: EventLog, flow: SipFlow) -> EventLog:
    """Return the log with the SIP messages among its rows, each at its call time.

    They become notes (``sipMessage``). Their times are the server's, so they are placed
    by the events around them; those before the first record have a negative call time.

    Args:
        log: A log without SIP messages; with some it is returned as it is.
        flow: The messages of the same session.

    Raises:
        LogFileError: If the log has no time of the server, so that nothing of another
            file can be placed.
    """
    if not flow.messages or any(record.name == SIP_MESSAGE for record in log):
        return log
    placed = _placed(log, flow.messages)
    merged = EventLog()
    merged.damage, merged.damaged_lines = log.damage, log.damaged_lines
    merged.remarks = log.remarks
    waiting = 0
    for record in log:
        at_ms = record.time_ms or 0
        while waiting < len(placed) and (placed[waiting].time_ms or 0) < at_ms:
            merged.append(placed[waiting])
            waiting += 1
        merged.append(record.copy())
    for record in placed[waiting:]:
        merged.append(record)
    merged.clock = deepcopy(log.clock)
    if log.is_closed:
        merged.close()
    return merged


def _placed(log: EventLog, messages: Sequence[SipMessage]) -> list[Record]:
    anchors = sorted(
        (record.timestamp, record.time_ms)
        for record in log
        if record.timestamp is not None
        and record.time_ms is not None
        and (record.direction == "event" or record.received_ms is None)
    )
    if not anchors:
        raise LogFileError(
            "cannot place the SIP messages: the event log has no time of the server; "
            "give the server's own log, or one with at least one event"
        )
    stamps = [stamp for stamp, _ in anchors]
    found: list[Record] = []
    for message in messages:
        at_ms = message.at_us // 1000
        stamp, time_ms = anchors[max(bisect_right(stamps, at_ms) - 1, 0)]
        record = Record("note", message.note, message.to_json(), at_ms, message=message)
        record.time_ms = time_ms + at_ms - stamp
        found.append(record)
    found.sort(key=lambda record: record.time_ms or 0)
    return found
