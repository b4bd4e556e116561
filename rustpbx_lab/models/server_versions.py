"""Server versions: what came when, and what a server does not know.

A server names its version nowhere on the wire, so whoever builds a message says which
one it is for. Source: protocol.md, 14.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, NamedTuple, TypeVar, cast

from pydantic import BaseModel

from rustpbx_lab.errors import InvalidOptionError, shorten

from .field_metadata import Since, find_metadata

M = TypeVar("M", bound=BaseModel)
_PATTERN = re.compile(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})", re.ASCII)


@total_ordering
@dataclass(frozen=True)
class ServerVersion:
    """A release of the server; later ones compare as greater."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: "str | ServerVersion") -> "ServerVersion":
        """Read a version such as ``0.3.113``.

        Raises:
            InvalidOptionError: If it is not three numbers with dots between.
        """
        if isinstance(text, ServerVersion):
            return text
        found = _PATTERN.fullmatch(text.strip())
        if found is None:
            raise InvalidOptionError(
                f"cannot use the server version {shorten(text)}: it is not three "
                f"numbers with dots between; write one such as {NEWEST}"
            )
        return cls(*map(int, found.groups()))

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, ServerVersion):
            return NotImplemented
        return self._numbers < other._numbers

    def __str__(self) -> str:
        return ".".join(map(str, self._numbers))

    @property
    def _numbers(self) -> tuple[int, int, int]:
        return self.major, self.minor, self.patch


def named_version(version: str | ServerVersion | None) -> ServerVersion | None:
    """Return the release that someone has named; None is not known.

    Raises:
        InvalidOptionError: If it is not three numbers with dots between.
    """
    return None if version is None else ServerVersion.parse(version)


OLDEST, NEWEST = ServerVersion(0, 3, 83), ServerVersion(0, 3, 113)
"""The releases that everything is tested against."""
TESTED = (OLDEST, NEWEST)


def knows(version: ServerVersion, since: Since) -> bool:
    """Return whether a release has what came with another."""
    is_later = ServerVersion.parse(since.version) <= version
    return is_later and str(version) not in since.but_not


def is_known(kind: type[BaseModel], version: ServerVersion) -> bool:
    """Return whether a release knows a kind of message."""
    since = getattr(kind, "since", None)
    return not isinstance(since, Since) or knows(version, since)


class Newer(NamedTuple):
    """A field that was set, or a message, that only newer servers know."""

    path: str
    """Wire names joined by dots: ``recorder.nativeSamplerate``; empty: the message."""
    since: ServerVersion
    """The first release that knows it."""


def newer_parts(
    model: BaseModel, version: ServerVersion = OLDEST, place: str = ""
) -> Iterator[Newer]:
    """Yield what of a message a server does not know, from outside in.

    Args:
        model: A command or an option; fields that were not set do not count.
        version: The server's.
        place: Put before every path.
    """
    since = getattr(type(model), "since", None)
    if isinstance(since, Since) and not is_known(type(model), version):
        yield Newer(place, ServerVersion.parse(since.version))
        return
    for name in sorted(model.model_fields_set):
        field = type(model).model_fields.get(name)
        value = cast(object, getattr(model, name))
        if field is None or value is None:
            continue
        path = ".".join(part for part in (place, field.alias or name) if part)
        came = find_metadata(field, Since)
        if came is not None and not knows(version, came):
            yield Newer(path, ServerVersion.parse(came.version))
        elif isinstance(value, BaseModel):
            yield from newer_parts(value, version, path)


def without_newer(model: M, version: ServerVersion) -> M:
    """Return a message without the keys that a release does not know and ignores.

    Args:
        model: A command or an option; it is not changed.
        version: The server's.
    """
    changed: dict[str, Any] = {}
    dropped: set[str] = set()
    for name in model.model_fields_set:
        field, value = type(model).model_fields.get(name), getattr(model, name)
        came = None if field is None else find_metadata(field, Since)
        if came is not None and not knows(version, came):
            assert field is not None
            changed[name] = field.get_default(call_default_factory=True)
            dropped.add(name)
        elif isinstance(value, BaseModel):
            inner = without_newer(value, version)
            if inner is not value:
                changed[name] = inner
    if not changed:
        return model
    copy = model.model_copy(update=changed)
    copy.model_fields_set.difference_update(dropped)
    return copy
