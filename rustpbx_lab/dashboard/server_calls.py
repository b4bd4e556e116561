"""The calls that a server runs, asked for now and then."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime

from rustpbx_lab.client.watching import CALL_TYPES
from rustpbx_lab.models.records import ActiveCall
from rustpbx_lab.plots.timeline import clock
from rustpbx_lab.workbench.hub import CallHub
from rustpbx_lab.workbench.hub_call import HubCall

LIST_EVERY_S = 2.0
ASKING = "asking …"


class ServerCalls:
    """Asks ``/list`` while somebody looks, and watches what is on it.

    Args:
        hub: The calls of this process.
        endpoint: Returns the address of the server.
    """

    def __init__(self, hub: CallHub, endpoint: Callable[[], str]) -> None:
        self._hub, self._endpoint = hub, endpoint
        self._asked: Future[Sequence[ActiveCall]] | None = None
        self._asked_s = 0.0
        self.url = ""
        """Whom the answer is from."""
        self.listed: Sequence[ActiveCall] = ()
        """The last answer; empty while there is none."""
        self.problem = ASKING
        """Why there is no answer; empty if there is one."""
        self.n_answers = 0

    def ask(self) -> None:
        """Take what was answered, and ask again when it is time; never waits."""
        asked, url = self._asked, self._endpoint()
        if asked is not None and asked.done():
            self._asked = None
            if url == self.url:
                self._take(asked)
        is_due = time.monotonic() - self._asked_s >= LIST_EVERY_S
        if self._asked is None and (is_due or url != self.url):
            if url != self.url:
                self.listed, self.problem = (), ASKING
            self.url, self._asked_s = url, time.monotonic()
            self._asked = self._hub.running_on(url)

    def _take(self, asked: "Future[Sequence[ActiveCall]]") -> None:
        self.n_answers += 1
        failed = asked.exception()
        if failed is None:
            self.listed, self.problem = asked.result(), ""
        else:
            self.listed, self.problem = (), str(failed)

    @property
    def others(self) -> list[ActiveCall]:
        """The calls that run there and not here."""
        running = {call.id for call in self._hub.calls if not call.is_over}
        return [call for call in self.listed if call.id not in running]

    def watch(self, call_id: str) -> HubCall | None:
        """Watch a call of the list; None if it is not on it.

        Raises:
            RustpbxLabError: If it cannot be watched.
        """
        if all(call.id != call_id for call in self.listed):
            return None
        return self._hub.watch(self.url, call_id)


def kind_of_call(call: ActiveCall) -> str:
    """Return how a call came to the server, as ``sip``."""
    return CALL_TYPES.get(call.call_type or "", call.call_type or "")


def state_of_call(call: ActiveCall) -> str:
    """Return how far a call is, in a word."""
    is_up = call.start_time is not None
    return call.status or (
        "in call" if is_up else "ringing" if call.ring_time else "setting up"
    )


def age_of_call(call: ActiveCall) -> str:
    """Return how long ago it was answered, or rang; empty if that is unknown."""
    try:
        began = datetime.fromisoformat(call.start_time or call.ring_time or "")
    except ValueError:
        return ""
    if began.tzinfo is None:
        began = began.replace(tzinfo=UTC)
    return clock(max((datetime.now(UTC) - began).total_seconds(), 0) * 1000, 0)
