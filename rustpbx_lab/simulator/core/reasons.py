"""Hang-up reasons, as commands name them and the server records them."""

from rustpbx_lab.models import commands

_REASONS = {
    "caller": "byCaller",
    "callee": "byCallee",
    "refer": "byRefer",
    "system": "bySystem",
    "autohangup": "autohangup",
    "inactivitytimeout": "inactivityTimeout",
    "canceled": "canceled",
    "rejected": "rejected",
    "failed": "failed",
}
_INITIATORS = {"caller": "byCaller", "callee": "byCallee", "system": "autohangup"}


def hangup_reason(command: commands.Hangup) -> str:
    """Return the reason that a hangup records; the initiator overrides it."""
    by = _INITIATORS.get(command.initiator or "")
    if by is not None:
        return by
    if command.reason is None:
        return "bySystem"
    return _REASONS.get(command.reason.lower(), f"other({command.reason})")
