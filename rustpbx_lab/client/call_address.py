"""Addresses of servers and calls, checked once for every way to a server."""

import ipaddress
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit, urlunsplit

import idna

from rustpbx_lab.errors import ConnectError, shorten
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models.surrogates import has_surrogates

PATHS: Mapping[str, str] = {
    "": "/call",
    "websocket": "/call",
    "webrtc": "/call/webrtc",
    "sip": "/call/sip",
}
"""Call type → path. The empty one is the Go SDK's spelling of a WebSocket call."""

EXAMPLE = "write ws://HOST:PORT"
MAX_PORT = 65535
_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_HOST = re.compile(r"[A-Za-z0-9._~-]+\Z")
_TYPE_OF = {"/call/webrtc": "webrtc", "/call/sip": "sip", "/call": None}
"""Call path → the type it asks for; plain ``/call`` begins each of them."""


class ServerAddress(NamedTuple):
    """A server, as an address names it."""

    scheme: str
    """``ws`` or ``wss``."""
    host: str
    """ASCII, without brackets."""
    port: int | None
    """None: 80, or 443 with TLS."""
    login: str
    """``user:password`` as written, or empty."""
    prefix: str
    """The path before that of the call: of a reverse proxy."""
    call_type: str | None
    """The type whose path the address ends in; None if it does not say."""
    query: str

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine."""
        if self.host.lower().rstrip(".") == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        port = self.port or (443 if self.scheme == "wss" else 80)
        return self.scheme, self.host.lower(), port

    @property
    def netloc(self) -> str:
        """Login, host and port as in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return (f"{self.login}@" if self.login else "") + host + port

    def url(self, path: str, query: str = "", *, http: bool = False) -> str:
        """Return the URL of a path below the prefix."""
        scheme = self.scheme.replace("ws", "http") if http else self.scheme
        joined = "&".join(part for part in (self.query, query) if part)
        return urlunsplit((scheme, self.netloc, self.prefix + path, joined, ""))


def parse_address(url: str) -> ServerAddress:
    """Read the address of a server or of a call.

    Args:
        url: ``ws://`` or ``wss://`` address; ``http(s)://`` and an address that ends in
            a call path will do.

    Raises:
        ConnectError: If it is malformed; the message says what is wrong.
    """
    text = url.strip()
    if has_surrogates(text) or any(ord(char) < 33 or ord(char) == 127 for char in text):
        raise _wrong(text, f"it holds a space or a control character; {EXAMPLE}")
    try:
        parts = urlsplit(text)
    except ValueError as exc:  # such as a bracket that is not closed
        raise _wrong(text, f"{exc}; {EXAMPLE}, an IPv6 host as [::1]") from None
    if parts.scheme not in _SCHEMES or not parts.netloc:
        raise _wrong(text, f"not a WebSocket address; {EXAMPLE}")
    if parts.fragment or text.endswith("#"):
        raise _wrong(text, "it has a '#', which ends an address; write %23 for it")
    login, _, _ = parts.netloc.rpartition("@")
    prefix, call_type = _split_path(parts.path)
    return ServerAddress(
        scheme=_SCHEMES[parts.scheme],
        host=_host(text, parts),
        port=_port(text, parts),
        login=login,
        prefix=prefix,
        call_type=call_type,
        query=parts.query,
    )


def _wrong(url: str, why: str) -> ConnectError:
    return ConnectError(mask_url(url), why)


def _host(url: str, parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host:
        raise _wrong(url, f"it names no host; {EXAMPLE}")
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError as exc:
            raise _wrong(url, f"not an IPv6 address: {exc}") from None
        return host
    try:
        if not host.isascii() or "xn--" in host.lower():
            host = idna.encode(host, uts46=True).decode()
        host.encode("idna")  # as the resolver will: labels of 1 to 63 characters
    except (idna.IDNAError, UnicodeError) as exc:
        raise _wrong(url, f"{shorten(host)} is not a host name: {exc}") from None
    if not _HOST.match(host):
        raise _wrong(url, f"{shorten(host)} is not a host name; {EXAMPLE}")
    return host


def _port(url: str, parts: SplitResult) -> int | None:
    written = parts.netloc.rpartition("@")[2].rpartition("]")[2]
    _, colon, text = written.partition(":")
    if not colon or not text:
        return None
    if text.isascii() and text.isdecimal() and 0 < int(text) <= MAX_PORT:
        return int(text)
    raise _wrong(
        url, f"the port {shorten(text)} is not a number from 1 to {MAX_PORT}; {EXAMPLE}"
    )


def _split_path(path: str) -> tuple[str, str | None]:
    path = path.rstrip("/")
    for known, call_type in _TYPE_OF.items():
        if path.endswith(known):
            return path.removesuffix(known), call_type
    return path, None


def type_of_call(url: str, call_type: str | None) -> str:
    """Return the type of a call: the one that is asked for, or that of its address.

    Args:
        url: Address of the server or of the call.
        call_type: A key of ``PATHS``; None takes what the address ends in, or else
            ``websocket``.

    Raises:
        ConnectError: If there is no such type, the two contradict each other, or the
            address is malformed.
    """
    written = parse_address(url).call_type
    if call_type is None:
        return written or "websocket"
    if call_type not in PATHS:
        known = ", ".join(repr(name) for name in PATHS if name)
        raise _wrong(url, f"there is no call type {call_type!r}; choose one of {known}")
    asked = call_type or "websocket"
    if written is not None and written != asked:
        raise _wrong(
            url,
            f"it is the address of a {written} call, and the type is {asked!r}; use "
            f"the type {written!r}, or leave the path {PATHS[written]} out",
        )
    return asked


def call_url(
    url: str,
    call_type: str | None,
    *,
    call_id: str | None = None,
    dump_events: bool = True,
    server_ping_s: int | None = None,
    server_side_track: str | None = None,
) -> str:
    """Return the address of a call on a server.

    Args:
        url: Address of the server, or of a call on it; see ``parse_address``.
        call_type: A key of ``PATHS``, or None; see ``type_of_call``.
        call_id: Session id; percent-encoded here.
        dump_events: Whether the server writes its own event log.
        server_ping_s: The server's keep-alive period, seconds; 0 turns it off.
        server_side_track: The track id of what the server plays.

    Raises:
        ConnectError: If the URL or the call type cannot be used.
    """
    path = PATHS[type_of_call(url, call_type)]
    query = {
        "id": call_id,
        "dump": None if dump_events else "false",
        "ping": server_ping_s,
        "serverSideTrack": server_side_track,
    }
    given = {key: value for key, value in query.items() if value is not None}
    if any(has_surrogates(str(value)) for value in given.values()):
        raise _wrong(url, "an id with half a surrogate pair cannot be encoded")
    added = urlencode(given, quote_via=quote, safe="")
    return parse_address(url).url(path, added)


def redirected(url: str, location: str) -> str:
    """Return where a redirect leads, if it may be followed.

    Only another path of the same server is: what goes with a request, such as tokens,
    was meant for that server.

    Args:
        url: What was asked for.
        location: The ``Location`` header of the answer.

    Raises:
        ConnectError: If it leads to another server, or to TLS; the message says what
            to write instead.
    """
    target = urljoin(url.replace("ws", "http", 1), location)
    old, new = parse_address(url), parse_address(target)
    if new.origin == old.origin:
        return url.partition("://")[0] + "://" + target.partition("://")[2]
    host = f"{new.scheme}://{new._replace(login='').netloc}"
    if new.host.lower() == old.host.lower() and new.scheme == "wss" != old.scheme:
        raise _wrong(url, f"the server wants TLS and redirects there; write {host}")
    shown = shorten(mask_url(host))
    raise _wrong(
        url,
        f"it redirects to another server, {shown}, which is not followed; use that "
        "address, if it is yours",
    )
