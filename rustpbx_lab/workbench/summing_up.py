"""Saved calls in one table: for the screen, for a spreadsheet, for a program."""

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from rustpbx_lab.analysis.summary import summary
from rustpbx_lab.errors import LogFileError
from rustpbx_lab.log import read_log

LOG_NAMES = ("*.events.jsonl", "*.events.jsonl.gz")

SHOWN = {
    "file": "file",
    "phase": "phase",
    "duration_ms": "ms",
    "n_utterances": "speech",
    "n_finals": "finals",
    "n_playbacks": "plays",
    "n_interruptions": "interr.",
    "n_errors": "errors",
    "hang_over_p50_ms": "hang-over",
    "asr_final_delay_p50_ms": "asr delay",
    "tts_ttfb_p50_ms": "tts ttfb",
    "first_word_ms": "first word",
    "close_reason": "ended",
}
"""Columns on the screen → their headers; times are milliseconds, P50."""


@dataclass(frozen=True)
class CallTable:
    """One row a call, plain values; what is unknown is None."""

    rows: Sequence[dict[str, Any]]

    def shown(self) -> Table:
        """Return the table for a terminal."""
        table = Table(box=None, pad_edge=False)
        for name, header in SHOWN.items():
            is_number = name.endswith("_ms") or name.startswith("n_")
            table.add_column(
                header, justify="right" if is_number else "left", no_wrap=is_number
            )
        for row in self.rows:
            cells = (row[name] for name in SHOWN)
            table.add_row(*("" if cell is None else str(cell) for cell in cells))
        return table

    def write_csv(self, path: Path) -> None:
        """Write the table as CSV; a text that a spreadsheet would run is quoted.

        Raises:
            LogFileError: If the file cannot be written.
        """
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                names = list(self.rows[0]) if self.rows else list(SHOWN)
                writer = csv.writer(file)
                writer.writerow(names)
                for row in self.rows:
                    writer.writerow([_harmless(row[name]) for name in names])
        except OSError as exc:
            raise LogFileError(
                f"cannot write {str(path)!r}: {exc.strerror or exc}; "
                "choose a folder that exists and may be written"
            ) from exc


def summarise_files(paths: Iterable[Path]) -> CallTable:
    """Return a row for each event log, those of folders included.

    Raises:
        LogFileError: If a path does not exist, is no log, or a folder has none.
    """
    rows: list[dict[str, Any]] = []
    for file in log_files(paths):
        log = read_log(file)
        plain = {name: _plain(value) for name, value in summary(log).items()}
        rows.append({"file": str(file), **plain, "damage": log.damage})
    return CallTable(rows)


def log_files(paths: Iterable[Path]) -> list[Path]:
    """Return the event logs that files and folders name, in order.

    Raises:
        LogFileError: If a folder has none.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(file for name in LOG_NAMES for file in path.rglob(name))
        if not inside:
            raise LogFileError(
                f"cannot find a call in {str(path)!r}: it has no *.events.jsonl; "
                "give the server's recorder folder or the one of --logs"
            )
        found += inside
    return found


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return "" if value is None else value
