"""Subscribers of a call: its event log, and event streams."""

from collections import deque
from collections.abc import Callable

from rustpbx_lab.masking import mask_text, secret_values
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.simulator.core.dump import Dump
from rustpbx_lab.simulator.core.runtime import Runtime
from rustpbx_lab.simulator.core.wire import command_wire, compact

EVENT_QUEUE = 128
"""Entries kept for a reader; the oldest are lost. Source: protocol.md, 1.8."""


class Witness:
    """A reader of ``GET /events/{id}``: entries that wait to be sent to it."""

    def __init__(self, limit: int | None) -> None:
        self._entries: deque[tuple[str, str]] = deque(maxlen=limit)
        self.is_over = False
        """Whether nothing will follow."""
        self.on_news: Callable[[], object] = _nobody

    def tell(self, kind: str, text: str) -> None:
        """Keep an entry; if the reader is too slow the oldest is lost, unsaid."""
        self._entries.append((kind, text))
        self.on_news()

    def take(self) -> tuple[str, str] | None:
        """Return the next entry: ``event`` or ``command``, and its JSON text."""
        return self._entries.popleft() if self._entries else None

    def close(self) -> None:
        """Say that nothing will follow."""
        self.is_over = True
        self.on_news()


class Witnesses:
    """Tells each message of a call to its log and to its readers."""

    def __init__(
        self,
        call_id: str,
        runtime: Runtime,
        dump: Dump | None,
        queue: int | None = EVENT_QUEUE,
    ) -> None:
        self._id, self._runtime, self._dump, self._queue = call_id, runtime, dump, queue
        self._readers: set[Witness] = set()
        self._secrets: set[str] = set()

    def join(self) -> Witness:
        """Return a new reader; it hears what comes from now on."""
        reader = Witness(self._queue)
        self._readers.add(reader)
        return reader

    def leave(self, reader: Witness) -> None:
        """Forget a reader."""
        self._readers.discard(reader)

    def event(self, text: str) -> None:
        """Tell an event; a secret that comes back in it is masked."""
        self._tell("event", mask_text(text, self._secrets) if self._secrets else text)

    def command(self, command: BaseCommand) -> None:
        """Tell a command that is queued, as the server repeats it, secrets masked."""
        self._secrets |= secret_values(command)
        self._tell("command", mask_text(compact(command_wire(command)), self._secrets))

    def audio(self, frame: bytes) -> None:
        """Tell a binary frame that the client gets; it is in no log."""
        if not self._readers:
            return
        binary = {
            "event": "binary",
            "trackId": self._id,  # of the connection, whoever is heard
            "timestamp": self._runtime.now_ms(),
            "data": list(frame),
        }
        for reader in self._readers:
            reader.tell("event", compact(binary))

    def close(self) -> None:
        """Say that the call is over."""
        if self._dump is not None:
            self._dump.close()
        for reader in self._readers:
            reader.close()
        self._readers.clear()

    def _tell(self, kind: str, text: str) -> None:
        if self._dump is not None:
            self._dump.write(kind, self._runtime.now_ms(), text)
        for reader in self._readers:
            reader.tell(kind, text)


def _nobody() -> None:
    """Stand for a reader that does not wait yet."""
