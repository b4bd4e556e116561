"""Operators send; everybody else who has logged in only watches."""

from collections.abc import Iterator

import pytest
from waiting import until

from rustpbx_lab.dashboard.app import prepare
from rustpbx_lab.dashboard.shell import Shell
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.simulator.server.stand_in import StandIn

from .conftest import live

pytestmark = pytest.mark.slow  # builds whole pages: about a second each


@pytest.fixture
def served() -> Iterator[tuple[CallHub, StandIn]]:
    prepare()
    with (
        StandIn(asr="scripted", tts="scripted").in_thread() as server,
        CallHub(operators=["ann"]) as hub,
    ):
        yield hub, server


def page(served: tuple[CallHub, StandIn], user: str | None) -> Shell:
    hub, server = served
    return Shell(hub, endpoint=server.url, user=user)


@pytest.mark.parametrize("user", ["bob", None])
def test_a_viewer_cannot_connect_send_or_hang_up(served, user):
    hub, server = served
    call = hub.start(server.url, CallOption(vad=VADOption()), user="ann")
    until(lambda: call.state == "in call")
    viewer = page(served, user)
    viewer.refresh()
    viewer._show_state()
    assert live(viewer).bar.say.disabled
    assert live(viewer).bar.interrupt.disabled
    assert live(viewer).bar.hang_up.disabled
    viewer.sender.send(commands.Interrupt())
    assert "only the operators may" in str(viewer.announcer.toast.words.object)
    viewer.sender.hang_up()
    viewer.connection._connect()
    assert "only the operators may" in str(viewer.connection.problem.object)
    assert hub.calls == [call]
    assert call.state == "in call"
    assert "interrupt" not in [record.name for record in call.log]


def test_an_operator_connects_and_sends(served):
    operator = page(served, "ann")
    operator.connection.press()
    (call,) = served[0].calls
    until(lambda: call.state == "in call")
    operator._show_state()
    assert not live(operator).bar.interrupt.disabled
    operator.sender.send(commands.Interrupt())
    until(lambda: "interrupt" in [record.name for record in call.log])
