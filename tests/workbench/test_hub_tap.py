"""The audio tap of a hub: calls that somebody else runs, on a server with a monitor."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from waiting import until

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.audio.sources import ClipSource
from rustpbx_lab.errors import CallError, ConnectError, ServerStartError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.hub.tapped_call import HubTap
from rustpbx_lab.log import read_log
from rustpbx_lab.models import commands, notes
from rustpbx_lab.models.options import (
    CallOption,
    MonitorOption,
    RecorderOption,
    VADOption,
)
from rustpbx_lab.simulator import StandIn
from rustpbx_lab.speech.vad import VadParams, decide

RATE = 16_000
SECONDS = 2
SPEECH = Path(__file__).parent.parent / "recordings" / "recorded.wav"


def speech(seconds: float = SECONDS) -> Samples:
    """Return speech that begins with the first sample, again and again."""
    caller = Clip.read_channels(SPEECH).channel(0).resampled(RATE).samples
    return np.resize(caller[np.argmax(np.abs(caller) > 500) :], int(RATE * seconds))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StandIn]:
    made = StandIn(
        asr="scripted",
        tts="scripted",
        dump_dir=tmp_path / "server",
        server_version="0.3.113",
    )
    (tmp_path / "server").mkdir()
    with made.in_thread():
        yield made


@pytest.fixture
def other() -> Iterator[CallHub]:
    """The hub of somebody else's process."""
    with CallHub() as hub:
        yield hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[CallHub]:
    with CallHub(logs=tmp_path / "logs", server_version="0.3.113") as made:
        yield made


def talking(
    other: CallHub,
    server: StandIn,
    tap: HubTap,
    call_id: str = "s.theirs",
    seconds: float = SECONDS,
    **monitor: int,
) -> HubCall:
    option = CallOption(
        vad=VADOption(),
        monitor=MonitorOption(url=tap.url, headers=tap.option.headers, **monitor),
        recorder=RecorderOption(recorder_file="{id}.wav"),
    )
    audio = ClipSource(Clip(speech(seconds), RATE))
    call = other.start(server.url, option, call_id=call_id, audio=audio)
    until(lambda: call.state == "in call")
    return call


def heard(hub: CallHub, call_id: str = "s.theirs") -> HubCall:
    """Return the call of an id as soon as it is there."""
    return until(
        lambda: next((call for call in hub.calls if call.id == call_id), None),
        awaited="the tapped call",
    )


def names(call: HubCall) -> list[str]:
    return [record.name for record in call.log]


@pytest.mark.parametrize("monitor", [{}, {"buffer_size": 1281}, {"ptime": 100}])
def test_a_call_of_others_is_heard_with_its_events(
    other: CallHub,
    server: StandIn,
    hub: CallHub,
    tmp_path: Path,
    monitor: dict[str, int],
):
    tap = hub.tap(server=server.url)
    theirs = talking(other, server, tap, **monitor)
    wav = tmp_path / "agent.wav"
    agent = np.arange(1, RATE, dtype=np.int16)  # no sample is 0
    Clip(agent, RATE).write(wav)
    other.send(theirs.id, commands.Play(url=str(wav), play_id="p")).result(10)
    ours = heard(hub)
    until(
        lambda: "trackEnd" in names(ours) and ours.recording.caller.duration_ms > 1900
    )
    assert ours.role == "watched"
    assert {"tapped", "speaking", "audioStarted"} <= set(names(ours))
    assert not tap.refused
    other.send(theirs.id, commands.Hangup()).result(10)
    until(lambda: ours.is_over)
    # bit for bit what the caller sent and what the server played
    sent = speech()
    caller = ours.recording.caller.samples()
    assert np.array_equal(caller[: len(sent)], sent[: len(caller)])
    played = ours.recording.server.samples()
    played = played[played != 0]
    assert (
        len(agent) - len(played) < RATE // 10
    )  # a buffer that is not full stays there
    assert np.array_equal(played, agent[: len(played)])


def test_what_is_saved_equals_the_servers_recording(
    other: CallHub, server: StandIn, hub: CallHub, tmp_path: Path
):
    tap = hub.tap(server=server.url)
    theirs = talking(other, server, tap)
    ours = heard(hub)
    until(lambda: ours.recording.caller.duration_ms >= SECONDS * 1000)
    other.send(theirs.id, commands.Hangup()).result(10)
    until(lambda: ours.is_over and theirs.is_over)
    recorded = until(lambda: next((tmp_path / "server").glob("*.wav"), None))
    until(lambda: recorded.stat().st_size > 4 * SECONDS * RATE)
    theirs_wav = Clip.read_channels(recorded).channel(0).samples
    ours_wav = Clip.read_channels(tmp_path / "logs" / "s.theirs.wav").channel(0).samples
    # the server puts zeros where its blocks were not filled in time
    length = (SECONDS - 1) * RATE
    assert np.array_equal(
        ours_wav[ours_wav != 0][:length], theirs_wav[theirs_wav != 0][:length]
    )


def test_events_and_audio_are_on_one_clock(
    other: CallHub, server: StandIn, hub: CallHub
):
    tap = hub.tap(server=server.url)
    talking(other, server, tap)
    ours = heard(hub)
    speaking = until(
        lambda: next((r for r in ours.log if r.name == "speaking"), None),
        awaited="speaking",
    )
    params = VadParams.from_option(VADOption())
    found = until(lambda: decide(ours.probabilities, params), awaited="our decision")
    began_ms = ours.recording.caller.time_of(found[0].start_time * RATE // 1000)
    assert abs(began_ms - speaking.message.start_time) <= 20


def test_ten_calls_at_once_lose_nothing(other: CallHub, server: StandIn, hub: CallHub):
    tap = hub.tap(server=server.url)
    ids = [f"s.{number}" for number in range(10)]
    for call_id in ids:
        talking(other, server, tap, call_id)
    for call_id in ids:
        ours = heard(hub, call_id)
        until(lambda ours=ours: ours.recording.caller.duration_ms >= SECONDS * 1000)
        sent = speech()
        assert np.array_equal(ours.recording.caller.samples()[: len(sent)], sent)
        assert "audioLost" not in names(ours)


def test_a_call_whose_server_is_not_known_is_heard_alone(
    other: CallHub, server: StandIn, hub: CallHub, tmp_path: Path
):
    tap = hub.tap()
    theirs = talking(other, server, tap)
    ours = heard(hub)
    until(lambda: ours.recording.caller.duration_ms > 500)
    assert (ours.label, ours.call_type) == ("listening", "websocket")
    assert not ours.takes_commands
    with pytest.raises(CallError, match="only the audio is known"):
        hub.send(ours.id, commands.Interrupt())
    other.hang_up(theirs.id)
    until(lambda: ours.is_over)
    log = read_log(tmp_path / "logs" / "s.theirs.events.jsonl")
    found = [record.name for record in log]
    assert found[0] == "tapped"
    assert found[-1] == "closed"
    assert (tmp_path / "logs" / "s.theirs.wav").exists()


def test_a_call_of_our_own_is_heard_both_ways(server: StandIn, hub: CallHub):
    tap = hub.tap()
    option = CallOption(monitor=tap.option, callee="sip:bob@127.0.0.1")
    call = hub.start(server.url, option, call_type="sip")
    until(lambda: call.recording.caller.duration_ms > 200, awaited="the caller's audio")
    assert "tapped" in names(call)
    assert [one.id for one in hub.calls] == [call.id]


def test_a_call_that_has_its_own_audio_keeps_it(server: StandIn, hub: CallHub):
    tap = hub.tap()
    audio = ClipSource(Clip(speech(), RATE))
    call = hub.start(server.url, CallOption(monitor=tap.option), audio=audio)
    until(lambda: call.recording.caller.duration_ms > 500)
    note = next((r.message for r in call.log if r.name == "audioStarted"), None)
    assert isinstance(note, notes.AudioStarted)
    assert [one.id for one in hub.calls] == [call.id]


def test_a_call_that_does_not_run_is_refused_and_said(
    other: CallHub, server: StandIn, hub: CallHub
):
    with ExitStack() as stack:
        elsewhere = stack.enter_context(
            StandIn(asr="scripted", tts="scripted").in_thread()
        )
        tap = hub.tap(server=elsewhere.url)
        talking(other, server, tap)
        (refusal,) = until(lambda: tap.refused)
    assert "no such call runs on" in refusal.why
    assert hub.calls == []


def test_a_tap_that_cannot_be_says_why(hub: CallHub):
    with pytest.raises(ConnectError, match="ws://HOST:PORT"):
        hub.tap(server="not an address")
    tap = hub.tap()
    with pytest.raises(ServerStartError, match="the port is in use"):
        hub.tap(int(tap.url.rpartition(":")[2].partition("/")[0]))
    assert hub.taps == [tap]


def test_leaving_a_heard_call_ends_nothing(
    other: CallHub, server: StandIn, hub: CallHub
):
    tap = hub.tap()
    theirs = talking(other, server, tap, seconds=30)
    ours = heard(hub)
    until(lambda: ours.state == "in call")
    hub.leave(ours.id).result(10)
    until(lambda: ours.is_over)
    assert theirs.state == "in call"
    assert ours.close_reason == "we stopped listening; the call goes on"
