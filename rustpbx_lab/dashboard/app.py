"""The application: one entry for ``panel serve``, a notebook and the command line."""

import errno
import ipaddress
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel as pn
from panel.viewable import Viewable

from rustpbx_lab.dashboard.live import LivePage
from rustpbx_lab.dashboard.notebook import Cells, is_notebook
from rustpbx_lab.dashboard.process import process_endpoint, process_hub
from rustpbx_lab.dashboard.sound_routes import PageFiles, routes
from rustpbx_lab.dashboard.styles import GLOBAL_CSS
from rustpbx_lab.errors import NotAllowedError, ServerStartError
from rustpbx_lab.plots.theme import document_theme
from rustpbx_lab.workbench.hub import CallHub

DEFAULT_ENDPOINT = "ws://127.0.0.1:8080"


_cells = Cells()


def app(hub: CallHub, endpoint: str | None = None) -> Viewable | Any:
    """Return the page of one session: the call of ``?call=``, else the newest.

    At the end of a notebook's cell it is shown there, served by the kernel on the
    loopback; the calls belong to the hub and live across cells.

    Args:
        hub: The calls of this process; the page ends none of them.
        endpoint: What the connection form begins with.
    """
    if pn.state.curdoc is None and is_notebook():
        return _cells.frame(
            hub,
            lambda told: serve(
                hub, port=0, show=False, endpoint=endpoint, threaded=True, told=told
            ),
        )
    prepare()
    document = pn.state.curdoc
    if document is not None:
        document.theme = document_theme()
    page = LivePage(
        hub,
        endpoint=endpoint or DEFAULT_ENDPOINT,
        call_id=_argument("call"),
        is_dark=_argument("theme") == "dark",
        user=pn.state.user,
        tab="Calls" if _argument("view") == "calls" else "Live",
    )
    page.begin()
    return page.page


def prepare() -> None:
    """Load what the pages need, from this host only."""
    if not is_notebook():  # there it would load scripts for cells, from elsewhere
        pn.extension(sizing_mode=None)
    if GLOBAL_CSS not in pn.config.raw_css:
        pn.config.raw_css.append(GLOBAL_CSS)


def serve(
    hub: CallHub,
    *,
    port: int = 5006,
    address: str = "127.0.0.1",
    show: bool = True,
    endpoint: str | None = None,
    basic_auth: str | Path | None = None,
    oauth: dict[str, Any] | None = None,
    threaded: bool = False,
    told: Callable[[str], object] | None = None,
) -> Any:
    """Serve the dashboard until it is stopped.

    Args:
        hub: The calls of this process.
        port: Where to listen; 0 chooses a free one.
        address: Interface to listen on.
        show: Open a browser.
        endpoint: What the connection form begins with.
        basic_auth: File with users and passwords (or one password), as Panel reads it.
        oauth: Panel's ``oauth_…`` arguments.
        threaded: Return at once, with the thread that serves.
        told: Called with the address of the page before serving begins; without it
            Panel prints its own line.

    Returns:
        The thread that serves, if ``threaded``; stop it with its ``stop()``.

    Raises:
        NotAllowedError: If the address is not loopback and nobody has to log in.
        ServerStartError: If the port is taken or the address is not of this host.
    """
    check_address(address, has_login=bool(basic_auth or oauth))
    port = _free_port(address, port)
    login: dict[str, Any] = dict(oauth or {})
    if basic_auth is not None:
        login |= {"basic_auth": str(basic_auth)}
    prepare()
    host = f"[{address}]" if ":" in address else address
    if told is not None:
        told(f"http://{host}:{port}")
    if login:
        login["cookie_secret"] = secrets.token_hex(32)
    served: Any = pn.serve(
        {"live": lambda: app(hub, endpoint)},
        port=port,
        address=address,
        websocket_origin=_origins(host, port),
        show=show,
        title="rustpbx lab",
        threaded=threaded,
        verbose=told is None,
        extra_patterns=routes(PageFiles(hub)),
        **login,
    )
    return served if threaded else None


def check_address(address: str, has_login: bool) -> None:
    """Refuse an address that others can reach while nobody has to log in.

    Raises:
        NotAllowedError: With what would work.
    """
    if has_login or is_loopback(address):
        return
    raise NotAllowedError(
        f"cannot serve on {address!r}: others could reach it and anybody could send "
        "commands; give --basic-auth FILE or --oauth, or serve on 127.0.0.1"
    )


def is_loopback(address: str) -> bool:
    """Whether only this host can reach an address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _argument(name: str) -> str | None:
    values = pn.state.session_args.get(name) if pn.state.session_args else None
    return values[0].decode(errors="replace") if values else None


def _origins(host: str, port: int) -> list[str]:
    names = (
        {host, "localhost", "127.0.0.1"} if is_loopback(host.strip("[]")) else {host}
    )
    return sorted(f"{name}:{port}" for name in names)


def _free_port(address: str, port: int) -> int:
    """Return the port, or a free one for 0.

    Raises:
        ServerStartError: If it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as exc:
            taken = exc.errno == errno.EADDRINUSE
            why = "the port is in use" if taken else (exc.strerror or str(exc))
            works = (
                "choose another with --port, or 0 for a free one"
                if taken
                else ("give an address of this host, such as 127.0.0.1")
            )
            raise ServerStartError(
                f"cannot serve on {address}:{port}: {why}; {works}"
            ) from exc
        return probe.getsockname()[1]


if __name__.startswith("bokeh_app"):  # run by panel serve, as no part of a package
    app(process_hub(), process_endpoint()).servable(title="rustpbx lab")
