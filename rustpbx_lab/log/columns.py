"""Columns of the log table, and which message fills which."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import pandas as pd
import pyarrow as pa
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models import commands, events, notes

from .record import Record, column_int, storable

LOG_COLUMNS: dict[str, pd.ArrowDtype] = {
    "seq": pd.ArrowDtype(pa.int64()),
    "direction": pd.ArrowDtype(pa.string()),
    "name": pd.ArrowDtype(pa.string()),
    "time_ms": pd.ArrowDtype(pa.int64()),
    "timestamp": pd.ArrowDtype(pa.int64()),
    "received_ms": pd.ArrowDtype(pa.int64()),
    "track_id": pd.ArrowDtype(pa.string()),
    "play_id": pd.ArrowDtype(pa.string()),
    "text": pd.ArrowDtype(pa.string()),
    "asr_index": pd.ArrowDtype(pa.int64()),
    "start_time": pd.ArrowDtype(pa.int64()),
    "end_time": pd.ArrowDtype(pa.int64()),
    "duration": pd.ArrowDtype(pa.int64()),
    "key": pd.ArrowDtype(pa.string()),
    "value": pd.ArrowDtype(pa.float64()),
    "refer": pd.ArrowDtype(pa.bool_()),
    "raw": pd.ArrowDtype(pa.string()),
}
"""Column → dtype. The first six and ``raw`` come from the record, the others from its
message: from the attribute of the same name, or from the one that the message's class
names in ``log_columns`` (an error's ``sender`` is its ``key``)."""

ARROW_TYPES = {name: d.pyarrow_dtype for name, d in LOG_COLUMNS.items()}
SCHEMA = pa.schema(list(ARROW_TYPES.items()))
MEMORY = pa.system_memory_pool()
"""Where columns live. Arrow's own pool spends a microsecond a row on giving memory back
and asking for it again."""

_RECORD_COLUMNS = (
    "seq",
    "direction",
    "name",
    "time_ms",
    "timestamp",
    "received_ms",
    "raw",
)
_MESSAGE_COLUMNS = tuple(name for name in LOG_COLUMNS if name not in _RECORD_COLUMNS)
_DEFAULT_ATTRIBUTES = {"asr_index": "index"}
_UNKNOWN = (events.UnknownEvent, commands.UnknownCommand, notes.UnknownNote)


def _text(value: object) -> str | None:
    return storable(value) if isinstance(value, str) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


_FITTING: Mapping[pa.DataType, Callable[[object], object]] = {
    pa.int64(): column_int,
    pa.string(): _text,
    pa.float64(): _number,
    pa.bool_(): _flag,
}


@cache
def _getters(
    message_type: type[BaseModel],
) -> Sequence[tuple[str, Callable[[object], object]]]:
    """Return the message columns that a class fills, and what takes the value off."""
    named: Mapping[str, str] = getattr(message_type, "log_columns", {})
    getters: list[tuple[str, Callable[[object], object]]] = []
    for column in _MESSAGE_COLUMNS:
        attribute = named.get(column, _DEFAULT_ATTRIBUTES.get(column, column))
        if attribute in message_type.model_fields or hasattr(message_type, attribute):
            getters.append((column, attrgetter(attribute)))
    return getters


def _unknown_values(message: BaseModel) -> Iterator[tuple[str, object]]:
    """Yield what a message of a name we do not know has under the usual keys."""
    extra = message.model_extra or {}
    for column in _MESSAGE_COLUMNS:
        key = to_camel(_DEFAULT_ATTRIBUTES.get(column, column))
        if key in extra:
            yield column, extra[key]


def _as_columns(records: Sequence[Record]) -> dict[str, list[Any]]:
    """Return the records as columns: those of the record and those that have values."""
    columns: dict[str, list[Any]] = defaultdict(lambda: [None] * len(records))
    for name in _RECORD_COLUMNS:
        columns[name] = list(map(attrgetter(name), records))
    rows: dict[type[BaseModel], list[int]] = defaultdict(list)
    messages: dict[type[BaseModel], list[BaseModel]] = defaultdict(list)
    for row, record in enumerate(records):
        try:
            message = record.message
        except UnreadableFrameError:  # masking made it unreadable: the row stays
            continue
        rows[type(message)].append(row)
        messages[type(message)].append(message)
    for kind, of_kind in messages.items():
        for name, take in _getters(kind):
            target = columns[name]
            for row, value in zip(rows[kind], map(take, of_kind), strict=True):
                target[row] = value
        if kind in _UNKNOWN:
            for row, message in zip(rows[kind], of_kind, strict=True):
                for name, value in _unknown_values(message):
                    columns[name][row] = value
    return columns


def _array(values: Sequence[object], dtype: pa.DataType) -> "pa.Array[Any]":
    try:
        return pa.array(values, dtype, memory_pool=MEMORY)
    except (pa.ArrowException, TypeError, OverflowError, UnicodeError):
        # someone's number is too large, or a text where a number is due: those empty
        fits = _FITTING[dtype]
        return pa.array([fits(value) for value in values], dtype, memory_pool=MEMORY)


def as_batch(records: Sequence[Record]) -> pa.RecordBatch:
    """Return the records as a batch of ``LOG_COLUMNS``."""
    columns = _as_columns(records)
    nothing = [None] * len(records)
    arrays = [
        _array(columns.get(name, nothing), dtype) for name, dtype in ARROW_TYPES.items()
    ]
    return pa.record_batch(arrays, schema=SCHEMA)  # pyright: ignore[reportUnknownMemberType]


def records_of(batch: pa.RecordBatch) -> list[Record]:
    """Return the records of a batch again."""
    records: list[Record] = []
    values: list[list[Any]] = [
        batch.column(name).to_pylist() for name in _RECORD_COLUMNS
    ]
    for seq, direction, name, time_ms, timestamp, received, raw in zip(
        *values, strict=True
    ):
        record = Record(direction, name, raw, timestamp, received)
        record.seq, record.time_ms = seq, time_ms
        records.append(record)
    return records
