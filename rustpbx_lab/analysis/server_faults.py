"""Known server faults that show in a log."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
from typing_extensions import override

from rustpbx_lab.lint.fault_symptoms import WATCHED, FaultWatch
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models.server_versions import ServerVersion

from .folds import Fold, Handlers, said_at
from .timelines import as_table


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One known fault, where it first shows."""

    fault: str
    """Its name in ``models.server_faults.FAULTS``."""
    symptom: str
    """What it looks like, in words."""
    evidence: str
    """What the rows show."""
    rows: tuple[int, ...]
    """The log rows that show it, in order."""
    start_ms: int
    """When it was certain, milliseconds of call time."""
    versions: str
    """The releases that have it, in words: ``before 0.3.100``."""
    fixed_in: str | None
    """The first release from which on it is gone; empty: none is known."""
    issues: tuple[int, ...]
    """Numbers upstream."""
    helps: str
    """What avoids it."""
    seq: int
    """Log row at which it was certain."""


class ServerFaultFold(Fold[FaultRow]):
    """Messages of a call → the known faults they show, each once."""

    row: ClassVar[type] = FaultRow

    def __init__(self, server_version: ServerVersion | None = None) -> None:
        self._watch = FaultWatch(server_version)
        super().__init__()

    @override
    def _handling(self) -> Handlers:
        directions = ("event", "command", "note")
        return {(each, name): self._look for each in directions for name in WATCHED}

    def _look(self, record: Record, message: object) -> None:
        for seen in self._watch.take(message, said_at(record), record.seq):
            fault = seen.fault
            fixed = fault.first_fixed
            self._closed.append(
                FaultRow(
                    fault=fault.name,
                    symptom=fault.symptom,
                    evidence=seen.evidence,
                    rows=seen.rows,
                    start_ms=seen.at_ms,
                    versions=fault.versions,
                    fixed_in=None if fixed is None else str(fixed),
                    issues=fault.issues,
                    helps=fault.helps,
                    seq=record.seq,
                )
            )


def server_faults(
    log: EventLog, server_version: ServerVersion | str | None = None
) -> pd.DataFrame:
    """Return the known server faults that show in a log, each once.

    Args:
        log: The log; it may still grow.
        server_version: The server's, such as ``0.3.113``; faults it does not have are
            left out. None is not known, and may have any.

    Returns:
        One row a fault, by ``seq``; the columns are the fields of ``FaultRow``, as
        nullable types. None gives an empty table of the same types.

    Raises:
        InvalidOptionError: If the version is malformed.
    """
    version = None if server_version is None else ServerVersion.parse(server_version)
    return as_table(FaultRow, ServerFaultFold(version).advance(log).closed)
