"""A socket to listen on, or one clear line why not."""

import errno
import socket

from rustpbx_lab.errors import ServerStartError


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a bound, non-blocking TCP socket; port 0 takes a free one.

    Raises:
        ServerStartError: If nothing can listen there.
    """
    try:
        # tornado's own bind_sockets leaks one when the port is in use
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.create_server((host, port), family=family)
    except OSError as exc:
        why = exc.strerror or str(exc)
        hint = "another address"
        if exc.errno == errno.EADDRINUSE:
            hint = "port=0, which takes a free one,"
        raise ServerStartError(
            f"cannot listen on {host}:{port}: {why}; {hint} works"
        ) from exc
    bound.setblocking(False)
    return bound
