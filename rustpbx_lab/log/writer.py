"""Writing a log to its file while the call runs."""

from os import PathLike, fspath
from pathlib import Path
from urllib.parse import quote

import anyio

from rustpbx_lab.errors import LogFileError

from .event_log import EventLog
from .storage import record_line


async def write_as_it_comes(log: EventLog, path: str | PathLike[str]) -> int:
    """Append each record of ``log`` to a file as it comes, until the log is closed.

    Every batch is in the file before the next is waited for, so a process that is
    killed loses at most its last line. The disk is waited for in a worker thread: a
    slow one never slows the socket.

    Returns:
        The number of lines written.

    Raises:
        LogFileError: If the file cannot be written.
    """
    cursor, lines = log.cursor(), 0
    try:
        async with await anyio.open_file(path, "ab") as file:
            while not cursor.is_finished:
                await cursor.wait()
                batch = cursor.read()
                await file.write(b"".join(map(record_line, batch)))
                await file.flush()
                lines += len(batch)
    except OSError as exc:
        raise LogFileError(
            f"cannot write {fspath(path)!r}: {exc.strerror or exc}; "
            "choose a folder that exists and may be written"
        ) from exc
    return lines


def free_path(folder: str | PathLike[str], call_id: str) -> Path:
    """Return the path of a new log file for a call in ``folder``.

    Whatever a file name cannot hold is percent-encoded, so that an id never becomes a
    path; a name that is taken gets a number.
    """
    stem = quote(call_id, safe="@+=,;~ ")[:180].lstrip(".") or "call"
    path = Path(folder) / f"{stem}.events.jsonl"
    number = 1
    while path.exists():
        number += 1
        path = Path(folder) / f"{stem}-{number}.events.jsonl"
    return path
