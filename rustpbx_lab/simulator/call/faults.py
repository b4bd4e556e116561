"""Faults that a stand-in can inject, for testing clients."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from rustpbx_lab.errors import InvalidOptionError, shorten


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of a stand-in; none by default.

    On the command line they are words: ``delay=200 drop=3 close-after=1.5``.
    """

    delay: int = 0
    """Everything the client gets comes this many milliseconds late, in order."""
    drop: int = 0
    """Every nth event is lost on the way; the server's own log has it."""
    reject: int = 0
    """Every call is refused with this SIP status, whatever its kind."""
    close_after: float = math.inf
    """The connection is dropped this many seconds after the answer, without a close."""
    half_open: float = math.inf
    """So many seconds after the answer the server stops to read, write and pong."""
    malformed: int = 0
    """Before every nth event comes a broken piece of it."""
    slow_asr: int = 0
    """The recogniser says everything this many milliseconds late."""
    clock_skew: int = 0
    """The server's clock is this many milliseconds ahead; negative: behind."""
    slow_log: int = 0
    """Milliseconds a line of the event log takes; of 128 waiting the oldest is lost."""

    @classmethod
    def read(cls, words: Iterable[str]) -> "Faults":
        """Read ``name=value`` words.

        Raises:
            InvalidOptionError: If there is no such fault, or its value is not a number
                that makes sense.
        """
        kinds = {field.name.replace("_", "-"): field for field in fields(cls)}
        given: dict[str, float] = {}
        for word in words:
            name, _, value = word.partition("=")
            if name not in kinds:
                raise InvalidOptionError(
                    f"cannot simulate the fault {shorten(word)}: there is no such one; "
                    f"{', '.join(kinds)} work"
                )
            kind = int if kinds[name].type is int else float
            given[kinds[name].name] = _number(word, value, kind)
        return cls(**given)  # pyright: ignore[reportArgumentType]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if math.isnan(value) or (value < 0 and field.name != "clock_skew"):
                raise InvalidOptionError(
                    f"cannot simulate the fault {field.name}={value}: a number from 0 "
                    "works"
                )
        if self.reject and not 300 <= self.reject <= 699:
            raise InvalidOptionError(
                f"cannot reject with {self.reject}: a SIP status from 300 to 699 works"
            )


def _number(word: str, value: str, kind: type[int] | type[float]) -> float:
    try:
        return kind(value)
    except ValueError as exc:
        raise InvalidOptionError(
            f"cannot simulate the fault {shorten(word)}: its value is not a "
            f"{'whole ' if kind is int else ''}number"
        ) from exc
