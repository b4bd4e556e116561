"""The stand-in as one release of the server or another."""

import inspect
import json
from pathlib import Path

import pytest
from simulator.call_bench import CallBench, base64_tone

from rustpbx_lab import read_log
from rustpbx_lab.cli.servers import simulate
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.server_versions import NEWEST, OLDEST
from rustpbx_lab.simulator import StandIn
from rustpbx_lab.simulator.core.dialect import Dialect

RECORDINGS = Path(__file__).parents[1] / "recordings"
NEW, OLD = Dialect(NEWEST), Dialect(OLDEST)


@pytest.fixture
def bench() -> CallBench:
    """A call of the newest release, answered."""
    made = CallBench(dialect=NEW)
    made.invite()
    return made


def shape(event: dict[str, object]) -> tuple[object, ...]:
    return event["event"], event.get("trackId"), event.get("playId")


def test_a_key_is_said_as_the_recorded_server_said_it(bench: CallBench):
    bench.say("dtmf", digit="5")
    bench.advance(200)
    ours = [event for _, event in bench.new_events()]
    log = read_log(RECORDINGS / "sip_keys.log.jsonl")
    theirs = [
        json.loads(row.raw)
        for row in log
        if '"dtmf-track"' in row.raw and row.direction == "event"
    ]
    assert list(map(shape, ours)) == list(map(shape, theirs[:3]))
    assert ours[-1]["duration"] == 80
    assert abs(theirs[2]["duration"] - 80) <= 5
    assert ours[-1].keys() == theirs[2].keys()


@pytest.mark.parametrize(
    ("asked", "lasts"), [(None, 80), (0, 0), (20, 0), (45, 40), (100, 80), (101, 100)]
)
def test_a_key_lasts_in_steps_of_a_frame(bench, asked, lasts):
    given = {} if asked is None else {"durationMs": asked}
    bench.say("dtmf", digit="#", playId="k", **given)
    bench.advance(500)
    *_, end = [event for _, event in bench.new_events()]
    assert (end["event"], end["playId"], end["duration"]) == ("trackEnd", "k", lasts)


def test_a_key_replaces_the_one_that_sounds(bench):
    bench.say("dtmf", digit="1", durationMs=3000, playId="one")
    bench.advance(1000)
    bench.say("dtmf", digit="2", playId="two")
    bench.advance(300)
    assert bench.story() == [
        *[("trackStart", "one")] * 2,
        *[("trackStart", "two")] * 2,
        ("trackEnd", "one"),
        ("trackEnd", "two"),
    ]


def test_a_key_needs_no_call_and_interrupts_nothing(bench):
    before = CallBench(dialect=NEW)
    before.say("dtmf", digit="d")
    before.advance(100)
    assert [name for name, _ in before.story()] == ["trackStart"] * 2 + ["trackEnd"]
    bench.tts(text=base64_tone(1000), base64=True, playId="long")
    bench.advance(100)
    bench.say("dtmf", digit="1", playId="key")
    bench.advance(2000)
    ends = [(name, play) for name, play in bench.story() if name == "trackEnd"]
    assert ends == [("trackEnd", "key"), ("trackEnd", "long")]


@pytest.mark.parametrize("digit", ["x", "+", " ", "é"])
def test_what_is_no_key_is_an_error(bench, digit):
    bench.say("dtmf", digit=digit)
    bench.advance(10)
    ((_, error),) = bench.new_events()
    assert (error["sender"], error["error"]) == (
        "command",
        f"invalid DTMF digit: '{digit}'",
    )


def test_the_end_of_a_call_releases_its_key(bench):
    bench.say("dtmf", digit="1", durationMs=60_000)
    bench.say("hangup")
    bench.advance(100)
    names = [name for name, _ in bench.story()]
    assert names.count("trackStart") == 2
    assert bench.line.closed_ms is not None


@pytest.mark.parametrize(
    "command",
    [{"command": "dtmf", "digit": "1"}, {"command": "renegotiate", "offer": ""}],
)
def test_an_older_release_drops_what_it_does_not_know(command):
    bench = CallBench(dialect=OLD)
    bench.invite()
    bench.call.take_text(json.dumps(command))
    bench.advance(500)
    assert bench.new_events() == []
    assert bench.rules() == ["dropped"]
    (report,) = bench.strict.reports
    assert report.why == f"server 0.3.83 has no command {command['command']!r}"


def test_an_older_release_ignores_keys_that_it_does_not_know():
    option = {"rtpTimeout": 5, "codec": "pcmu"}
    for dialect, kept in ((OLD, {"codec": "pcmu"}), (NEW, option)):
        bench = CallBench(dialect=dialect)
        bench.say("invite", option=option)
        bench.advance(10)
        assert bench.call.option.to_wire() == kept


def test_renegotiation_is_for_webrtc(bench):
    bench.say("renegotiate", offer="v=0")
    bench.advance(10)
    ((_, error),) = bench.new_events()
    assert error["error"] == "track me does not support renegotiation"
    early = CallBench(dialect=NEW)
    early.say("renegotiate", offer="v=0")
    early.advance(10)
    ((_, error),) = early.new_events()
    assert error["error"] == "track not found: me"


@pytest.mark.parametrize(("dialect", "said"), [(NEW, "bySystem"), (OLD, None)])
def test_a_track_says_that_it_ends_the_call(dialect, said):
    bench = CallBench(dialect=dialect)
    bench.invite()
    bench.tts(text=base64_tone(200), base64=True, playId="q", autoHangup=True)
    bench.advance(1000)
    ends = [event for _, event in bench.new_events() if event["event"] == "trackEnd"]
    assert ends[0].get("autoHangup") == said
    assert "autoHangup" not in ends[1], "the caller's"
    assert bench.line.closed_ms is not None


def test_a_track_that_was_interrupted_no_longer_ends_the_call():
    bench = CallBench(dialect=NEW)
    bench.invite()
    bench.tts(text=base64_tone(2000), base64=True, playId="q", autoHangup=True)
    bench.advance(100)
    bench.say("interrupt")
    bench.advance(100)
    (end,) = [event for _, event in bench.new_events() if event["event"] == "trackEnd"]
    assert "autoHangup" not in end
    assert bench.line.closed_ms is None


def test_a_hangup_is_spelled_as_the_release_does():
    said = events.Hangup(timestamp=1, reason='Some(Other("max call time"))')
    assert OLD.say(said) is said
    assert NEW.say(said).reason == 'Other("max call time")'
    plain = events.Hangup(timestamp=1, reason="Some(ByCaller)")
    assert NEW.say(plain).reason == "ByCaller"
    assert NEW.say(plain).reason_name == plain.reason_name == "byCaller"
    assert NEW.say(events.Hangup(timestamp=1)).reason is None


def test_a_command_of_an_unknown_name_is_known_to_none():
    dance = commands.parse('{"command": "dance"}')
    assert OLD.read(dance) is NEW.read(dance) is None


def test_the_version_of_a_stand_in_is_checked():
    with pytest.raises(InvalidOptionError, match="server version"):
        StandIn(server_version="the newest")


def test_the_newest_release_is_named_alike_everywhere():
    root = Path(__file__).parents[2]
    assert f"NEWEST_VERSION := {NEWEST}\n" in (root / "Makefile").read_text("utf-8")
    usual = inspect.signature(simulate).parameters["server_version"].default
    assert usual == str(NEWEST)
    assert Dialect() == NEW
