"""Event log files: JSON Lines in the shape of the server's own log.

A line of the server is ``{"type", "timestamp", "content"}`` with the message as JSON
*text* in ``content``. Ours adds ``received`` (our clock) and ``time`` (call time), and
lines of the type ``note``.
"""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import IO, Any, cast

import orjson
from pydantic import BaseModel

from rustpbx_lab.errors import LogFileError, UnreadableFrameError
from rustpbx_lab.masking import mask_text
from rustpbx_lab.models import commands, events, notes

from .record import Direction, Record, column_int
from .rewritten import Row, RowFinder
from .source import LineSource, LogSource

LOG_ENDINGS = (".events.jsonl", ".jsonl", ".json")
"""Endings of an event log's name; what stands before them names the session."""
MAX_DAMAGED_LINES = 1000
"""Line numbers of damage that are remembered; all of it is counted."""
SHOWN_LINES = 5

_MODELS = {"event": events, "command": commands, "note": notes}


@dataclass
class Damage:
    """What of a log file could not be read."""

    count: int = 0
    """Lines that hold no row, or a row whose message could not be read."""
    lines: list[int] = field(default_factory=list[int])
    """Their numbers, from 1; at most `MAX_DAMAGED_LINES`."""
    remarks: list[str] = field(default_factory=list[str])
    """What was done to read the file, or lost in it: one sentence each."""

    def add(self, line: int) -> None:
        """Count a damaged line."""
        self.count += 1
        if len(self.lines) < MAX_DAMAGED_LINES:
            self.lines.append(line)


def session_name(log: Path) -> str:
    """Return the name of an event log without its endings: the session's id."""
    name = log.name.removesuffix(".gz")
    ending = next((one for one in LOG_ENDINGS if name.endswith(one)), "")
    return name.removesuffix(ending)


def record_line(record: Record) -> bytes:
    """Return the record as one line of a log file, with its line end."""
    written = record.timestamp if record.received_ms is None else record.received_ms
    line: dict[str, object] = {
        "type": record.direction,
        "timestamp": written,
        "content": record.raw,
        "time": record.time_ms,
    }
    if record.received_ms is not None:
        line["received"] = record.received_ms
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def read_records(source: LogSource, damage: Damage) -> Iterator[Record]:
    """Yield every record of a log file that can be read, in order.

    A row whose message cannot be read is kept as an ``unreadable`` note.

    Args:
        source: A path, or an open file.
        damage: Takes what could not be read.

    Raises:
        LogFileError: If the file cannot be opened or holds no row of a log.
        TypeError: If the source is neither a path nor an open file.
    """
    lines, finder = LineSource(source), RowFinder()
    good = n_lines = 0

    def counted() -> Iterator[bytes]:
        nonlocal n_lines
        for line in lines:
            n_lines += not line.isspace()
            yield line

    for found in finder.find(counted()):
        record = None if found.row is None else _record(found.row)
        if record is not None:
            good += 1
            yield record
        if record is None or _is_damaged(record, found.row):
            damage.add(found.line)
    if lines.is_cut:
        damage.add(n_lines + 1)
    if not good and (n_lines or lines.is_cut):
        raise LogFileError(_refusal(lines, max(n_lines, 1)))
    damage.remarks += [*lines.remarks, *sorted(finder.remarks), *_told(damage)]


def _refusal(lines: LineSource, n_lines: int) -> str:
    if lines.looks_like is not None:
        return f"cannot read {lines.name} as an event log: it is {lines.looks_like}"
    said = "".join(f"; {remark}" for remark in lines.remarks)
    return (
        f"cannot read {lines.name} as an event log: none of its {n_lines} lines "
        f'has "type" and "content"{said}; '
        "give a *.events.jsonl file of the server or ours"
    )


def _told(damage: Damage) -> Iterator[str]:
    if damage.count == 1:
        yield f"line {damage.lines[0]} could not be read"
    elif damage.count:
        shown = ", ".join(map(str, damage.lines[:SHOWN_LINES]))
        more = ", …" if damage.count > SHOWN_LINES else ""
        yield f"{damage.count} lines could not be read: {shown}{more}"


def _is_damaged(record: Record, row: Row | None) -> bool:
    # a note of that name is what the log says itself, not damage of its file
    is_ours = row is not None and row["type"] == "note"
    return record.name == "unreadable" and not is_ours


def _record(row: Row) -> Record | None:
    if row["type"] not in _MODELS:
        return None
    direction = cast(Direction, row["type"])
    content: Any = row["content"]
    if not isinstance(content, str):
        content = orjson.dumps(content).decode()
    content = mask_text(content)
    received = _whole(row.get("received"))
    logged = _whole(row.get("timestamp")) if received is None else None
    try:
        message, content = _message(direction, content)
    except UnreadableFrameError as error:
        note = notes.Unreadable(text=content, error=error.why)
        record = Record("note", note.note, note.to_json(), logged, received)
    else:
        record = _record_of(direction, message, content, received, logged)
    record.time_ms = _whole(row.get("time"))
    return record


def _message(direction: Direction, content: str) -> tuple[BaseModel, str]:
    """Return the message of a row, and its text as it can be read again."""
    model = _MODELS[direction]
    try:
        return model.parse(content), content
    except UnreadableFrameError:
        mended = model.mended(content)
        if mended is None:
            raise
        return model.parse(mended), mended


def _record_of(
    direction: Direction,
    message: BaseModel,
    content: str,
    received: int | None,
    logged: int | None,
) -> Record:
    if isinstance(message, events.BaseEvent):
        return Record.of_event(message, content, received, logged)
    name: str = getattr(message, direction)
    return Record(direction, name, content, logged, received)


def _whole(value: object) -> int | None:
    """Return an integer that a tool may have written as a float, text or date."""
    if isinstance(value, float):
        return column_int(round(value)) if abs(value) < 2**53 else None
    if not isinstance(value, str):
        return column_int(value)
    try:
        return column_int(int(value)) if len(value) < 20 else _epoch_ms(value)
    except ValueError:
        return None


def _epoch_ms(text: str) -> int | None:
    moment = datetime.fromisoformat(text)
    # without an offset nobody knows which hour it is
    return None if moment.tzinfo is None else round(moment.timestamp() * 1000)


def write_records(records: Iterable[Record], path: str | PathLike[str]) -> None:
    """Write records as a log file, whole or not at all; gzip if it ends in ``.gz``.

    Raises:
        LogFileError: If the file cannot be written.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial{target.suffix}")
    try:
        with _create(partial) as file:
            file.writelines(record_line(record) for record in records)
        partial.replace(target)
    except OSError as exc:
        partial.unlink(missing_ok=True)
        raise LogFileError(
            f"cannot write {fspath(path)!r}: {exc.strerror or exc}; "
            "choose a folder that exists and may be written"
        ) from exc


def _create(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "wb"))
    return path.open("wb")
