"""Calls that a server runs, polled now and then."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from weakref import WeakKeyDictionary, WeakValueDictionary

from rustpbx_lab.errors import RustpbxLabError, UnknownCallError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.rest import ActiveCall, our_call_type
from rustpbx_lab.wording import clock

LIST_EVERY_S, AFTER_FAILURE_S = 2.0, 10.0
ASKING = "asking …"


class Listing:
    """What one server runs: asked once for all pages that want to know."""

    def __init__(self, hub: CallHub, url: str) -> None:
        self._hub, self.url = hub, url
        self._asked: Future[Sequence[ActiveCall]] | None = None
        self._due_s = 0.0
        self.calls: Sequence[ActiveCall] = ()
        """The last answer; empty while there is none."""
        self.problem = ASKING
        """Why there is no answer; empty if there is one."""
        self.n_answers = 0
        """How often the server answered, or could not be asked."""

    def ask(self) -> None:
        """Take what was answered, and ask again when it is time; never waits."""
        asked = self._asked
        if asked is not None and asked.done():
            self._asked = None
            self._take(asked)
        if self._asked is None and time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + LIST_EVERY_S
            try:
                self._asked = self._hub.running_on(self.url)
            except RustpbxLabError as exc:  # the hub is closed
                self._fail(str(exc))

    def _take(self, asked: "Future[Sequence[ActiveCall]]") -> None:
        failed = None if asked.cancelled() else asked.exception()
        if asked.cancelled() or failed is not None:
            self._fail(str(failed or "the question was withdrawn"))
            return
        self.calls, self.problem = asked.result(), ""
        self.n_answers += 1

    def _fail(self, problem: str) -> None:
        self.calls, self.problem = (), problem
        self.n_answers += 1
        self._due_s = time.monotonic() + AFTER_FAILURE_S


_listings: WeakKeyDictionary[CallHub, WeakValueDictionary[str, Listing]] = (
    WeakKeyDictionary()
)


def listing_of(hub: CallHub, url: str) -> Listing:
    """Return the listing of a server, the same one for every page of a hub."""
    known = _listings.setdefault(hub, WeakValueDictionary())
    return known.setdefault(url, Listing(hub, url))


class ServerCalls:
    """The listing of the server that someone has typed in, and watching from it.

    Args:
        hub: The calls of this process.
        endpoint: Returns the address of the server.
    """

    def __init__(self, hub: CallHub, endpoint: Callable[[], str]) -> None:
        self._hub, self._endpoint = hub, endpoint
        self._listing = listing_of(hub, endpoint())

    def ask(self) -> Listing:
        """Ask while someone looks; return the listing as it is."""
        url = self._endpoint()
        if self._listing.url != url:
            self._listing = listing_of(self._hub, url)
        self._listing.ask()
        return self._listing

    @property
    def listing(self) -> Listing:
        """The listing that was looked at last."""
        return self._listing

    @property
    def others(self) -> list[ActiveCall]:
        """The calls that run there and not here."""
        running = {call.id for call in self._hub.calls if not call.is_over}
        return [call for call in self._listing.calls if call.id not in running]

    def watch(self, call_id: str) -> HubCall:
        """Watch a call of the list.

        Raises:
            UnknownCallError: If it is not on the list.
            RustpbxLabError: If it cannot be watched.
        """
        if all(call.id != call_id for call in self._listing.calls):
            raise UnknownCallError(call_id)
        return self._hub.watch(self._listing.url, call_id)


def kind_of_call(call: ActiveCall) -> str:
    """Return how a call came to the server, as ``sip``."""
    return our_call_type(call.call_type)


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
