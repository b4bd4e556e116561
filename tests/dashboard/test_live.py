"""The live page without a browser: it attaches, sends, and says what failed."""

from pathlib import Path

import pytest
from waiting import until

from rustpbx_lab.dashboard.app import prepare, serve
from rustpbx_lab.dashboard.shell import Shell
from rustpbx_lab.dashboard.web.access import check_address, is_loopback
from rustpbx_lab.errors import NotAllowedError, ServerStartError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import EventLog
from rustpbx_lab.models import commands
from rustpbx_lab.simulator.server.stand_in import StandIn

from .conftest import T0, conversation, ended_call, event, live

pytestmark = pytest.mark.slow  # builds whole pages: about a second each


@pytest.fixture(autouse=True)
def _prepared() -> None:
    prepare()


def put(hub: CallHub, call: object) -> None:
    hub._calls[call.id] = call


def test_a_page_without_calls_says_so(hub: CallHub):
    page = Shell(hub)
    page.refresh()
    assert page.view is None
    assert live(page).bar.hang_up.disabled
    assert live(page).bar.say.disabled
    assert live(page).empty.visible
    put(hub, ended_call(conversation()))
    page._show(hub.calls[0])
    assert not live(page).empty.visible


def test_a_page_shows_the_newest_call_or_the_one_it_is_asked_for(hub: CallHub):
    put(hub, ended_call(conversation(), "s.old"))
    put(hub, ended_call(conversation(), "s.new"))
    assert Shell(hub).view.call.id == "s.new"
    assert Shell(hub, call_id="s.old").view.call.id == "s.old"


def test_a_page_attaches_and_detaches(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    call = page.view.call
    assert call.watchers == 1
    page._end(type("Tick", (), {"stop": lambda self: None})())
    assert call.watchers == 0


def test_a_selected_row_is_shown_everywhere(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    live(page).select(12)
    assert live(page).events.list.selected == live(page).transcript.list.selected == 12
    assert "End of speech" in live(page).inspector.body.object
    page.press_key("j", False)
    assert live(page).events.list.selected == 11
    page.press_key("n", False)
    page.press_key("p", False)
    assert live(page).events.list.selected == 14


def test_an_ended_call_stays_readable_and_takes_no_command(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    page.refresh()
    assert live(page).events.rows
    assert live(page).bar.say.disabled
    assert page.connection.button.label == "Connect"


def test_a_form_that_is_wrong_starts_no_call(hub: CallHub):
    page = Shell(hub, endpoint="127.0.0.1:8080")
    page.connection.press()
    assert hub.calls == []
    assert "begins with ws://" in page.connection.problem.object


def test_an_endpoint_that_is_not_there_fails_in_one_line(hub: CallHub):
    page = Shell(hub, endpoint="ws://127.0.0.1:9")
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
        page = Shell(hub, endpoint=server.url)
        page.connection.press()
        call = page.view.call
        until(lambda: call.state == "in call")
        page.refresh()
        page._show_state()
        assert not live(page).bar.say.disabled
        live(page).bar.speak("Hello there")
        live(page).bar.interrupt.clicks += 1
        page.sender.send(commands.Custom(data="mark"))
        until(
            lambda: any(r.name == "custom" for r in call.log if r.direction == "event")
        )
        sent = [r.name for r in call.log if r.direction == "command"]
        assert sent == ["invite", "tts", "interrupt", "custom"]
        live(page).bar.hang_up.clicks += 1
        until(lambda: call.is_over)
        assert call.state == "ended"


@pytest.fixture
def then(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is four seconds into the call now."""
    clock = "rustpbx_lab.hub.hub_call.system_clock_ms"
    monkeypatch.setattr(clock, lambda: T0 + 4000)


def running_call(records: list, call_id: str = "s.running") -> HubCall:
    call = HubCall(call_id, "ws://127.0.0.1:1", "websocket", None, T0, lambda: 0.0)
    for record in records:
        call.log.append(record)
    return call


@pytest.mark.usefixtures("then")
def test_an_error_is_told_while_it_is_news(hub: CallHub):
    *before, error = conversation()
    call = running_call(before)
    put(hub, call)
    page = Shell(hub)
    page.refresh()
    call.log.append(error)
    page.refresh()
    assert "the server reported" in page.announcer.toast.words.object
    page.show_page("Calls")
    page.refresh()
    page.announcer.toast.button.clicks += 1
    assert live(page).events.list.selected == error.seq
    page.refresh()
    assert page.nav.at == "Live"
    assert not page.announcer.toast.pane.visible
    page.say("press Enter to hang up", "warning")
    assert not page.announcer.toast.button.visible


def test_what_is_over_or_long_past_is_no_news(hub: CallHub):
    for make in (ended_call, running_call):
        later = [event(60_000 + n, event="ping", payload="x") for n in range(3000)]
        call = make([*later[:100], *conversation(), *later[100:]], f"s.{make.__name__}")
        put(hub, call)
        page = Shell(hub, call_id=call.id)
        for _ in range(80):
            page.refresh()
        assert live(page).events.rows
        assert not page.announcer.toast.pane.visible


@pytest.mark.usefixtures("then")
def test_an_error_that_ended_the_call_is_told(hub: CallHub):
    *before, error = conversation()
    call = running_call(before)
    put(hub, call)
    page = Shell(hub)
    call.log.append(error)
    call.log.close()
    call.ended_ms = T0 + 4000
    page.refresh()
    assert "the server reported" in page.announcer.toast.words.object


@pytest.mark.usefixtures("then")
def test_an_error_of_another_call_is_not_selected_in_this_one(hub: CallHub):
    *before, error = conversation()
    call, other = running_call(before), ended_call(conversation()[:5], "s.other")
    put(hub, call)
    page = Shell(hub)
    call.log.append(error)
    page.refresh()
    assert page.announcer.toast.button.visible
    put(hub, other)
    page.open_call(other)
    page.refresh()
    page.announcer.toast.button.clicks += 1
    assert page.view.call is other
    assert page.view.selected is live(page).events.list.selected is None


def test_the_same_news_twice_is_said_twice(hub: CallHub):
    page = Shell(hub, call_id="s.gone")
    for _ in range(2):
        page.say("press Enter to hang up", "warning")
    said = [text for _, text in page.announcer.screen_reader.news]
    assert "no call 's.gone' here" in said[0]
    assert said[1:] == ["No call", "press Enter to hang up", "press Enter to hang up"]


def test_reading_a_log_is_not_a_change_of_its_state(hub: CallHub):
    later = [event(4000 + n, event="ping", payload="x") for n in range(9000)]
    put(hub, ended_call([*conversation(), *later]))
    page = Shell(hub)
    for _ in range(100):
        page.refresh()
    (said,) = [text for _, text in page.announcer.screen_reader.news]
    assert said.startswith("Disconnected")


def test_a_page_outlives_its_hub(hub: CallHub):
    page = Shell(hub)
    hub.close()
    for _ in range(60):
        page.refresh()
    assert page.connection.server.listing.calls == ()


def test_somebody_who_may_only_watch_has_no_buttons():
    with CallHub(operators=["ann"]) as hub:
        put(hub, ended_call(conversation()))
        page = Shell(hub, user="bob")
        page.sender.send(commands.Interrupt())
        assert "only the operators" in page.announcer.toast.words.object
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
    reading, idle = Shell(hub), Shell(hub)
    live(reading).select(3)
    with StandIn(asr="scripted", tts="scripted").in_thread() as server:
        call = hub.start(server.url)
        until(lambda: call.state == "connected")
        for page in (reading, idle):
            page.refresh()
        assert idle.view.call is call
        assert reading.view.call.id == "s.old"
        toast = idle.announcer.toast
        assert "a new call has begun" in toast.words.object
        toast.button.clicks += 1
        idle.refresh()
        assert idle.view.call.id == "s.old", "there is a way back"
        hub.hang_up(call.id)
        until(lambda: call.is_over)


def test_a_span_is_pressed_only_while_it_is_in_view(hub: CallHub):
    call = ended_call(conversation())
    put(hub, call)
    page = Shell(hub)
    bar, viewport = live(page).timeline.bar, live(page).timeline.viewport
    page.refresh()
    assert bar.span.value == "Fit"
    whole = viewport.visible
    viewport.zoom(0.5)
    assert bar.span.value == "Own"
    bar.span.value = "Fit"
    assert viewport.visible == whole
    bar.span.value = "20 s"
    viewport.shift(1000)
    assert bar.span.value == "20 s"
    page.press_key("+", False)
    page.press_key("f", False)
    assert viewport.visible == whole


def test_zooming_while_a_call_is_followed_lasts(hub: CallHub):
    put(hub, call := running_call(conversation()))
    page = Shell(hub)
    bar, viewport = live(page).timeline.bar, live(page).timeline.viewport
    bar.span.value = "Fit"
    page.refresh()
    start, end = viewport.visible
    viewport.zoom(0.5)
    page.refresh()
    narrow = viewport.visible
    assert bar.follow.value
    assert abs((narrow[1] - narrow[0]) - (end - start) / 2) < 1
    assert not call.is_over


def test_a_link_opens_a_call_that_was_saved(tmp_path: Path):
    log = EventLog()
    for record in conversation():
        log.append(record)
    log.close()
    log.save(tmp_path / "s.kept.events.jsonl")
    with CallHub(logs=tmp_path) as hub:
        first, second = Shell(hub, call_id="s.kept"), Shell(hub, call_id="s.kept")
        assert first.view is not None
        assert second.view is not None
        assert first.view.call is second.view.call
        first.refresh()
        assert len(first.view.log) == len(log)
        assert live(first).timeline.bar.span.value == "Fit"
        assert Shell(hub, call_id="../s.kept").view is not None
        assert hub.saved("../s.kept") is None


def test_a_tap_selects_the_mark_under_it_and_one_beside_nothing(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    lane = live(page).timeline.lane("Metrics")
    for target in lane.targets:
        point = next(row for row in page.view.log if row.seq == target.seq)
        value = next(
            value
            for value, at in zip(
                lane.points.source.data["y"], lane.points.source.data["x"], strict=True
            )
            if at == target.left
        )
        tapped(page, lane, target.left, value)
        assert page.view.selected == point.seq
    assert lane.targets
    tapped(page, lane, 100, 5000)
    assert page.view.selected is None
    live(page).select(3)
    page.press_key("Escape", False)
    assert page.view.selected is None


def test_a_tap_in_the_whole_call_goes_there(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    viewport = live(page).timeline.viewport
    viewport.choose_span("10 s")
    live(page).timeline._go_here(type("Tap", (), {"x": 1500.0, "y": 17.0}))
    assert viewport.visible == (-250, 9750)  # nothing is before a call
    assert not live(page).timeline.bar.follow.value
    assert page.view.selected is None


def test_of_an_ended_call_nothing_beyond_its_ends_is_shown(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    viewport = live(page).timeline.viewport
    viewport.centre(9000, 1000)
    assert viewport.visible == pytest.approx((4125, 5125))
    viewport.centre(0, 1000)
    assert viewport.visible == pytest.approx((-50, 950))
    viewport.show_part(-4000, -3000)  # where a link points, one is shown
    assert viewport.visible == (-4000, -3000)


def test_a_tap_on_a_mark_of_the_whole_call_selects_it(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    page.refresh()
    live(page).timeline._go_here(type("Tap", (), {"x": 2120.0, "y": 17.0}))
    assert page.view.log[page.view.selected].name == "interruption"


def test_a_span_that_is_chosen_keeps_the_middle_unless_it_follows(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    viewport = live(page).timeline.viewport
    viewport.choose_span("10 s")
    now_ms = page.view.now_ms
    assert viewport.visible == (now_ms - 9750, now_ms + 250)
    viewport.centre(2000)
    viewport.choose_span("60 s")
    assert viewport.visible == (-1500, 58_500)  # nothing is before a call


def test_escape_closes_the_inspector_of_a_narrow_page(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    page.press_key("Enter", shift=False)
    assert live(page).inspector._layout.css_classes == ["open"]
    page.press_key("Escape", shift=False)
    assert live(page).inspector._layout.css_classes == []


def tapped(page: Shell, lane: object, at_ms: float, y: float) -> None:
    event = type("Tap", (), {"x": at_ms, "y": y})
    live(page).timeline._tapper(lane)(event)


def test_a_second_click_on_connect_is_a_double_click(hub: CallHub):
    page, started = Shell(hub), []
    page.connection._connect = lambda: started.append(1)
    page.connection.press()
    page.connection.press()
    assert started == [1]


def test_a_sip_call_without_a_callee_is_not_made(hub: CallHub):
    page = Shell(hub)
    page.connection.call_type.value = "sip"
    page.connection.press()
    assert "needs a callee" in page.connection.problem.object
    assert hub.calls == []


def test_a_call_that_failed_says_so_where_its_endpoint_stands(hub: CallHub):
    page = Shell(hub)
    page.connection.endpoint.value = "ws://127.0.0.1:9"
    page.connection.press()
    until(lambda: hub.calls[0].is_over)
    page.refresh()
    page._show_state()
    assert "cannot connect" in page.connection.problem.object


def test_a_command_dialog_closes_with_the_call_it_was_opened_for(hub: CallHub):
    put(hub, ended_call(conversation()))
    page = Shell(hub)
    dialog = live(page).bar.dialog
    dialog.ask(commands.Refer)
    assert dialog.dialog.open
    other = ended_call(conversation(), "s.other")
    put(hub, other)
    page.open_call(other)
    page.refresh()
    assert not dialog.dialog.open
