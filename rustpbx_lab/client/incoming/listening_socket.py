"""Sockets to listen on, and the host names that lead to them."""

import errno
import socket

from rustpbx_lab.errors import ServerStartError

from .host_policy import ANY_INTERFACE


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a bound, non-blocking TCP socket; port 0 takes a free one.

    Raises:
        ServerStartError: If nothing can listen there.
    """
    try:
        # tornado's own bind_sockets leaks one when the port is in use
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        both = host == "::" and socket.has_dualstack_ipv6()
        bound = socket.create_server((host, port), family=family, dualstack_ipv6=both)
    except OSError as exc:
        why = exc.strerror or str(exc)
        hint = "an address of this host, such as 127.0.0.1,"
        if exc.errno == errno.EADDRINUSE:
            why = "the port is in use"
            hint = "another one, or port=0, which takes a free one,"
        raise ServerStartError(
            f"cannot listen on {host}:{port}: {why}; {hint} works"
        ) from exc
    bound.setblocking(False)
    return bound


def reachable(host: str) -> str:
    """Return the host part of a URL that leads to a server of this machine.

    An address that stands for every interface is not one that can be dialled.
    """
    if host in ANY_INTERFACE:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
