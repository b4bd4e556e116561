"""The HTTP server of the pages: Bokeh's, behind the Host and Origin check."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import panel as pn
from bokeh.core.validation import silence
from bokeh.core.validation.warnings import EMPTY_LAYOUT
from bokeh.server.auth_provider import AuthProvider, NullAuth
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from panel.io.resources import DIST_DIR
from panel.viewable import Viewable
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.web import RedirectHandler, StaticFileHandler
from typing_extensions import override

from rustpbx_lab.client.incoming.gate import Gate
from rustpbx_lab.client.incoming.host_policy import HostPolicy

from .early_page import OutlineMaker, send_outlines
from .page_building import page_applications

ICON = DIST_DIR / "images" / "favicon.ico"
START_S = 60
"""Limit for a server in a thread to start."""
CLOSE_S = 2
"""Limit for open connections to be closed."""


@dataclass(frozen=True)
class PageSite:
    """What is served, and to whom."""

    pages: Mapping[str, Callable[[], Viewable]]
    """By path; each call is the page of one session."""
    patterns: list[tuple[Any, ...]]
    """Routes beside the pages, for Tornado."""
    policy: HostPolicy
    """Whose requests are answered."""
    title: str
    """Title of the pages, until they have one."""
    outline: OutlineMaker | None = None
    """What a browser gets while its page is built; None: it waits."""
    prefix: str = ""
    """Path before every other, such as ``/lab``."""
    login: AuthProvider | None = None
    """Who may look; None is everybody."""
    is_proxied: bool = False
    """Whether a proxy in front says scheme and address of the client."""

    def serve(
        self, bound: socket.socket, on_start: Callable[[BaseServer], object]
    ) -> None:
        """Serve in this thread until the loop is stopped.

        ``pn.serve`` would build the ``HTTPServer`` itself; only one of our own can have
        the policy in front of every route.

        Args:
            bound: Where to listen.
            on_start: Called when everything is there, before the loop runs.
        """
        loop = IOLoop()
        builder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="page")
        try:
            silence(EMPTY_LAYOUT, True)
            application = self._application(builder)
            http = HTTPServer(
                _PageGate(self.policy, application), xheaders=self.is_proxied
            )
            http.add_socket(bound)
            server = BaseServer(loop, application, http)
            server.start()
            with _stopped_by_signals(loop):
                on_start(server)
                loop.start()
            server.stop()
            loop.run_sync(partial(_close, http))
        finally:
            builder.shutdown(wait=False, cancel_futures=True)
            bound.close()
            loop.close()

    def _application(self, builder: Executor) -> BokehTornado:
        first = next(iter(self.pages))
        # Bokeh's own forgets the query, and with it the call of a link; a proxy may
        # have taken a prefix away
        here = {"url": f"./{first}", "permanent": False}
        patterns = [*self.patterns, ("/", RedirectHandler, here)]
        if self.prefix:  # "/lab" itself; what is relative to it would leave the prefix
            where = {"url": f"{self.prefix}/{first}", "permanent": False}
            icon = {"path": str(ICON.parent)}  # Bokeh's own has no prefix
            patterns += [
                ("", RedirectHandler, where),
                (f"/({ICON.name})", StaticFileHandler, icon),
            ]
        application = BokehTornado(
            page_applications(self.pages, self.title, builder),
            prefix=self.prefix,
            extra_patterns=patterns,
            ico_path=str(ICON),
            auth_provider=self.login or NullAuth(),
            cookie_secret=pn.config.cookie_secret,
        )
        if self.outline is not None:
            send_outlines(application, self.outline)
        return application


class _PageGate(Gate):
    """The check in front of the pages, for which Panel can read what it lets through.

    Panel splits a host at its colon and a URI at its question mark, and fails if there
    is another one. It replaces what it has read by what the browser says.
    """

    @override
    def find_handler(
        self, request: HTTPServerRequest, **kwargs: Any
    ) -> HTTPMessageDelegate | None:
        found = super().find_handler(request, **kwargs)
        if request.host.startswith("["):
            port = request.host.rpartition("]")[2]
            request.host = f"localhost{port}"
        path, mark, query = (request.uri or "").partition("?")
        request.uri = path + mark + query.replace("?", "%3F")
        return found


class PageThread(threading.Thread):
    """A thread that serves pages until it is stopped."""

    def __init__(self, site: PageSite, bound: socket.socket) -> None:
        super().__init__(name="dashboard", daemon=True)
        self._site, self._bound = site, bound
        self._server: Future[BaseServer] = Future()

    @property
    def server(self) -> BaseServer:
        """Bokeh's server, as soon as it serves; what it raised if it does not."""
        return self._server.result(START_S)

    def run(self) -> None:
        """Serve."""
        try:
            self._site.serve(self._bound, self._server.set_result)
        except BaseException as exc:
            if self._server.done():
                raise
            self._server.set_exception(exc)

    def stop(self) -> None:
        """Ask it to end; ``join`` waits for that."""
        if self.is_alive():
            loop = self.server.io_loop
            loop.add_callback(loop.stop)


@contextmanager
def _stopped_by_signals(loop: IOLoop) -> Iterator[None]:
    """Stop the loop at Ctrl+C or SIGTERM, so that calls are ended and saved."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stop = partial(asyncio.get_event_loop().call_soon_threadsafe, loop.stop)
    before = {
        number: signal.signal(number, lambda *_: stop())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _close(http: HTTPServer) -> None:
    """Close what is open, and end what still runs."""
    http.stop()
    with suppress(TimeoutError):
        await asyncio.wait_for(http.close_all_connections(), CLOSE_S)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
