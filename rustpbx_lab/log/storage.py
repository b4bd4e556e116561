"""Event log files: JSON Lines in the shape of the server's own log.

A line of the server is ``{"type", "timestamp", "content"}`` with the message as JSON
*text* in ``content``. Ours adds ``received`` (our clock) and ``time`` (call time), and
lines of the type ``note``.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from os import PathLike, fspath
from pathlib import Path
from typing import IO, Any, Literal, cast

import orjson

from rustpbx_lab.errors import LogFileError, UnreadableFrameError
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.secrets import mask_text

from .record import Record, column_int

MAX_LINE_BYTES = 64 * 2**20
"""The longest line that is read; the server's own limit for a message."""


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


def parse_line(line: bytes) -> Record | None:
    """Return the record of one line; None for a line that is damaged."""
    try:
        loaded = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(loaded, dict):
        return None
    outer = cast(dict[str, Any], loaded)
    if not isinstance(outer.get("content"), str):
        return None
    record = _record(outer)
    if record is not None:
        record.time_ms = column_int(outer.get("time"))
    return record


def _record(line: dict[str, Any]) -> Record | None:
    content = mask_text(line["content"])
    received = column_int(line.get("received"))
    logged = column_int(line.get("timestamp")) if received is None else None
    try:
        match line.get("type"):
            case "event":
                event = events.parse(content)
                return Record.of_event(event, content, received, logged)
            case "command":
                name = commands.parse(content).command
                return Record("command", name, content, logged, received)
            case "note":
                name = notes.parse(content).note
                return Record("note", name, content, logged, received)
            case _:
                return None
    except UnreadableFrameError as error:
        unreadable = notes.Unreadable(text=content, error=error.why)
        return Record("note", unreadable.note, unreadable.to_json(), logged, received)


def read_records(path: str | PathLike[str]) -> Iterator[Record | None]:
    """Yield the record of each line of a log file, and None for a damaged line.

    Raises:
        LogFileError: If the file cannot be opened or holds no line of a log.
    """
    good = seen = 0
    for line in _lines(path):
        if line.isspace() or not line:
            continue
        seen += 1
        record = parse_line(line)
        good += record is not None
        yield record
    if seen and not good:
        raise LogFileError(
            f"cannot read {fspath(path)!r} as an event log: none of its {seen} lines "
            'has "type" and "content"; give a *.events.jsonl file of the server or ours'
        )


def _lines(path: str | PathLike[str]) -> Iterator[bytes]:
    try:
        with _open(path, "rb") as file:
            while line := file.readline(MAX_LINE_BYTES):
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile):
        yield b"{"  # the rest of a damaged archive is lost: one damaged line
    except OSError as exc:
        raise LogFileError(
            f"cannot read {fspath(path)!r}: {exc.strerror or exc}; "
            "check the name and its permissions"
        ) from exc


def _open(path: str | PathLike[str], mode: Literal["rb", "wb"]) -> IO[bytes]:
    if fspath(path).endswith(".gz"):
        return cast(IO[bytes], gzip.open(path, mode))
    return open(path, mode)


def write_records(records: Iterable[Record], path: str | PathLike[str]) -> None:
    """Write records as a log file, whole or not at all.

    Raises:
        LogFileError: If the file cannot be written.
    """
    target = Path(path)
    partial = target.with_name(f".{target.name}.partial{target.suffix}")
    try:
        with _open(partial, "wb") as file:
            file.writelines(record_line(record) for record in records)
        partial.replace(target)
    except OSError as exc:
        partial.unlink(missing_ok=True)
        raise LogFileError(
            f"cannot write {fspath(path)!r}: {exc.strerror or exc}; "
            "choose a folder that exists and may be written"
        ) from exc
