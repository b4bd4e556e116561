from . import errors
from .client import CallSession, connect
from .log import EventLog, read_log
from .models import commands, events, notes, options

__all__ = [
    "CallSession",
    "EventLog",
    "commands",
    "connect",
    "errors",
    "events",
    "notes",
    "options",
    "read_log",
]
