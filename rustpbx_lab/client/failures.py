"""Wording of failures in the code that holds a call."""

import traceback
from pathlib import Path

from rustpbx_lab.errors import CallClosedError, RustpbxLabError, leaves


def failure_of(error: BaseException) -> Exception | None:
    """Return what went wrong in a user's code.

    Returns:
        The first error of a group, or the error itself; None for what is not a failure:
        a cancellation, or that the call was closed already.
    """
    for leaf in leaves(error):
        if isinstance(leaf, Exception) and not isinstance(leaf, CallClosedError):
            return leaf
    return None


def described(error: BaseException) -> str:
    """Return an error on one line: of ours its text, of others its type as well."""
    said = " ".join(str(error).split())
    if isinstance(error, RustpbxLabError):
        return said
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def place_of(error: BaseException) -> str | None:
    """Return file, line and function that raised an error: ``bot.py:41 in answer``."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return None
    last = frames[-1]
    return f"{Path(last.filename).name}:{last.lineno} in {last.name}"
