"""The live page without a browser: it attaches, sends, and says what failed."""

import pytest
from waiting import until

from rustpbx_lab.dashboard.app import check_address, is_loopback, prepare, serve
from rustpbx_lab.dashboard.live import LivePage
from rustpbx_lab.errors import NotAllowedError, ServerStartError
from rustpbx_lab.models import commands
from rustpbx_lab.simulator.server import StandIn
from rustpbx_lab.workbench.hub import CallHub

from .conftest import conversation, ended_call


@pytest.fixture(autouse=True)
def _prepared() -> None:
    prepare()


def put(hub: CallHub, call: object) -> None:
    hub._calls[call.id] = call


def test_a_page_without_calls_says_so(hub: CallHub):
    page = LivePage(hub)
    page.refresh()
    assert page.view is None
    assert page.bar.hang_up.disabled
    assert page.bar.say.disabled
    assert page.empty.visible
    put(hub, ended_call(conversation()))
    page._show(hub.calls[0])
    assert not page.empty.visible


def test_a_page_shows_the_newest_call_or_the_one_it_is_asked_for(hub: CallHub):
    put(hub, ended_call(conversation(), "s.old"))
    put(hub, ended_call(conversation(), "s.new"))
    assert LivePage(hub).view.call.id == "s.new"
    assert LivePage(hub, call_id="s.old").view.call.id == "s.old"


def test_a_page_attaches_and_detaches(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = LivePage(hub)
    call = page.view.call
    assert call.watchers == 1
    page._end(type("Tick", (), {"stop": lambda self: None})())
    assert call.watchers == 0


def test_a_selected_row_is_shown_everywhere(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = LivePage(hub)
    page.select(12)
    assert page.events.list.selected == page.transcript.list.selected == 12
    assert "End of speech" in page.inspector.body.object
    page.press_key("j", False)
    assert page.events.list.selected == 11
    page.press_key("n", False)
    page.press_key("p", False)
    assert page.events.list.selected == 14


def test_an_ended_call_stays_readable_and_takes_no_command(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = LivePage(hub)
    page.refresh()
    assert page.events.rows
    assert page.bar.say.disabled
    assert page.connection.button.label == "Connect"


def test_a_form_that_is_wrong_starts_no_call(hub: CallHub):
    page = LivePage(hub, endpoint="127.0.0.1:8080")
    page.connection.press()
    assert hub.calls == []
    assert "begins with ws://" in page.connection.problem.object


def test_an_endpoint_that_is_not_there_fails_in_one_line(hub: CallHub):
    page = LivePage(hub, endpoint="ws://127.0.0.1:9")
    page.connection.press()
    call = page.view.call
    for _ in call.log.cursor().read():
        pass
    until(lambda: call.is_over)
    page._show_state()
    assert call.state == "failed"
    assert "Failed: cannot connect" in page.header.pane.object


def test_the_bar_sends_into_a_real_call(hub: CallHub):
    with StandIn(asr="scripted", tts="scripted").in_thread() as server:
        page = LivePage(hub, endpoint=server.url)
        page.connection.press()
        call = page.view.call
        until(lambda: call.state == "in call")
        page.refresh()
        page._show_state()
        assert not page.bar.say.disabled
        page.bar.text.value = "Hello there"
        page.bar.say.clicks += 1
        page.bar.interrupt.clicks += 1
        page.send(commands.Custom(data="mark"))
        until(
            lambda: any(r.name == "custom" for r in call.log if r.direction == "event")
        )
        sent = [r.name for r in call.log if r.direction == "command"]
        assert sent == ["invite", "tts", "interrupt", "custom"]
        page.bar.hang_up.clicks += 1
        until(lambda: call.is_over)
        assert call.state == "ended"


def test_an_error_is_told_while_it_is_news_and_can_be_looked_at(hub: CallHub):
    call = ended_call(conversation())
    put(hub, call)
    page = LivePage(hub)
    assert not page.toast.pane.visible  # its error is history
    view = page.view
    view.new_records = [record for record in call.log if record.name == "error"]
    page._tell_errors(view)
    assert page.toast.pane.visible
    assert "the server reported" in page.toast.words.object
    page.toast.button.clicks += 1
    assert page.events.list.selected == view.new_records[0].seq
    page.toast.fade()
    assert not page.toast.pane.visible
    page.say("press Enter to hang up", "warning")
    assert not page.toast.button.visible


def test_somebody_who_may_only_watch_has_no_buttons():
    with CallHub(operators=["ann"]) as hub:
        put(hub, ended_call(conversation()))
        page = LivePage(hub, user="bob")
        page.send(commands.Interrupt())
        assert "only the operators" in page.toast.words.object
        page.connection.press()
        assert "only the operators" in page.connection.problem.object


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "pbx.example"])
def test_an_open_address_needs_a_login(address: str):
    with pytest.raises(NotAllowedError, match="--basic-auth"):
        check_address(address, has_login=False)
    check_address(address, has_login=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_none(address: str):
    assert is_loopback(address)
    check_address(address, has_login=False)


def test_a_port_in_use_is_one_clear_line(hub: CallHub):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerStartError, match=f"{port}: the port is in use"):
            serve(hub, port=port, show=False)


def test_a_new_call_takes_the_page_of_one_that_is_over(hub: CallHub):
    put(hub, ended_call(conversation(), "s.old"))
    reading, idle = LivePage(hub), LivePage(hub)
    reading.select(3)
    with StandIn(asr="scripted", tts="scripted").in_thread() as server:
        call = hub.start(server.url)
        until(lambda: call.state == "connected")
        for page in (reading, idle):
            page.refresh()
        assert idle.view.call is call
        assert reading.view.call.id == "s.old"
        hub.hang_up(call.id)
        until(lambda: call.is_over)
