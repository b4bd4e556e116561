"""Slow imports of a command, which Ctrl+C may interrupt."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""Ctrl+C: 128 and the number of SIGINT."""


@contextmanager
def starting() -> Iterator[None]:
    """End the process at once, with nothing printed, on Ctrl+C inside the block.

    A KeyboardInterrupt in the middle of an import is printed by whichever callback
    it lands in, or leaves a half-imported module behind. There is nothing to clean up
    before a command has begun; what it does later belongs outside the block.
    """
    usual = signal.getsignal(signal.SIGINT)
    is_ours = (
        threading.current_thread() is threading.main_thread()
        and usual is signal.default_int_handler  # else a parent has it ignored
    )
    if not is_ours:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
