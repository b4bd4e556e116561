"""The outcome of a call made from the command line."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CallOutcome:
    """How a call ended and what is left of it."""

    result: dict[str, Any]
    """What ``--json`` prints: id, how it ended, a summary, where log and audio are;
    ``error`` if the call was refused or failed, ``problems`` with what was not saved,
    ``stopped`` with the signal that ended it."""
    stop_signal: int | None = None
    """Number of the signal that ended it."""
    failure: Exception | None = None
    """What ended the call and is not a failure of the call itself."""

    @property
    def is_complete(self) -> bool:
        """Whether the call was held and everything is saved."""
        return self.result["error"] is None and not self.result["problems"]
