"""Tables of saved calls: for the screen, a spreadsheet, a program."""

import csv
import json
import logging
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rustpbx_lab.analysis.summary import summary
from rustpbx_lab.errors import LogFileError, RustpbxLabError, shorten
from rustpbx_lab.log import read_log, sipflow_beside
from rustpbx_lab.log.output_files import whole_file

LOG_NAMES = ("*.events.jsonl", "*.events.jsonl.gz")
METADATA_PREFIX = "._"
"""What macOS puts before the name of a file that holds another file's attributes."""
NOT_UTF8 = re.compile("[\ud800-\udfff]")

SHOWN = {
    "file": "file",
    "phase": "phase",
    "duration_ms": "ms",
    "n_utterances": "speech",
    "n_finals": "finals",
    "n_playbacks": "plays",
    "n_turns": "turns",
    "turn_latency_p50_ms": "turn P50",
    "turn_latency_p95_ms": "turn P95",
    "n_interruptions": "interr.",
    "n_errors": "errors",
    "hang_over_p50_ms": "hang-over",
    "asr_final_delay_p50_ms": "asr delay",
    "tts_ttfb_p50_ms": "tts ttfb",
    "first_word_ms": "first word",
    "close_reason": "ended",
}
"""Columns on the screen → their headers; times are milliseconds, P50 unless said."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SkippedFile:
    """A file, or a folder, that could not be read."""

    file: str
    why: str

    def to_dict(self) -> dict[str, str]:
        """Return it as ``--json`` prints it."""
        return {"file": self.file, "why": self.why}


@dataclass
class CallTable:
    """One row a call, plain values; what is unknown is None."""

    rows: Sequence[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    skipped: Sequence[SkippedFile] = ()
    """What is not in the table, and why."""
    is_interrupted: bool = False
    """Whether Ctrl+C ended the reading: the rows are those read before."""

    @property
    def columns(self) -> dict[str, bool]:
        """Headers for the screen → whether the column is aligned to the right."""
        return {
            header: name.endswith("_ms") or name.startswith("n_")
            for name, header in SHOWN.items()
        }

    def cells(self) -> list[list[str]]:
        """Return the rows for the screen; files by their path in the common folder."""
        base = _common_folder([row["file"] for row in self.rows])
        shown: list[list[str]] = []
        for row in self.rows:
            values = {**row, "file": os.path.relpath(row["file"], base)}
            cells = (values[name] for name in SHOWN)
            shown.append(["" if cell is None else str(cell) for cell in cells])
        return shown

    def write_csv(self, path: Path) -> None:
        """Write the table as CSV, whole or not at all.

        A text that a spreadsheet would run is quoted.

        Raises:
            OutputFileError: If the file cannot be written.
        """
        write_rows(path, list(self.rows[0]) if self.rows else list(SHOWN), self.rows)


def write_rows(
    path: Path, names: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Write rows as CSV, whole or not at all; see `CallTable.write_csv`.

    Raises:
        OutputFileError: If the file cannot be written.
    """
    with (
        whole_file(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(names)
        for row in rows:
            writer.writerow([_harmless(row[name]) for name in names])


def summarise_files(
    paths: Iterable[Path], labels: Mapping[Path, str] = MappingProxyType({})
) -> CallTable:
    """Return a row for each event log, those of folders included.

    What cannot be read is skipped, and so is the rest after Ctrl+C.

    Args:
        paths: Files, and folders to search.
        labels: File → what stands for its path in the table.

    Raises:
        LogFileError: If a folder has no event log.
    """
    rows: list[dict[str, Any]] = []
    skipped: list[SkippedFile] = []
    try:
        for found in log_files(paths):
            if isinstance(found, SkippedFile):
                skipped.append(found)
                continue
            try:
                rows.append(_row(found, labels.get(found, str(found))))
            except RustpbxLabError as exc:
                label = labels.get(found, str(found))
                why = str(exc).replace(str(found), label)
                skipped.append(SkippedFile(label, why))
            except Exception as exc:
                logger.info("cannot sum up %s", found, exc_info=exc)
                why = f"cannot sum up {shorten(str(found))}: unexpected {exc!r}"
                skipped.append(SkippedFile(str(found), why))
    except KeyboardInterrupt:
        return CallTable(rows, skipped, is_interrupted=True)
    return CallTable(rows, skipped)


def log_files(paths: Iterable[Path]) -> Iterator[Path | SkippedFile]:
    """Yield the event logs that files and folders name, in order.

    Raises:
        LogFileError: If a folder has none.
    """
    for path in paths:
        if not os.path.isdir(path):  # also where the name is too long
            yield path
            continue
        is_empty = True
        for found in _inside(path):
            is_empty = False
            yield found
        if is_empty:
            raise LogFileError(
                f"cannot find a call in {str(path)!r}: it has no *.events.jsonl; "
                "give the server's recorder folder or the one of --logs"
            )


def _inside(folder: Path) -> list[Path | SkippedFile]:
    """Return what is named like an event log, at any depth, by path."""
    found: dict[str, Path | SkippedFile] = {}

    def refuse(exc: OSError) -> None:
        name = str(exc.filename)
        why = f"cannot read the folder {shorten(name)}: {exc.strerror or exc}"
        found[name] = SkippedFile(name, why)

    for root, folders, files in os.walk(folder, onerror=refuse):
        for name in (*folders, *files):
            if not any(fnmatch(name, pattern) for pattern in LOG_NAMES):
                continue
            path = Path(root) / name
            found[str(path)] = _usable(path)
    return [found[name] for name in sorted(found)]


def _usable(path: Path) -> Path | SkippedFile:
    """Return the path, or why it is not worth reading."""
    name = shorten(str(path))
    if path.is_dir():
        return SkippedFile(str(path), f"cannot read {name}: it is a folder")
    if path.name.startswith(METADATA_PREFIX):
        why = f"cannot read {name}: it holds attributes of another file (macOS)"
        return SkippedFile(str(path), why)
    if path.exists() and not path.is_file():  # reading a pipe could wait for ever
        return SkippedFile(str(path), f"cannot read {name}: it is not a regular file")
    return path


def _row(file: Path, label: str) -> dict[str, Any]:
    log = read_log(file)
    plain = {name: _plain(value) for name, value in summary(log).items()}
    sipflow = sipflow_beside(file)
    return {
        "file": label,
        **plain,
        "sipflow": None if sipflow is None else str(sipflow),
        "damage": log.damage,
        "damaged_lines": log.damaged_lines,
        "remarks": log.remarks,
    }


def _common_folder(files: Sequence[str]) -> str:
    try:
        return os.path.commonpath([os.path.dirname(os.path.abspath(f)) for f in files])
    except ValueError:  # none, or on several drives
        return os.curdir


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _harmless(value: Any) -> Any:
    if isinstance(value, list):
        value = json.dumps(value) if value else ""
    if not isinstance(value, str):
        return "" if value is None else value
    text = NOT_UTF8.sub("\ufffd", value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
