"""The wall of calls: what its cards say, and what pressing them does."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from waiting import until

from rustpbx_lab.dashboard.pages.calls import CallsPage
from rustpbx_lab.dashboard.shell import Shell
from rustpbx_lab.dashboard.state.server_calls import ServerCalls
from rustpbx_lab.errors import UnknownCallError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import EventLog
from rustpbx_lab.simulator.server.stand_in import StandIn
from rustpbx_lab.views.activity import Activity

from .conftest import HOSTILE, conversation, ended_call
from .site import OPTION


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with StandIn(asr="scripted", tts="scripted").in_thread() as running:
        yield running


@pytest.fixture
def theirs(server: StandIn) -> Iterator[HubCall]:
    with CallHub() as hub:
        call = hub.start(server.url, OPTION)
        until(lambda: call.state == "in call")
        yield call


class Bench:
    """A wall, what was opened from it, and what it said."""

    def __init__(self, hub: CallHub, url: str, user: str | None = None) -> None:
        self.opened: list[HubCall] = []
        self.said: list[str] = []
        host: Any = SimpleNamespace(
            hub=hub,
            user=user,
            view=None,
            connection=SimpleNamespace(server=ServerCalls(hub, lambda: url)),
            open_call=self.opened.append,
            say=lambda text, severity: self.said.append(text),
        )
        self.wall = CallsPage(host)

    def press(self, **message: object) -> None:
        self.wall._on_message(message)

    def others(self) -> list[str]:
        self.wall.tick(has_drawn=False)
        return [card["id"] for card in self.wall.groups()[1]["cards"]]


def test_activity_counts_events_and_who_speaks_by_second():
    activity = Activity(ended_call(conversation("Friday")))
    activity.look()
    spark = activity.spark()
    assert len(spark) == 60
    # seconds 0 to 3 of the call are the last four
    assert [events for events, _ in spark[-4:]] == [3, 0, 5, 3]
    assert [who for _, who in spark[-4:]] == [2, 2, 3, 1]
    assert activity.n_errors == 1
    assert (activity.last_words, activity.last_speaker) == ("Friday", "caller")


def test_activity_costs_the_new_rows_and_begins_anew_with_a_new_log():
    call = ended_call(conversation())
    activity = Activity(call)
    activity.look()
    before = activity.spark()
    activity.look()
    assert activity.spark() == before
    call.log = EventLog()
    activity.look()
    assert not any(events for events, _ in activity.spark())


def test_the_calls_of_the_hub_and_of_the_server_stand_apart(hub, server, theirs):
    own = hub.start(server.url, OPTION)
    until(lambda: own.state == "in call")
    bench = Bench(hub, server.url)
    until(lambda: bench.others() == [theirs.id])
    here, others = bench.wall.groups()
    assert [card["id"] for card in here["cards"]] == [own.id]
    assert here["cards"][0]["state"] == "in call"
    assert others["cards"][0]["spark"] is None  # nobody listens: unknown


def test_watching_from_a_card_opens_the_call(hub, server, theirs):
    bench = Bench(hub, server.url)
    until(lambda: bench.others() == [theirs.id])
    bench.press(watch=theirs.id)
    (call,) = bench.opened
    assert (call.id, call.role) == (theirs.id, "watched")
    until(lambda: call.state == "in call")
    until(lambda: bench.others() == [])
    bench.press(leave=call.id)
    until(lambda: call.is_over)
    assert theirs.state == "in call"


def test_a_call_that_is_not_listed_is_not_watched(hub, server):
    bench = Bench(hub, server.url)
    bench.press(watch="s.made-up")
    assert bench.opened == []
    assert "no call 's.made-up'" in bench.said[0]
    assert hub.calls == []


def test_a_viewer_cannot_hang_up_and_is_told_why(server, theirs):
    with CallHub(operators=["ann"]) as hub:
        bench = Bench(hub, server.url, "bob")
        until(lambda: bench.others() == [theirs.id])
        bench.press(watch=theirs.id)
        (card,) = bench.wall.groups()[0]["cards"]
        assert "only the operators" in card["refused"]
        bench.press(hang_up=theirs.id)
        assert "only the operators" in bench.said[0]
        assert theirs.state == "in call"
        Bench(hub, server.url, "ann").press(hang_up=theirs.id)
        until(lambda: theirs.is_over)


def test_no_server_is_one_line_and_the_calls_here_stay(hub):
    hub._calls["s.x"] = ended_call(conversation(HOSTILE), "s.x")
    bench = Bench(hub, "ws://127.0.0.1:9")
    until(lambda: bench.others() or "cannot connect" in _note(bench))
    assert [card["id"] for card in bench.wall.groups()[0]["cards"]] == ["s.x"]


def _note(bench: Bench) -> str:
    return str(bench.wall.groups()[1]["note"])


def test_all_pages_share_one_question_to_a_server(hub, server, theirs, monkeypatch):
    asked = []
    ask = hub.running_on
    monkeypatch.setattr(hub, "running_on", lambda url: asked.append(url) or ask(url))
    pages = [ServerCalls(hub, lambda: server.url) for _ in range(20)]
    until(lambda: [page.ask().calls for page in pages] and pages[0].others)
    assert asked == [server.url]
    assert {call.id for page in pages for call in page.others} == {theirs.id}


def test_another_endpoint_has_another_list(hub, server, theirs):
    at = [server.url]
    calls = ServerCalls(hub, lambda: at[0])
    until(lambda: calls.ask().calls)
    at[0] = "ws://127.0.0.1:9"
    calls.ask()
    assert calls.others == []
    with pytest.raises(UnknownCallError):
        calls.watch(theirs.id)
    until(lambda: "cannot connect" in calls.ask().problem)


def test_a_closed_hub_is_a_problem_of_the_list_and_of_nothing_else(server):
    with CallHub() as hub:
        calls = ServerCalls(hub, lambda: server.url)
    assert "closed" in calls.ask().problem
    assert calls.others == []


def test_a_page_that_nobody_opened_is_not_made(hub):
    shell = Shell(hub, endpoint="ws://127.0.0.1:9")
    shell.refresh()
    assert list(shell.pages) == ["Live"]
    shell.show_page("Calls")
    shell.refresh()
    assert list(shell.pages) == ["Live", "Calls"]
