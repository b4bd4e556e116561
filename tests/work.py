"""The work of a piece of code, counted: the same on a busy and on an idle machine."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def lines_run(do: Callable[[], object]) -> int:
    """Return how many lines of Python run while ``do`` is called.

    What numpy and other compiled code do inside a line is not counted.
    """
    n_lines = 0

    def count(_: FrameType, event: str, __: Any) -> Any:
        nonlocal n_lines
        n_lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        do()
    finally:
        sys.settrace(before)
    return n_lines
