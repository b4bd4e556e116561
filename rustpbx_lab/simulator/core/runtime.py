"""The runtime of a call: time, timers, worker threads.

Calls are driven by callbacks and never wait, so a test can run one with a clock of
its own and no event loop.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Protocol

logger = logging.getLogger(__name__)


class Timer(Protocol):
    """A callback that is still to come."""

    def cancel(self) -> None:
        """Forget it; too late or twice is not an error."""
        ...


class Runtime(Protocol):
    """Time, timers and worker threads."""

    def now_ms(self) -> int:
        """Return the wall clock, milliseconds since the Unix epoch."""
        ...

    def monotonic_ms(self) -> float:
        """Return a clock that never steps, milliseconds from anywhere."""
        ...

    def call_at(self, at_ms: float, callback: Callable[[], object]) -> Timer:
        """Call back on the loop at a time of the monotonic clock, never at once."""
        ...

    def soon(self, callback: Callable[[], object]) -> None:
        """Call back on the loop after what it is doing; from any thread."""
        ...

    def in_worker(self, work: Callable[[], object]) -> None:
        """Run something that blocks in a thread; it reports with `soon`."""
        ...


class LoopRuntime:
    """A runtime on an asyncio loop and a pool of threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, workers: Executor) -> None:
        self._loop, self._workers = loop, workers

    def now_ms(self) -> int:
        """Return the wall clock, milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> float:
        """Return the loop's clock."""
        return self._loop.time() * 1000

    def call_at(self, at_ms: float, callback: Callable[[], object]) -> Timer:
        """Call back at a time of the loop's clock."""
        return self._loop.call_at(at_ms / 1000, callback)

    def soon(self, callback: Callable[[], object]) -> None:
        """Call back on the loop; from any thread."""
        self._loop.call_soon_threadsafe(callback)

    def in_worker(self, work: Callable[[], object]) -> None:
        """Run something in a thread of the pool."""
        try:
            submitted = self._workers.submit(work)
        except RuntimeError:
            return  # the pool is shut down: the server ends and nobody waits
        submitted.add_done_callback(_report)


def _report(work: Future[object]) -> None:
    error = None if work.cancelled() else work.exception()
    if error is not None:
        logger.error("work of the stand-in failed", exc_info=error)
