"""The live page in a browser, against the stand-in."""

from collections.abc import Iterator
from typing import Any

import pytest
from browser import Page, browser

from rustpbx_lab.dashboard.app import serve
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.simulator.server import StandIn
from rustpbx_lab.workbench.hub import CallHub

from .conftest import HOSTILE, conversation, ended_call

pytestmark = pytest.mark.browser

OPTION = CallOption(vad=VADOption())


class Site:
    """A stand-in, a hub and a served dashboard."""

    def __init__(self, stand_in: StandIn, hub: CallHub, port: int) -> None:
        self.stand_in, self.hub, self.port = stand_in, hub, port
        self.url = f"http://127.0.0.1:{port}/live"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        StandIn(asr="scripted", tts="scripted").in_thread() as stand_in,
        CallHub() as hub,
    ):
        thread = serve(hub, port=port, show=False, endpoint=stand_in.url, threaded=True)
        yield Site(stand_in, hub, port)
        thread.stop()


@pytest.fixture
def opened(chromium: Any, site: Site) -> Iterator[Page]:
    tab = chromium.new_page(viewport={"width": 1600, "height": 1000})
    page = Page(tab, f"127.0.0.1:{site.port}")
    yield page
    tab.close()
    assert page.problems == []
    assert page.foreign == []


def show(page: Page, url: str) -> Any:
    page.page.goto(url)
    page.page.wait_for_selector("canvas")
    return page.page


def in_call(site: Site) -> Any:
    call = site.hub.start(site.stand_in.url, OPTION)
    _until(lambda: call.state == "in call")
    return call


def test_a_page_connects_and_steers_a_call(opened: Page, site: Site):
    tab = show(opened, site.url)
    tab.locator("button:has-text('Connect')").last.click()
    tab.get_by_text("In call", exact=False).first.wait_for()
    call = site.hub.calls[0]
    tab.get_by_placeholder("Say to the caller…").fill("Hello from the test")
    tab.locator("button:has-text('Say')").last.click()
    _until(lambda: "tts" in sent(call))
    tab.locator("button:has-text('Interrupt')").last.click()
    _until(lambda: "interrupt" in sent(call))
    tab.locator(".row.ev", has_text="Hello from the test").first.click()
    tab.locator("pre", has_text="Hello from the test").wait_for()
    tab.locator("button:has-text('Hang up')").last.click()
    _until(lambda: call.is_over)
    tab.get_by_text("Disconnected", exact=False).first.wait_for()


def test_a_reload_keeps_the_call_and_its_picture(opened: Page, site: Site):
    call = in_call(site)
    tab = show(opened, f"{site.url}?call={call.id}")
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    tab.reload()
    tab.wait_for_selector("canvas")
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    assert call.state == "in call"
    assert call.id in tab.url
    site.hub.hang_up(call.id)


def test_keys_work_and_are_silent_while_typing(opened: Page, site: Site):
    call = in_call(site)
    tab = show(opened, f"{site.url}?call={call.id}")
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    tab.keyboard.press("i")
    _until(lambda: "interrupt" in sent(call))
    box = tab.get_by_placeholder("Say to the caller…")
    _until(box.is_enabled)
    tab.keyboard.press("t")
    _until(lambda: box.evaluate("input => input.matches(':focus')"))
    tab.keyboard.type("mimi")
    assert box.input_value() == "mimi"
    assert sent(call).count("interrupt") == 1
    assert "mute" not in sent(call)
    site.hub.hang_up(call.id)


def test_hostile_text_of_a_call_is_shown_as_text(opened: Page, site: Site):
    call = ended_call(conversation(HOSTILE), "s.hostile")
    site.hub._calls[call.id] = call
    tab = show(opened, f"{site.url}?call={call.id}")
    row = tab.locator(".row.ev", has_text="onerror").first
    row.wait_for()
    row.click()
    tab.locator("pre", has_text="onerror").wait_for()
    tab.locator(".row .words", has_text="onerror").first.wait_for()
    assert tab.locator("img").count() == 0
    assert tab.title() != "taken"


def test_the_palette_changes_while_the_page_is_open(opened: Page, site: Site):
    call = ended_call(conversation(), "s.dark")
    site.hub._calls[call.id] = call
    tab = show(opened, f"{site.url}?call={call.id}")
    tab.locator(".row.ev").first.wait_for()
    canvas = tab.locator("canvas").nth(2)
    before = canvas.screenshot()
    tab.get_by_label("Toggle theme").click()
    tab.locator(".mui-dark").first.wait_for(state="attached")
    _until(lambda: canvas.screenshot() != before)


def sent(call: Any) -> list[str]:
    return [record.name for record in call.log if record.direction == "command"]


def _until(holds: Any, seconds: float = 15) -> None:
    import time

    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
