"""Registry of conformance points."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from typing_extensions import override

from rustpbx_lab.models.server_versions import ServerVersion

from .bench import Bench

Ask = Callable[[Bench], Awaitable[Any]]
Asked = TypeVar("Asked", bound=Ask)


@dataclass(frozen=True)
class Point:
    """One promise of the protocol and the scenario that shows it."""

    name: str
    section: str
    """Chapter of the protocol reference, or of its page on detection or files."""
    promised: Any
    """What the scenario gives if the promise is kept; may hold `Between` and others."""
    ask: Ask
    """The scenario: what it returns is compared with what is promised."""
    is_slow: bool = False
    """Takes long: begun first."""
    since: str | None = None
    """The first release that promises it; None: every one."""
    until: str | None = None
    """The last release that promises it; None: every one."""

    def holds_for(self, version: ServerVersion | None) -> bool:
        """Return whether a release promises it; None asks for all releases."""
        if version is None:
            return self.since is None and self.until is None
        is_there = self.since is None or ServerVersion.parse(self.since) <= version
        is_left = self.until is None or version <= ServerVersion.parse(self.until)
        return is_there and is_left


POINTS: list[Point] = []
"""Every point; the modules of points fill it."""


def point(
    name: str,
    section: str,
    promised: Any,
    *,
    is_slow: bool = False,
    since: str | None = None,
    until: str | None = None,
) -> Callable[[Asked], Asked]:
    """Register a scenario as a point."""

    def registered(ask: Asked) -> Asked:
        POINTS.append(Point(name, section, promised, ask, is_slow, since, until))
        return ask

    return registered


# ---------------------------------------------------------------------- promises


class Promise:
    """A value of which only some property is promised: equal to all that have it."""

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def keeps(self, seen: Any) -> bool:
        """Return whether a value has the property."""
        raise NotImplementedError

    @override
    def __eq__(self, other: object) -> bool:
        return self.keeps(other)


class Between(Promise):
    """A number in a range, ends included."""

    def __init__(self, least: float, most: float) -> None:
        self._least, self._most = least, most

    @override
    def keeps(self, seen: Any) -> bool:
        return isinstance(seen, int | float) and self._least <= seen <= self._most

    @override
    def __repr__(self) -> str:
        return f"{self._least:g}…{self._most:g}"


class Matching(Promise):
    """A text that a regular expression describes from its start to its end."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    @override
    def keeps(self, seen: Any) -> bool:
        return isinstance(seen, str) and bool(re.fullmatch(self._pattern, seen, re.S))

    @override
    def __repr__(self) -> str:
        return f"/{self._pattern}/"


class OneOf(Promise):
    """One of several values: a race in the server decides."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    @override
    def keeps(self, seen: Any) -> bool:
        return any(value == seen for value in self._values)

    @override
    def __repr__(self) -> str:
        return " or ".join(map(repr, self._values))


class SomeOf(Promise):
    """A list of some of these, each at most once, in any order: a race cuts it off."""

    def __init__(self, *values: Any) -> None:
        self._values = values

    @override
    def keeps(self, seen: Any) -> bool:
        if not isinstance(seen, list):
            return False
        items: list[Any] = list(seen)  # pyright: ignore[reportUnknownArgumentType]
        return all(items.count(item) == 1 and item in self._values for item in items)

    @override
    def __repr__(self) -> str:
        return f"some of {list(self._values)!r}"


class InAnyOrder(Promise):
    """A list whose order is not promised."""

    def __init__(self, values: Iterable[Any]) -> None:
        self._values = list(values)

    @override
    def keeps(self, seen: Any) -> bool:
        if not isinstance(seen, list):
            return False
        items: list[Any] = list(seen)  # pyright: ignore[reportUnknownArgumentType]
        for value in self._values:
            if value not in items:
                return False
            items.remove(value)
        return not items

    @override
    def __repr__(self) -> str:
        return f"{self._values!r} in any order"
