"""Hosts and origins: the policy by itself, and in front of a Tornado application."""

import http.client
import logging
import socket
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from anyio.from_thread import start_blocking_portal
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from rustpbx_lab.client.incoming.gate import Gate
from rustpbx_lab.client.incoming.host_policy import (
    HostPolicy,
    Pages,
    public_host,
    read_host,
    split_hosts,
)
from rustpbx_lab.client.incoming.listening_socket import listening_socket, reachable
from rustpbx_lab.errors import ServerStartError


def refusal(policy: HostPolicy, *hosts: str, target: str = "/", **headers: str):
    made = {name.replace("_", "-"): [value] for name, value in headers.items()}
    made["Host"] = list(hosts)
    return policy.refusal(target, lambda name: made.get(name, []))


LOOPBACK = HostPolicy("127.0.0.1", pages=Pages.OWN)


OUR_NAMES = """
localhost LOCALHOST:5006 localhost. 127.0.0.1:1 127.8.8.8 127.0.0.1. [::1] [::1]:80
[::ffff:127.0.0.1]:80 [0:0:0:0:0:0:0:1]
"""
FOREIGN_NAMES = """
attacker.example attacker.example:80 localhost.attacker.example localhost.. . *
127.0.0.1.attacker.example user@localhost localhost@attacker.example localhost/x
localhost: localhost:0 localhost:99999 localhost:80:80 localhost#x [localhost] [::1 ::1
192.168.1.20 0.0.0.0 [::] [fe80::1] 2130706433 localhost,attacker.example
"""


@pytest.mark.parametrize("host", OUR_NAMES.split())
def test_loopback_names_are_ours(host: str):
    assert refusal(LOOPBACK, host) is None


@pytest.mark.parametrize(
    "host", [*FOREIGN_NAMES.split(), "", "localhost x", "localhost\tx", "l\xf6calhost"]
)
def test_every_other_name_is_refused(host: str):
    assert "Host not allowed" in refusal(LOOPBACK, host)


def test_a_request_needs_exactly_one_host():
    assert "one Host header" in refusal(LOOPBACK)
    assert "one Host header" in refusal(LOOPBACK, "localhost", "localhost")
    assert "one Host header" in refusal(LOOPBACK, "localhost", "attacker.example")


@pytest.mark.parametrize(
    "target", ["http://localhost/live", "//x", "*", "localhost:5006", "", "live"]
)
def test_only_a_path_can_be_asked_for(target: str):
    why = refusal(LOOPBACK, "localhost", target=target)
    assert why is None if target == "//x" else "only a path is served" in why


def test_headers_that_a_client_may_add_make_no_host_ours():
    forged = {"X_Forwarded_Host": "localhost", "X_Host": "localhost"}
    forged |= {"Forwarded": "host=localhost", "X_Original_Host": "localhost"}
    assert "Host not allowed" in refusal(LOOPBACK, "attacker.example", **forged)


def test_an_address_is_ours_where_every_interface_is_listened_on():
    for anywhere in ("0.0.0.0", "::", ""):
        policy = HostPolicy(anywhere)
        assert refusal(policy, "192.168.1.20:5006") is None
        assert refusal(policy, "[2001:db8::7]") is None
        assert "labbox.lan" in refusal(policy, "labbox.lan")
    assert refusal(HostPolicy("192.168.1.20"), "192.168.1.20:5006") is None
    assert refusal(HostPolicy("192.168.1.20"), "192.168.1.21") is not None
    assert refusal(HostPolicy("labbox.lan"), "LABBOX.lan:5006") is None


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("lab.example.com", "lab.example.com:8443"),
        ("lab.example.com.", "LAB.example.com"),
        ("lab.example.com:8443", "lab.example.com:8443"),
        ("lab.example.com:443", "lab.example.com"),
        ("https://lab.example.com/", "lab.example.com"),
        ("*.example.com", "lab.example.com"),
        ("my_bot", "my_bot:8090"),
        ("2001:db8::7", "[2001:DB8:0::7]:80"),
        ("[2001:db8::7]:80", "[2001:db8::7]:80"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*", "anything.example"),
        ("*:5006", "anything.example:5006"),
    ],
)
def test_a_configured_host_is_ours(allowed: str, host: str):
    assert refusal(HostPolicy("127.0.0.1", [allowed]), host) is None


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("lab.example.com:8443", "lab.example.com:8444"),
        ("lab.example.com:8443", "lab.example.com"),
        ("*.example.com", "example.com"),
        ("*.example.com", "a.b.example.com"),
        ("*.example.com", "lab.example.com.attacker.example"),
        ("lab", "lab.attacker.example"),
    ],
)
def test_what_resembles_a_configured_host_is_refused(allowed: str, host: str):
    assert refusal(HostPolicy("127.0.0.1", [allowed]), host) is not None


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "a@b", "a:b", "[::1", "a/b", "ftp://a"]
)
def test_a_malformed_host_is_one_clear_line(text: str):
    with pytest.raises(ServerStartError, match="NAME, NAME:PORT or an IP address"):
        HostPolicy("127.0.0.1", [text])


def test_hosts_of_an_environment_variable_are_split():
    assert split_hosts(" a.example, b.example:80 ,") == ["a.example", "b.example:80"]
    assert split_hosts(None) == []


@pytest.mark.parametrize(
    ("host", "origin", "own", "local"),
    [
        ("localhost:5006", "http://localhost:5006", True, True),
        ("localhost:9000", "http://LOCALHOST:9000", True, True),
        ("[::1]:5006", "http://[::1]:5006", True, True),
        ("localhost", "http://localhost", True, True),
        ("localhost", "https://localhost", True, True),
        ("localhost", "http://localhost:3000", False, True),
        ("127.0.0.1:5006", "http://localhost:5006", True, True),
        ("127.0.0.1:5006", "http://localhost:5007", False, True),
        ("localhost:5006", "http://attacker.example:5006", False, False),
        ("localhost:5006", "http://localhost.attacker.example:5006", False, False),
        ("localhost:5006", "http://attacker.example@localhost:5006", False, False),
        ("localhost:5006", "http://localhost:5006/x", False, False),
        ("localhost:5006", "http://localhost:5006, http://evil.example", False, False),
        ("localhost:5006", "null", False, False),
        ("localhost:5006", "", False, False),
        ("localhost:5006", "file://", False, False),
        ("localhost:5006", "chrome-extension://localhost:5006", False, False),
    ],
)
def test_pages_are_known_by_their_origin(host, origin, own, local):
    for pages, allowed in ((Pages.OWN, own), (Pages.LOCAL, local), (Pages.NONE, False)):
        policy = HostPolicy("127.0.0.1", pages=pages)
        why = refusal(policy, host, Origin=origin)
        assert (why is None) == allowed, (pages, why)


def test_a_proxy_that_does_not_pass_the_name_on_needs_the_pages_host():
    policy = HostPolicy("127.0.0.1", ["lab.example.com"], pages=Pages.OWN)
    origin = "https://lab.example.com"
    assert refusal(policy, "127.0.0.1:5006", Origin=origin) is None
    assert refusal(policy, "lab.example.com", Origin=origin) is None
    why = refusal(policy, "127.0.0.1:5006", Origin="https://other.example:8443")
    assert why.endswith("to allow it, start it with --allow-host other.example:8443")


def test_a_page_elsewhere_may_link_to_a_page_but_not_use_it():
    foreign = {"Sec_Fetch_Site": "cross-site"}
    link, script = {"Sec_Fetch_Mode": "navigate"}, {"Sec_Fetch_Mode": "no-cors"}
    assert refusal(LOOPBACK, "localhost", **foreign, **link) is None
    assert refusal(LOOPBACK, "localhost", **foreign, **script) is not None
    local = HostPolicy("127.0.0.1", pages=Pages.LOCAL)
    assert refusal(local, "localhost", **foreign, **link) is not None


def test_a_refusal_is_logged_once_a_name_with_what_to_set(caplog):
    policy = HostPolicy("127.0.0.1", server="the dashboard")
    with caplog.at_level(logging.WARNING):
        for host in ("labbox.lan:5006", "LABBOX.lan:5006", "other.lan"):
            refusal(policy, host)
            refusal(policy, host)
        refusal(policy, "x; rm -rf ~")
    assert [record.message for record in caplog.records] == [
        "the dashboard refused a request: Host not allowed: 'labbox.lan:5006'; to "
        "allow it, start it with --allow-host labbox.lan",
        "the dashboard refused a request: Host not allowed: 'other.lan'; to allow it, "
        "start it with --allow-host other.lan",
    ]


def test_many_names_do_not_fill_the_log(caplog):
    policy = HostPolicy("127.0.0.1")
    with caplog.at_level(logging.WARNING):
        for number in range(1000):
            assert refusal(policy, f"n{number}.example") is not None
    assert len(caplog.records) == 200


def test_any_host_is_warned_about(caplog):
    with caplog.at_level(logging.WARNING):
        HostPolicy("127.0.0.1", ["*"])
    assert "answers to any host name" in caplog.text


def test_an_address_that_others_use_is_a_url_without_a_query():
    assert public_host("https://abcd.ngrok.app/hook", ("http", "https")) == (
        "abcd.ngrok.app"
    )
    for url in ("abcd.ngrok.app", "ftp://a", "https://", "http://[::1", "http://a?b"):
        with pytest.raises(ServerStartError, match=r"HOST\[:PORT\]"):
            public_host(url, ("http", "https"))


def test_a_url_never_names_every_interface():
    assert [reachable(host) for host in ("0.0.0.0", "::", "", "::1", "lab.lan")] == [
        *["127.0.0.1"] * 3,
        "[::1]",
        "lab.lan",
    ]
    assert str(read_host("::1")) == "[::1]"


class Echo(RequestHandler):
    """Says what reached it."""

    def post(self):
        self.finish(f"{len(self.request.body)} {self.request.headers.get('Origin')}")

    get = post


@contextmanager
def served(policy: HostPolicy) -> Iterator[int]:
    """Serve ``Echo`` behind a gate, in a thread with a loop of its own."""
    bound = listening_socket("127.0.0.1", 0)

    @asynccontextmanager
    async def running():
        server = HTTPServer(Gate(policy, Application([("/.*", Echo)])))
        server.add_socket(bound)
        try:
            yield
        finally:
            server.stop()
            await server.close_all_connections()

    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running()),
    ):
        yield bound.getsockname()[1]


def exchange(port: int, request: str) -> tuple[int, str]:
    """Send a request as it stands, and return status and body of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read().decode()


OURS = "Host: localhost\r\nConnection: close\r\n"
FOREIGN = OURS.replace("localhost", "attacker.example")


def test_the_gate_stands_before_every_route_and_method():
    with served(LOOPBACK) as port:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            for path in ("/", "/nothing/here", "/live/ws"):
                head = f"{method} {path} HTTP/1.1\r\n{FOREIGN}\r\n"
                status, why = exchange(port, head)
                assert status == 403
                assert why.endswith("--allow-host attacker.example\n")
        body = f"POST / HTTP/1.1\r\n{OURS}Content-Length: 3\r\n\r\nabc"
        assert exchange(port, body) == (200, "3 None")


def test_a_foreign_websocket_is_refused_before_the_handshake():
    upgrade = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    )
    upgrade += "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
    host = "Host: attacker.example:5006\r\nOrigin: http://attacker.example:5006\r\n"
    same = "Sec-Fetch-Site: same-origin\r\n"
    with served(LOOPBACK) as port:
        head = f"GET / HTTP/1.1\r\n{host}{same}{upgrade}\r\n"
        assert exchange(port, head)[0] == 403


@pytest.mark.parametrize(
    "head",
    [
        f"GET http://attacker.example/ HTTP/1.1\r\n{OURS}",
        f"GET http://localhost/ HTTP/1.1\r\n{OURS}",
        f"GET / HTTP/1.1\r\n{OURS}Host: attacker.example\r\n",
        f"GET / HTTP/1.1\r\n{FOREIGN}Host: localhost\r\n",
        f"GET / HTTP/1.1\r\n{FOREIGN}X-Forwarded-Host: localhost\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n",
        "GET / HTTP/1.0\r\n",
        f"GET / HTTP/1.0\r\n{FOREIGN}",
        f"GET / HTTP/1.1\r\n{OURS.replace('localhost', 'me@localhost')}",
        f"GET / HTTP/1.1\r\n{OURS.replace('localhost', 'localhost, x.example')}",
        f"GET / HTTP/1.1\r\n{OURS}Origin: null\r\n",
        f"GET / HTTP/1.1\r\n{OURS}Origin: http://localhost\r\nOrigin: http://x.example\r\n",
        f"OPTIONS * HTTP/1.1\r\n{OURS}",
    ],
)
def test_what_an_attacker_would_try_gets_no_answer(head: str):
    with served(LOOPBACK) as port:
        assert exchange(port, f"{head}\r\n")[0] in (400, 403)


def test_a_foreign_body_is_not_read():
    with served(LOOPBACK) as port:
        head = f"POST / HTTP/1.1\r\n{FOREIGN}Content-Length: 80000000\r\n\r\n"
        assert exchange(port, head)[0] == 403
