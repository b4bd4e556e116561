"""An audio tap: its frames by plain calls, its listener by real connections."""

import json
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rustpbx_lab.client.incoming.audio_tap import AudioTap, TappedCall
from rustpbx_lab.client.media.tap_frames import (
    FRAME_MS,
    QUEUED_FRAMES,
    Loss,
    TapReader,
)
from rustpbx_lab.errors import ServerStartError, UnreadableFrameError
from rustpbx_lab.models.tap import read_start

AGENT, CALLER = b"\0", b"\1"
FRAME = bytes(640)
LIMIT_S = 20
START = {
    "event": "monitor_start",
    "sessionId": "s.1",
    "callType": "webSocket",
    "startedAt": "2026-11-30T18:22:20.670517839+00:00",
    "format": "pcm16/mono",
    "sampleRate": 16000,
    "legs": [
        {"leg": 0, "direction": "agent", "sampleRate": 16000},
        {"leg": 1, "direction": "caller", "sampleRate": 16000},
    ],
    "extras": None,
}
"""As server 0.3.113 says it."""


def test_a_frame_is_of_a_leg_and_of_a_time():
    reader = TapReader()
    frame = reader.read(CALLER + FRAME, 1000)
    assert frame is not None
    assert (frame.leg, frame.audio, frame.at_ms) == ("caller", FRAME, 1000)
    held = reader.read(AGENT + FRAME * 5, 2000)
    assert held is not None
    assert (held.leg, held.at_ms) == ("server", 2000 - 4 * FRAME_MS)


@given(st.binary(max_size=400), st.lists(st.integers(1, 41), max_size=30))
def test_a_message_may_end_inside_a_sample(audio: bytes, sizes: list[int]):
    reader, heard, at = TapReader(), b"", 0
    for size in sizes:
        frame = reader.read(CALLER + audio[at : at + size], 0)
        heard += b"" if frame is None else frame.audio
        at = min(at + size, len(audio))
        assert reader.read(AGENT + b"ab", 0) is not None  # the legs do not mix
    assert heard == audio[: at // 2 * 2]


@pytest.mark.parametrize("frame", [b"", b"\2abcd", b"{}"])
def test_a_frame_of_no_leg_is_refused(frame: bytes):
    with pytest.raises(UnreadableFrameError, match="frame of a tap"):
        TapReader().read(frame, 0)


def stalled(stall_ms: int, kept_frames: int, legs: bytes = CALLER) -> list[Loss]:
    """Return what is lost: two seconds on time, a stall, a queue at once, on time."""
    reader, found = TapReader(), []
    at = 0

    def read(at_ms: int) -> None:
        for leg in legs:
            frame = reader.read(bytes([leg]) + FRAME, at_ms)
            assert frame is not None
            found.extend(frame.losses)

    for at in range(0, 2000, FRAME_MS):
        read(at)
    resumed = at + stall_ms
    for _ in range(kept_frames):
        read(resumed)
    for late in range(resumed + FRAME_MS, resumed + 1000, FRAME_MS):
        read(late)
    return found


def test_what_a_full_queue_dropped_is_found():
    (loss,) = stalled(10_000, QUEUED_FRAMES)
    assert loss.leg == "caller"
    assert loss.lost_ms == 10_000 - QUEUED_FRAMES * FRAME_MS
    assert loss.ended_ms == 1980 + 10_000 - QUEUED_FRAMES * FRAME_MS
    assert loss.ended_ms - loss.began_ms == loss.lost_ms


def test_the_queue_is_of_both_legs():
    found = stalled(10_000, QUEUED_FRAMES // 2, CALLER + AGENT)
    assert [(loss.leg, loss.lost_ms) for loss in found] == [
        ("caller", 8000),
        ("server", 8000),
    ]


def test_a_stall_that_the_queue_has_held_is_no_loss():
    assert stalled(3000, 3000 // FRAME_MS) == []
    assert stalled(10_000, 0) == []  # a pause: nothing was queued
    assert stalled(10_000, 100) == []  # most of it was a pause


def test_the_start_says_which_call_it_is():
    start = read_start(json.dumps(START))
    assert (start.session_id, start.call_type) == ("s.1", "webSocket")
    assert [leg.direction for leg in start.legs] == ["agent", "caller"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"event": "hello"}, "it is hello, not monitor_start"),
        ({"sampleRate": 8000}, "pcm16/mono at 8000 Hz"),
        ({"format": "opus"}, "opus at 16000 Hz"),
        ({"sessionId": None}, "sessionId"),
    ],
)
def test_another_start_is_refused(changed: dict[str, Any], why: str):
    with pytest.raises(UnreadableFrameError, match=why):
        read_start(json.dumps(START | changed))


# ---------------------------------------------------------------- the listener


pytest_asyncio = pytest.mark.parametrize("anyio_backend", ["asyncio"])


async def heard(tap: AudioTap, ended: anyio.Event) -> list[tuple[TappedCall, int]]:
    found: list[tuple[TappedCall, int]] = []

    async def hear(call: TappedCall) -> None:
        n_bytes = 0
        async for frame in call:
            n_bytes += len(frame.audio)
        found.append((call, n_bytes))
        ended.set()

    await tap.serve(hear)
    return found


@pytest.mark.anyio
@pytest_asyncio
async def test_a_call_is_heard_to_its_end():
    ended = anyio.Event()
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as tasks, AudioTap() as tap:
            calls: list[tuple[TappedCall, int]] = []

            async def listen() -> None:
                calls.extend(await heard(tap, ended))

            tasks.start_soon(listen)
            assert tap.option.headers is None  # the loopback needs no token
            async with connect(f"{tap.option.url}?session_id=s.1") as server:
                await server.send(json.dumps(START))
                for leg in (CALLER, AGENT, CALLER):
                    await server.send(leg + FRAME)
            await ended.wait()
    ((call, n_bytes),) = calls
    assert (call.id, n_bytes) == ("s.1", 3 * len(FRAME))
    assert call.frames == {"caller": 2, "server": 1}
    assert call.ended == "the server has closed the tap"
    assert tap.calls == []
    assert not tap.refused


@pytest.mark.anyio
@pytest_asyncio
@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"\1\0\0", "it is not valid JSON"),
        ("{", "it is not valid JSON"),
        (json.dumps(START | {"sessionId": "s.2"}), "another session than its address"),
        (json.dumps(START), "it begins with 9"),
    ],
)
async def test_garbage_ends_the_connection_and_is_noted(sent: str | bytes, why: str):
    with anyio.fail_after(LIMIT_S):
        async with AudioTap() as tap, connect(f"{tap.url}?session_id=s.1") as server:
            await server.send(sent)
            await server.send(b"\x09garbage")
            with pytest.raises(ConnectionClosed) as closed:
                await server.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003
    (refusal,) = tap.refused
    assert why in refusal.why
    assert "s.1" in refusal.session_id


async def refused(url: str, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as error:
        async with connect(url, additional_headers=headers):
            raise AssertionError("it was let in")
    return error.value.response.status_code


@pytest.mark.anyio
@pytest_asyncio
async def test_who_is_not_wanted_is_refused_and_noted():
    async def admits(session_id: str) -> str | None:
        return None if session_id == "s.1" else "no such call"

    with anyio.fail_after(LIMIT_S):
        async with AudioTap(admits=admits, token="the secret") as tap:
            known = {"Authorization": "Bearer the secret"}
            assert tap.option.headers == known
            assert await refused(f"{tap.url}?session_id=s.1") == 401
            wrong = {"Authorization": "Bearer x"}
            assert await refused(f"{tap.url}?session_id=s.1", **wrong) == 401
            assert await refused(tap.url, **known) == 400
            assert await refused(f"{tap.url}?session_id=s.9", **known) == 404
            foreign = known | {"Origin": "http://evil.example"}
            assert await refused(f"{tap.url}?session_id=s.1", **foreign) == 403
            async with connect(
                f"{tap.url}?session_id=s.1", additional_headers=known
            ) as server:
                await server.send(json.dumps(START))
                await anext(tap)
                again = await refused(f"{tap.url}?session_id=s.1", **known)
                assert again == 404
    whys = [refusal.why for refusal in tap.refused]
    assert [why.split(",")[0] for why in whys] == [
        "its Authorization is not the tap's",
        "its Authorization is not the tap's",
        "it names no session_id",
        "no such call",
        "this call is heard already",
    ]
    assert "the secret" not in repr(tap.refused)


def test_beyond_this_machine_a_token_is_made_up():
    option = AudioTap(host="0.0.0.0").option
    assert option.headers is not None
    token = option.headers["Authorization"].removeprefix("Bearer ")
    assert len(token) > 20
    assert token not in json.dumps(option.to_wire())
    assert token in json.dumps(option.to_wire(reveal=True))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_another_loop_is_refused_with_what_works():
    with pytest.raises(ServerStartError, match=r"anyio\.run"):
        async with AudioTap():
            pass
