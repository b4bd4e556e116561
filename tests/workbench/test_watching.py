"""Calls of others in the hub: listed, watched, taken over, ended."""

from collections.abc import Iterator

import pytest
from waiting import until
from workbench.test_hub import LIMIT_S, wait_for_state

from rustpbx_lab import errors
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import CallOption, SynthesisOption, VADOption
from rustpbx_lab.simulator.server.stand_in import StandIn

OPTION = CallOption(vad=VADOption(), tts=SynthesisOption(provider="deepgram"))


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(asr="scripted", tts="scripted").in_thread() as running:
        yield running


@pytest.fixture
def theirs(server: StandIn) -> Iterator[HubCall]:
    with CallHub() as hub:
        call = hub.start(server.url, OPTION)
        wait_for_state(call, "in call")
        yield call


@pytest.fixture
def hub() -> Iterator[CallHub]:
    with CallHub(operators=["ann"]) as made:
        yield made


def names(call: HubCall) -> list[str]:
    return [record.name for record in call.log]


def test_the_calls_of_a_server_are_listed(hub, server, theirs):
    (listed,) = hub.running_on(server.url).result(LIMIT_S)
    assert listed.id == theirs.id
    assert listed.start_time is not None


def test_a_watched_call_is_a_call_of_the_hub(hub, server, theirs):
    call = hub.watch(server.url, theirs.id)
    wait_for_state(call, "in call")
    assert (call.id, call.role) == (theirs.id, "watched")
    assert hub.watch(server.url, theirs.id) is call
    sent = hub.send(call.id, commands.Tts(text="Hello", play_id="p"), user="ann")
    assert sent.result(LIMIT_S).name == "tts"
    until(lambda: "trackStart" in names(call))
    assert "trackStart" in names(theirs)


def test_leaving_a_watched_call_lets_it_go_on(hub, server, theirs):
    call = hub.watch(server.url, theirs.id)
    wait_for_state(call, "in call")
    hub.leave(call.id).result(LIMIT_S)
    wait_for_state(call, "ended")
    assert theirs.state == "in call"


def test_only_an_operator_may_end_a_watched_call(hub, server, theirs):
    call = hub.watch(server.url, theirs.id)
    wait_for_state(call, "in call")
    with pytest.raises(errors.NotAllowedError):
        hub.hang_up(call.id, user="bob")
    with pytest.raises(errors.NotAllowedError):
        hub.send(call.id, commands.Pause(), user="bob")
    hub.hang_up(call.id, user="ann").result(LIMIT_S)
    until(lambda: theirs.is_over)
    wait_for_state(call, "ended")


def test_our_own_call_is_not_left(server):
    with CallHub() as hub:
        call = hub.start(server.url, OPTION)
        wait_for_state(call, "in call")
        with pytest.raises(errors.CallError, match="hang it up"):
            hub.leave(call.id)


def test_watching_nobody_fails_with_one_clear_line(hub, server):
    call = hub.watch(server.url, "s.nobody")
    wait_for_state(call, "failed")
    assert call.error is not None
    assert "s.nobody" in call.error


def test_a_server_that_is_not_there_fails_the_list(hub):
    with pytest.raises(errors.ConnectError):
        hub.running_on("ws://127.0.0.1:9").result(LIMIT_S)
