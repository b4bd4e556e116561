"""Registry of timelines: as folds over new records, or as whole tables."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import pandas as pd

from rustpbx_lab.analysis.turns.fold import TurnFold
from rustpbx_lab.log import EventLog

from .barge_in import OverlapFold
from .folds import Changes, Fold, column_types
from .holds import HoldFold
from .moments import MarkFold, MetricFold
from .pipeline import Basics, BuiltFold
from .playback import PlaybackFold
from .recognition import RecognitionFold
from .sip import SipFold
from .speech import SpeechFold
from .transcript import TranscriptFold

__all__ = ["TIMELINES", "Changes", "Fold", "as_table", "begin_timelines", "timeline"]

TIMELINES: Mapping[str, type[Fold[Any]]] = {
    "speech": SpeechFold,
    "recognition": RecognitionFold,
    "playback": PlaybackFold,
    "metrics": MetricFold,
    "marks": MarkFold,
    "transcript": TranscriptFold,
    "turns": TurnFold,
    "overlaps": OverlapFold,
    "holds": HoldFold,
    "sip": SipFold,
}
"""Name → fold. ``TIMELINES[name]()`` begins one; rows are dataclasses whose fields are
the table's columns, times in milliseconds of call time."""


def begin_timelines(basics: Basics) -> dict[str, Fold[Any]]:
    """Begin every timeline; they share what they build on, so keep them together."""
    begun: dict[str, Fold[Any]] = {}
    for name, kind in TIMELINES.items():
        if kind in basics.own:
            begun[name] = basics.own[kind]
        else:
            begun[name] = kind(basics) if issubclass(kind, BuiltFold) else kind()
    return begun


def timeline(name: str, log: EventLog) -> pd.DataFrame:
    """Return one timeline of a whole log.

    Args:
        name: A key of ``TIMELINES``.
        log: The log; it may still grow.

    Returns:
        One row each, by ``seq`` (the log row that made it); what is unfinished too.
        The columns are those of the fold's row, as nullable types. No rows give an
        empty table of the same types.

    Raises:
        ValueError: If there is no such timeline.
    """
    if name not in TIMELINES:
        known = ", ".join(TIMELINES)
        raise ValueError(f"there is no timeline {name!r}; choose one of {known}")
    fold = TIMELINES[name]()
    changes = fold.advance(log.records())
    rows = sorted([*changes.closed, *changes.open], key=attrgetter("seq"))
    return as_table(fold.row, rows)


def as_table(row: type, rows: Sequence[Any]) -> pd.DataFrame:
    """Return rows of a fold as a table with the fold's columns and types.

    Args:
        row: The dataclass of the rows.
        rows: Any number of them, in the order wanted.
    """
    columns: dict[str, pd.Series[Any]] = {}
    for name, dtype in column_types(row).items():
        values = list(map(attrgetter(name), rows))
        columns[name] = pd.Series(values, dtype=dtype)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return pd.DataFrame(columns)
