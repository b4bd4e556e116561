"""Dialects: one release of the server, as the stand-in reads and speaks it.

A call itself is simulated as 0.3.83 handles it; what later releases read or write
otherwise is here.
"""

from dataclasses import dataclass

from rustpbx_lab.models import commands, events
from rustpbx_lab.models.base import BaseCommand, BaseEvent
from rustpbx_lab.models.server_versions import (
    OLDEST,
    ServerVersion,
    is_known,
    without_newer,
)

PLAIN_REASONS = AUTO_HANGUP = ServerVersion(0, 3, 84)
"""Since then a hangup says ``ByCaller``, and a trackEnd that it ends the call."""


@dataclass(frozen=True)
class Dialect:
    """One release of the server."""

    version: ServerVersion = OLDEST

    def read(self, command: BaseCommand) -> BaseCommand | None:
        """Return a command as the release reads it; None if it does not know it."""
        is_other = isinstance(command, commands.UnknownCommand)
        if is_other or not is_known(type(command), self.version):
            return None
        return without_newer(command, self.version)

    def say(self, event: BaseEvent, hangup_reason: str | None = None) -> BaseEvent:
        """Return an event as the release says it.

        Args:
            event: As 0.3.83 says it.
            hangup_reason: Why the call ends with this track; None: it does not.
        """
        if isinstance(event, events.Hangup) and self.version >= PLAIN_REASONS:
            return _with(event, reason=_plain(event.reason))
        if (
            isinstance(event, events.TrackEnd)
            and hangup_reason is not None
            and self.version >= AUTO_HANGUP
        ):
            return _with(event, auto_hangup=hangup_reason)
        return event


def _with(event: BaseEvent, **changes: str | None) -> BaseEvent:
    return event.model_copy(update=changes)


def _plain(reason: str | None) -> str | None:
    """Return a printed reason without the ``Some(…)`` around it."""
    if reason is None or not reason.startswith("Some("):
        return reason
    return reason.removeprefix("Some(").removesuffix(")")
