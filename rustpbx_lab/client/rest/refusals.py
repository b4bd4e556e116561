"""Explanations of refused connections, and what would work."""

import ssl as ssl_module
from collections.abc import Iterator
from pathlib import Path

import anyio

from rustpbx_lab.client.call_address import ServerAddress
from rustpbx_lab.errors import InvalidOptionError

NO_SERVER = (
    "the host answered, but it is not an Active Call server; check host and port"
)
CAFILE = "give the certificate of who issued it: --cafile FILE, or ssl= in Python"
PROBE_S = 3
"""What a server is given to show that it speaks TLS."""
REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
    | {"HTTP_REQUEST", "UNKNOWN_PROTOCOL", "UNSUPPORTED_PROTOCOL"}
)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, what caused it, and what is in groups on the way."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        waiting.append(one.__cause__ or one.__context__)


def no_answer(within: str, address: ServerAddress) -> str:
    """Return what may be wrong where nothing answers; ``within`` says how long."""
    # a server without TLS may wait for the rest of what it takes for a request
    tls = "; if it has no TLS, write ws://" if address.scheme == "wss" else ""
    return f"no answer {within}; check host, port and firewall{tls}"


def why_unreachable(
    error: BaseException, timeout_s: float, address: ServerAddress
) -> str | None:
    """Return why a host was not reached, or not with TLS; None if that is not it."""
    found = list(chain(error))
    for one in found:
        if isinstance(one, ssl_module.SSLError):
            return _why_no_tls(one)
    for one in found:
        if isinstance(one, TimeoutError):
            return no_answer(f"within {timeout_s:g} s", address)
        if isinstance(one, ConnectionRefusedError):
            return "connection refused; start the server there, or check host and port"
    os_error = next((one for one in found if isinstance(one, OSError)), None)
    return None if os_error is None else f"{os_error}; check the address"


def _why_no_tls(error: ssl_module.SSLError) -> str:
    if isinstance(error, ssl_module.SSLCertVerificationError):
        why = error.verify_message
        if "mismatch" in why.lower() or "doesn't match" in why.lower():
            return f"its certificate is for another host: {why}"
        if "expired" in why or "not yet valid" in why:
            return f"its certificate is not valid: {why}; check the clocks"
        return f"its certificate is not trusted ({why}); {CAFILE}"
    if error.reason in _NOT_TLS or "EOF" in str(error):
        return "nothing speaks TLS there; write ws:// instead of wss://"
    return f"no TLS connection: {error.reason or error}"


def why_status(status: int, body: bytes, content_type: str) -> str:
    """Return what an HTTP answer means that should have been an upgrade."""
    text = body.decode("utf-8", "replace").strip()
    is_page = "html" in content_type.lower() or text[:200].lower().lstrip().startswith(
        ("<!doctype html", "<html")
    )
    if status == 400 and "https" in text.lower() and "plain http" in text.lower():
        return "the port speaks TLS; write wss:// instead of ws://"
    if status == 400 and not is_page:
        return (
            "the server refused the parameters (HTTP 400)"
            + (f": {text[:200]}" if text else "")
            + "; check id, ping and other query values"
        )
    if status in (401, 403):
        return (
            f"the server refused the connection (HTTP {status}): what stands in front "
            "of it asks for a login; give it with headers="
        )
    if status == 404:
        return f"no such path there (HTTP 404); {NO_SERVER}"
    if is_page:
        return (
            f"a web page answered (HTTP {status}), such as the login page of a proxy "
            "or of a network; check the address, or log in there"
        )
    if status < 400:
        return f"HTTP {status} is not an answer of an Active Call server; {NO_SERVER}"
    return f"the server refused the connection (HTTP {status})"


async def speaks_tls(address: ServerAddress) -> bool:
    """Whether the port of a ``ws://`` address answers a TLS handshake."""
    if address.scheme == "wss":
        return False
    context = ssl_module.SSLContext(ssl_module.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl_module.CERT_NONE
    _, host, port = address.origin
    with anyio.move_on_after(PROBE_S):
        try:
            stream = await anyio.connect_tcp(
                host, port, tls=True, ssl_context=context, tls_standard_compatible=False
            )
        except (OSError, anyio.BrokenResourceError, anyio.EndOfStream):
            return False
        await anyio.aclose_forcefully(stream)
        return True
    return False


def tls_context(cafile: Path | None) -> ssl_module.SSLContext | None:
    """Return TLS settings that also trust the certificates of a PEM file.

    Raises:
        InvalidOptionError: If the file cannot be read or holds no certificate.
    """
    if cafile is None:
        return None
    context = ssl_module.create_default_context()
    try:
        context.load_verify_locations(cafile)
    except ssl_module.SSLError as exc:
        raise InvalidOptionError(
            f"cannot trust {str(cafile)!r}: it holds no certificate in PEM format "
            f"({exc.reason or exc})"
        ) from None
    except OSError as exc:
        raise InvalidOptionError(
            f"cannot read {str(cafile)!r}: {exc.strerror or exc}; give a PEM file"
        ) from None
    return context
