"""Hang-up reasons, as commands name them and the server records them."""

from rustpbx_lab.models import commands

from .dialect import Dialect

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
_MORE_REASONS = {
    "noanswer": "noAnswer",
    "nobalance": "noBalance",
    "answermachine": "answerMachine",
    "serverunavailable": "serverUnavailable",
}
_INITIATORS = {"caller": "byCaller", "callee": "byCallee", "system": "autohangup"}


def hangup_reason(command: commands.Hangup, dialect: Dialect) -> str:
    """Return the reason that a hangup records; the initiator overrides it."""
    by = _INITIATORS.get(command.initiator or "")
    if by is not None:
        return by
    if command.reason is None:
        return "bySystem"
    known = {**_REASONS, **(_MORE_REASONS if dialect.has_more_reasons else {})}
    return known.get(command.reason.lower(), f"other({command.reason})")
