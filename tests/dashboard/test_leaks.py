"""Pages that were closed leave nothing behind."""

import asyncio
import gc
import logging
import re
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from bokeh.document import Document
from bokeh.model import Model
from param import Parameterized
from waiting import join, until
from websockets.sync.client import connect

from rustpbx_lab.dashboard.shell import Shell
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.hub.hub_call import HubCall

from .conftest import stand_in_site
from .site import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PAGES = 4
TOGETHER = 2
KINDS = (Shell, CallView, Document, Model, Parameterized)


class Visited:
    """A call that runs, and the pages that are opened on it."""

    def __init__(self, site: Site, call: HubCall) -> None:
        self.call, self.live = call, site.live.removeprefix("http://")
        assert site.thread is not None
        self.server = site.thread.server

    @property
    def n_sessions(self) -> int:
        return len(self.server.get_sessions())

    def open(self, n_pages: int) -> None:
        """Open pages as a browser does, all at once, and close them again."""
        with ExitStack() as lines:
            for _ in range(n_pages):
                lines.enter_context(self._page())
            assert self.call.watchers == n_pages

    @contextmanager
    def _page(self) -> Iterator[None]:
        with urllib.request.urlopen(f"http://{self.live}", timeout=60) as answer:
            token = re.search(r'"token":"([^"]+)"', answer.read().decode())
        assert token is not None
        protocols = ["bokeh", token[1]]
        with connect(f"ws://{self.live}/ws", subprotocols=protocols) as line:
            line.recv(timeout=60)
            reader = threading.Thread(target=lambda: list(line))  # until it is closed
            reader.start()
            yield
        join(reader)

    def settle(self) -> None:
        """Let the server forget the pages that nobody has, as it does in the end."""

        async def forget() -> None:
            for context in self.server._tornado._applications.values():
                await context._cleanup_sessions(0)

        loop = self.server.io_loop.asyncio_loop
        asyncio.run_coroutine_threadsafe(forget(), loop).result(60)
        until(lambda: self.n_sessions == 0, 30)
        assert self.call.watchers == 0

    def counted(self) -> dict[str, int]:
        """Return what there is now, by kind."""
        asyncio.run_coroutine_threadsafe(a_turn(), self.server.io_loop.asyncio_loop)
        gc.collect()
        living = gc.get_objects()
        found = {
            kind.__name__: sum(issubclass(type(each), kind) for each in living)
            for kind in KINDS
        }
        return {
            **found,
            "task": self._n_tasks(),
            "thread": threading.active_count(),
            "object": len(living),
        }

    def _n_tasks(self) -> int:
        async def count() -> int:
            return len(asyncio.all_tasks())

        loop = self.server.io_loop.asyncio_loop
        return asyncio.run_coroutine_threadsafe(count(), loop).result(10)


async def a_turn() -> None:
    """Let a loop go round, so that what it still holds is let go."""


@pytest.fixture
def visited() -> Iterator[Visited]:
    """A call of a dashboard that nobody else has used."""
    with stand_in_site() as site:
        yield Visited(site, site.call())


@pytest.fixture
def no_log() -> Iterator[None]:
    """Keep no log lines: they name what we want to see go."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def test_pages_that_were_closed_leave_nothing(no_log: None, visited: Visited):
    visited.open(TOGETHER)  # fills the caches of the libraries
    visited.settle()
    before = visited.counted()
    for _ in range(PAGES // TOGETHER):
        visited.open(TOGETHER)
        visited.settle()
    assert visited.call.state == "in call"
    after: dict[str, int] = {}

    def left() -> dict[str, int]:
        after.update(visited.counted())
        kinds = before.keys() - {"object"}
        return {kind: after[kind] for kind in kinds if after[kind] > before[kind]}

    until(lambda: left() == {}, 60)  # timers of the last page still run for a while
    a_page = (after["object"] - before["object"]) / PAGES
    # one holds some 50,000; the call itself goes on and keeps its events
    assert a_page < 200
