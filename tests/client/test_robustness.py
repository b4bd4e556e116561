"""Whatever happens to a connection: the log keeps its rows and says why it ended."""

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest
from client_peer import a_call
from raw_server import (
    BINARY,
    CLOSE,
    TEXT,
    a_frame,
    a_raw_server,
    an_event,
    read_to_the_close,
    read_to_the_end,
    reset,
)

from rustpbx_lab import CallSession, connect, events, notes
from rustpbx_lab.client import CallPhase
from rustpbx_lab.client.transport import open_websocket
from rustpbx_lab.errors import CallClosedError

pytestmark = pytest.mark.anyio


async def rows_until_the_end(call: CallSession) -> notes.Closed:
    """Read every event, check the log's last word, and return it."""
    with anyio.fail_after(10):
        stamps = [event.timestamp async for event in call]
    assert stamps == sorted(stamps)
    assert call.phase is CallPhase.CLOSED
    assert call.log.is_closed
    closed = call.log[-1].message
    assert isinstance(closed, notes.Closed)
    assert closed.why == call.close_reason
    assert [record.seq for record in call.log] == list(range(len(call.log)))
    for do in (call.pause(), call.send_audio(b"\0\0"), call.wait_for("answer")):
        with pytest.raises(CallClosedError, match=re.escape(closed.why)):
            await do
    return closed


async def test_a_tcp_reset_is_a_broken_connection_and_loses_no_row():
    def serve(connection):
        for number in range(500):
            connection.sendall(an_event(number=number))
        # a reset throws away what the client's kernel has not handed out
        connection.recv(65536)
        reset(connection)

    with a_raw_server(serve) as url:
        async with connect(url) as call:
            await call.wait_for("mediaReady", timeout=5, where=lambda e: _is(e, 499))
            await call.custom("now")
            closed = await rows_until_the_end(call)
    assert closed.code == 1006
    assert "broke" in closed.why
    names = [record.name for record in call.log]
    assert names == ["connected", *["mediaReady"] * 500, "custom", "closed"]


def _is(event, number: int) -> bool:
    return event.timestamp == number


@pytest.mark.slow
async def test_a_server_that_answers_no_ping_is_lost():
    def serve(connection):
        connection.sendall(an_event())
        read_to_the_end(connection)  # takes everything and answers nothing

    with a_raw_server(serve) as url:
        async with connect(url, ping_interval_s=0.1, ping_timeout_s=0.2) as call:
            closed = await rows_until_the_end(call)
    assert closed.code == 1011
    assert "did not answer our ping" in closed.why
    assert [record.name for record in call.log] == ["connected", "mediaReady", "closed"]


async def test_a_message_that_is_too_long_closes_with_1009():
    def serve(connection):
        connection.sendall(an_event(number=1))
        connection.sendall(a_frame(TEXT, b'{"event":"x","y":"' + b"z" * 5000 + b'"}'))
        read_to_the_close(connection)

    with a_raw_server(serve) as url:
        async with connect(url, max_message_bytes=4096) as call:
            closed = await rows_until_the_end(call)
    assert closed.code == 1009
    assert "too long" in closed.why
    assert [record.name for record in call.log] == ["connected", "mediaReady", "closed"]


async def test_a_text_that_is_no_utf8_closes_with_1007():
    def serve(connection):
        connection.sendall(an_event(number=1))
        connection.sendall(a_frame(TEXT, b'{"event":"\xff\xfe"}'))
        read_to_the_close(connection)

    with a_raw_server(serve) as url:
        async with connect(url) as call:
            closed = await rows_until_the_end(call)
    assert closed.code == 1007
    assert "not UTF-8" in closed.why
    assert len(call.log) == 3


async def test_what_is_no_frame_at_all_closes_with_1002():
    def serve(connection):
        connection.sendall(an_event(number=1) + b"\xff\xff\xff\xff")
        read_to_the_close(connection)

    with a_raw_server(serve) as url:
        async with connect(url) as call:
            closed = await rows_until_the_end(call)
    assert closed.code == 1002
    assert "not a WebSocket frame" in closed.why


async def test_a_close_with_a_reason_is_said_with_its_code():
    def serve(connection):
        connection.sendall(a_frame(CLOSE, (1012).to_bytes(2) + b"restarting"))
        read_to_the_close(connection)

    with a_raw_server(serve) as url:
        async with connect(url) as call:
            closed = await rows_until_the_end(call)
    assert (closed.code, closed.why) == (1012, "restarting")


async def test_a_server_that_closes_and_keeps_the_tcp_connection_is_left():
    def serve(connection):
        connection.sendall(an_event(number=1) + a_frame(CLOSE, b""))
        read_to_the_end(connection)

    with a_raw_server(serve) as url:
        async with (
            open_websocket(f"{url}/call", close_timeout_s=0.2) as wire,
            CallSession(wire).running() as call,
        ):
            closed = await rows_until_the_end(call)
    assert closed.code == 1005
    assert "server closed" in closed.why


@pytest.mark.parametrize(
    ("call_type", "frame", "says"),
    [
        ("websocket", b'{"event":"answer"}', "binary frame"),
        ("sip", b'{"event":"answer"}', "begins with 123"),
        ("webrtc", b"\x02\x00\x00", "begins with 2"),
    ],
)
async def test_a_binary_frame_where_text_is_due_is_a_row(call_type, frame, says):
    def serve(connection):
        connection.sendall(an_event(number=1))
        connection.sendall(a_frame(BINARY, frame))
        connection.sendall(a_frame(BINARY, b""))
        connection.sendall(an_event(number=2))
        connection.sendall(a_frame(CLOSE, b""))
        read_to_the_close(connection)

    with a_raw_server(serve) as url:
        async with connect(url, call_type) as call:
            closed = await rows_until_the_end(call)
    assert closed.code == 1005
    names = [record.name for record in call.log]
    assert names == ["connected", "mediaReady", "unreadable", "mediaReady", "closed"]
    assert says in call.log[2].message.error
    assert call.log[2].message.text == frame.decode()
    assert call.recording.server.n_samples == 0


@contextmanager
def a_stand_in_process() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "rustpbx_lab.cli", "simulate", "--port", "0"]
    engines = ["--asr", "scripted", "--tts", "scripted"]
    with subprocess.Popen([*command, *engines], stderr=subprocess.PIPE) as server:
        try:
            yield server
        finally:
            server.kill()


@pytest.mark.slow
async def test_a_killed_server_is_a_broken_connection():
    with a_stand_in_process() as server:
        assert server.stderr is not None
        told = await anyio.to_thread.run_sync(server.stderr.readline)
        url = re.search(rb"ws://\S+", told)
        assert url is not None, told
        async with connect(url[0].decode()) as call:
            await call.invite(timeout=10)
            await call.custom("before")
            await call.wait_for("custom", timeout=5, after=call.log[0])
            os.kill(server.pid, signal.SIGKILL)
            closed = await rows_until_the_end(call)
    assert closed.code == 1006
    assert "broke" in closed.why
    assert [record.direction for record in call.log].count("command") == 2


async def test_a_send_that_meets_a_lost_connection_says_why():
    def serve(connection):
        connection.recv(65536)
        reset(connection)

    async def send_for_ever(call: CallSession) -> None:
        while True:
            await call.send_audio(b"\0" * 64_000)

    with a_raw_server(serve) as url:
        async with connect(url) as call:
            with anyio.fail_after(10), pytest.raises(CallClosedError):
                await send_for_ever(call)
            await rows_until_the_end(call)


async def test_a_slow_and_a_raising_handler_hurt_only_themselves(caplog):
    slow, quick = [], []
    async with a_call() as (call, peer):
        gate = anyio.Event()

        @call.on("custom")
        async def waits(event):
            await gate.wait()
            slow.append(event.data)

        @call.on("custom")
        async def raises(event):
            quick.append(event.data)
            raise RuntimeError(f"no {event.data}")

        with caplog.at_level(logging.CRITICAL):
            for number in range(100):
                await peer.says("custom", data=number)
            await peer.wire.close()
            closed = await rows_until_the_end(call)
        assert slow == []
        gate.set()
    assert slow == quick == list(range(100))
    failures = [r.message for r in call.log if r.name == "handlerFailed"]
    # those that fail after the close are in the application's log alone
    assert [f.count for f in failures] == list(range(1, len(failures) + 1))
    assert all(f.error == f"RuntimeError: no {f.count - 1}" for f in failures)
    assert call.log[-1].name == "closed"
    assert len([r for r in call.log if r.direction == "event"]) == 100
    assert closed.why == call.close_reason


async def test_cancelled_readers_and_senders_leave_the_call_alone():
    async with a_call() as (call, peer):
        for _ in range(20):
            with anyio.move_on_after(0.001):
                await call.wait_for("answer")
            with anyio.move_on_after(0.001):
                async for _ in call:
                    pass
            with anyio.CancelScope() as scope:
                scope.cancel()
                await call.custom("half")
        await peer.says("custom", data="whole")
        event = await call.wait_for(events.Custom, timeout=2, after=_first(call))
        assert event.data == "whole"
        await call.custom("last")
        assert call.phase is CallPhase.CONNECTED
    assert call.log[-1].message.code == 1000


def _first(call: CallSession):
    return call.log[0] if len(call.log) else None


async def test_a_cancelled_call_closes_and_says_so():
    seen = []
    with anyio.move_on_after(0.05) as scope:
        async with a_call() as (call, _):
            seen.append(call)
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    closed = seen[0].log[-1].message
    assert isinstance(closed, notes.Closed)
    assert seen[0].log.is_closed
    assert closed.why


@pytest.mark.parametrize("raised", [KeyError("mine"), SystemExit(3)])
async def test_what_the_block_raises_survives_a_lost_connection(raised):
    def serve(connection):
        connection.recv(65536)
        reset(connection)

    seen = []

    async def lose_and_raise(url: str) -> None:
        async with connect(url) as call:
            seen.append(call)
            await call.custom(1)
            await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
            raise raised

    with a_raw_server(serve) as url, pytest.raises(type(raised)):
        await lose_and_raise(url)
    assert seen[0].log[-1].message.code == 1006
