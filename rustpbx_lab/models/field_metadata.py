"""Field metadata: units, slider ranges, unused fields, server versions.

It stands in the annotation, ``Annotated[U64, Unit("ms"), SliderRange(0, 1000, 10)]``,
so that no behaviour hangs on the words of a docstring.
"""

from dataclasses import dataclass
from typing import TypeVar

from pydantic.fields import FieldInfo

M = TypeVar("M")


@dataclass(frozen=True)
class Unit:
    """The unit of a number."""

    symbol: str
    """As it is written after a number: ``ms``, ``s``, ``Hz``, ``dB`` …"""


@dataclass(frozen=True)
class SliderRange:
    """The useful values of a number that is tuned by trying."""

    start: float
    end: float
    step: float


@dataclass(frozen=True)
class Unused:
    """The server reads the field and does nothing with it, or forces another value."""


@dataclass(frozen=True)
class MayBeEmpty:
    """A required text that may be empty."""


@dataclass(frozen=True)
class Since:
    """The first server release that knows the field, or the message.

    An older one ignores the key of an option, and drops a command.
    """

    version: str
    """Such as ``0.3.100``."""
    but_not: tuple[str, ...] = ()
    """Later releases that lack it again."""


SINCE_0_3_100 = Since("0.3.100", but_not=("0.3.101",))
"""What 0.3.100 brought: 0.3.101 was made from 0.3.99, and 0.3.102 has it again."""


def find_metadata(info: FieldInfo, kind: type[M]) -> M | None:
    """Return the metadata of one kind of a field; None if it has none."""
    return next((each for each in info.metadata if isinstance(each, kind)), None)
