"""The one description of the log's table, and which message fills which column."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import pandas as pd
import pyarrow as pa
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from rustpbx_lab.errors import UnreadableFrameError

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
) -> Sequence[tuple[int, Callable[[object], object], Callable[[object], object]]]:
    """Return (column position, getter, conversion) for one class of message."""
    named: Mapping[str, str] = getattr(message_type, "log_columns", {})
    getters: list[
        tuple[int, Callable[[object], object], Callable[[object], object]]
    ] = []
    for position, column in enumerate(_MESSAGE_COLUMNS):
        attribute = named.get(column, _DEFAULT_ATTRIBUTES.get(column, column))
        fits = _FITTING[LOG_COLUMNS[column].pyarrow_dtype]
        if attribute in message_type.model_fields or hasattr(message_type, attribute):
            getters.append((position, partial(_attribute, attribute), fits))
        else:  # a name we do not know: take the wire key of the same meaning
            key = to_camel(attribute)
            getters.append((position, partial(_extra, key), fits))
    return getters


def _attribute(name: str, message: object) -> object:
    return getattr(message, name, None)


def _extra(key: str, message: object) -> object:
    extra = message.model_extra if isinstance(message, BaseModel) else None
    return extra.get(key) if extra else None


def message_values(record: Record) -> list[object]:
    """Return what the record's message puts into the message columns."""
    values: list[object] = [None] * len(_MESSAGE_COLUMNS)
    try:
        message = record.message
    except UnreadableFrameError:  # masking made it unreadable: the row itself stays
        return values
    for position, get, fits in _getters(type(message)):
        value = get(message)
        if value is not None:
            values[position] = fits(value)
    return values


def as_batch(records: Sequence[Record]) -> pa.RecordBatch:
    """Return the records as columns of ``LOG_COLUMNS``."""
    columns: dict[str, Sequence[object]] = {
        name: [getattr(record, name) for record in records] for name in _RECORD_COLUMNS
    }
    filled = list(zip(*map(message_values, records), strict=True))
    for position, name in enumerate(_MESSAGE_COLUMNS):
        columns[name] = filled[position] if filled else []
    return pa.record_batch(  # pyright: ignore[reportUnknownMemberType]
        [pa.array(columns[name], dtype) for name, dtype in ARROW_TYPES.items()],
        schema=SCHEMA,
    )


def from_batch(batch: pa.RecordBatch) -> list[Record]:
    """Return the records that ``as_batch`` was given."""
    columns: list[list[Any]] = [
        batch.column(name).to_pylist() for name in _RECORD_COLUMNS
    ]
    records: list[Record] = []
    for seq, direction, name, time_ms, timestamp, received, raw in zip(
        *columns, strict=True
    ):
        record = Record(direction, name, raw, timestamp, received)
        record.seq, record.time_ms = seq, time_ms
        records.append(record)
    return records
