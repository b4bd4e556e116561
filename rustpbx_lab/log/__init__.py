"""What was said in a call: the log that everything else reads."""

from os import PathLike

from .columns import LOG_COLUMNS
from .event_log import Cursor, EventLog
from .record import Record
from .writer import LogWriter, free_path, write_as_it_comes

__all__ = [
    "LOG_COLUMNS",
    "Cursor",
    "EventLog",
    "LogWriter",
    "Record",
    "free_path",
    "read_log",
    "write_as_it_comes",
]


def read_log(path: str | PathLike[str]) -> EventLog:
    """Read a saved event log: ours or the server's own, gzip or plain.

    Args:
        path: A ``*.events.jsonl`` file, or one with ``.gz`` behind it.

    Returns:
        The log, closed; ``log.damage`` counts the lines that could not be read.

    Raises:
        LogFileError: If there is no such file, or not one line of a log in it.
    """
    return EventLog.load(path)
