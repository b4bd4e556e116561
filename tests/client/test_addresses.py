"""Addresses, proxies, redirects and TLS: the same words for calls and for REST."""

import datetime
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import LIMIT_S, join, until

from rustpbx_lab import connect
from rustpbx_lab.client.call_address import (
    call_url,
    parse_address,
    redirected,
    type_of_call,
)
from rustpbx_lab.client.proxies import proxy_for
from rustpbx_lab.client.rest.refusals import tls_context, why_unreachable
from rustpbx_lab.client.rest.server_api import ServerApi
from rustpbx_lab.client.watch import watch
from rustpbx_lab.errors import ConnectError, InvalidOptionError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.simulator import StandIn

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "WS_PROXY")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def by_call(url: str, **options) -> None:
    async with connect(url, **options):
        pass


async def by_rest(url: str, **options) -> None:
    async with ServerApi(url, **options) as api:
        await api.list()


async def by_watch(url: str, **options) -> None:
    async with watch(url, "s.1", **options):
        pass


each_way = pytest.mark.parametrize("reach", [by_call, by_rest, by_watch])

# ------------------------------------------------------------------ addresses


@pytest.mark.anyio
@each_way
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ws://[::1", "Invalid IPv6 URL"),
        ("ws://[::1:8080", "Invalid IPv6 URL"),
        ("ws://[::zz]", "IPv6"),
        ("ws://127.0.0.1:80a80", "port '80a80' is not a number from 1 to 65535"),
        ("ws://127.0.0.1:99999", "port '99999'"),
        ("ws://127.0.0.1:-1", "port '-1'"),
        ("ws://127.0.0.1:0", "port '0'"),
        ("ws://user:pa#ss@127.0.0.1:1", "write %23"),
        ("ws://xn--.invalid", "not a host name"),
        ("ws://a..b", "not a host name"),
        ("ws://exa$mple", "not a host name"),
        ("ws://" + "a" * 70, "not a host name"),
        ("ws://:8080", "names no host"),
        ("ws://a b", "space or a control character"),
        ("ws://a\r\nb", "space or a control character"),
        ("ws://h/\ud83d", "space or a control character"),
        ("127.0.0.1:8080", "write ws://HOST:PORT"),
        ("", "write ws://HOST:PORT"),
    ],
)
async def test_a_malformed_address_is_one_clear_line(reach, url, says):
    with pytest.raises(ConnectError, match=says) as told:
        await reach(url)
    assert "pa#ss" not in str(told.value)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_an_address_is_read_or_refused_and_nothing_else(text):
    for url in (text, f"ws://{text}", f"wss://h:{text}", f"ws://[{text}]"):
        try:
            address = parse_address(url)
        except ConnectError:
            continue
        again = parse_address(address.url("/call"))
        assert again.origin == address.origin


def test_a_name_in_other_letters_is_the_name_it_stands_for():
    assert parse_address("ws://bücher.example:1").netloc == "xn--bcher-kva.example:1"
    assert parse_address("ws://\uff11\uff12\uff17.0.0.1:1").is_loopback
    assert parse_address("ws://my_server:1").host == "my_server"
    assert parse_address("ws://[::1]:80").netloc == "[::1]:80"


@pytest.mark.parametrize(
    ("url", "asked", "found"),
    [
        ("ws://h/call/sip", None, "sip"),
        ("ws://h/pbx/call/webrtc/", None, "webrtc"),
        ("ws://h/call", None, "websocket"),
        ("ws://h/call", "sip", "sip"),
        ("ws://h", "", "websocket"),
        ("ws://h/call/sip", "sip", "sip"),
    ],
)
def test_the_type_of_a_call_is_asked_for_or_in_its_address(url, asked, found):
    assert type_of_call(url, asked) == found


@pytest.mark.anyio
@pytest.mark.parametrize("asked", ["websocket", "", "webrtc"])
async def test_an_address_that_contradicts_the_type_is_refused(asked):
    with pytest.raises(ConnectError, match="use the type 'sip', or leave the path"):
        await by_call("ws://127.0.0.1:1/call/sip", call_type=asked)


def test_a_session_id_with_half_a_character_is_refused():
    with pytest.raises(ConnectError, match="surrogate"):
        call_url("ws://h", "websocket", call_id="\ud83d")


# ------------------------------------------------------------------ proxies


@pytest.mark.parametrize("no_proxy", ["", "[::1],fe80::/10,::1", "*"])
@pytest.mark.parametrize("url", ["ws://127.0.0.1", "wss://[::1]", "ws://LOCALHOST."])
def test_this_machine_is_never_reached_through_a_proxy(url, no_proxy, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_for(parse_address(url)) is None


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_used"),
    [
        ("", "example.com", True),
        ("example.com", "sip.example.com", False),
        ("10.0.0.0/8", "10.1.2.3", False),
        ("10.0.0.0/8", "11.1.2.3", True),
        ("2001:db8::/32", "[2001:db8::1]", False),
        ("[2001:db8::1]:80", "[2001:db8::1]", False),
        ("fe80::/10,::1", "[2001:db8::1]", True),
        ("*", "[2001:db8::1]", False),
    ],
)
def test_no_proxy_names_hosts_networks_and_ipv6(no_proxy, host, is_used, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    found = proxy_for(parse_address(f"ws://{host}"))
    assert (found is not None) == is_used
    if found is not None:
        assert found.url == "http://127.0.0.1:9"


@pytest.mark.anyio
@each_way
@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        ("http://user:s3cret@127.0.0.1:9", "refused.*the proxy http://user:\\*\\*\\*@"),
        ("nonsense://x", "ALL_PROXY is not the address of a proxy"),
        ("http://127.0.0.1:no", "ALL_PROXY is not the address of a proxy"),
    ],
)
async def test_a_proxy_that_fails_is_named(reach, proxy, says, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConnectError, match=says) as told:
        await reach("ws://192.0.2.1:1")
    assert "s3cret" not in str(told.value)


@pytest.mark.anyio
@each_way
async def test_a_socks_proxy_works_or_says_what_to_install(reach, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(ConnectError, match=r"through the proxy socks5://127\.0\.0\.1"):
        await reach("ws://192.0.2.1:1")


# ------------------------------------------------------------------ redirects


class Answers(BaseHTTPRequestHandler):
    """Answers every GET with what the test chose; keeps what came."""

    protocol_version = "HTTP/1.1"
    status = 200
    headers_of_answer: tuple[tuple[str, str], ...] = ()
    body = b""
    came: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.came.append((self.path, dict(self.headers)))
        self.send_response(self.status)
        for name, value in self.headers_of_answer:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def a_web_server(
    context: ssl.SSLContext | None = None, **answer: object
) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    came: list[tuple[str, dict[str, str]]] = []
    kind = type("Chosen", (Answers,), {**answer, "came": came})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # a handshake that was broken off
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", came
        finally:
            server.shutdown()
            join(thread)


@pytest.mark.anyio
@each_way
async def test_a_redirect_to_another_server_is_named_and_gets_no_secrets(reach):
    with a_web_server() as (other, came):
        location = (("Location", f"http://{other}/call"),)
        with a_web_server(status=302, headers_of_answer=location) as (host, _):
            headers = {"X-Api-Key": "s3cret", "Authorization": "Bearer s3cret"}
            with pytest.raises(ConnectError, match=f"another server, 'ws://{other}'"):
                await reach(f"ws://{host}", headers=headers)
    assert came == []


@pytest.mark.anyio
@each_way
async def test_a_redirect_to_tls_says_to_write_wss(reach):
    location = (("Location", "https://127.0.0.1/call?token=s3cret"),)
    with (
        a_web_server(status=301, headers_of_answer=location) as (host, _),
        pytest.raises(ConnectError, match=r"wants TLS.*write wss://127") as told,
    ):
        await reach(f"ws://{host}")
    assert "s3cret" not in str(told.value)


@pytest.mark.anyio
@each_way
async def test_a_redirect_within_the_server_is_followed_but_not_for_ever(reach):
    location = (("Location", "/pbx/elsewhere"),)
    with (
        a_web_server(status=307, headers_of_answer=location) as (host, came),
        pytest.raises(ConnectError, match="more than 5 redirects"),
    ):
        await reach(f"ws://{host}", headers={"X-Api-Key": "s3cret"})
    assert came[-1][0].startswith("/pbx/elsewhere")
    assert came[-1][1]["X-Api-Key"] == "s3cret"


def test_a_redirect_from_tls_to_plain_is_not_followed():
    with pytest.raises(ConnectError, match="another server"):
        redirected("wss://h/call", "http://h/call")
    assert redirected("wss://h/call", "/x/call") == "wss://h/x/call"
    assert redirected("http://h/list", "http://h:80/x") == "http://h:80/x"


@pytest.mark.anyio
@each_way
async def test_a_login_page_is_said_for_what_it_is(reach):
    page = b"<!doctype html><title>Sign in</title>"
    html = (("Content-Type", "text/html; charset=utf-8"),)
    with (
        a_web_server(body=page, headers_of_answer=html) as (host, _),
        pytest.raises(ConnectError, match=r"web page answered.*login page"),
    ):
        await reach(f"ws://{host}")


# ------------------------------------------------------------------ TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Callable[[str], tuple[Path, ssl.SSLContext]]:
    """Makes a self-signed certificate for a name: its file, and a server's context."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def made(host: str) -> tuple[Path, ssl.SSLContext]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.UTC)
        address = x509.IPAddress(ipaddress.ip_address(host))
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        folder = tmp_path_factory.mktemp("tls")
        pem, private = folder / "cert.pem", folder / "key.pem"
        pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, private)
        return pem, context

    return made


@pytest.mark.anyio
@each_way
async def test_a_certificate_nobody_vouches_for_is_said_and_can_be_trusted(
    reach, certificate
):
    pem, context = certificate("127.0.0.1")
    with a_web_server(context, status=404) as (host, came):
        with pytest.raises(ConnectError, match=r"not trusted.*self-signed.*--cafile"):
            await reach(f"wss://{host}")
        assert came == []
        with pytest.raises(ConnectError, match="HTTP 404"):
            await reach(f"wss://{host}", ssl=tls_context(pem))
        assert len(came) == 1


@pytest.mark.parametrize(("scheme", "says"), [("wss", True), ("ws", False)])
def test_a_tls_address_that_does_not_answer_may_have_no_tls(scheme: str, says: bool):
    address = parse_address(f"{scheme}://127.0.0.1:1")
    why = why_unreachable(TimeoutError(), 10, address)
    assert why.startswith("no answer within 10 s; check host, port and firewall")
    assert why.endswith("write ws://") is says


def test_a_hub_trusts_the_certificates_that_it_is_given(certificate):
    pem, context = certificate("127.0.0.1")
    with (
        a_web_server(context, status=404) as (host, _),
        CallHub(ssl=tls_context(pem)) as hub,
    ):
        call = hub.start(f"wss://{host}", CallOption())
        watched = hub.watch(f"wss://{host}", "s.theirs")
        until(lambda: call.is_over and watched.is_over)
        assert "HTTP 404" in call.error
        assert "not trusted" not in (watched.error or "")
        with pytest.raises(ConnectError, match="HTTP 404"):
            hub.running_on(f"wss://{host}").result(LIMIT_S)


def test_certificates_do_not_hinder_a_plain_connection(certificate):
    pem, _ = certificate("127.0.0.1")
    with (
        StandIn(asr="scripted", tts="scripted").in_thread() as server,
        CallHub(ssl=tls_context(pem)) as hub,
    ):
        call = hub.start(server.url, CallOption())
        until(lambda: call.state == "in call")
        (listed,) = hub.running_on(server.url).result(LIMIT_S)
        assert listed.id == call.id


@pytest.mark.anyio
@each_way
async def test_a_certificate_of_another_host_is_said(reach, certificate):
    pem, context = certificate("192.0.2.7")
    with (
        a_web_server(context) as (host, _),
        pytest.raises(ConnectError, match="for another host"),
    ):
        await reach(f"wss://{host}", ssl=tls_context(pem))


@pytest.mark.anyio
@each_way
async def test_plain_words_to_a_tls_port_are_said(reach, certificate):
    _, context = certificate("127.0.0.1")
    with (
        a_web_server(context) as (host, _),
        pytest.raises(ConnectError, match="speaks TLS; write wss://"),
    ):
        await reach(f"ws://{host}")


@pytest.mark.anyio
@each_way
async def test_tls_to_a_plain_port_is_said(reach):
    with (
        a_web_server() as (host, _),
        pytest.raises(ConnectError, match="nothing speaks TLS there; write ws://"),
    ):
        await reach(f"wss://{host}")


def test_a_file_without_certificates_is_refused(tmp_path):
    (tmp_path / "x.pem").write_text("not a certificate")
    with pytest.raises(InvalidOptionError, match="no certificate in PEM format"):
        tls_context(tmp_path / "x.pem")
    with pytest.raises(InvalidOptionError, match="No such file"):
        tls_context(tmp_path / "nothing.pem")
    assert tls_context(None) is None


@pytest.mark.anyio
async def test_a_call_below_a_path_finds_its_rest_there():
    with StandIn(asr="scripted", tts="scripted").in_thread() as server:
        async with (
            connect(server.url + "/call") as call,
            ServerApi(server.url + "/call/sip") as api,
        ):
            await call.invite()
            assert [one.id for one in await api.list()] == [call.id]
