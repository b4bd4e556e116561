"""The proxy of the environment that a server is reached through."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rustpbx_lab.errors import ConnectError
from rustpbx_lab.masking import mask_url

from .call_address import ServerAddress

_VARIABLES = {
    "ws": ("ws", "http", "socks", "all"),
    "wss": ("wss", "https", "socks", "all"),
}
_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


class Proxy(NamedTuple):
    """A proxy, and the variable that names it."""

    url: str
    variable: str

    def told(self, why: str) -> str:
        """Return why a connection failed, with the proxy it went through."""
        return (
            f"{why} (through the proxy {mask_url(self.url)} of {self.variable}; "
            "NO_PROXY=HOST goes past it)"
        )


def proxy_for(address: ServerAddress) -> Proxy | None:
    """Return the proxy that the environment names for a server.

    Loopback addresses are never reached through one.

    Raises:
        ConnectError: If the variable holds no address of a proxy.
    """
    if address.is_loopback:
        return None
    proxies = getproxies()
    kind = next((one for one in _VARIABLES[address.scheme] if proxies.get(one)), None)
    if kind is None or _is_bypassed(address, proxies.get("no", "")):
        return None
    written, variable = proxies[kind].strip(), f"{kind.upper()}_PROXY"
    url = written if "://" in written else f"http://{written}"
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ConnectError(
            mask_url(address.url("")),
            f"{variable} is not the address of a proxy; write http://HOST:PORT or "
            "socks5://HOST:PORT there, or unset it",
        )
    return Proxy("socks5" + url[5:] if url.startswith("socks:") else url, variable)


def _is_bypassed(address: ServerAddress, no_proxy: str) -> bool:
    entries = [entry.strip() for entry in no_proxy.split(",")]
    if "*" in entries:
        return True
    try:
        host = ipaddress.ip_address(address.host)
    except ValueError:
        return bool(proxy_bypass(address.host))
    return any(_covers(entry, host) for entry in entries)


def _covers(entry: str, host: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an entry of NO_PROXY, ``[::1]:80`` or ``10.0.0.0/8``, names an IP."""
    if entry.startswith("["):
        entry = entry[1:].partition("]")[0]
    elif entry.count(":") == 1:
        entry = entry.partition(":")[0]
    try:
        return host in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
