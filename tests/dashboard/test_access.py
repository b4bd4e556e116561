"""Who reaches the dashboard: names, proxies in front, logins; over plain HTTP."""

import asyncio
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import panel as pn
import pytest
from bokeh.client import pull_session
from bokeh.util.token import get_session_id
from waiting import until

from rustpbx_lab.dashboard import app as app_module
from rustpbx_lab.dashboard.app import serve
from rustpbx_lab.dashboard.notebook import Cells
from rustpbx_lab.dashboard.web.access import operator_names, page_login, page_prefix
from rustpbx_lab.dashboard.web.login import TEMPLATE, read_users
from rustpbx_lab.dashboard.web.process_hub import process_hub
from rustpbx_lab.errors import ServerStartError
from rustpbx_lab.hub.hub import CallHub

from .site import Site, serving

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
    "Sec-WebSocket-Protocol": "bokeh, x",
}
OPEN = {"X-Rustpbx-Lab": "open", "Content-Type": "application/octet-stream"}
USERS = {"ann": "p\u00e4ss w\u00f6rd", "bo": "x"}


class Answer:
    """What came back for a request."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.text = "" if self.status == 101 else answer.read().decode(errors="replace")


def ask(site: Site, path: str, method: str = "GET", body=None, **headers) -> Answer:
    """Send a request to a site; names of headers are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    where = urllib.parse.urlsplit(site.url)
    with closing(http.client.HTTPConnection(where.netloc, timeout=120)) as connection:
        connection.request(method, path, body, named)
        return Answer(connection.getresponse())


def upgrade(site: Site, path: str = "/live/ws", **headers) -> int:
    """Return the status of a WebSocket handshake."""
    return ask(site, path, **UPGRADE, **headers).status


@pytest.fixture(scope="module")
def light_pages() -> Iterator[None]:
    """Pages of one line: who is let in is asked here, not what they see."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app_module, "app", lambda hub, endpoint: pn.pane.HTML("a page"))
        yield


@pytest.fixture(scope="module")
def plain(light_pages: None) -> Iterator[Site]:
    with CallHub() as hub, serving(hub) as site:
        yield site


@pytest.fixture(scope="module")
def guarded(light_pages: None) -> Iterator[Site]:
    """A site under a prefix, with logins, behind a proxy."""
    with (
        CallHub(operators=["ann"]) as hub,
        serving(
            hub,
            basic_auth=USERS,
            prefix="/lab",
            allow_hosts=["lab.example.com"],
            use_xheaders=True,
        ) as site,
    ):
        yield site


# ------------------------------------------------------------------ DNS rebinding


PATHS = """
/ /live /live/ /live/metadata /live/autoload.js /sound/x /open /calls /favicon.ico
/static/js/bokeh.min.js /nothing
"""


@pytest.mark.parametrize("path", PATHS.split())
def test_a_name_that_is_not_ours_gets_nothing(plain: Site, path: str):
    for method in ("GET", "POST"):
        answer = ask(plain, path, method, Host="attacker.example:5006")
        assert answer.status == 403
        assert "--allow-host attacker.example" in answer.text


def test_a_rebound_page_gets_no_socket_and_opens_no_file(plain: Site):
    host = f"attacker.example:{urllib.parse.urlsplit(plain.url).port}"
    page = {"Host": host, "Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin"}
    assert upgrade(plain, **page) == 403
    opened = ask(plain, "/open?name=x.events.jsonl", "POST", "{}", **OPEN, **page)
    assert opened.status == 403
    assert plain.hub.calls == []


def test_a_link_to_the_root_keeps_its_call(plain: Site, guarded: Site):
    found = ask(plain, "/?call=s.1&view=live")
    assert found.status == 302
    assert found.headers["Location"] == "./live?call=s.1&view=live"
    lab = ask(guarded, "/lab/?call=s.1", Host="lab.example.com")
    assert lab.headers["Location"] == "./live?call=s.1"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),  # a program
        ("http://localhost:{port}", 101),
        ("http://127.0.0.1:{port}", 101),
        ("http://localhost:1", 403),
        ("http://attacker.example:{port}", 403),
        ("http://localhost.attacker.example:{port}", 403),
        ("null", 403),
    ],
)
def test_a_socket_is_for_our_own_pages(plain: Site, origin: str | None, status: int):
    port = urllib.parse.urlsplit(plain.url).port
    named = {} if origin is None else {"Origin": origin.format(port=port)}
    assert upgrade(plain, **named) == status


@pytest.mark.slow
def test_the_page_in_a_cell_is_checked_as_well(hub: CallHub):
    threads = []

    def served(on_address):
        how = {"port": 0, "show": False, "threaded": True}
        threads.append(serve(hub, on_address=on_address, **how))

    frame = Cells().frame(hub, served)
    site = Site(hub, frame.src.removesuffix("/live"))
    try:
        assert ask(site, "/live").status == 200
        assert ask(site, "/live", Host="attacker.example").status == 403
        assert upgrade(site, Origin="http://localhost:8888") == 403
    finally:
        threads[0].stop()
        threads[0].join(10)


def test_a_page_elsewhere_can_link_here_but_not_load_our_scripts(plain: Site):
    foreign = {"Sec_Fetch_Site": "cross-site"}
    assert ask(plain, "/live", Sec_Fetch_Mode="navigate", **foreign).status == 200
    script = ask(plain, "/live/autoload.js", Sec_Fetch_Mode="no-cors", **foreign)
    assert script.status == 403


# ------------------------------------------------------- forwards, proxies, a prefix


def test_a_port_forward_needs_no_option(plain: Site):
    """As ``ssh -L 9000:localhost:5006`` makes it."""
    assert ask(plain, "/live", Host="localhost:9000").status == 200
    assert upgrade(plain, Host="localhost:9000", Origin="http://localhost:9000") == 101


def test_a_proxy_needs_its_name_whether_it_passes_the_host_on_or_not():
    with CallHub() as hub, serving(hub, allow_hosts=["lab.example.com"]) as site:
        page = {"Origin": "https://lab.example.com"}
        assert upgrade(site, Host="lab.example.com", **page) == 101
        assert upgrade(site, **page) == 101
        assert upgrade(site, Origin="https://other.example.com") == 403
        forged = {"X_Forwarded_Host": "lab.example.com"}
        assert ask(site, "/live", Host="attacker.example", **forged).status == 403


@pytest.mark.slow
@pytest.mark.parametrize("query", ["?a=b?c", "??", "?call=%00%ff", "?%3F=?x#y"])
def test_a_query_of_any_kind_gets_the_page(plain: Site, query: str):
    assert ask(plain, f"/live{query}").status == 200


def test_bokehs_variable_is_respected(monkeypatch):
    monkeypatch.setenv("BOKEH_ALLOW_WS_ORIGIN", "lab.example.com:8443,*.lan")
    with CallHub() as hub, serving(hub) as site:
        for host in ("lab.example.com:8443", "bench.lan:80", "localhost:9000"):
            assert upgrade(site, Host=host, Origin=f"http://{host}") == 101, host
        assert ask(site, "/live", Host="lab.example.com:80").status == 403
        assert upgrade(site, Host="a.b.lan", Origin="http://a.b.lan") == 403


def test_a_prefix_is_before_every_path(guarded: Site):
    assert guarded.url.endswith("/lab")
    start = ask(guarded, "/lab")
    assert (start.status, start.headers["Location"]) == (302, "/lab/live")
    assert ask(guarded, "/lab/login").status == 200
    assert ask(guarded, "/lab/favicon.ico").status == 200
    for path in ("/live", "/login", "/labx", "/"):
        assert ask(guarded, path).status == 404


@pytest.mark.parametrize("prefix", ["a b", "/a/../b?", "http://x/lab", "lab#x"])
def test_a_malformed_prefix_is_refused(prefix: str):
    with pytest.raises(ServerStartError, match="/NAME works"):
        page_prefix(prefix)
    assert page_prefix("lab/") == page_prefix("/lab") == "/lab"
    assert page_prefix("/") == ""


def test_an_ipv6_address_is_served():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with CallHub() as hub, serving(hub, address="::1") as site:
        assert re.fullmatch(r"http://\[::1\]:\d+", site.url)
        assert ask(site, "/live").status == 200
        assert upgrade(site, Origin=site.url) == 101
        assert ask(site, "/live", Host="attacker.example").status == 403


def test_an_address_of_another_host_is_refused_before_it_is_announced(hub: CallHub):
    announced: list[str] = []
    with pytest.raises(ServerStartError, match="an address of this host"):
        serve(
            hub,
            address="192.0.2.7",
            port=0,
            show=False,
            basic_auth=USERS,
            on_address=announced.append,
        )
    assert announced == []


# ----------------------------------------------------------------------- logins


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"", "not valid JSON in UTF-8"),
        (b"secret", "not valid JSON in UTF-8"),
        ('{"ann": "pw"}'.encode("utf-16"), "not valid JSON in UTF-8"),
        (b'"secret"', "not a JSON object"),
        (b'["ann"]', "not a JSON object"),
        (b"{}", "no users"),
        (b'{"": "pw"}', "a user without a name"),
        (b'{"ann": ""}', "the password of 'ann' is not a text"),
        (b'{"ann": 5}', "the password of 'ann' is not a text"),
        (b'{"ann": {"password": "pw"}}', "the password of 'ann' is not a text"),
    ],
)
def test_a_file_of_users_is_read_before_anything_listens(
    tmp_path: Path, hub: CallHub, content: bytes | None, why: str
):
    path = tmp_path / "users.json"
    if content is not None:
        path.write_bytes(content)
    announced: list[str] = []
    with pytest.raises(ServerStartError, match=re.escape(why)) as refused:
        serve(hub, port=0, basic_auth=path, on_address=announced.append)
    assert announced == []
    assert "secret" not in str(refused.value)


def test_a_folder_is_no_file_of_users(tmp_path: Path):
    with pytest.raises(ServerStartError, match="cannot read the users of"):
        page_login(str(tmp_path), None)


def test_a_file_of_users_may_begin_with_a_byte_order_mark(tmp_path: Path):
    path = tmp_path / "users.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(USERS).encode())
    assert read_users(path) == USERS


def test_two_ways_to_log_in_are_refused():
    with pytest.raises(ServerStartError, match="not both"):
        page_login(USERS, {"oauth_provider": "github"})
    for name in ("nobody", None):
        with pytest.raises(ServerStartError, match=r"no provider .*github"):
            page_login(None, {"oauth_provider": name})
    with pytest.raises(ServerStartError, match="no option 'basic_auth'"):
        page_login(None, {"oauth_provider": "github", "basic_auth": "x"})


@pytest.mark.parametrize("text", ["", " ", "ann,", ",", "ann,,bo"])
def test_an_operator_has_a_name(text: str):
    with pytest.raises(ServerStartError, match="--operators is"):
        operator_names(text, "--operators")
    assert operator_names("ann, bo", "--operators") == ["ann", "bo"]


def test_an_operator_is_one_of_the_users():
    with pytest.raises(ServerStartError, match="cannot let 'an' send commands"):
        page_login(USERS, None, ["ann", "an"])
    assert page_login(USERS, None, ["ann"]) is not None


def log_in(site: Site, name: str, password: str, to: str = "", **headers) -> Answer:
    form = {"username": name, "password": password, "next": to}
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    body = urllib.parse.urlencode(form)
    return ask(site, "/lab/login", "POST", body, **kind, **headers)


def cookie_of(answer: Answer) -> str:
    return answer.headers["Set-Cookie"].split(";")[0]


def test_nobody_gets_in_without_a_login(guarded: Site):
    page = ask(guarded, "/lab/live?call=x")
    assert page.status == 302
    assert page.headers["Location"] == "./login?next=%2Flab%2Flive%3Fcall%3Dx"
    assert upgrade(guarded, "/lab/live/ws") == 403
    assert ask(guarded, "/lab/sound/x").status == 302
    assert ask(guarded, "/lab/open?name=a", "POST", "", **OPEN).status == 403
    forged = ask(guarded, "/lab/live", Cookie='user="2|1:0|10:1|4:user|4:YW5u|x"')
    assert forged.status == 302


@pytest.mark.parametrize(
    ("name", "password"),
    [
        *(("ann", "wrong"), ("ann", ""), ("nobody", ""), ("", ""), ("nobody", "x")),
        *(("anybody", "users.json"), ("ann", "p\u00e4ss w\u00f6rd "), ("Ann", "x")),
    ],
)
def test_a_wrong_login_is_refused(guarded: Site, name: str, password: str):
    answer = log_in(guarded, name, password)
    assert answer.status == 401
    assert "wrong user name or password" in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.slow
def test_a_login_goes_where_it_was_asked_for(guarded: Site):
    answer = log_in(guarded, "ann", USERS["ann"], "/lab/live?call=x")
    assert (answer.status, answer.headers["Location"]) == (302, "./live?call=x")
    cookie = answer.headers["Set-Cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    page = ask(guarded, "/lab/live", Cookie=cookie_of(answer))
    assert page.status == 200
    assert upgrade(guarded, "/lab/live/ws", Cookie=cookie_of(answer)) == 101
    out = ask(guarded, "/lab/logout", Cookie=cookie_of(answer))
    assert (out.status, out.headers["Location"]) == (302, "./login")
    assert 'user=""' in out.headers["Set-Cookie"]


def test_a_viewer_who_has_logged_in_opens_no_file(guarded: Site):
    for name, status in (("bo", 403), ("ann", 200)):
        cookie = cookie_of(log_in(guarded, name, USERS[name]))
        path = "/lab/open?batch=b&name=a.wav"
        assert ask(guarded, path, "POST", "x", Cookie=cookie, **OPEN).status == status


def test_a_cookie_that_came_over_tls_stays_there(guarded: Site):
    answer = log_in(guarded, "bo", "x", X_Scheme="https")
    assert "; secure" in answer.headers["Set-Cookie"].lower()


@pytest.mark.parametrize(
    "to",
    [
        *("//attacker.example", "https://attacker.example", "/\\attacker.example"),
        *("/lab//attacker.example", "javascript:alert(1)", "\\x", "/ x"),
        "/a\r\nSet-Cookie: x=1",
    ],
)
def test_a_login_never_leads_elsewhere(guarded: Site, to: str):
    answer = log_in(guarded, "bo", "x", to)
    assert answer.status == 302
    assert answer.headers.get_all("Set-Cookie", [])[1:] == []
    target = urllib.parse.urljoin(f"{guarded.url}/login", answer.headers["Location"])
    assert target.startswith(f"{guarded.url}/")


def test_a_page_elsewhere_cannot_log_somebody_in(guarded: Site):
    answer = log_in(guarded, "bo", "x", Origin="http://attacker.example")
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


def test_what_is_typed_is_shown_as_text(guarded: Site):
    answer = log_in(guarded, "bo", "wrong", '"><script>alert(1)</script>')
    assert "<script>" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_login_page_asks_no_other_host_for_anything():
    assert re.findall(r"""(?:src|href)="(?!data:)""", TEMPLATE.read_text("utf-8")) == []


# ---------------------------------------------------------------------- panel serve


@contextmanager
def panel_serve(tmp_path: Path, *arguments: str, **environment: str) -> Iterator[Site]:
    """Run ``panel serve`` on the application, as a user does."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "panel", "serve", str(app_module.__file__)]
    command += ["--port", str(port), "--address", "127.0.0.1", *arguments]
    log = tmp_path / "panel.txt"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            start_new_session=True,
        ) as process,
    ):
        try:
            until(lambda: process.poll() is not None or listens(port), 60, "a page")
            assert process.poll() is None, log.read_text()
            with CallHub() as hub:
                yield Site(hub, f"http://127.0.0.1:{port}")
        finally:
            os.killpg(process.pid, 9)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def document_of(site: Site, session_id: str | None) -> str:
    """Return the document of a session; None makes a new one."""
    asyncio.set_event_loop(loop := asyncio.new_event_loop())  # Bokeh's client wants one
    try:
        with closing(pull_session(session_id, url=f"{site.url}/app")) as session:
            return repr(session.document.to_json())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def shown(site: Site, host: str) -> str:
    """Return the document of the session that a request for a host has made."""
    page = ask(site, "/app", Host=host)
    assert page.status == 200
    (token,) = set(re.findall(r'"token":"([^"]+)"', page.text))
    return document_of(site, get_session_id(token))


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_panel_serve_shows_the_page_to_our_own_names_only(tmp_path: Path):
    hosts = {"RUSTPBX_LAB_ALLOW_HOSTS": "lab.example.com"}
    with panel_serve(tmp_path, **hosts) as site:
        assert "Endpoint" in shown(site, "lab.example.com")
        document = shown(site, "attacker.example")
    assert "Endpoint" not in document
    assert "set RUSTPBX_LAB_ALLOW_HOSTS=attacker.example" in document
    log = (tmp_path / "panel.txt").read_text()
    assert log.count("Host not allowed: 'attacker.example'") == 1


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.skipif(sys.platform == "win32", reason="one process only on Windows")
def test_panel_serve_refuses_several_processes(tmp_path: Path):
    with panel_serve(tmp_path, "--num-procs", "2") as site:
        document = document_of(site, None)
    assert "Endpoint" not in document
    assert "serve with --num-procs 1" in document


def test_panel_serve_refuses_operators_without_a_name(monkeypatch):
    monkeypatch.setenv("RUSTPBX_LAB_OPERATORS", "")
    process_hub.cache_clear()
    with pytest.raises(ServerStartError, match="RUSTPBX_LAB_OPERATORS is ''"):
        process_hub()
