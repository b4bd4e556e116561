"""The event log that the server writes of a call: ``<id>.events.jsonl``."""

import hashlib
import logging
from collections import deque
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from .runtime import Runtime, Timer
from .wire import compact

logger = logging.getLogger(__name__)

LONGEST_NAME = 200
LOG_QUEUE = 128
"""Lines that wait for a slow log; the oldest are lost. Source: protocol.md, 1.8."""
_SAFE = "!#$&'()+,;=@[]^_`{}~ "


def safe_name(call_id: str) -> str:
    """Return an id as part of a file name: no folder, and not too long."""
    name = quote(call_id, safe=_SAFE)
    if len(name.encode()) > LONGEST_NAME:
        digest = hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:16]
        name = f"{name[: LONGEST_NAME - 20]}~{digest}"
    return name


def file_name(call_id: str) -> str:
    """Return a file name of an id: one name of one folder, whatever the id is."""
    return f"{safe_name(call_id)}.events.jsonl"


class Dump(Protocol):
    """Takes the lines of a call's event log."""

    def write(self, kind: str, timestamp: int, content: str) -> None:
        """Append one line."""
        ...

    def close(self) -> None:
        """Take no more."""
        ...


class EventDump:
    """Appends lines in the server's shape; each is written at once."""

    def __init__(self, folder: Path, call_id: str) -> None:
        self.path = folder / file_name(call_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a", encoding="utf-8", newline="\n")
        except OSError as exc:
            # as with the server, a call goes on without its log
            logger.warning("cannot write the event log %s: %s", self.path, exc.strerror)
            self._file = None

    def write(self, kind: str, timestamp: int, content: str) -> None:
        """Append one line.

        Args:
            kind: ``"event"`` or ``"command"``.
            timestamp: When it is written, milliseconds since the Unix epoch.
            content: Its JSON text.
        """
        if self._file is None:
            return
        line = {"type": kind, "timestamp": timestamp, "content": content}
        try:
            self._file.write(compact(line) + "\n")
            self._file.flush()
        except OSError as exc:
            logger.warning("the event log %s stops: %s", self.path, exc.strerror)
            self.close()

    def close(self) -> None:
        """Close the file; twice is not an error."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


class SlowDump:
    """An event log on a slow disk: of 128 lines that wait the oldest is lost."""

    def __init__(self, dump: Dump, runtime: Runtime, line_ms: int) -> None:
        self._dump, self._runtime, self._line_ms = dump, runtime, line_ms
        self._waiting: deque[tuple[str, int, str]] = deque(maxlen=LOG_QUEUE)
        self._timer: Timer | None = None
        self._is_closed = False

    def write(self, kind: str, timestamp: int, content: str) -> None:
        """Queue one line."""
        self._waiting.append((kind, timestamp, content))
        if self._timer is None:
            self._next_later()

    def close(self) -> None:
        """Write what waits, then close."""
        self._is_closed = True
        if self._timer is None:
            self._dump.close()

    def _next_later(self) -> None:
        at_ms = self._runtime.monotonic_ms() + self._line_ms
        self._timer = self._runtime.call_at(at_ms, self._write_next)

    def _write_next(self) -> None:
        self._timer = None
        self._dump.write(*self._waiting.popleft())
        if self._waiting:
            self._next_later()
        elif self._is_closed:
            self._dump.close()
