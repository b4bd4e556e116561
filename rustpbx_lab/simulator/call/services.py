"""Services shared by all calls of a stand-in."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.simulator.core.dialect import Dialect
from rustpbx_lab.simulator.core.dump import Dump, EventDump, SlowDump
from rustpbx_lab.simulator.core.runtime import Runtime
from rustpbx_lab.simulator.core.strict import StrictReports
from rustpbx_lab.simulator.telephone.incoming import IncomingCalls
from rustpbx_lab.simulator.tracks.media import Media
from rustpbx_lab.simulator.tracks.playback import SetUpError
from rustpbx_lab.simulator.tracks.voice import Voice
from rustpbx_lab.speech.recognition import Recogniser

from .bridges import BridgedCall
from .faults import Faults
from .playbooks import Playbooks
from .subscribers import EVENT_QUEUE, Witnesses


class Line(Protocol):
    """The connection of one call; nothing of it waits."""

    def text(self, text: str) -> None:
        """Queue a text frame."""
        ...

    def audio(self, data: bytes) -> None:
        """Queue a binary frame."""
        ...

    def send_ping(self, payload: bytes) -> None:
        """Queue a control ping."""
        ...

    def hang_up(self) -> None:
        """Send what is queued, then close without a status code."""
        ...


class RunningCall(BridgedCall, Protocol):
    """What others may do with a call."""

    witnesses: Witnesses

    def take(self, command: BaseCommand) -> None:
        """Queue a command."""
        ...

    def end(self, reason: str) -> None:
        """End it."""
        ...

    def listing(self) -> dict[str, Any]:
        """Return its entry in ``/list``."""
        ...


Job = Callable[[], Coroutine[Any, Any, None]]
"""A task that is not started yet."""


def _nowhere(_: Job) -> None:
    raise SetUpError("this stand-in has no event loop for media; run it as a server")


@dataclass
class Services:
    """Engines, files, the registry and strict mode of one stand-in."""

    runtime: Runtime
    voice: Voice
    recogniser: Recogniser
    media: Media
    strict: StrictReports
    dialect: Dialect = field(default_factory=Dialect)
    """The release of the server that is simulated."""
    dump_dir: Path | None = None
    registry: dict[str, RunningCall] = field(default_factory=dict[str, RunningCall])
    """The newest call of each id."""
    watch_queue: int | None = EVENT_QUEUE
    """Entries kept for a slow reader of a call's events; None keeps all."""
    webhook: str | None = None
    """What is told of incoming calls."""
    is_local: bool = True
    """Whether media, too, stays on this machine."""
    faults: Faults = field(default_factory=Faults)
    """What goes wrong on purpose."""
    start: Callable[[Job], object] = _nowhere
    """Starts a task of the server; what it raises would end the server."""

    def __post_init__(self) -> None:
        self.playbooks = Playbooks(self.runtime.now_ms)
        self.incoming = IncomingCalls(self.runtime, self.webhook)

    def witnesses(self, call_id: str, *, is_logged: bool) -> Witnesses:
        """Return who is told what passes in a new call."""
        folder = self.dump_dir if is_logged else None
        dump: Dump | None = None if folder is None else EventDump(folder, call_id)
        if dump is not None and self.faults.slow_log:
            dump = SlowDump(dump, self.runtime, self.faults.slow_log)
        return Witnesses(call_id, self.runtime, dump, self.watch_queue)
