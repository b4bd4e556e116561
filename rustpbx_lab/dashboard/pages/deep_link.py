"""The page's address: call, tab and part of the call."""

import re
from typing import Any, NamedTuple

import panel as pn

PATTERN = re.compile(r"#t-(-?\d+)(?:-(-?\d+))?")


class Part(NamedTuple):
    """A part of a call, call time in milliseconds."""

    start_ms: int
    end_ms: int | None = None
    """None: the surroundings of ``start_ms``."""

    @property
    def hash(self) -> str:
        """As the address has it: ``#t-116464-136464``."""
        end = "" if self.end_ms is None else f"-{self.end_ms}"
        return f"#t-{self.start_ms}{end}"


def part_of(text: str | None) -> Part | None:
    """Return the part that an address names; None if it names none."""
    found = PATTERN.fullmatch(text or "")
    if found is None:
        return None
    start, end = found.groups()
    part = Part(int(start), None if end is None else int(end))
    return None if part.end_ms is not None and part.end_ms <= part.start_ms else part


class Address:
    """``?call=…&view=live#t-116464-136464``: which call, which tab, which part."""

    def __init__(self) -> None:
        self._location: Any = pn.state.location
        self._told: str = ""
        self._seen: str = ""

    def show(self, tab: str, call_id: str | None) -> None:
        """Name the tab and the call, at once, or one change undoes another."""
        if self._location is not None:
            call = {} if call_id is None else {"call": call_id}
            self._location.update_query(view=tab.lower(), **call)

    def show_part(self, part: Part | None) -> None:
        """Name the part that is looked at, once it is the same twice; None: live."""
        wanted = "" if part is None else part.hash
        is_settled, self._seen = wanted == self._seen, wanted
        if self._location is None or not is_settled or wanted == self._told:
            return
        self._told = wanted
        if self._location.hash != wanted:
            self._location.hash = wanted

    def asked(self) -> Part | None:
        """Return the part that someone asked for since the last time, if any."""
        text = "" if self._location is None else self._location.hash or ""
        if text == self._told:
            return None
        self._told = self._seen = text
        return part_of(text)
