"""A log to look at, and a hub that holds it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from browser import Page, Shared, browser

from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.options import CallOption, TranscriptionOption, VADOption
from rustpbx_lab.simulator.server.stand_in import StandIn

from .site import IS_IDLE, PAINTS_FAST, SIZE, Site, call_of, serving, shells_on, show_in

SID = "s.3f0c9a52-6a0e-4c53-9f2b-6a1f6f4a7d10"
SST = "server-side-track"
T0 = 1_787_302_461_000
SIDEBAR_FROM_PX = 1280
"""Width of a window that has room for the sidebar."""
HOSTILE = "<img src=x onerror=\"document.title='taken'\">"


def live(shell: Any) -> Any:
    """Return the live page of a shell."""
    return shell.page_of("Live")


def event(at_ms: int, **fields: object) -> Record:
    made = events.parse(_json({**fields, "timestamp": T0 + at_ms}))
    return Record.of_event(made, made.to_json(), T0 + at_ms + 2)


def command(at_ms: int, made: commands.BaseCommand) -> Record:
    return Record.of_command(made, T0 + at_ms + 2)


def note(at_ms: int, made: notes.BaseNote) -> Record:
    return Record.of_note(made, T0 + at_ms + 2)


def _json(fields: dict[str, object]) -> bytes:
    import orjson

    return orjson.dumps(fields)


def conversation(text: str = "Could you make it Friday?") -> list[Record]:
    """Return a call: greeting, the caller interrupts, an answer, an error."""
    option = CallOption(vad=VADOption(), asr=TranscriptionOption(provider="aliyun"))
    track = {"trackId": SID}
    server = {"trackId": SST}
    return [
        note(0, notes.Connected(url="ws://127.0.0.1:1/call", call_type="websocket")),
        command(10, commands.Invite(option=option)),
        event(40, event="trackStart", **track),
        event(44, event="answer", sdp="", refer=False, **track),
        command(50, commands.Tts(text="Hello, how can I help?", play_id="r-1")),
        event(60, event="trackStart", playId="r-1", **server),
        event(2100, event="speaking", startTime=T0 + 1800, confidence=1.0, **track),
        command(2110, commands.Interrupt()),
        event(
            2120,
            event="interruption",
            playId="r-1",
            totalDuration=2600,
            current=1580,
            **server,
        ),
        event(2121, event="trackEnd", playId="r-1", duration=2060, ssrc=1, **server),
        event(2500, event="asrDelta", index=1, text="Could", **track),
        event(2800, event="asrDelta", index=1, text="Could you", **track),
        event(3410, event="silence", startTime=T0 + 1800, duration=1440, **track),
        event(
            3700,
            event="asrFinal",
            index=1,
            startTime=T0 + 1790,
            endTime=T0 + 3240,
            text=text,
            **track,
        ),
        event(3800, event="error", sender="tts", error=text, **track),
    ]


def ended_call(records: list[Record], call_id: str = SID) -> HubCall:
    call = HubCall(
        call_id,
        "ws://127.0.0.1:1",
        "websocket",
        None,
        round(time.time() * 1000),
        time.monotonic,
    )
    for record in records:
        call.log.append(record)
    call.log.close()
    call.ended_ms = T0 + 4000
    return call


@pytest.fixture
def hub() -> Iterator[CallHub]:
    with CallHub() as made:
        yield made


@pytest.fixture
def log() -> EventLog:
    return ended_call(conversation()).log


@contextmanager
def stand_in_site() -> Iterator[Site]:
    """A stand-in, a hub, and the dashboard in front of them."""
    with (
        StandIn(asr="scripted", tts="scripted").in_thread() as server,
        CallHub(keep_ended=1000) as hub,
        serving(hub, server) as served,
    ):
        yield served


@pytest.fixture
def site(shared: Shared) -> Site:
    """A stand-in, a hub, and the dashboard in front of them; one for all tests."""
    return shared.get(stand_in_site)


@pytest.fixture
def opened(chromium: Any, site: Site) -> Iterator[Page]:
    """A tab that must not complain, nor ask another host for anything."""
    page = Page(chromium.new_page(viewport=SIZE), site.host)
    yield page
    page.page.close()
    page.check()


class KeptPage:
    """The live page of all tests: opened when needed, kept while all is well."""

    def __init__(self, chromium: Any, site: Site) -> None:
        self._chromium, self._site = chromium, site
        self._first = ended_call(conversation(), "s.first")
        self._page: Page | None = None

    def open(self) -> Page:
        """Return the page, in a window of `SIZE`, with a call that is over."""
        self._site.renew(self._first)
        if self._page is not None and not shells_on(call_of(self._page.page)):
            self.close()  # the hub has forgotten the call that it shows
        if self._page is None:
            page = Page(self._chromium.new_page(viewport=SIZE), self._site.host)
            page.page.goto(self._site.page_of(self._first))
            page.page.wait_for_function(IS_IDLE)
            page.page.wait_for_function(PAINTS_FAST)
            self._page = page
        elif self._page.page.viewport_size != SIZE:
            self._widen(self._page.page)
        try:
            show_in(self._page.page, self._first)
        except BaseException:
            self.close()  # or every test after this one would fail with it
            raise
        return self._page

    def _widen(self, tab: Any) -> None:
        """Make the window as it was, with the sidebar that a narrow one closes."""
        is_narrow = tab.viewport_size["width"] < SIDEBAR_FROM_PX
        closed = tab.get_by_role("button", name="Open drawer")
        if is_narrow:
            closed.wait_for()
        tab.set_viewport_size(SIZE)
        if is_narrow:
            closed.click()
            tab.get_by_role("button", name="Close drawer").wait_for()

    def close(self) -> None:
        """Close the page; the next `open` begins anew."""
        if self._page is not None:
            self._page.page.close()
            self._page = None


@contextmanager
def page_to_keep(chromium: Any, site: Site) -> Iterator[KeptPage]:
    """A page that is opened when the first test asks for it."""
    made = KeptPage(chromium, site)
    try:
        yield made
    finally:
        made.close()


def kept_page_of(shared: Shared) -> KeptPage:
    """Return the page that all tests share."""
    return shared.get(page_to_keep, shared.get(browser), shared.get(stand_in_site))


@pytest.fixture
def kept_page(shared: Shared) -> KeptPage:
    return kept_page_of(shared)


@pytest.fixture
def kept(kept_page: KeptPage, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The live page of all tests with a call that is over; `show_in` shows another.

    They leave it as they found it, but for the call and the size of the window. A
    test that fails may leave anything: the next one gets a new page.
    """
    n_failed = request.session.testsfailed
    page = kept_page.open()
    yield page
    if request.session.testsfailed > n_failed or page.problems:
        kept_page.close()
    page.check()
