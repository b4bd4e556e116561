"""The page as a browser reaches it: by a LAN name, through a proxy, after a login."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser import Page, Shared, browser
from waiting import until

from rustpbx_lab.hub.hub import CallHub

from .conftest import conversation, ended_call
from .proxy import Proxy
from .site import PAINTS_FAST, SIZE, Site, serving, show_in

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

USERS = {"ann": "pass"}
NO_COPY = "() => { document.execCommand = () => false }"
COPY_AGAIN = "() => { delete document.execCommand }"
DRAWN = ".bk-Figure"


def port_of(site: Site) -> int:
    port = urlsplit(site.url).port
    assert port is not None
    return port


@contextmanager
def tab_of(chromium: Any, host: str) -> Iterator[Page]:
    """A tab that must not complain, nor ask another host for anything."""
    page = Page(chromium.new_page(viewport=SIZE), host)
    try:
        yield page
    finally:
        page.page.close()
    assert page.problems == []
    assert page.foreign == []


@pytest.fixture(scope="module")
def lan() -> Iterator[tuple[CallHub, str]]:
    """A dashboard that is reached by a name of the local network."""
    with CallHub() as hub, serving(hub, allow_hosts=["lab.test"]) as site:
        yield hub, f"lab.test:{port_of(site)}"


@pytest.fixture(scope="module")
def tab(shared: Shared, lan: tuple[CallHub, str]) -> Iterator[Any]:
    """A tab of a page that the browser does not trust with its clipboard."""
    hub, host = lan
    call = ended_call(conversation(), "s.first")
    Site(hub, f"http://{host}").keep(call)
    with tab_of(shared.get(browser), host) as page:
        page.page.goto(f"http://{host}/live?call={call.id}")
        page.page.wait_for_function(PAINTS_FAST)
        yield page.page


def copy_options(tab: Any) -> None:
    """Choose "Copy as… JSON" with the keyboard, as a person does."""
    chooser = tab.get_by_role("combobox", name="Copy these options")
    chooser.focus()
    tab.keyboard.press("ArrowDown")


def pasted(tab: Any) -> str:
    """Return what the clipboard holds."""
    tab.evaluate("""() => {
      const area = document.createElement('textarea')
      area.id = 'pasted'
      document.body.append(area)
      area.focus()
    }""")
    tab.keyboard.press("Control+V")
    text = tab.evaluate("document.getElementById('pasted').value")
    tab.evaluate("document.getElementById('pasted').remove()")
    return text


def test_copying_works_without_a_secure_context(tab: Any, lan: tuple[CallHub, str]):
    hub, host = lan
    call = ended_call(conversation(), "s.lan")
    Site(hub, f"http://{host}").keep(call)
    show_in(tab, call)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    assert tab.evaluate("[isSecureContext, navigator.clipboard === undefined]") == [
        False,
        True,
    ]
    copy_options(tab)
    tab.get_by_text("copied", exact=True).first.wait_for()
    assert '"vad"' in pasted(tab)
    tab.locator(".row.ev", has_text="asrFinal").first.click()
    until(lambda: "asrFinal" in tab.get_by_text("asrFinal").last.text_content())
    tab.get_by_role("button", name="Copy the JSON").click()
    until(lambda: '"event": "asrFinal"' in pasted(tab), awaited="the copied JSON")


def test_a_refused_copy_shows_the_text_to_copy(tab: Any):
    tab.evaluate(NO_COPY)
    copy_options(tab)
    dialog = tab.get_by_role("dialog", name="Copy")
    dialog.wait_for()
    assert "Press Ctrl+C" in dialog.text_content()
    assert '"vad"' in dialog.locator("textarea").input_value()
    assert tab.evaluate("getSelection().toString()").startswith("{")
    dialog.get_by_role("button", name="Close").click()
    dialog.wait_for(state="detached")
    tab.evaluate(COPY_AGAIN)


def test_files_are_opened_without_a_secure_context(
    tab: Any, lan: tuple[CallHub, str], tmp_path: Path
):
    hub, _ = lan
    log = tmp_path / "s.saved.events.jsonl"
    ended_call(conversation(), "s.saved").log.save(log)
    chooser = tab.locator("input[type=file][multiple]").first
    chooser.wait_for(state="attached")
    before = {call.id for call in hub.calls}
    chooser.set_input_files([log])
    (call,) = until(lambda: [c for c in hub.calls if c.id not in before])
    assert call.role == "replay"
    tab.get_by_text("Saved call", exact=False).first.wait_for()


def log_in(tab: Any, password: str = "pass") -> None:
    tab.get_by_label("User name").fill("ann")
    tab.get_by_label("Password").fill(password)
    tab.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize(
    ("prefix", "strips", "passes_host"),
    [("", "/lab", False), ("/lab", "", True)],
)
def test_a_user_logs_in_to_a_page_behind_a_proxy(
    chromium: Any, prefix: str, strips: str, passes_host: bool
):
    how = {"allow_hosts": ["lab.test"], "basic_auth": USERS, "prefix": prefix}
    with (
        CallHub(operators=["ann"]) as hub,
        serving(hub, **how) as site,
        Proxy(port_of(site), strips, passes_host).running() as proxy,
        tab_of(chromium, f"lab.test:{proxy.port}") as page,
    ):
        tab, path = page.page, prefix or strips
        tab.goto(f"http://lab.test:{proxy.port}{path}/live?view=calls")
        log_in(tab, "wrong")
        tab.get_by_role("alert").get_by_text("wrong user name or password").wait_for()
        page.problems.clear()  # the console names the status 401
        log_in(tab)
        tab.wait_for_url(f"**{path}/live?view=calls*", wait_until="commit")
        tab.goto(f"http://lab.test:{proxy.port}{path}/")
        tab.locator(DRAWN).first.wait_for(state="attached", timeout=60_000)
        assert urlsplit(tab.url).path == f"{path}/live"


def test_a_rebound_page_shows_nothing(chromium: Any):
    """A page elsewhere whose name resolves to this machine."""
    with CallHub() as hub, serving(hub) as site:
        tab = chromium.new_page()
        answer = tab.goto(f"http://attacker.test:{port_of(site)}/live")
        assert answer.status == 403
        assert "--allow-host attacker.test" in tab.content()
        opened = tab.evaluate("""async () => (await fetch('/open?name=x.events.jsonl',
          {method: 'POST', headers: {'X-Rustpbx-Lab': 'open'}, body: '{}'})).status""")
        closed = tab.evaluate("""() => new Promise((done) => {
          const socket = new WebSocket(`ws://${location.host}/live/ws`, ['bokeh', 'x'])
          socket.onopen = () => done('open')
          socket.onerror = () => done('refused')
        })""")
        tab.close()
        assert (opened, closed) == (403, "refused")
        assert hub.calls == []
