"""A dashboard that is served, for tests that look at it as a browser does."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from weakref import WeakSet

from waiting import join, until

from rustpbx_lab.dashboard.app import serve
from rustpbx_lab.dashboard.shell import Shell
from rustpbx_lab.dashboard.web.page_server import PageThread
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.simulator.server.stand_in import StandIn

OPTION = CallOption(vad=VADOption())
SIZE = {"width": 1600, "height": 1000}
IS_IDLE = "() => window.Bokeh?.index?.roots?.[0]?.is_idle"
"""Panel takes changes of the page."""
PAINTS_FAST = """() => {
  const mark = Symbol.for('rustpbx-lab _update_masked_indices')
  function* views(view) {
    if (view) yield view
    for (const child of view?.children_views?.() ?? []) yield* views(child)
  }
  const replaced = (view) => {
    for (let at = view; at; at = Object.getPrototypeOf(at))
      if (Object.hasOwn(at, mark)) return true
    return false
  }
  for (const root of window.Bokeh?.index?.roots ?? [])
    for (const view of views(root))
      if (view.model?.type === 'GlyphRenderer') return replaced(view)
  return false
}"""
"""The page has the methods of `FastPaint`: without, new data can make Bokeh fail."""


CALL = re.compile(r"[?&]call=([^&#]+)")
KEPT = 10
"""How many calls that are over a hub remembers between two tests."""
HUBS: "WeakSet[CallHub]" = WeakSet()
"""Those whose dashboards are served here."""


@dataclass
class Site:
    """A hub and its dashboard; ``server`` is the stand-in that it calls."""

    hub: CallHub
    url: str
    server: StandIn | None = None
    thread: PageThread | None = None
    """What serves it."""

    def __post_init__(self) -> None:
        HUBS.add(self.hub)

    @property
    def host(self) -> str:
        """Host and port of the dashboard."""
        return self.url.removeprefix("http://")

    @property
    def live(self) -> str:
        """Address of the live page."""
        return f"{self.url}/live"

    def keep(self, call: HubCall) -> None:
        """Let the hub have a call that is not its own."""
        self.hub._calls.setdefault(call.id, call)

    def renew(self, call: HubCall) -> None:
        """Make a call the newest that is over, and forget the old ones."""
        with self.hub._lock:
            self.hub._calls.pop(call.id, None)
            self.hub._calls[call.id] = call
            ended = [one for one in self.hub._calls if one not in self.hub._runs]
            for call_id in ended[:-KEPT]:
                del self.hub._calls[call_id]

    def page_of(self, call: HubCall) -> str:
        """Address of the live page of a call, which the hub takes in if need be."""
        self.keep(call)
        return f"{self.live}?call={call.id}"

    def call(self, option: CallOption = OPTION, **how: Any) -> HubCall:
        """Return a call of the hub to the stand-in that has been answered."""
        assert self.server is not None
        call = self.hub.start(self.server.url, option, **how)
        until(lambda: call.state == "in call")
        return call


@contextmanager
def serving(hub: CallHub, server: StandIn | None = None, **how: Any) -> Iterator[Site]:
    """Serve the dashboard of a hub while the block lasts; ``how`` is for `serve`."""
    told: list[str] = []
    endpoint = None if server is None else server.url
    thread = serve(
        hub,
        port=0,
        show=False,
        endpoint=endpoint,
        threaded=True,
        on_address=told.append,
        **how,
    )
    site = Site(hub, told[0], server, thread)
    until(lambda: answers(f"{site.url}/favicon.ico"))  # a page takes seconds to make
    try:
        yield site
    finally:
        thread.stop()
        join(thread)


def answers(url: str) -> bool:
    """Whether something is served there."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def show_in(tab: Any, call: HubCall) -> None:
    """Show another call of the hub in a page that is open.

    The page is asked as it is by a card of the list of calls, and nothing has the
    focus. To turn to that list and back costs ten times as much, a new page forty.
    """
    shells = until(lambda: shells_on(call_of(tab)), awaited="a page with a call")
    for shell in shells:
        shell.open_call(call)
    tab.evaluate(LEAVE)
    tab.locator(f".q[title='{call.id}']").wait_for()  # the last that is drawn
    tab.locator(".row.ev").first.wait_for()
    until(lambda: call_of(tab) == call.id, awaited="the call in the address")


def call_of(tab: Any) -> str:
    """Return the call that the address names."""
    found = CALL.search(tab.evaluate("location.href"))
    return "" if found is None else unquote(found[1])


LEAVE = """() => {
  let node = document.activeElement
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
  node?.blur?.()
}"""


def shells_on(call_id: str) -> list[Shell]:
    """Return what serves the pages that show a call."""
    calls = [one for hub in HUBS for one in hub.calls if one.id == call_id]
    found = [each for call in calls for each in tuple(call._watchers)]
    return [each for each in found if isinstance(each, Shell)]


def sent(call: HubCall) -> list[str]:
    """Return the commands of a call so far."""
    return [record.name for record in call.log if record.direction == "command"]
