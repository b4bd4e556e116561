"""Table of the SIP transactions of saved calls."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rustpbx_lab.analysis.sip import SipRow
from rustpbx_lab.analysis.sip_tables import (
    SipTransaction,
    message_rows,
    transaction_rows,
)
from rustpbx_lab.errors import InvalidOptionError, LogFileError, RustpbxLabError
from rustpbx_lab.log.sipflow import NAMES, read_with_sip_messages
from rustpbx_lab.wording import clock

from .call_table import SkippedFile, log_files, write_rows

SHOWN = {
    "file": False,
    "time": True,
    "way": False,
    "method": False,
    "first ms": True,
    "code": True,
    "final ms": True,
    "again": True,
    "from": False,
    "to": False,
    "media": False,
}
"""Columns on the screen → whether they are aligned to the right."""


@dataclass
class SipTable:
    """The SIP of some calls, plain values; what is unknown is None."""

    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """``file``, ``messages``, ``transactions``, ``damage``, ``damaged_lines`` and
    ``remarks`` of each call that has SIP messages."""
    skipped: list[SkippedFile] = field(default_factory=list[SkippedFile])
    """What could not be read, and why."""
    n_without: int = 0
    """Calls without SIP messages."""

    def cells(self) -> list[list[str]]:
        """Return a row a transaction, for the screen."""
        return [
            _cells(os.path.basename(call["file"]), one)
            for call in self.calls
            for one in call["transactions"]
        ]

    def write_csv(self, path: Path) -> None:
        """Write a row a transaction as CSV, whole or not at all.

        Raises:
            OutputFileError: If the file cannot be written.
        """
        names = ["file", *(one.name for one in fields(SipTransaction))]
        rows = (
            {"file": call["file"], **one}
            for call in self.calls
            for one in call["transactions"]
        )
        write_rows(path, names, rows)


def sip_of_files(
    paths: Sequence[Path],
    labels: Mapping[Path, str] = MappingProxyType({}),
    sipflow: Path | None = None,
) -> SipTable:
    """Return the SIP messages and transactions of saved calls.

    Args:
        paths: Event logs, and folders to search.
        labels: File → what stands for its path.
        sipflow: The SIP messages of the one call; None: they are looked for beside
            each log.

    Raises:
        InvalidOptionError: If ``sipflow`` is given for several calls.
        LogFileError: If a folder has no event log, or no call has SIP messages.
    """
    found = list(log_files(paths))
    if sipflow is not None and len(found) != 1:
        raise InvalidOptionError(
            f"cannot use --sipflow for {len(found)} calls: it is of one session; "
            "give its event log"
        )
    table = SipTable()
    for one in found:
        if isinstance(one, SkippedFile):
            table.skipped.append(one)
            continue
        label = labels.get(one, str(one))
        try:
            _add(table, one, label, sipflow)
        except RustpbxLabError as exc:
            table.skipped.append(SkippedFile(label, str(exc).replace(str(one), label)))
    if not table.calls and not table.skipped:
        names = " or ".join(name.format("ID") for name in NAMES)
        raise LogFileError(
            f"cannot find SIP messages: no {names} lies beside the event log; "
            "give the file with --sipflow"
        )
    return table


def _add(table: SipTable, path: Path, label: str, sipflow: Path | None) -> None:
    log, flow = read_with_sip_messages(path, sipflow)
    messages = message_rows(log)
    if flow is None and not messages:  # one saved from the page has them as rows
        table.n_without += 1
        return
    table.calls.append(
        {
            "file": label,
            "messages": _plain(messages),
            "transactions": _plain(transaction_rows(log)),
            "damage": 0 if flow is None else flow.damage,
            "damaged_lines": [] if flow is None else flow.damaged_lines,
            "remarks": [] if flow is None else flow.remarks,
        }
    )


def _plain(rows: Iterable[SipRow | SipTransaction]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def _cells(file: str, one: Mapping[str, Any]) -> list[str]:
    values = (
        *(file, clock(one["at_ms"]), one["way"], one["method"]),
        *(one["provisional_ms"], one["code"], one["final_ms"]),
        *(one["n_retransmissions"] or None, one["source"], one["destination"]),
        one["answered"] or one["offered"],
    )
    return ["" if value is None else str(value) for value in values]
