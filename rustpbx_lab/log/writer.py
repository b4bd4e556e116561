"""Writing a log to its file while the call runs."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from io import FileIO
from os import PathLike, fspath
from pathlib import Path
from urllib.parse import quote

import anyio
import anyio.to_thread

from rustpbx_lab.errors import LogFileError

from .event_log import Cursor, EventLog
from .record import Record
from .storage import record_line

RETRY_S = 5.0
"""How long after a failure writing is tried again."""
GZIP_FORMAT = 31
"""``wbits`` of zlib for the largest window with a gzip header."""


class LogWriter:
    """Appends the records of a log to a file as they come.

    Every batch is in the file before the next is waited for, so a process that is
    killed loses at most its last line; with a name that ends in ``.gz`` too, whose
    every batch can be unpacked without what follows. The disk is waited for in a worker
    thread: a slow one never slows the socket.

    A disk that fails ends nothing: the file is cut back to its last whole line, and
    what is missing is written as soon as that works again.

    Args:
        log: What to write, from its first row.
        path: The file; what it holds already is kept.
        overwrite: Empty the file first.
        on_failure: Called once whenever writing begins to fail; may raise to end it.
        retry_s: Seconds between two attempts while it fails.
    """

    def __init__(
        self,
        log: EventLog,
        path: str | PathLike[str],
        *,
        overwrite: bool = False,
        on_failure: Callable[[LogFileError], object] = lambda error: None,
        retry_s: float = RETRY_S,
    ) -> None:
        self.path = Path(path)
        self.n_lines = 0
        """Lines written so far."""
        self.failure: LogFileError | None = None
        """Why the file lacks rows; None if it has all that were to be written."""
        self._log, self._cursor = log, log.cursor()
        self._file = _LineFile(self.path, "w" if overwrite else "a")
        self._on_failure = on_failure
        self._retry_s = retry_s

    async def run(self) -> None:
        """Write until the log is closed; cancelled, until the row it has reached."""
        cursor = self._cursor
        try:
            is_last = False
            while not (cursor.is_finished or is_last):
                await cursor.wait()
                is_last = self._log.is_closed
                if await self._write_new():
                    is_last = False
                elif not is_last:
                    await self._pause()
        finally:
            with anyio.CancelScope(shield=True):
                await self._end()

    async def _write_new(self) -> bool:
        """Write what is new; returns whether that worked."""
        position = self._cursor.position
        batch = self._cursor.read()
        try:
            with anyio.CancelScope(shield=True):  # else a batch could be lost
                await anyio.to_thread.run_sync(self._file.append, batch)
        except OSError as exc:
            self._cursor.position = position
            self._fail(exc)
            return False
        self.n_lines += len(batch)
        self.failure = None
        return True

    async def _pause(self) -> None:
        """Wait for the next attempt, or until the log is closed."""
        newest = Cursor(self._log, len(self._log))
        with anyio.move_on_after(self._retry_s):
            while not self._log.is_closed:
                await newest.wait()
                newest.read()

    async def _end(self) -> None:
        if self.failure is None and len(self._log) > self._cursor.position:
            await self._write_new()  # it was cancelled
        try:
            await anyio.to_thread.run_sync(self._file.close)
        except OSError as exc:
            self._fail(exc)

    def _fail(self, exc: OSError) -> None:
        error = LogFileError(
            f"cannot write {fspath(self.path)!r}: {exc.strerror or exc}; "
            "choose a folder that exists and may be written"
        )
        error.__cause__ = exc
        is_new = self.failure is None
        self.failure = error
        if is_new:
            self._on_failure(error)


async def write_as_it_comes(log: EventLog, path: str | PathLike[str]) -> int:
    """Append each record of ``log`` to a file as it comes, until the log is closed.

    See `LogWriter`, which goes on when the disk fails.

    Returns:
        The number of lines written.

    Raises:
        LogFileError: As soon as the file cannot be written.
    """

    def fail(error: LogFileError) -> None:
        raise error

    writer = LogWriter(log, path, on_failure=fail)
    await writer.run()
    return writer.n_lines


class _LineFile:
    """A file of whole lines, plain or gzip; used by one thread at a time."""

    def __init__(self, path: Path, mode: str) -> None:
        self._path, self._mode = path, mode
        self._file: FileIO | None = None
        self._packer = (
            zlib.compressobj(wbits=GZIP_FORMAT) if path.name.endswith(".gz") else None
        )

    def append(self, records: Iterable[Record]) -> None:
        """Write records, all or none.

        Raises:
            OSError: If they cannot be written.
        """
        lines = b"".join(map(record_line, records))
        if self._packer is None:
            self._put(lines)
            return
        before = self._packer.copy()
        try:
            packed = self._packer.compress(lines)
            self._put(packed + self._packer.flush(zlib.Z_SYNC_FLUSH))
        except OSError:
            self._packer = before
            raise

    def close(self) -> None:
        """End the file.

        Raises:
            OSError: If its end cannot be written.
        """
        if self._file is None:
            return
        try:
            if self._packer is not None:
                self._put(self._packer.flush(zlib.Z_FINISH))
        finally:
            self._file.close()

    def _put(self, data: bytes) -> None:
        if self._file is None:
            # without a buffer: what could not be written is not tried again at the end
            self._file = FileIO(self._path, self._mode)
            self._mode = "a"
        file, rest = self._file, memoryview(data)
        good = file.tell() if file.seekable() else None
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            if good is not None:
                _cut(file, good)
            raise


def _cut(file: FileIO, length: int) -> None:
    """Cut a file back to a length; a device has none."""
    try:
        file.seek(length)
        file.truncate(length)
    except OSError:
        return  # the reader skips a torn line


def free_path(folder: str | PathLike[str], call_id: str) -> Path:
    """Return the path of a new log file for a call in ``folder``.

    Whatever a file name cannot hold is percent-encoded, so that an id never becomes a
    path; a name that is taken gets a number.
    """
    *_, free = _paths(folder, call_id)
    return free


def latest_path(folder: str | PathLike[str], call_id: str) -> Path | None:
    """Return the newest log file of a call in ``folder``; None if there is none."""
    *taken, _ = _paths(folder, call_id)
    return taken[-1] if taken else None


def _paths(folder: str | PathLike[str], call_id: str) -> Iterator[Path]:
    """Yield the log files of a call that exist, by number, then the next free path."""
    stem = quote(call_id, safe="@+=,;~ ")[:180].lstrip(".") or "call"
    path = Path(folder) / f"{stem}.events.jsonl"
    number = 1
    while path.exists():
        yield path
        number += 1
        path = Path(folder) / f"{stem}-{number}.events.jsonl"
    yield path
