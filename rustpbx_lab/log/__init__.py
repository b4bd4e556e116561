"""The event log: the records of a call in order of arrival; all else reads it."""

from .columns import LOG_COLUMNS
from .event_log import Cursor, EventLog
from .record import Record
from .sipflow import (
    SipFlow,
    read_sipflow,
    read_with_sip_messages,
    sipflow_beside,
    with_sip_messages,
)
from .source import LogSource
from .writer import LogWriter, free_path, latest_path, write_as_it_comes

__all__ = [
    "LOG_COLUMNS",
    "Cursor",
    "EventLog",
    "LogWriter",
    "Record",
    "SipFlow",
    "free_path",
    "latest_path",
    "read_log",
    "read_sipflow",
    "read_with_sip_messages",
    "sipflow_beside",
    "with_sip_messages",
    "write_as_it_comes",
]


def read_log(source: LogSource) -> EventLog:
    """Read a saved event log: ours or the server's own, as tools leave it.

    Compression (gzip, zstd, bzip2, xz) and encoding (UTF-8, UTF-16, UTF-32, each with
    or without a mark; Windows-1252) are recognised by the bytes, not by the name. Rows
    may be an array, pretty-printed, or wrapped by a log collector. Every row that can
    be read is there, in order; what cannot be read is counted.

    Args:
        source: A path (``~`` is the home folder), or an open file.

    Returns:
        The log, closed. ``log.damage`` counts the lines that could not be read,
        ``log.damaged_lines`` has their numbers, ``log.remarks`` says what else was
        done to read the file.

    Raises:
        LogFileError: If there is no such file, or not one row of a log in it.
        TypeError: If the source is neither a path nor an open file.
    """
    return EventLog.load(source)
