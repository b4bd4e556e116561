"""Reachability of providers: endpoints on this machine are looked at.

The stand-in speaks and hears with its own engines and connects to no provider. An
``endpoint`` that is on the loopback and that nobody listens at fails as it does with
the server; any other is taken to be there.
"""

import socket
from urllib.parse import urlsplit

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}
WITH_ENDPOINT = frozenset(("aliyun", "deepgram"))
"""Providers whose ``endpoint`` the server uses."""
LIMIT_S = 1


def refusal(provider: str | None, endpoint: str | None) -> str | None:
    """Return why a provider cannot be reached, in the server's words; may block.

    Returns:
        None if it can, or is not on this machine.
    """
    if endpoint is None or provider not in WITH_ENDPOINT:
        return None
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    if host not in LOOPBACK or port is None:
        return None
    try:
        socket.create_connection((host, port), LIMIT_S).close()
    except OSError as exc:
        return f"IO error: {exc.strerror or exc} (os error {exc.errno})"
    return None
