"""Waiting for what another thread, process or browser brings about."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(
    found: Callable[[], T], seconds: float = 20, awaited: str = "what was awaited"
) -> T:
    """Return what ``found`` returns as soon as that is true; fail if it never is."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline, f"no sign of {awaited} in {seconds:g} s"
        time.sleep(0.02)
    return result
