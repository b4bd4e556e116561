"""Incoming calls: hand-made notifications, and a real INVITE through a real server."""

import logging
import shutil
import socket
import subprocess
from functools import partial

import anyio
import httpx
import pytest
from anyio.to_thread import run_sync
from real_server import VARIABLE, real_server_binary, running_real_server

from rustpbx_lab import events, notes, options
from rustpbx_lab.client.incoming.webhook import IncomingCalls, accept_call
from rustpbx_lab.errors import CallRejectedError, ServerStartError
from rustpbx_lab.models.rest import IncomingCall
from rustpbx_lab.simulator import StandIn

pytestmark = pytest.mark.anyio

BODY = {
    "dialogId": "a84b4c76e66710@pc33.example.com-Zt3x-1928301774",
    "createdAt": "2026-08-21T08:54:21.123456789+00:00",
    "caller": "sip:alice@example.com",
    "callee": "sip:1000@10.0.0.5",
    "event": "invite",
    "headers": ["Via: SIP/2.0/UDP 192.0.2.7:5060", "X-Customer: 42"],
    "offer": "v=0\r\n",
}

on_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@on_asyncio
async def test_a_notification_is_an_incoming_call():
    async with IncomingCalls() as incoming, httpx.AsyncClient() as server:
        answer = await server.post(incoming.url, json=BODY)
        assert (answer.status_code, answer.text) == (200, "")
        with anyio.fail_after(5):
            call = await anext(incoming)
    assert call == IncomingCall(**BODY)
    assert call.headers[1] == "X-Customer: 42"


@on_asyncio
async def test_calls_come_in_order_and_end_with_the_receiver():
    async with IncomingCalls(token="known") as incoming, httpx.AsyncClient() as server:
        for number in range(3):
            url, headers = f"http://127.0.0.1:{incoming.port}/hook", {}
            headers["Authorization"] = "Bearer known"
            body = {**BODY, "dialogId": str(number)}
            sent = await server.post(url, json=body, headers=headers)
            assert sent.status_code == 200
    with anyio.fail_after(5):
        assert [call.dialog_id async for call in incoming] == ["0", "1", "2"]
        assert [call async for call in incoming] == []


@on_asyncio
async def test_a_full_queue_is_said():
    async with IncomingCalls(max_waiting=2) as incoming, httpx.AsyncClient() as server:
        bodies = [{**BODY, "dialogId": name} for name in "abc"]
        posts = [await server.post(incoming.url, json=body) for body in bodies]
        assert [post.status_code for post in posts] == [200, 200, 503]
        assert posts[2].text == "too many calls wait to be taken"
        assert incoming.refused == 1
        await anext(incoming)
        # the server tries again: what found no room is not taken for a repetition
        again = await server.post(incoming.url, json=bodies[2])
        assert again.status_code == 200
        assert incoming.repeated == 0


@on_asyncio
async def test_the_same_call_notified_again_is_one_call():
    async with IncomingCalls() as incoming, httpx.AsyncClient() as server:
        posts = [await server.post(incoming.url, json=BODY) for _ in range(3)]
        assert [(post.status_code, post.text) for post in posts] == [(200, "")] * 3
        assert (incoming.repeated, incoming.refused) == (2, 0)
        await server.post(incoming.url + "/", json={**BODY, "dialogId": "next"})
    calls = [call.dialog_id async for call in incoming]
    assert calls == [BODY["dialogId"], "next"]


def warnings_in(caplog):
    return [r.message for r in caplog.records if r.levelno >= logging.WARNING]


@on_asyncio
async def test_a_bot_in_a_container_says_where_the_server_reaches_it(caplog):
    names, public = ["*.docker.internal"], "https://abcd.ngrok-free.app"
    async with (
        IncomingCalls(host="0.0.0.0", names=names, public_url=public) as incoming,
        httpx.AsyncClient() as server,
    ):
        assert incoming.url.startswith(f"{public}/incoming/")
        path = incoming.url.removeprefix(public)
        statuses = {}
        for host in ("host.docker.internal:8090", "abcd.ngrok-free.app", "172.17.0.1"):
            url = f"http://127.0.0.1:{incoming.port}{path}"
            body = {**BODY, "dialogId": host}
            answer = await server.post(url, json=body, headers={"Host": host})
            statuses[host] = answer.status_code
        assert set(statuses.values()) == {200}
        assert warnings_in(caplog) == []
        for _ in range(2):
            answer = await server.post(url, json=body, headers={"Host": "bot:8090"})
            assert answer.status_code == 403
            assert "names=['bot']" in answer.text
    (warning,) = warnings_in(caplog)
    assert "pass names=['bot'] to IncomingCalls" in warning


@on_asyncio
async def test_the_webhook_of_every_interface_is_dialled_on_one():
    async with IncomingCalls(host="0.0.0.0") as incoming:
        assert incoming.url.startswith(f"http://127.0.0.1:{incoming.port}/incoming/")
    with pytest.raises(ServerStartError, match=r"https://HOST\[:PORT\]"):
        IncomingCalls(public_url="bot:8090")


@on_asyncio
@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/incoming/wrong", {}, BODY, 404),
        ("/incoming/", {}, BODY, 404),
        ("/", {}, BODY, 404),
        ("/", {"Authorization": "Bearer wrong"}, BODY, 404),
        (None, {"Host": "evil.example:80"}, BODY, 403),
        (None, {"Origin": "http://localhost"}, BODY, 403),
        (None, {}, {"dialogId": 3}, 422),
        (None, {}, [], 422),
    ],
)
async def test_what_is_no_notification_of_our_server_is_refused(
    path, headers, body, status
):
    async with IncomingCalls() as incoming, httpx.AsyncClient() as server:
        url = incoming.url
        if path is not None:
            url = f"http://127.0.0.1:{incoming.port}{path}"
        answer = await server.post(url, json=body, headers=headers)
        assert answer.status_code == status
        assert (await server.get(incoming.url)).status_code == 405
    assert [call async for call in incoming] == []


@on_asyncio
async def test_the_token_is_not_shown():
    async with IncomingCalls(token="t0p-secret") as incoming:
        assert "t0p-secret" not in repr(incoming)
        with pytest.raises(ServerStartError, match="port=0, which takes a free one"):
            async with IncomingCalls(incoming.port):
                pass


async def test_it_says_that_it_needs_asyncio(anyio_backend):
    if anyio_backend == "trio":
        with pytest.raises(ServerStartError, match="not an asyncio loop"):
            async with IncomingCalls():
                pass


async def test_a_caller_who_has_gone_is_a_rejection():
    with (
        StandIn(asr="scripted", tts="scripted").in_thread() as server,
        pytest.raises(CallRejectedError, match="no pending call") as gone,
    ):
        async with accept_call(server.url, IncomingCall(**BODY)):
            pass
    assert gone.value.code == 486


@on_asyncio
@pytest.mark.skipif(not real_server_binary(), reason=f"needs {VARIABLE}")
@pytest.mark.skipif(not shutil.which("sipp"), reason="needs sipp (sip-tester)")
async def test_a_real_invite_comes_through_the_webhook():
    async with IncomingCalls() as incoming, anyio.create_task_group() as tasks:
        with running_real_server(handler=incoming.url) as server:
            tasks.start_soon(run_sync, partial(sipp, server.sip_port))
            with anyio.fail_after(10):
                call = await anext(incoming)
            assert call.callee.startswith("sip:1000@")
            assert "m=audio" in call.offer
            option = options.CallOption(vad=options.VADOption(type="silero"))
            async with accept_call(server.url, call, option) as session:
                ended = await session.wait_for(notes.Closed, timeout=20)
    names = [r.name for r in session.log if r.direction == "event"]
    assert names[0] == "incoming"
    assert "answer" in names
    (hangup,) = [r.message for r in session.log if r.name == "hangup"]
    assert isinstance(hangup, events.Hangup)
    assert hangup.initiator == "caller"
    assert session.id == call.dialog_id
    assert ended.code == 1005


def sipp(sip_port: int) -> None:
    """Call 1000, talk for a second and hang up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        ours = free.getsockname()[1]
    called = subprocess.run(
        [
            *("sipp", "-sn", "uac", f"127.0.0.1:{sip_port}", "-s", "1000", "-m", "1"),
            *("-i", "127.0.0.1", "-p", str(ours), "-d", "1000", "-timeout", "20"),
            "-nostdin",
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert called.returncode == 0, called.stdout[-2000:] + called.stderr[-2000:]
