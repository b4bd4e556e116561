"""A dashboard that is served, for tests that look at it as a browser does."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from waiting import until

from rustpbx_lab.dashboard.app import serve
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.simulator.server import StandIn
from rustpbx_lab.workbench.hub import CallHub
from rustpbx_lab.workbench.hub_call import HubCall

OPTION = CallOption(vad=VADOption())
SIZE = {"width": 1600, "height": 1000}


@dataclass
class Site:
    """A hub and its dashboard; ``server`` is the stand-in that it calls."""

    hub: CallHub
    url: str
    server: StandIn | None = None

    @property
    def host(self) -> str:
        """Host and port of the dashboard."""
        return self.url.removeprefix("http://")

    @property
    def live(self) -> str:
        """Address of the live page."""
        return f"{self.url}/live"

    def page_of(self, call: HubCall) -> str:
        """Address of the live page of a call, which the hub takes in if need be."""
        self.hub._calls.setdefault(call.id, call)
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
    site = Site(hub, told[0], server)
    until(lambda: answers(site.live))
    try:
        yield site
    finally:
        thread.stop()
        thread.join(10)


def answers(url: str) -> bool:
    """Whether something is served there."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def sent(call: HubCall) -> list[str]:
    """Return the commands of a call so far."""
    return [record.name for record in call.log if record.direction == "command"]
