"""The page says when it can no longer be believed, and comes back by itself."""

import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import Page
from waiting import until

from rustpbx_lab.dashboard.timeline.viewport import SPANS
from rustpbx_lab.log import EventLog

from .conftest import conversation
from .site import SIZE, Site, show_in

pytestmark = pytest.mark.browser


class Dashboard:
    """``rustpbx-lab serve`` as a process of its own, always at the same port."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["serve", "--port", str(self.port), "--logs", str(self.logs)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rustpbx_lab.cli", *words, "--no-browser"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self.answers, 40, "the dashboard to answer")

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/alive", timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nothing while the block lasts."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Dashboard]:
    log = EventLog()
    for record in conversation():
        log.append(record)
    log.close()
    log.save(tmp_path / "s.saved.events.jsonl")
    made = Dashboard(tmp_path)
    made.start()
    yield made
    made.kill()


@pytest.fixture
def lone(chromium: Any, dashboard: Dashboard) -> Iterator[Page]:
    """A tab that may complain about what it cannot reach."""
    page = Page(chromium.new_page(viewport=SIZE), dashboard.url)
    yield page
    page.page.close()


ENABLED = """() => {
  const found = []
  const walk = (root) => {
    for (const node of root.querySelectorAll('*')) {
      if (node.tagName === 'BUTTON' && !node.inert) found.push(node.textContent)
      if (node.shadowRoot) walk(node.shadowRoot)
    }
  }
  walk(document)
  return found
}"""
"""The words of the buttons that can be pressed."""


@pytest.mark.timeout(300)
def test_a_silent_dashboard_is_forgiven_and_a_dead_one_comes_back(
    lone: Page, dashboard: Dashboard
):
    tab = lone.page
    tab.goto(f"{dashboard.url}/live?call=s.saved")
    tab.locator(".row.ev", has_text="asrFinal").first.wait_for()
    tab.locator("button", has_text="Connect").last.wait_for()
    tab.wait_for_function("'labAlive' in document.documentElement.dataset")
    tab.evaluate("window.wasHere = true")
    banner = tab.locator(".lab-lost")
    banner.wait_for(state="detached")  # a machine at its limit is silent, too
    with dashboard.frozen():
        banner.wait_for()
    banner.wait_for(state="detached")
    assert tab.evaluate("window.wasHere"), "the page was loaded anew"
    dashboard.kill()
    banner.wait_for()
    until(lambda: "has not answered" in banner.inner_text(), awaited="the words")
    assert banner.get_attribute("role") == "alert"
    until(lambda: tab.evaluate(ENABLED) == [], awaited="every button to be off")
    assert tab.title() == "No answer · rustpbx lab", "all that is seen of a hidden tab"
    assert tab.locator(".st").first.inner_text() == "No answer"
    dashboard.start()
    tab.wait_for_function("window.wasHere === undefined")
    tab.locator(".row.ev", has_text="asrFinal").first.wait_for()
    assert banner.count() == 0


def test_a_typo_in_an_expression_is_said_in_the_list_and_can_be_mended(
    kept: Page, site: Site
):
    tab, call = kept.page, site.call()
    show_in(tab, call)
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    box = tab.get_by_placeholder("Filter")
    before = box.bounding_box()
    box.fill("/asr(/")
    tab.get_by_text("cannot read /asr(/").wait_for()
    assert box.bounding_box() == before
    box.fill("answ")  # without Enter
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    assert tab.locator(".row.ev").count() == 1
    box.fill("")
    site.hub.hang_up(call.id)


def test_a_saved_call_opens_whole(kept: Page, site: Site, tmp_path: Path):
    log = EventLog()
    for record in conversation():
        log.append(record)
    log.close()
    log.save(tmp_path / "whole.events.jsonl")
    call = site.hub.replay(tmp_path / "whole.events.jsonl", at_end=True)
    tab = kept.page
    show_in(tab, call)
    tab.locator(".row.ev", has_text="asrFinal").first.wait_for()
    assert call.position_ms == call.end_ms
    fit = tab.locator("button", has_text="Fit").first
    until(lambda: fit.get_attribute("aria-pressed") == "true")
    assert SPANS["Fit"] is None
