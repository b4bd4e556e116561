"""The application: one entry for ``panel serve``, a notebook and the command line."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import panel as pn
from bokeh.server.server import BaseServer
from bokeh.util.browser import view
from panel.viewable import Viewable

from rustpbx_lab.client.incoming.listening_socket import listening_socket, reachable
from rustpbx_lab.dashboard.browser.skeleton import Outline, skeleton
from rustpbx_lab.dashboard.browser.styles import GLOBAL_CSS
from rustpbx_lab.dashboard.notebook import Cells, is_notebook
from rustpbx_lab.dashboard.pages.page import Page
from rustpbx_lab.dashboard.pages.preferences import read_preferences
from rustpbx_lab.dashboard.playback.audio_routes import PageFiles, routes
from rustpbx_lab.dashboard.shell import Shell
from rustpbx_lab.dashboard.web.access import (
    check_address,
    page_login,
    page_policy,
    page_prefix,
    why_not_served,
)
from rustpbx_lab.dashboard.web.page_server import PageSite, PageThread
from rustpbx_lab.dashboard.web.process_hub import process_endpoint, process_hub
from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.plots.lanes.lane import Lane
from rustpbx_lab.plots.theme import document_theme

DEFAULT_ENDPOINT = "ws://127.0.0.1:8080"
TITLE = "rustpbx lab"


_cells = Cells()


def app(
    hub: CallHub,
    endpoint: str | None = None,
    *,
    pages: Sequence[type[Page]] | None = None,
    lanes: Sequence[type[Lane]] | None = None,
) -> Viewable | Any:
    """Return the page of one session: the call of ``?call=``, else the newest.

    At the end of a notebook's cell it is shown there, served by the kernel on the
    loopback; the calls belong to the hub and live across cells.

    Args:
        hub: The calls of this process; the page ends none of them.
        endpoint: What the connection form begins with.
        pages: The pages, in the order of their tabs; None is ours and those that
            installed packages add.
        lanes: The lanes of the timeline, from above; None likewise.
    """
    if pn.state.curdoc is None and is_notebook():
        return _cells.frame(
            hub,
            lambda on_address: serve(
                hub,
                port=0,
                show=False,
                endpoint=endpoint,
                pages=pages,
                lanes=lanes,
                threaded=True,
                on_address=on_address,
            ),
        )
    prepare()
    document = pn.state.curdoc
    if document is not None:
        document.theme = document_theme()
    shell = Shell(
        hub,
        endpoint=endpoint or DEFAULT_ENDPOINT,
        call_id=_argument("call"),
        preferences=read_preferences(pn.state.cookies, _argument("theme")),
        user=pn.state.user,
        tab=_argument("view"),
        pages=pages,
        lanes=lanes,
    )
    shell.begin()
    return shell.page


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
    pages: Sequence[type[Page]] | None = None,
    lanes: Sequence[type[Lane]] | None = None,
    basic_auth: str | Path | Mapping[str, str] | None = None,
    oauth: Mapping[str, Any] | None = None,
    allow_hosts: Collection[str] = (),
    prefix: str = "",
    use_xheaders: bool = False,
    threaded: bool = False,
    on_address: Callable[[str], object] = lambda url: None,
) -> PageThread | None:
    """Serve the dashboard until it is stopped.

    Args:
        hub: The calls of this process.
        port: Where to listen; 0 chooses a free one.
        address: Interface to listen on.
        show: Open a browser.
        endpoint: What the connection form begins with.
        pages: As for `app`.
        lanes: As for `app`.
        basic_auth: File with users and their passwords as a JSON object, or the users.
        oauth: Panel's ``oauth_…`` arguments.
        allow_hosts: Further names it is reached by (``NAME`` or ``NAME:PORT``), such
            as that of a proxy in front; ``BOKEH_ALLOW_WS_ORIGIN`` adds to them.
        prefix: Path before every other, such as ``/lab``, if a proxy passes it on.
        use_xheaders: Whether a proxy in front says scheme and address of the client
            (``X-Scheme``, ``X-Real-Ip``). Without a proxy anyone could.
        threaded: Return at once, with the thread that serves.
        on_address: Called with the address of the page when it is served.

    Returns:
        The thread that serves, if ``threaded``; stop it with its ``stop()``.

    Raises:
        NotAllowedError: If the address is not loopback and nobody has to log in.
        ServerStartError: If the port is taken, the address is not of this host, the
            file of users cannot be used, or an allowed host is malformed.
    """
    login = page_login(basic_auth, oauth, hub.operators)
    check_address(address, has_login=login is not None)
    site = PageSite(
        pages={"live": lambda: app(hub, endpoint, pages=pages, lanes=lanes)},
        patterns=routes(PageFiles(hub)),
        policy=page_policy(address, allow_hosts),
        title=TITLE,
        outline=_outline,
        prefix=page_prefix(prefix),
        login=login,
        is_proxied=use_xheaders,
    )
    prepare()
    bound = listening_socket(address, port)
    url = f"http://{reachable(address)}:{bound.getsockname()[1]}{site.prefix}"

    def started(server: BaseServer) -> None:
        if show:
            server.io_loop.add_callback(view, f"{url}/live")
        on_address(url)

    if not threaded:
        site.serve(bound, started)
        return None
    thread = PageThread(site, bound)
    thread.start()
    started(thread.server)
    return thread


def _outline(cookies: Mapping[str, str], theme: str | None) -> Outline:
    preferences = read_preferences(cookies, theme)
    return skeleton(preferences.theme or preferences.system)


def _argument(name: str) -> str | None:
    values = pn.state.session_args.get(name) if pn.state.session_args else None
    return values[0].decode(errors="replace") if values else None


def served_page() -> Viewable | Any:
    """Return the page of a session of ``panel serve``, or why there is none."""
    try:
        why = why_not_served()
        if why is None:
            return app(process_hub(), process_endpoint())
    except RustpbxLabError as exc:
        why = str(exc)
    prepare()
    return pn.pane.Str(f"{TITLE}: {why}")


if __name__.startswith("bokeh_app"):  # run by panel serve, as no part of a package
    served_page().servable(title=TITLE)
