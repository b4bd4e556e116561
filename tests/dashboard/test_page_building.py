"""Pages are built beside the loop that serves all others."""

import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import panel as pn
import pytest
from waiting import LIMIT_S

from rustpbx_lab.dashboard import app
from rustpbx_lab.hub.hub import CallHub

from .site import answers, serving


def test_a_page_that_is_being_built_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, hub: CallHub
):
    begun, may_end = threading.Event(), threading.Event()

    def slow_page(*_: object, **__: object) -> pn.pane.Str:
        begun.set()
        assert may_end.wait(LIMIT_S)
        return pn.pane.Str("at last")

    monkeypatch.setattr(app, "app", slow_page)
    with serving(hub) as site, ThreadPoolExecutor(1) as browser:
        opened = browser.submit(urllib.request.urlopen, site.live, timeout=LIMIT_S)
        assert begun.wait(LIMIT_S)
        assert answers(f"{site.url}/alive"), "the loop is free"
        assert not opened.done()
        may_end.set()
        with opened.result(LIMIT_S) as answer:
            assert answer.status == 200
