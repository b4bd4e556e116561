"""Waits with a limit for what another thread, process or browser brings about."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LIMIT_S = 40.0
"""For what takes milliseconds alone, and seconds on a busy machine."""


def until(
    found: Callable[[], T], seconds: float = LIMIT_S, awaited: str = "what was awaited"
) -> T:
    """Return what ``found`` returns as soon as that is true; fail if it never is."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, f"no sign of {awaited} in {seconds:g} s"
        time.sleep(0.02)
    return result


def join(thread: threading.Thread, seconds: float = LIMIT_S) -> None:
    """Wait until a thread has ended; fail if it never does."""
    thread.join(seconds)
    assert not thread.is_alive(), f"{thread.name} did not end in {seconds:g} s"
