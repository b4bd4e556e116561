"""Cleanup of what a script leaves open when its main thread ends.

``atexit`` is too late: by then daemon threads, in which servers run, may be gone, and a
server that waits for its thread keeps the script alive for ever. What is called here
should start no thread: Python 3.12 refuses that once the main thread has ended.
"""

import logging
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from functools import partial
from typing import TypeVar

import anyio.to_thread
from anyio.from_thread import start_blocking_portal

logger = logging.getLogger(__name__)

T = TypeVar("T")

_lock = threading.Lock()
_open: dict[int, Callable[[], object]] = {}
_watcher: threading.Thread | None = None


def close_at_exit(close: Callable[[], object]) -> Callable[[], None]:
    """Call a function when the main thread has ended, unless it is forgotten before.

    Functions are called in another thread, the latest first, while everything else
    still works.

    Returns:
        A function that takes it back.
    """
    global _watcher
    with _lock:
        key = max(_open, default=0) + 1
        _open[key] = close
        if _watcher is None or not _watcher.is_alive():
            # not a daemon: the interpreter waits for it, and so for what it closes
            _watcher = threading.Thread(
                target=_close_all, name="closes-at-exit", daemon=False
            )
            _watcher.start()

    def forget() -> None:
        with _lock:
            _open.pop(key, None)

    return forget


def _close_all() -> None:
    threading.main_thread().join()
    while True:
        with _lock:
            if not _open:
                return
            _, close = _open.popitem()
        try:
            close()
        except Exception:
            logger.exception("what a script left open could not be closed")


async def run_in_worker(function: Callable[..., T], *args: object) -> T:
    """Run a function in a worker thread, or here once the script has ended.

    Then nothing else is waited for, and Python 3.12 starts no thread.
    """
    if threading.main_thread().is_alive():
        return await anyio.to_thread.run_sync(partial(function, *args))
    return function(*args)


@contextmanager
def thread_of(manager: AbstractAsyncContextManager[T], name: str) -> Generator[T]:
    """Run an async context manager in a thread with an asyncio loop of its own.

    A block that is never left (``__enter__`` without ``__exit__``) is left at the end
    of the script.
    """
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal("asyncio", name=name))
        value = stack.enter_context(portal.wrap_async_context_manager(manager))
        inner = stack.pop_all()
    forget = close_at_exit(inner.close)
    try:
        yield value
    except BaseException as error:
        forget()
        inner.__exit__(type(error), error, error.__traceback__)
        raise
    else:
        forget()
        inner.close()
