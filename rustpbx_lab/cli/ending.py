"""Exit codes of commands, and one line for whatever went wrong."""

import logging
import os
import tempfile
import traceback
from collections.abc import Callable

from rustpbx_lab.errors import RustpbxLabError, leaves

from .output import BrokenOutputError, OutputError, output
from .starting import INTERRUPTED

MISTAKE = 2
"""What was asked for cannot be done: a wrong option, no server, no such file."""
DEFECT = 70
"""An error in rustpbx_lab itself (EX_SOFTWARE of sysexits.h)."""
OUTPUT_LOST = 74
"""Standard output cannot be written (EX_IOERR of sysexits.h)."""
NOBODY_READS = 141
"""Standard output is a broken pipe: 128 and the number of SIGPIPE."""

logger = logging.getLogger(__name__)


def exit_code_of(command: Callable[[], object]) -> int:
    """Run a command and return its exit code; every error is one line, not raised."""
    try:
        command()
    except SystemExit as ended:
        return _code(ended)
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:  # noqa: BLE001
        return _explained(error)
    return 0


def _explained(error: BaseException) -> int:
    """Print what an error means for the user, and return the exit code."""
    inside = leaves(error)
    for leaf in inside:
        match leaf:
            case KeyboardInterrupt():
                return INTERRUPTED
            case BrokenOutputError():
                return NOBODY_READS
            case OutputError():
                output.error(f"rustpbx-lab: {leaf}")
                return OUTPUT_LOST
            case SystemExit():
                return _code(leaf)
            case _:
                continue
    known = [leaf for leaf in inside if isinstance(leaf, RustpbxLabError)]
    if len(known) < len(inside):
        _report_defect(error)
        return DEFECT
    for text in dict.fromkeys(" ".join(str(leaf).split()) for leaf in known):
        output.error(f"rustpbx-lab: {text}")
    return MISTAKE


def _code(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    output.error(str(ended.code))
    return 1


def _report_defect(error: BaseException) -> None:
    unknown = next(x for x in leaves(error) if not isinstance(x, RustpbxLabError))
    what = " ".join(f"{type(unknown).__name__}: {unknown}".split())
    if logger.isEnabledFor(logging.INFO):
        output.error("".join(traceback.format_exception(error)).rstrip())
        output.error(f"rustpbx-lab: unexpected {what}; this is a defect: report it")
        return
    where = _write_traceback(error)
    output.error(
        f"rustpbx-lab: unexpected {what}; this is a defect: report it with "
        + (where or "the traceback that -v prints")
    )


def _write_traceback(error: BaseException) -> str | None:
    """Write the traceback to a file only its owner can read; returns its path."""
    try:
        handle, path = tempfile.mkstemp(".txt", "rustpbx-lab-traceback-")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return None
    return path
