"""Keys that the client presses, and what is said to a server that has none."""

from typing import Any

import anyio
import pytest
from client_peer import Peer, a_call

from rustpbx_lab import commands, connect, notes
from rustpbx_lab.client import steered_call
from rustpbx_lab.errors import CallClosedError, CallTimeoutError, InvalidOptionError
from rustpbx_lab.models.server_versions import NEWEST, OLDEST

pytestmark = pytest.mark.anyio
KEY = {"trackId": "dtmf-track"}


async def sounds(peer: Peer) -> dict[str, Any]:
    """Take a key as the server does: two starts, then its end."""
    heard = await peer.hears()
    for _ in range(2):
        await peer.says("trackStart", **KEY)
    await peer.says("trackEnd", duration=80, ssrc=1, **KEY)
    return heard


async def test_keys_are_pressed_one_after_another():
    async with a_call() as (call, peer), anyio.create_task_group() as tasks:
        rows = []

        async def press() -> None:
            rows.extend(await call.press("1 2#", duration_ms=60))

        tasks.start_soon(press)
        for digit in "12#":
            assert await sounds(peer) == {
                "command": "dtmf",
                "digit": digit,
                "durationMs": 60,
            }
        with anyio.fail_after(2):
            while not rows:
                await anyio.lowlevel.checkpoint()
        assert [row.message.digit for row in rows] == ["1", "2", "#"]
        ends = [row.seq for row in call.log if row.name == "trackEnd"]
        assert rows[0].seq < ends[0] < rows[1].seq < ends[1] < rows[2].seq < ends[2]


async def test_the_end_of_another_track_is_not_that_of_a_key():
    async with a_call() as (call, peer), anyio.create_task_group() as tasks:
        done = []

        async def press() -> None:
            done.append(await call.press("a"))

        tasks.start_soon(press)
        assert await peer.hears() == {"command": "dtmf", "digit": "A"}
        await peer.says("trackEnd", trackId="server-side-track", duration=1, ssrc=1)
        await anyio.wait_all_tasks_blocked()
        assert not done
        await peer.says("trackEnd", duration=80, ssrc=1, **KEY)
        with anyio.fail_after(2):
            while not done:
                await anyio.lowlevel.checkpoint()


async def test_what_is_no_key_is_refused_before_anything_is_pressed():
    async with a_call() as (call, _):
        with pytest.raises(InvalidOptionError, match="cannot press 'X': a telephone"):
            await call.press("12x")
        assert not [row for row in call.log if row.direction == "command"]
        assert await call.press(" ") == []


async def test_a_key_that_never_ends_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steered_call, "KEY_GRACE_S", 0.05)
    async with a_call() as (call, _):
        with pytest.raises(CallTimeoutError, match="end of 5"):
            await call.press("5")


async def test_a_call_that_ends_ends_the_pressing():
    async with a_call() as (call, peer), anyio.create_task_group() as tasks:
        failures = []

        async def press() -> None:
            try:
                await call.press("5")
            except CallClosedError as exc:
                failures.append(exc)

        tasks.start_soon(press)
        await peer.hears()
        await peer.wire.close()
        with anyio.fail_after(2):
            while not failures:
                await anyio.lowlevel.checkpoint()


async def test_an_old_server_is_advised_against_and_strict_refuses():
    async with a_call(server_version=OLDEST) as (call, peer):
        await call.dtmf("1")
        assert await peer.hears() == {"command": "dtmf", "digit": "1"}
        (advice,) = [r.message for r in call.log if isinstance(r.message, notes.Advice)]
        assert (advice.rule, advice.severity) == ("newer_than_server", "error")
    async with a_call(server_version=OLDEST, lint="strict") as (call, _):
        with pytest.raises(InvalidOptionError, match=r"server 0\.3\.83 drops"):
            await call.send(commands.Renegotiate(offer="v=0"))
    async with a_call(server_version=NEWEST, lint="strict") as (call, peer):
        await call.renegotiate("v=0")
        assert await peer.hears() == {"command": "renegotiate", "offer": "v=0"}
        assert not [r for r in call.log if r.name == "advice"]


async def test_a_version_is_checked_before_anything_is_opened():
    with pytest.raises(InvalidOptionError, match="server version 'latest'"):
        async with connect("ws://127.0.0.1:9", server_version="latest"):
            pass
