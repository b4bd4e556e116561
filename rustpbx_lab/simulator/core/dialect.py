"""Dialects: one release of the server, as the stand-in reads, speaks and behaves.

What the releases do differently is asked here, by a name that says what it is.
Source: protocol.md, 14.
"""

from dataclasses import dataclass

from rustpbx_lab.client.command_queue import blocks_queue, overflow_ends_call
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.base import BaseCommand, BaseEvent
from rustpbx_lab.models.server_versions import (
    NEWEST,
    ServerVersion,
    is_known,
    without_newer,
)

PLAIN_REASONS = AUTO_HANGUP = ServerVersion(0, 3, 84)
"""Since then a hangup says ``ByCaller``, and a trackEnd that it ends the call."""
ONE_LOOP = ServerVersion(0, 3, 84)
"""Since then one loop runs a call."""
FOLLOWS_REFER = ServerVersion(0, 3, 96)
NAMES_LEG = ServerVersion(0, 3, 97)
MORE_REASONS = ServerVersion(0, 3, 102)


@dataclass(frozen=True)
class Dialect:
    """One release of the server."""

    version: ServerVersion = NEWEST

    # ------------------------------------------------------------------ behaviour

    @property
    def invite_blocks(self) -> bool:
        """Whether commands wait behind an invite that rings."""
        return blocks_queue("invite", self.version)

    @property
    def refer_blocks(self) -> bool:
        """Whether commands wait behind a transfer that is not decided."""
        return blocks_queue("refer", self.version)

    @property
    def overflow_ends_call(self) -> bool:
        """Whether a command too many ends the call; else the oldest is lost."""
        return overflow_ends_call(self.version)

    @property
    def answer_moves(self) -> bool:
        """Whether a re-INVITE moves the time of the answer."""
        return self.version < ONE_LOOP

    @property
    def music_repeats(self) -> bool:
        """Whether music on hold is played again and again."""
        return self.version >= ONE_LOOP

    @property
    def transfers_have_extra(self) -> bool:
        """Whether the ``hangup`` of a transfer has ``extra``."""
        return self.version >= ONE_LOOP

    @property
    def background_is_recorded(self) -> bool:
        """Whether the recording has the background sound while nothing plays."""
        return self.version >= ONE_LOOP

    @property
    def transfer_hangup_is_forgotten(self) -> bool:
        """Whether what plays over a transfer makes it forget its ``autoHangup``."""
        return self.version < ONE_LOOP

    @property
    def failed_transfer_ends_call(self) -> bool:
        """Whether ``autoHangup`` counts for a transfer that nobody answered."""
        return self.version < FOLLOWS_REFER

    @property
    def follows_refer(self) -> bool:
        """Whether the server calls whom the remote party asks for."""
        return self.version >= FOLLOWS_REFER

    @property
    def names_leg(self) -> bool:
        """Whether a ``transferRequest`` has a ``legSessionId``."""
        return self.version >= NAMES_LEG

    @property
    def has_more_reasons(self) -> bool:
        """Whether a hangup takes ``noAnswer`` and its like."""
        return self.version >= MORE_REASONS

    # ------------------------------------------------------------------ wire

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
