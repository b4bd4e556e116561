"""Real sockets on the loopback: addresses, refusals, closes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import anyio
import pytest
from waiting import join
from websockets.sync.server import Server, ServerConnection, serve

from rustpbx_lab import connect, events, notes
from rustpbx_lab.client.backoff import Backoff
from rustpbx_lab.client.call_address import call_url
from rustpbx_lab.errors import ConnectError

pytestmark = pytest.mark.anyio


@contextmanager
def a_server(handler, **options) -> Iterator[tuple[str, Server]]:
    with serve(handler, "127.0.0.1", 0, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        try:
            yield f"ws://127.0.0.1:{port}", server
        finally:
            server.shutdown()
            join(thread)


@pytest.mark.parametrize(
    ("url", "call_type", "options", "wanted"),
    [
        ("ws://h:1", "", {}, "ws://h:1/call"),
        ("ws://h:1/", "websocket", {}, "ws://h:1/call"),
        ("http://h:1/call", "sip", {}, "ws://h:1/call/sip"),
        ("https://h/pbx/call/webrtc", "webrtc", {}, "wss://h/pbx/call/webrtc"),
        (
            "ws://h",
            "sip",
            {"call_id": "a b@h+&#%/ü", "dump_events": False},
            "ws://h/call/sip?id=a%20b%40h%2B%26%23%25%2F%C3%BC&dump=false",
        ),
        (
            "ws://h?token=t",
            "websocket",
            {"server_ping_s": 0, "server_side_track": "bot"},
            "ws://h/call?token=t&ping=0&serverSideTrack=bot",
        ),
    ],
)
def test_an_address_has_the_names_the_server_reads(url, call_type, options, wanted):
    assert call_url(url, call_type, **options) == wanted


@pytest.mark.parametrize("url", ["", "hello", "ftp://x", "ws://"])
def test_a_wrong_address_is_said(url):
    with pytest.raises(ConnectError, match="ws://HOST:PORT"):
        call_url(url, "sip")


def test_a_wrong_call_type_is_said():
    with pytest.raises(ConnectError, match="'websocket', 'webrtc', 'sip'"):
        call_url("ws://h", "telepathy")


async def test_our_leaving_closes_with_1000_on_both_sides():
    codes = []

    def serve_one(connection: ServerConnection) -> None:
        connection.send('{"event":"mediaReady","trackId":"a","timestamp":1}')
        for _ in connection:
            pass
        codes.append(connection.close_code)

    with a_server(serve_one) as (url, _):
        async with connect(url, id="x") as call:
            await call.wait_for(events.MediaReady, timeout=5, after=call.log[0])
    assert codes == [1000]
    assert call.log[0].name == "connected"
    assert call.log[-1].message.code == 1000


async def test_a_close_without_a_code_is_1005():
    def serve_one(connection: ServerConnection) -> None:
        connection.protocol.send_close()
        connection.socket.sendall(b"".join(connection.protocol.data_to_send()))
        for _ in connection:
            pass

    with a_server(serve_one) as (url, _):
        async with connect(url) as call:
            with anyio.fail_after(5):
                assert [event async for event in call] == []
    closed = call.log[-1].message
    assert isinstance(closed, notes.Closed)
    assert closed.code == 1005
    assert "server" in closed.why


async def test_a_lost_connection_is_1006():
    def serve_one(connection: ServerConnection) -> None:
        connection.socket.shutdown(socket.SHUT_RDWR)

    with a_server(serve_one) as (url, _):
        async with connect(url) as call:
            with anyio.fail_after(5):
                assert [event async for event in call] == []
    closed = call.log[-1].message
    assert closed.code == 1006
    assert "broke" in closed.why


async def test_nobody_there_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(ConnectError, match="connection refused; start the server"):
            async with connect(f"ws://127.0.0.1:{port}"):
                pass


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (HTTPStatus.NOT_FOUND, "not an Active Call server"),
        (HTTPStatus.BAD_REQUEST, "refused the parameters.*provided string was not"),
        (HTTPStatus.BAD_GATEWAY, "HTTP 502"),
    ],
)
async def test_a_refused_upgrade_is_said(status, says):
    def refuse(connection: ServerConnection, request):
        return connection.respond(status, "provided string was not `true`\n")

    with (
        a_server(lambda connection: None, process_request=refuse) as (url, _),
        pytest.raises(ConnectError, match=says),
    ):
        async with connect(url):
            pass


@pytest.mark.slow
async def test_what_is_no_websocket_server_is_said():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"220 mail.example.com ESMTP ready\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    with pytest.raises(ConnectError, match="not an Active Call server"):
        async with connect(f"ws://127.0.0.1:{port}"):
            pass
    join(thread)
    listener.close()


async def test_a_token_in_the_address_is_never_shown():
    with pytest.raises(ConnectError) as raised:
        async with connect("ws://u:pa55@127.0.0.1:9/?token=t0p-secret"):
            pass
    assert "t0p-secret" not in str(raised.value)
    assert "pa55" not in str(raised.value)


async def test_a_new_call_may_wait_for_its_server():
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    served: list[Server] = []

    async def start_late() -> None:
        await anyio.sleep(0.3)
        server = serve(lambda connection: None, "127.0.0.1", port)
        served.append(server)
        threading.Thread(target=server.serve_forever).start()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(start_late)
        retry = Backoff(first_s=0.05, most_s=0.1, give_up_s=10)
        async with connect(f"ws://127.0.0.1:{port}", retry=retry) as call:
            assert call.log[0].name == "connected"
    served[0].shutdown()


async def test_what_will_not_pass_is_not_tried_again():
    asked = []

    def refuse(connection: ServerConnection, request):
        asked.append(request.path)
        return connection.respond(HTTPStatus.NOT_FOUND, "")

    with (
        a_server(lambda connection: None, process_request=refuse) as (url, _),
        pytest.raises(ConnectError),
    ):
        async with connect(url, retry=Backoff(first_s=0.01)):
            pass
    assert len(asked) == 1


async def test_trying_again_ends():
    with pytest.raises(ConnectError, match="refused"):
        async with connect("ws://127.0.0.1:9", retry=Backoff(0.01, 0.01, 0.05)):
            pass
