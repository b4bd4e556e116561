"""Pages are built beside the loop that serves all others, after their outlines."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import panel as pn
import panel_material_ui as pmui
import pytest
from waiting import LIMIT_S

from rustpbx_lab.dashboard import app
from rustpbx_lab.dashboard.browser.skeleton import skeleton
from rustpbx_lab.dashboard.pages.preferences import COOKIE, Preferences
from rustpbx_lab.dashboard.web import early_page
from rustpbx_lab.hub.hub import CallHub

from .site import Site, answers, serving

TOKEN = b'"token":'
BOKEH = b"bokeh.min.js"


class SlowPage:
    """A page that is built when it may be."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.words = "at last"

    def __call__(self, *_: object, **__: object) -> pmui.Page:
        self.has_begun.set()
        assert self.may_end.wait(LIMIT_S)
        return pmui.Page(main=[pn.pane.Str(self.words)])


@pytest.fixture
def slow_page(monkeypatch: pytest.MonkeyPatch) -> SlowPage:
    """What the dashboard serves instead of its page."""
    page = SlowPage()
    monkeypatch.setattr(app, "app", page)
    return page


@contextmanager
def asked(
    site: Site, path: str = "/live", **headers: str
) -> Iterator[http.client.HTTPResponse]:
    """Ask for a page; the body is not read yet."""
    connection = http.client.HTTPConnection(site.host, timeout=LIMIT_S)
    connection.request("GET", path, headers=headers)
    try:
        yield connection.getresponse()
    finally:
        connection.close()


def read_until(answer: http.client.HTTPResponse, wanted: bytes) -> bytes:
    """Read the body as it comes, up to the part with some bytes."""
    body = b""
    while wanted not in body:
        part = answer.read1()
        assert part, f"{wanted!r} did not come"
        body += part
    return body


def test_the_outline_comes_before_the_page_and_nobody_is_held_up(
    hub: CallHub, slow_page: SlowPage
):
    with serving(hub) as site:
        with asked(site) as answer:
            assert answer.status == 200
            outline = read_until(answer, b"<b style=")
            assert slow_page.has_begun.wait(LIMIT_S)
            assert b"Turn latency" in outline
            assert TOKEN not in outline
            assert BOKEH not in outline, "nobody knows yet what it needs"
            assert answers(f"{site.url}/alive"), "the loop is free"
            slow_page.may_end.set()
            rest = answer.read()
        assert TOKEN in rest
        assert rest.index(BOKEH) < rest.index(TOKEN)
        slow_page.may_end.clear()
        with asked(site) as answer:
            # from the second page on the browser loads what it needs meanwhile
            early = read_until(answer, BOKEH)
            slow_page.may_end.set()
            late = answer.read()
        whole = early + late
        assert whole.count(BOKEH) == whole.count(TOKEN) == 1
        assert whole.count(b"<body>") == whole.count(b"</html>") == 1


def test_an_error_page_is_shown_and_the_next_page_has_its_outline_again(
    hub: CallHub, slow_page: SlowPage, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> pn.pane.Str:
        raise ValueError("no page today")

    slow_page.may_end.set()
    with serving(hub) as site:
        with monkeypatch.context() as changed:
            changed.setattr(app, "app", broken)
            with asked(site) as answer:
                body = answer.read()
        assert early_page.UNMANAGED.encode() in body
        assert TOKEN in body, "Panel's page that says what went wrong"
        with asked(site) as answer:
            answer.read()  # needs more than the error page, so it is loaded again
        with asked(site) as answer:
            body = answer.read()
        assert b"lab-skeleton" in body
        assert TOKEN in body


def test_what_fails_after_the_outline_is_told(
    hub: CallHub, slow_page: SlowPage, monkeypatch: pytest.MonkeyPatch
):
    def fails(page: str) -> None:
        raise ValueError("cannot be taken apart")

    slow_page.may_end.set()
    monkeypatch.setattr(early_page, "page_parts", fails)
    with serving(hub) as site, asked(site) as answer:
        assert answer.read().endswith(early_page.FAILED.encode())


def test_a_page_that_needs_something_else_is_loaded_again(
    hub: CallHub, slow_page: SlowPage, monkeypatch: pytest.MonkeyPatch
):
    slow_page.may_end.set()
    with serving(hub) as site:
        with asked(site) as answer:
            answer.read()
        take_apart = early_page.page_parts
        with monkeypatch.context() as changed:
            changed.setattr(
                early_page,
                "page_parts",
                lambda page: take_apart(page.replace("bokeh.min.js", "other.min.js")),
            )
            with asked(site) as answer:
                body = answer.read()
            assert body.endswith(early_page.RELOAD.encode())
            with asked(site) as answer:
                assert b"other.min.js" in answer.read(), "known from now on"


def test_a_page_that_looks_otherwise_is_sent_as_it_was_made(
    hub: CallHub, slow_page: SlowPage, monkeypatch: pytest.MonkeyPatch
):
    slow_page.may_end.set()
    monkeypatch.setattr(early_page, "page_parts", lambda page: None)
    with serving(hub) as site:
        with asked(site) as answer:
            assert answer.read().endswith(early_page.RELOAD.encode())
        with asked(site) as answer:
            body = answer.read()
    assert b"lab-skeleton" not in body
    assert TOKEN in body


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<html></html>",
        '<!DOCTYPE html><html lang="en" class="new"><head></head><body></body></html>',
        b"<p>bytes</p>".decode(),
    ],
)
def test_what_is_no_page_of_panel_is_not_taken_apart(page: str):
    assert early_page.page_parts(page) is None


def test_a_page_is_taken_apart_without_loss():
    attributes = early_page.HTML_ATTRIBUTES
    parts = early_page.page_parts(
        f'\n<!DOCTYPE html>\n<html lang="en" {attributes}><head>'
        '<meta charset="utf-8"><title>a\nb</title><link x><script y></script></head>'
        "<body class>no</body><body>"
        "one</body></html>"
    )
    assert parts is None, "a body with attributes would lose them"
    parts = early_page.page_parts(
        f'<!DOCTYPE html><html lang="en"  {attributes}><head><meta charset="utf-8">'
        "<title>a\nb</title><link x><script y></script></head><body>one</body></html>"
    )
    assert parts == ("<link x><script y></script>", "one</body></html>")


def test_who_has_to_log_in_gets_no_outline(hub: CallHub):
    users = {"ada": "a password"}
    with serving(hub, basic_auth=users) as site, asked(site) as answer:
        assert answer.status == 302
        assert b"lab-skeleton" not in answer.read()


@pytest.mark.parametrize(
    ("path", "liked", "theme"),
    [
        ("/live", Preferences(), None),
        ("/live?theme=dark", Preferences(), "dark"),
        ("/live", Preferences(theme="light"), "light"),
        ("/live", Preferences(system="dark"), "dark"),
        ("/live?theme=light", Preferences(theme="dark"), "light"),
    ],
)
def test_the_outline_has_the_palette_of_its_page(
    hub: CallHub, slow_page: SlowPage, path: str, liked: Preferences, theme: str | None
):
    slow_page.may_end.set()
    cookie = f"{COOKIE}={liked.cookie}"
    with serving(hub) as site, asked(site, path, Cookie=cookie) as answer:
        body = answer.read().decode()
    assert skeleton(theme).head in body
    assert ("prefers-color-scheme" in skeleton(theme).head) == (theme is None)


def test_the_routes_that_are_no_page_stay_as_they_are(hub: CallHub):
    with serving(hub) as site, asked(site, "/live/metadata") as answer:
        assert json.load(answer)["url"] == "/live"
