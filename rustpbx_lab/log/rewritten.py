"""Recovery of rows from log files that tools rewrote.

A line as the server writes it is one JSON object. Tools put several into a line (a
JSON array), one into several lines (``jq .``), something before it (a log collector)
or all of it into a string of their own (Docker, Fluentd, journald).
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

import orjson

Row = dict[str, Any]
"""The outer object of a row: ``type``, ``timestamp``, ``content`` and more."""

MAX_PENDING = 64 * 2**20
"""Characters without a row that are kept for the rest of a row to follow."""
FIRST_TRY = 2**16
MAX_FAILURES = 1000
"""Objects of one text that do not parse before its rest is given up."""
MAX_WRAPPERS = 3

PREFIX = "text in front of the rows, as log collectors write it, was removed"
WRAPPED = "the rows were taken out of the lines of a log collector"
NOT_UTF8 = "text that is not UTF-8 was read as Windows-1252 (Latin-1)"
ZEROS = "there are zero bytes, as a disk leaves them that lost data"
BROKEN_UTF8 = "bytes that are not UTF-8 are shown as \N{REPLACEMENT CHARACTER}"

_WRAPPERS = ("log", "message", "MESSAGE", "msg", "line")
_START = re.compile(r'\{\s*"[^"\\\n]{1,64}"\s*:')
_PARTIAL = re.compile(r"\S+ (?:stdout|stderr) (?P<tag>[FP])(?::\S*)? ")
"""What a container runtime (CRI) writes before a line; P: it goes on in the next."""
_STRUCTURE = " \t\r\n,[]\x1e\ufeff"
"""Characters between rows that carry nothing."""
_decoder = json.JSONDecoder()


class Found(NamedTuple):
    """A row, or a line that could not be read."""

    line: int
    """Number of the line, from 1."""
    row: Row | None
    """None: the line is damaged."""


class RowFinder:
    """Finds the rows of one file, in order, and the lines that are damaged."""

    def __init__(self) -> None:
        self.remarks: set[str] = set()
        """What was done to read the file that its reader should know."""
        self._pending: list[str] = []
        self._pending_from = 1
        self._size, self._try_at = 0, FIRST_TRY
        self._part = ""

    def find(self, lines: Iterable[bytes]) -> Iterator[Found]:
        """Yield every row and every damaged line."""
        number = 0
        for number, line in enumerate(lines, 1):
            try:
                value = orjson.loads(line)
            except orjson.JSONDecodeError:
                if self._pending or not line.isspace():
                    yield from self._from_text(number, line)
                continue
            if self._pending:
                if not _is_row(value):
                    yield from self._keep(number, line.decode())
                    continue
                yield from self._give_up()
            yield from self._from_value(number, value)
        yield from self._give_up()
        if self._part:
            yield Found(number, None)

    def _from_value(self, number: int, value: object) -> Iterator[Found]:
        if _is_row(value):
            yield Found(number, cast(Row, value))
            return
        if isinstance(value, list):
            for element in cast("list[object]", value):
                yield from self._from_value(number, element)
            return
        rows = self._unwrapped(value)
        if rows is None:
            yield Found(number, None)
        else:
            yield from (Found(number, row) for row in rows)

    def _from_text(self, number: int, line: bytes) -> Iterator[Found]:
        text, remark = _decoded(line)
        marked = _PARTIAL.match(text)
        if marked is not None:
            self._part += text[marked.end() :].rstrip("\r\n")
            if marked["tag"] == "P":
                return
            self.remarks.add(PREFIX)
            text, self._part = self._part, ""
        found, end = self._rows_in(text, number)
        if not found:
            yield from self._keep(number, text)
            return
        if remark is not None:
            self.remarks.add(remark)
        yield from self._give_up()
        yield from found
        yield from _damage(text[end:], number)

    def _keep(self, number: int, text: str) -> Iterator[Found]:
        """Keep a text without a row: it may be a part of one."""
        if not self._pending:
            self._pending_from = number
        self._pending.append(text if text.endswith("\n") else text + "\n")
        self._size += len(text)
        if self._size < self._try_at:
            return
        whole = "".join(self._pending)
        found, end = self._rows_in(whole, self._pending_from)
        yield from found
        rest = whole[end:]
        self._pending_from += whole.count("\n", 0, end)
        self._pending, self._size = [rest], len(rest)
        # twice as much each time: text without any row is searched a few times only
        self._try_at = max(FIRST_TRY, 2 * len(rest))
        if len(rest) > MAX_PENDING:
            yield from self._give_up()

    def _give_up(self) -> Iterator[Found]:
        """Yield what the kept text holds; the rest of it is damage."""
        if not self._pending:
            return
        whole = "".join(self._pending)
        found, end = self._rows_in(whole, self._pending_from)
        yield from found
        rest = whole[end:]
        if "\0" in rest:
            self.remarks.add(ZEROS)
        yield from _damage(rest, self._pending_from + whole.count("\n", 0, end))
        self._pending, self._size, self._try_at = [], 0, FIRST_TRY

    def _rows_in(self, text: str, first: int) -> tuple[list[Found], int]:
        """Return the rows of a text that begins in line ``first``, and their end."""
        found: list[Found] = []
        end = start = failures = 0
        line = first
        while failures < MAX_FAILURES and (match := _START.search(text, start)):
            try:
                value, start = _decoder.raw_decode(text, match.start())
            except (ValueError, RecursionError):
                failures, start = failures + 1, match.start() + 1
                continue
            rows = [value] if _is_row(value) else self._unwrapped(value)
            if rows is None:
                continue
            gap = text[end : match.start()]
            found += self._damage_before(gap, line)
            line += gap.count("\n")
            found += (Found(line, row) for row in rows)
            line += text.count("\n", match.start(), start)
            end = start
        return found, end

    def _damage_before(self, gap: str, line: int) -> Iterator[Found]:
        """Yield the damage before a row; the prefix of a collector is none."""
        before, _, prefix = gap.rpartition("\n")
        yield from _damage(before, line)
        if "\0" in gap:
            self.remarks.add(ZEROS)
        if "{" in prefix or "\0" in prefix:
            yield Found(line + gap.count("\n"), None)
        elif prefix.strip(_STRUCTURE):
            self.remarks.add(PREFIX)

    def _unwrapped(self, value: object, depth: int = 0) -> list[Row] | None:
        """Return the rows in the line that a collector wrapped; None: it has none."""
        if not isinstance(value, dict) or depth > MAX_WRAPPERS:
            return None
        wrapper = cast(Row, value)
        for key in _WRAPPERS:
            text = wrapper.get(key)
            if not isinstance(text, str):
                continue
            rows = self._in_wrapped(self._part + text, depth)
            if rows is not None:
                self._part = ""
                self.remarks.add(WRAPPED)
                return rows
            if key == "log" and "{" in self._part + text and not text.endswith("\n"):
                self._part += text  # Docker cuts lines at 16 kB
                return []
        return None

    def _in_wrapped(self, text: str, depth: int) -> list[Row] | None:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            found, _ = self._rows_in(text, 1)
            return [item.row for item in found if item.row is not None] or None
        if _is_row(value):
            return [value]
        return self._unwrapped(value, depth + 1)


def _is_row(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    row = cast(Row, value)
    return isinstance(row.get("type"), str) and isinstance(
        row.get("content"), str | dict
    )


def _decoded(line: bytes) -> tuple[str, str | None]:
    try:
        return line.decode(), None
    except UnicodeDecodeError:
        text = line.decode(errors="replace")
    if any(character > "\x7f" and character != "\ufffd" for character in text):
        return text, BROKEN_UTF8
    try:
        return line.decode("cp1252"), NOT_UTF8
    except UnicodeDecodeError:
        return line.decode("latin-1"), NOT_UTF8


def _damage(text: str, first: int) -> Iterator[Found]:
    for number, line in enumerate(text.split("\n"), first):
        if line.strip(_STRUCTURE):
            yield Found(number, None)
