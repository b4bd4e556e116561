"""The server's queue of commands: what blocks it, and what one too many does.

Source: protocol.md, 1.8.
"""

from rustpbx_lab.models.server_versions import NEWEST, ServerVersion

QUEUE_COMMANDS = 32
"""Commands that may wait."""
LAST_TO_BLOCK = {"invite": ServerVersion(0, 3, 84), "refer": ServerVersion(0, 3, 83)}
"""Command → the last release whose queue waits until it is decided."""
LAST_TO_END = ServerVersion(0, 3, 83)
"""The last release whose call ends when the queue overflows."""


def blocks_queue(command: str, version: ServerVersion | None) -> bool:
    """Return whether later commands wait for one; an unknown release is the newest."""
    last = LAST_TO_BLOCK.get(command)
    return last is not None and (version or NEWEST) <= last


def overflow_ends_call(version: ServerVersion | None) -> bool:
    """Return whether one command too many ends the call; else the oldest is lost."""
    return (version or NEWEST) <= LAST_TO_END
