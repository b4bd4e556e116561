"""Standard output and standard error of the command line.

Everything a command prints passes here: results go to standard output, progress and
errors to standard error. Each line is flushed at once. Whatever the encoding of the
stream, no text raises: what it cannot hold is replaced, and JSON is escaped instead.
"""

import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO, cast

STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What could steer a terminal, turn the direction of a line, or cannot be encoded."""
TORN = re.compile("[\ud800-\udfff]")
"""Half a surrogate pair, or a byte of a file name that is not UTF-8."""
MIN_LAST_WIDTH = 24
"""Columns that the last column of a table keeps on a narrow terminal."""


class BrokenOutputError(Exception):
    """The reader of standard output has gone, as ``head`` does."""


class OutputError(Exception):
    """Standard output cannot be written, for example on a full disk."""


class Output:
    """Both streams of the process, looked up whenever something is written."""

    def __init__(self) -> None:
        self.is_quiet = False
        """Whether progress is left out."""

    def line(self, text: str) -> None:
        """Print a line of a result.

        Raises:
            BrokenOutputError: If nobody reads any more.
            OutputError: If it cannot be written.
        """
        self._write(harmless(text))

    def json_line(self, document: object) -> None:
        """Print one JSON document on one line, as in a stream of them; see `json`."""
        self.json(document, indent=None)

    def json(self, document: object, indent: int | None = 2) -> None:
        """Print one JSON document: valid JSON whatever the values and the encoding.

        Raises:
            BrokenOutputError: If nobody reads any more.
            OutputError: If it cannot be written.
        """
        is_utf8 = _encoding(sys.stdout).replace("_", "-").lower() in ("utf-8", "utf8")
        self._write(
            json.dumps(
                _json_value(document),
                ensure_ascii=not is_utf8,
                allow_nan=False,
                indent=indent,
            )
        )

    def table(self, columns: Mapping[str, bool], rows: Iterable[list[str]]) -> None:
        """Print a table, one line a row; only its last column is ever cut.

        Args:
            columns: Headers → whether the column is aligned to the right.
            rows: Cells, one for each column.

        Raises:
            BrokenOutputError: If nobody reads any more.
            OutputError: If it cannot be written.
        """
        limit = _terminal_width(sys.stdout)
        for line in table_lines(columns, rows, limit):
            self._write(line)

    def progress(self, text: str) -> None:
        """Report what goes on, on standard error, unless ``--quiet``."""
        if not self.is_quiet:
            self.error(text)

    def error(self, text: str) -> None:
        """Report on standard error; never raises."""
        try:
            _put(sys.stderr, harmless(text))
        except (OSError, ValueError):
            _discard(sys.stderr)  # there is no place left to say so

    def _write(self, text: str) -> None:
        try:
            _put(sys.stdout, text)
        except (BrokenPipeError, ValueError) as exc:  # ValueError: it was closed
            _discard(sys.stdout)
            raise BrokenOutputError from exc
        except OSError as exc:
            _discard(sys.stdout)
            if sys.platform == "win32":  # pragma: no cover  (a broken pipe is EINVAL)
                raise BrokenOutputError from exc
            raise OutputError(
                f"cannot write to standard output: {exc.strerror or exc}"
            ) from exc


output = Output()
"""The streams of this process."""


def harmless(text: str) -> str:
    """Return someone else's text without what could steer a terminal."""
    return STEERING.sub("\ufffd", text)


def encodable(text: str, encoding: str) -> str:
    """Return the text with ``?`` for what an encoding cannot hold."""
    return text.encode(encoding, "replace").decode(encoding)


def table_lines(
    columns: Mapping[str, bool], rows: Iterable[list[str]], limit: int | None = None
) -> list[str]:
    """Return a table as lines: columns as wide as their longest cell.

    Args:
        columns: Headers → whether the column is aligned to the right.
        rows: Cells, one for each column.
        limit: Columns of the screen; the last column is cut to fit, down to
            ``MIN_LAST_WIDTH``. None cuts nothing.
    """
    from rich.cells import cell_len, set_cell_size

    grid = [list(columns), *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(row[at]) for row in grid) for at in range(len(columns))]
    if limit is not None:
        room = limit - sum(widths[:-1]) - 2 * (len(widths) - 1)
        widths[-1] = min(widths[-1], max(room, MIN_LAST_WIDTH))
    lines: list[str] = []
    for row in grid:
        cells: list[str] = []
        for cell, width, is_right in zip(row, widths, columns.values(), strict=True):
            if cell_len(cell) > width:
                cells.append(set_cell_size(cell, width - 1) + "…")
                continue
            padding = " " * (width - cell_len(cell))
            cells.append(padding + cell if is_right else cell + padding)
        lines.append("  ".join(cells).rstrip())
    return lines


def _one_line(text: str) -> str:
    return " ".join(harmless(text).split())


def _json_value(value: Any) -> Any:
    """Return a value that strict JSON can hold: no NaN, no half of a surrogate pair."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case str():
            return TORN.sub("\ufffd", value)
        case Mapping():
            items = cast(Mapping[Any, Any], value).items()
            return {_json_value(str(key)): _json_value(inner) for key, inner in items}
        case list() | tuple():
            return [_json_value(inner) for inner in cast(Iterable[Any], value)]
        case _:
            item: Callable[[], Any] | None = getattr(value, "item", None)
            return _json_value(str(value) if item is None else item())


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "utf-8"


def _put(stream: TextIO | None, text: str) -> None:
    if stream is None:  # closed by whoever started us
        return
    stream.write(encodable(text + "\n", _encoding(stream)))
    stream.flush()


def _discard(stream: TextIO) -> None:
    """Send what is still buffered nowhere, or Python complains at its exit."""
    try:
        target = stream.fileno()
    except (OSError, ValueError):
        return  # not a file
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, target)
    os.close(nowhere)


def _terminal_width(stream: TextIO | None) -> int | None:
    """Return the columns of a terminal; None for a file or a pipe."""
    try:
        if stream is None or not stream.isatty():
            return None
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
