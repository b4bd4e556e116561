"""Log rows as records of the standard ``logging`` module."""

import logging

from rustpbx_lab.log import Record
from rustpbx_lab.models import events, notes

LOGGER = "rustpbx_lab.call"
"""Logger of calls that are given no other."""

LOUD = frozenset(
    {
        "error",
        "advice",
        "connected",
        "closed",
        "unreadable",
        "agentFailed",
        "gap",
        "audioLost",
    }
)
"""Names of the rows that are logged above DEBUG."""


class RowLogger:
    """Logs the rows of one call.

    DEBUG: every row, its secrets masked. INFO: connected and closed, with why, and
    advice without consequences. WARNING: other advice, error events, gaps, lost audio,
    frames that cannot be read, and failures of the code that holds the call.
    """

    def __init__(self, logger: logging.Logger | None) -> None:
        self._logger = logging.getLogger(LOGGER) if logger is None else logger

    def log(self, record: Record, call_id: str | None) -> None:
        """Log a row; where nobody listens this costs one look-up."""
        if record.name not in LOUD:
            if self._logger.isEnabledFor(logging.DEBUG):
                self._debug(record, call_id)
            return
        level, text = _told(record)
        if level is None:
            self._debug(record, call_id)
        elif self._logger.isEnabledFor(level):
            self._logger.log(level, "call %s: %s", call_id or "(new)", _line(text))

    def _debug(self, record: Record, call_id: str | None) -> None:
        self._logger.debug(
            "call %s: %s %s %s",
            call_id or "(new)",
            record.direction,
            record.name,
            _line(record.raw),
        )


def _told(record: Record) -> tuple[int | None, str]:
    """Return level and text of a loud row; no level for one that only looks like it."""
    match record.message:
        case notes.Connected(url=url, call_type=kind):
            return logging.INFO, f"connected to {url} ({kind})"
        case notes.Closed(why=why, code=code):
            number = "" if code is None else f" (code {code})"
            return logging.INFO, f"closed: {why}{number}"
        case notes.Advice() as advice:
            level = logging.INFO if advice.severity == "info" else logging.WARNING
            instead = f"; instead: {advice.instead}" if advice.instead else ""
            return level, f"{advice.severity}: {advice.text}{instead}"
        case events.Error(sender=sender, error=error):
            return logging.WARNING, f"error of the server in {sender}: {error}"
        case notes.Unreadable(error=error):
            return logging.WARNING, f"a frame cannot be read: {error}"
        case notes.AgentFailed(error=error, where=where):
            return logging.WARNING, f"our code failed: {error} ({where})"
        case notes.Gap(why=why):
            return logging.WARNING, why
        case notes.AudioLost(leg=leg, lost_ms=lost):
            return logging.WARNING, f"the tap lost {lost} ms of the {leg}'s audio"
        case _:
            return None, ""


def _line(text: str) -> str:
    """Return text of someone else on one line, without control characters."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)
