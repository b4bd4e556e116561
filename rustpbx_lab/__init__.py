"""The lab bench for voice agents on the Active Call server.

One anyio session streams a call's events into a log that is a pandas table; a dashboard
shows the call while it runs; the same log is analysed later.
"""

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
