"""Host and Origin checks shared by every server of the package.

A page of another site can let its own name resolve to this machine (DNS rebinding): the
browser then treats our server as part of that site. The name it uses is the only thing
that gives such a page away, so every request must use a name that is ours.
"""

import ipaddress
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from rustpbx_lab.errors import ServerStartError, shorten

logger = logging.getLogger(__name__)

ALLOW_HOSTS_VARIABLE = "RUSTPBX_LAB_ALLOW_HOSTS"
"""Further names, separated by commas, where no option can be given."""
ANY_INTERFACE = ("", "0.0.0.0", "::")
"""Addresses that listen on every interface."""
KEPT_REFUSALS = 200
"""Refused names that are remembered; one that is refused again is not logged again."""
DEFAULT_PORTS = {"http": 80, "https": 443}

Headers = Callable[[str], Iterable[str]]
"""Returns every value of a header, such as ``get_list`` of Tornado's headers."""

_AUTHORITY = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._*-]+)(?::(?P<port>[0-9]{1,5}))?"
)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@\s]+)", re.IGNORECASE)


class Pages(Enum):
    """Which web pages may send requests, apart from those of configured hosts."""

    NONE = "none"
    """None at all: only programs are answered."""
    OWN = "own"
    """Those that the server itself has served."""
    LOCAL = "local"
    """Those of this machine, whatever their port."""


@dataclass(frozen=True)
class Authority:
    """A host name in canonical form, and a port if one was given."""

    name: str
    port: int | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether the name can only mean this machine."""
        address = _address(self.name)
        return self.name == "localhost" if address is None else address.is_loopback

    @property
    def is_address(self) -> bool:
        """Whether it is an IP address, which no name server can redirect."""
        return _address(self.name) is not None

    def matches(self, host: "Authority", default_ports: Iterable[int]) -> bool:
        """Return whether a host fits this pattern.

        Args:
            host: The host of a request or of a page.
            default_ports: What the port of a host without one may be.
        """
        if self.port is not None:
            ports = default_ports if host.port is None else (host.port,)
            if self.port not in ports:
                return False
        if self.name == "*":
            return True
        labels, wanted = host.name.split("."), self.name.split(".")
        return len(labels) == len(wanted) and all(
            pattern in ("*", label)
            for label, pattern in zip(labels, wanted, strict=True)
        )

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


class HostPolicy:
    """Decides whether a request was sent to one of our names, by a page that may.

    Loopback names are always ours. An IP address is ours if the server listens on it or
    on every interface: no name server stands behind it, so it cannot be rebound.
    Headers that a client can add at will, such as ``X-Forwarded-Host``, are not read.
    """

    def __init__(
        self,
        listens_on: str,
        allowed: Iterable[str] = (),
        *,
        pages: Pages = Pages.NONE,
        server: str = "this server",
        remedy: str = "start it with --allow-host {name}",
    ) -> None:
        """Prepare a policy.

        Args:
            listens_on: Address or name that the server listens on.
            allowed: Further hosts: ``NAME``, ``NAME:PORT`` or an address; ``*`` stands
                for any label, alone for any host.
            pages: Which pages may send requests.
            server: What a refusal calls the server.
            remedy: What a refusal advises; ``{name}`` is the refused host.

        Raises:
            ServerStartError: If an allowed host is malformed.
        """
        self._own = _own_name(listens_on)
        self._allowed = tuple(read_host(text) for text in allowed)
        self._pages, self._server, self._remedy = pages, server, remedy
        self._refused: set[tuple[str, str]] = set()
        if any(pattern.name == "*" for pattern in self._allowed):
            logger.warning(
                "%s answers to any host name: a page elsewhere that lets its own name "
                "resolve to this machine gets in",
                server,
            )

    def refusal(self, target: str, headers: Headers) -> str | None:
        """Return why a request is refused, None if it may go on.

        Args:
            target: What the request line asks for; only a path is served.
            headers: Returns every value of a header.
        """
        if not target.startswith("/"):
            return "Request target not allowed: only a path is served"
        hosts = list(headers("Host"))
        host = _read(hosts[0]) if len(hosts) == 1 else None
        if host is None or "*" in host.name:
            return "Host not allowed: one Host header with NAME or NAME:PORT is needed"
        if not self.allows_host(host):
            return self._refuse("Host", str(host))
        origins = list(headers("Origin"))
        if not origins:
            return self._refuse_cross_site(headers)
        origin = origins[0].strip() if len(origins) == 1 else "null"
        if not self._allows_origin(origin, host):
            return self._refuse("Origin", origin)
        return None

    def allows_host(self, host: Authority) -> bool:
        """Return whether a request may be sent to a host."""
        if host.is_loopback or (self._own is not None and host.name == self._own.name):
            return True
        if self._own is None and host.is_address:
            return True
        return any(a.matches(host, DEFAULT_PORTS.values()) for a in self._allowed)

    def _allows_origin(self, origin: str, host: Authority) -> bool:
        read = _ORIGIN.fullmatch(origin)
        page = None if read is None else _read(read["authority"])
        if read is None or page is None or self._pages is Pages.NONE:
            return False  # also "null": a sandboxed frame, a file, a redirect
        default = DEFAULT_PORTS[read["scheme"].lower()]
        if any(pattern.matches(page, [default]) for pattern in self._allowed):
            return True
        if self._pages is Pages.LOCAL and page.is_loopback:
            return True
        # the port of a Host without one is that of a scheme we do not know here
        ours = DEFAULT_PORTS.values() if host.port is None else (host.port,)
        is_same = page.name == host.name or (page.is_loopback and host.is_loopback)
        return is_same and (page.port or default) in ours

    def _refuse_cross_site(self, headers: Headers) -> str | None:
        """Refuse what a page elsewhere asks for without saying its origin.

        A link that is followed is fine where pages are served.
        """
        if "cross-site" not in headers("Sec-Fetch-Site"):
            return None
        is_link = "navigate" in headers("Sec-Fetch-Mode")
        if is_link and self._pages is Pages.OWN:
            return None
        return self._refuse("Origin", "another site")

    def _refuse(self, header: str, value: str) -> str:
        why = f"{header} not allowed: {shorten(value)}"
        name = _advised(header, value)
        if header == "Origin" and self._pages is Pages.NONE:
            why += "; web pages are not answered"
        elif name is not None:
            why += f"; to allow it, {self._remedy.format(name=name)}"
        key = header, value.lower()
        if key not in self._refused and len(self._refused) < KEPT_REFUSALS:
            self._refused.add(key)
            logger.warning("%s refused a request: %s", self._server, why)
        return why


def read_host(text: str) -> Authority:
    """Return a host as configured: ``NAME``, ``NAME:PORT``, an address or a URL.

    Raises:
        ServerStartError: If it is none of them.
    """
    shown = text.strip()
    wanted = re.sub(r"^(https?|wss?)://", "", shown, flags=re.IGNORECASE).rstrip("/")
    try:
        wanted = f"[{ipaddress.IPv6Address(wanted)}]"
    except ValueError:
        wanted = _ascii(wanted)
    read = _read(wanted)
    if read is None:
        raise ServerStartError(
            f"cannot allow the host {shorten(text)}: not a host; NAME, NAME:PORT or an "
            "IP address works"
        )
    return read


def public_host(url: str, schemes: Iterable[str]) -> str:
    """Return the host of an address under which others reach a server of ours.

    Raises:
        ServerStartError: If it is not such an address.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # such as a bracket that is not closed
        parts = urlsplit("")
    read = _read(_ascii(parts.netloc))
    if parts.scheme not in schemes or read is None or parts.query or parts.fragment:
        raise ServerStartError(
            f"cannot be reached at {shorten(url)}: not a public address; "
            f"{' or '.join(schemes)}://HOST[:PORT][/PATH] works"
        )
    return str(Authority(read.name))


def split_hosts(text: str | None) -> list[str]:
    """Return hosts of a comma-separated list, as an environment variable holds it."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _read(text: str) -> Authority | None:
    found = _AUTHORITY.fullmatch(text.strip())
    if found is None:
        return None
    name, port = found["name"].lower(), found["port"]
    if name.startswith("["):
        try:
            name = str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return None
    else:
        name = name.removesuffix(".")  # the root of all names, said aloud
    if not name or (port is not None and not 0 < int(port) < 65536):
        return None
    return Authority(name, None if port is None else int(port))


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    # Python before 3.13 does not see that ::ffff:127.0.0.1 is a loopback address
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def _ascii(text: str) -> str:
    """Return a name as browsers send it: letters beyond ASCII are encoded."""
    if text.isascii():
        return text
    try:
        return text.encode("idna").decode()
    except UnicodeError:
        return text


def _own_name(listens_on: str) -> Authority | None:
    """Return the name a server listens on; None if it is every interface."""
    if listens_on in ANY_INTERFACE:
        return None
    bracketed = f"[{listens_on}]" if ":" in listens_on else listens_on
    return _read(bracketed) or Authority(listens_on.lower())


def _advised(header: str, value: str) -> str | None:
    """Return what to configure so that a refused value is accepted, None if nothing.

    The result has no characters that mean something to a shell.
    """
    page = _ORIGIN.fullmatch(value) if header == "Origin" else None
    if header == "Origin" and page is None:
        return None
    read = _read(value if page is None else page["authority"])
    if read is None:
        return None
    return str(read if page is not None else Authority(read.name))
