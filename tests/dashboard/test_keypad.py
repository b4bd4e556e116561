"""The keypad: keys pressed and typed reach the call; off where no one would hear."""

from collections.abc import Iterator

import pytest
from browser import Page, Shared, browser
from waiting import until

from rustpbx_lab.dashboard.commands.keypad import HINT, Keypad, why_no_keys
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.line_commands import Dtmf
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_versions import NEWEST, OLDEST, ServerVersion
from rustpbx_lab.simulator import StandIn

from .conftest import conversation, ended_call
from .site import PAINTS_FAST, SIZE, Site, serving, show_in

SIP = CallOption(callee="sip:bob@127.0.0.1", caller="sip:alice@127.0.0.1")


def call_of(kind: str, version: ServerVersion | None) -> HubCall:
    return HubCall("s.1", "ws://h", kind, None, 0, lambda: 0.0, None, version)


@pytest.mark.parametrize(
    ("kind", "version", "why"),
    [
        ("sip", NEWEST, None),
        ("webrtc", None, None),
        ("sip", OLDEST, "server 0.3.83 does not know dtmf; 0.3.100 and newer do"),
        ("websocket", NEWEST, "a WebSocket call has no telephone line"),
    ],
)
def test_it_is_off_where_no_one_would_hear(
    kind: str, version: ServerVersion | None, why: str | None
):
    call = call_of(kind, version)
    pad = Keypad(lambda digit: None)
    pad.show_call(call, talks=True)
    if why is None:
        assert why_no_keys(call) is None
        assert (pad.disabled, pad.hint) == (False, HINT)
    else:
        assert why in (why_no_keys(call) or "")
        assert pad.disabled
        assert why in pad.hint
    assert bool(pad.note) == (version is None)
    pad.show_call(call, talks=False)
    assert pad.disabled


def test_only_what_a_telephone_has_is_sent():
    sent: list[str] = []
    pad = Keypad(sent.append)
    for message in ({"digit": "5"}, {"digit": "55"}, {"digit": ""}, {"digit": 5}, {}):
        pad._on_message(message)
    assert sent == ["5"]


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[Site, StandIn]]:
    stand_in = StandIn(asr="scripted", tts="scripted", server_version="0.3.113")
    with stand_in.in_thread() as server, CallHub() as hub, serving(hub, server) as site:
        yield site, server


@pytest.fixture(scope="module")
def page(shared: Shared, sites: tuple[Site, StandIn]) -> Iterator[Page]:
    """A tab that shows a call which is over."""
    site, _ = sites
    opened = Page(shared.get(browser).new_page(viewport=SIZE), site.host)
    opened.page.goto(site.page_of(ended_call(conversation(), "s.first")))
    opened.page.wait_for_function(PAINTS_FAST)
    yield opened
    opened.page.close()


def pressed(call: HubCall) -> list[str]:
    messages = [record.message for record in call.log if record.name == "dtmf"]
    return [one.digit for one in messages if isinstance(one, Dtmf)]


@pytest.mark.browser
def test_keys_are_clicked_and_typed(page: Page, sites: tuple[Site, StandIn]):
    (site, server), tab = sites, page.page
    call = site.hub.start(server.url, SIP, call_type="sip")
    until(lambda: call.state == "in call")
    show_in(tab, call)
    opener = tab.get_by_role("button", name="Keypad")
    until(opener.is_enabled)
    opener.click()
    pad = tab.get_by_role("dialog", name="Keypad")
    pad.get_by_role("button", name="hash").click()
    tab.keyboard.type("1c*")  # c is a key of the page, too
    until(lambda: pressed(call) == ["#", "1", "C", "*"])
    until(lambda: pad.get_by_role("status").text_content() == "#1C*")
    assert "before 0.3.100 ignore keys" in (pad.text_content() or "")
    tab.keyboard.press("Escape")
    pad.wait_for(state="hidden")
    tab.keyboard.press("d")
    pad.wait_for(state="visible")
    site.hub.hang_up(call.id)
    pad.wait_for(state="hidden")  # the call takes no more
    page.check()


@pytest.mark.browser
def test_an_older_server_turns_it_off_and_says_why(
    page: Page, sites: tuple[Site, StandIn]
):
    site, server = sites
    call = site.hub.start(server.url, SIP, call_type="sip", server_version="0.3.83")
    until(lambda: call.state == "in call")
    show_in(page.page, call)
    opener = page.page.get_by_role("button", name="Keypad")
    why = "Keypad is off: server 0.3.83 does not know dtmf; 0.3.100 and newer do"
    until(lambda: opener.get_attribute("title") == why)
    assert opener.is_disabled()
    page.check()
