"""The query of a connection, read as strictly as the server reads it."""

import re
import uuid
from dataclasses import dataclass
from urllib.parse import unquote_plus

from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.models.base import U32_MAX

SERVER_TRACK = "server-side-track"
_KNOWN = ("id", "dump", "ping", "serverSideTrack", "forward", "visited")


class QueryError(RustpbxLabError):
    """A query that the server refuses with HTTP 400."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Failed to deserialize query string: {why}")


@dataclass(frozen=True, slots=True)
class CallQuery:
    """What a connection asks for; unknown keys are ignored."""

    id: str
    dump: bool = True
    ping_s: int = 20
    server_track: str = SERVER_TRACK
    forward: bool | None = None
    is_id_given: bool = False


def read_query(query: str) -> CallQuery:
    """Read the text behind ``?``.

    Raises:
        QueryError: If the server would answer 400.
    """
    given: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name not in _KNOWN:
            continue
        if name in given:
            raise QueryError(f"duplicate field `{name}`")
        given[name] = unquote_plus(value)
    forward = given.get("forward")
    return CallQuery(
        id=given.get("id", f"s.{uuid.uuid4()}"),
        dump=_truth("dump", given.get("dump", "true")),
        ping_s=_seconds(given.get("ping", "20")),
        server_track=given.get("serverSideTrack", SERVER_TRACK),
        forward=None if forward is None else _truth("forward", forward),
        is_id_given="id" in given,
    )


def _truth(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise QueryError(f"{name}: provided string was not `true` or `false`")
    return text == "true"


def _seconds(text: str) -> int:
    if not text:
        raise QueryError("ping: cannot parse integer from empty string")
    if not re.fullmatch(r"\+?[0-9]+", text, re.ASCII):
        raise QueryError("ping: invalid digit found in string")
    if len(text.lstrip("+0")) > 10 or int(text) > U32_MAX:
        raise QueryError("ping: number too large to fit in target type")
    return int(text)
