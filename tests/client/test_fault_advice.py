"""A live call names a known fault of the server when it shows, once."""

from typing import Any

import pytest
from client_peer import Peer, a_call

from rustpbx_lab import CallSession, events, notes
from rustpbx_lab.models.server_versions import ServerVersion

pytestmark = pytest.mark.anyio
T0 = 1_787_302_461_000
DOUBLED = "key_doubled_by_order"


async def press_twice(call: CallSession, peer: Peer) -> list[notes.Advice]:
    """Let a key be heard twice, three times over; return what was noted by then."""
    for digit in "123":
        for late in (0, 40):
            fields: dict[str, Any] = {"timestamp": T0 + late, "digit": digit}
            await peer.says("dtmf", trackId="s.1", **fields)
    await peer.says("ping", timestamp=T0 + 9)
    await call.wait_for(events.Ping, timeout=5, after=call.log[0])
    return [row.message for row in call.log if row.name == "advice"]


async def test_a_known_release_is_warned_about_once():
    version = ServerVersion.parse("0.3.113")
    async with a_call(server_version=version) as (call, peer):
        (advice,) = await press_twice(call, peer)
        assert (advice.rule, advice.severity) == (DOUBLED, "warning")
        assert "40 ms apart" in advice.text
        assert "server 0.3.113 does this" in advice.text
        assert advice.instead
        names = [row.name for row in call.log]
        assert names.index("advice") == 2  # right behind the second event


async def test_an_unknown_release_is_told_which_do_it():
    async with a_call() as (call, peer):
        (advice,) = await press_twice(call, peer)
        assert advice.severity == "info"
        assert "servers until 0.3.113 at least do this" in advice.text


async def test_without_lint_nothing_is_said():
    async with a_call(lint="off") as (call, peer):
        assert await press_twice(call, peer) == []


@pytest.mark.parametrize(
    ("version", "rules"),
    [("0.3.83", set()), ("0.3.113", {"refusal_after_ringing_lost"})],
)
async def test_a_refusal_behind_ringing_names_the_releases_that_lose_it(version, rules):
    known = ServerVersion.parse(version)
    async with a_call(call_type="sip", server_version=known) as (call, peer):
        await call.ringing()
        await peer.says("incoming", trackId="s.1", caller="a", callee="b", sdp="")
        await call.wait_for(events.Incoming, timeout=5, after=call.log[0])
        await call.reject("no")
    said = {row.message.rule for row in call.log if row.name == "advice"}
    assert said - {"known_server_faults"} == rules
    assert call.log[len(call.log) - 1].name == "closed"


async def test_hanging_up_in_a_text_names_autohangup():
    async with a_call() as (call, peer):
        sent = await call.tts("good bye", play_id="bye")
        await peer.says("trackStart", trackId="ours", playId="bye")
        await call.wait_for(events.TrackStart, timeout=5, after=sent)
        await call.hangup()
        (advice,) = [
            row.message
            for row in call.log
            if row.name == "advice" and row.message.rule == "hangup_cuts_farewell"
        ]
    assert advice.severity == "info"
    assert "autoHangup" in advice.instead
