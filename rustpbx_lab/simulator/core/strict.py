"""Strict mode: warnings where the real server is silent."""

import logging
from collections import deque
from dataclasses import dataclass

from pydantic import BaseModel

from rustpbx_lab.errors import UnreadableFrameError
from rustpbx_lab.models import commands
from rustpbx_lab.models.base import BaseCommand, OtherName
from rustpbx_lab.models.options import CallOption

from .dialect import Dialect

logger = logging.getLogger(__name__)

KEPT_REPORTS = 1000


@dataclass(frozen=True, slots=True)
class StrictReport:
    """One thing a client would wonder about with the real server."""

    call_id: str
    rule: str
    """``dropped``, ``no processors``, ``never spoken``, ``not simulated``, ``race``."""
    why: str


class StrictReports:
    """Collects reports; says them aloud (a warning each) in strict mode."""

    def __init__(self, *, is_strict: bool) -> None:
        self.is_strict = is_strict
        self.reports: deque[StrictReport] = deque(maxlen=KEPT_REPORTS)

    def add(self, call_id: str, rule: str, why: str) -> None:
        """Report something of a call."""
        level = logging.WARNING if self.is_strict else logging.DEBUG
        logger.log(level, "call %r, %s: %s", call_id, rule, why)
        if self.is_strict:
            self.reports.append(StrictReport(call_id, rule, why))


def read_command(text: str, dialect: Dialect) -> BaseCommand:
    """Read a command as strictly as a release of the server.

    Raises:
        UnreadableFrameError: If the server would drop it.
    """
    read = commands.parse(text)
    command = dialect.read(read)
    if command is None:
        why = f"server {dialect.version} has no command {read.command!r}"
        raise UnreadableFrameError("command", text, why)
    where = _named_by_object(command)
    if where is not None:
        why = f"{where} is an object; the server's log writes it so but cannot read it"
        raise UnreadableFrameError("command", text, why)
    return command


def not_simulated(option: CallOption) -> dict[str, str]:
    """Return what of an option the stand-in does not do: key -> what happens."""
    found: dict[str, str] = {}
    if option.denoise:
        found["denoise"] = "the audio is left as it is"
    if option.agc is not None:
        found["agc"] = "the audio is left as it is"
    if option.media_pass is not None:
        found["mediaPass"] = "it is not connected, as if the other side were down"
    if option.realtime is not None:
        found["realtime"] = "it is not connected (the real one most likely fails too)"
    if option.ringback_detection is not None:
        found["ringbackDetection"] = "the stock server has no classifier either"
    return found


def _named_by_object(model: BaseModel) -> str | None:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, OtherName):
            return name
        if isinstance(value, BaseModel):
            found = _named_by_object(value)
            if found is not None:
                return f"{name}.{found}"
    return None
