"""What a client sees of a stand-in that fails on purpose."""

import json
import threading
import time
from contextlib import ExitStack

import pytest
from simulator.call_bench import SST, TTS, CallBench, base64_tone
from waiting import join, until
from websockets.sync.client import connect as plain_connect

from rustpbx_lab import connect, events, notes, options, read_log
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.cli import run
from rustpbx_lab.errors import CallRejectedError, InvalidOptionError
from rustpbx_lab.simulator import Faults, StandIn
from rustpbx_lab.speech.recognition import ScriptedRecogniser

pytestmark = pytest.mark.anyio


def faulty(**faults):
    options = {k: faults.pop(k) for k in ("dump_dir",) if k in faults}
    stand_in = StandIn(
        asr="scripted", tts="scripted", faults=Faults(**faults), **options
    )
    return stand_in.in_thread()


async def marks(call, n):
    """Send n marks, and wait for the last that can come."""
    for number in range(n):
        sent = await call.custom(number)
    return sent


def numbers(call):
    return [r.message.data for r in call.log if r.name == "custom" and is_event(r)]


def is_event(record):
    return record.direction == "event"


async def test_events_come_late_and_in_order():
    with faulty(delay=300) as server:
        async with connect(server.url) as call:
            await call.invite(timeout=5)
            await marks(call, 20)
            await call.wait_for(events.Custom, where=lambda e: e.data == 19, timeout=5)
        assert numbers(call) == list(range(20))
        for record in call.log:
            if record.name in ("answer", "custom") and is_event(record):
                assert record.received_ms - record.timestamp >= 290


async def test_every_third_event_is_lost_on_the_way(tmp_path, anyio_backend):
    with faulty(drop=3, dump_dir=tmp_path) as server:
        async with connect(server.url, id=anyio_backend) as call:
            await call.invite(timeout=5)
            await marks(call, 9)
            await call.wait_for(
                events.Custom, where=lambda e: e.data == 8, timeout=5, after=call.log[0]
            )
        assert numbers(call) == [1, 2, 4, 5, 7, 8]  # trackStart and answer are 1 and 2
    log = read_log(tmp_path / f"{anyio_backend}.events.jsonl")
    assert numbers_of(log) == list(range(9))


def numbers_of(log):
    return [r.message.data for r in log if r.name == "custom" and is_event(r)]


@pytest.mark.parametrize("call_type", ["websocket", "sip", "webrtc"])
async def test_calls_of_every_kind_are_refused(call_type):
    with faulty(reject=503) as server:
        async with connect(server.url, call_type=call_type, lint="off") as call:
            with pytest.raises(CallRejectedError) as refused:
                await call.invite(options.CallOption(callee="sip:answer@h"), timeout=5)
            await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
        assert refused.value.code == 503
        names = [r.name for r in call.log if is_event(r)]
        assert names == ["reject", "error"]


async def test_the_connection_is_dropped_in_mid_call():
    with faulty(close_after=0.3) as server:
        async with connect(server.url) as call:
            await call.invite(timeout=5)
            closed = await call.wait_for(notes.Closed, timeout=5)
        assert closed.code in (None, 1006)
        assert call.close_reason == closed.why
        assert call.log[-1].name == "closed"


@pytest.mark.slow
async def test_a_half_open_connection_is_noticed_by_our_ping():
    with faulty(half_open=0.1) as server:
        async with connect(server.url, ping_interval_s=0.2, ping_timeout_s=0.3) as call:
            await call.invite(timeout=5)
            # our close, too, waits for an answer in vain
            closed = await call.wait_for(notes.Closed, timeout=15)
        assert "ping" in closed.why


def test_a_half_open_server_takes_nothing_and_stops_all_the_same():
    with ExitStack() as running:
        server = running.enter_context(faulty(half_open=0.2))
        with plain_connect(server.url + "/call", proxy=None) as socket:
            socket.send('{"command":"invite","option":{}}')
            said = [json.loads(socket.recv(timeout=5))["event"] for _ in range(2)]
            assert said == ["trackStart", "answer"]
            until(lambda: not is_echoed(socket), awaited="a server that is silent")
            stopping = threading.Thread(target=running.close)
            stopping.start()
            join(stopping)


def is_echoed(socket):
    socket.send('{"command":"custom","data":1}')
    try:
        socket.recv(timeout=0.5)
    except TimeoutError:
        return False
    return True


async def test_a_broken_frame_is_a_note_and_loses_nothing():
    with faulty(malformed=4) as server:
        async with connect(server.url) as call:
            await call.invite(timeout=5)
            await marks(call, 10)
            await call.wait_for(
                events.Custom, where=lambda e: e.data == 9, timeout=5, after=call.log[0]
            )
        assert numbers(call) == list(range(10))
        broken = [r.message for r in call.log if r.name == "unreadable"]
        assert len(broken) == 3
        assert broken[0].text.startswith('{"event":"custom"')


def test_a_slow_recogniser_speaks_late(monkeypatch):
    from rustpbx_lab.simulator.call.faulty import SlowRecogniser

    slow = SlowRecogniser(ScriptedRecogniser([("hello", 500)], pause_ms=0), 80).stream()
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    found = []
    for samples in speech():
        found += slow.push(samples)
    found += slow.finish()
    assert found
    assert waited
    assert set(waited) == {0.08}


def speech():
    from simulator.call_bench import tone

    clip = Clip(tone(1000), 16000)
    return [clip.samples[first : first + 320] for first in range(0, 16000, 320)]


async def test_a_clock_that_is_wrong_is_wrong_in_events_and_not_in_call_time():
    with faulty(clock_skew=-3_600_000) as server:
        async with connect(server.url) as call:
            answer = await call.invite(timeout=5)
            sent = await call.custom("now")
            await call.wait_for(events.Custom, timeout=5, after=sent)
        wrong = time.time() * 1000 - 3_600_000
        assert answer.timestamp == pytest.approx(wrong, abs=5000)
        assert call.log[-1].time_ms < 5000


def test_a_slow_log_loses_the_oldest_of_128(tmp_path):
    bench = CallBench(dump_dir=tmp_path, faults=Faults(slow_log=10))
    bench.invite()
    for number in range(400):
        bench.say("custom", data=number)
        bench.advance(1)
    bench.say("hangup")
    bench.advance(5000)
    kept = [
        record.message.data
        for record in read_log(tmp_path / "me.events.jsonl")
        if record.name == "custom" and is_event(record)
    ]
    sent = [
        event["data"] for _, event in bench.new_events() if event["event"] == "custom"
    ]
    assert sent == list(range(400))  # the client has them all
    assert kept == sorted(kept)
    assert 60 < len(kept) < 250
    assert kept[-1] == 399  # the oldest are lost, not the newest


def test_the_words_of_the_command_line():
    words = ["delay=200", "close-after=1.5", "clock-skew=-50", "slow-log=1"]
    assert Faults.read(words) == Faults(
        delay=200, close_after=1.5, clock_skew=-50, slow_log=1
    )
    for word, why in (
        ("lag=1", "no such one; delay, drop"),
        ("delay=soon", "not a whole number"),
        ("delay", "not a whole number"),
        ("close-after=nan", "a number from 0"),
        ("drop=-1", "a number from 0"),
        ("reject=200", "300 to 699"),
    ):
        with pytest.raises(InvalidOptionError, match=why):
            Faults.read([word])


def test_a_wrong_fault_on_the_command_line_is_one_clear_line(capsys):
    assert run(["simulate", "--fault", "lag=1", "--asr", "scripted"]) == 2
    assert "there is no such one" in " ".join(capsys.readouterr().err.split())


async def test_faults_do_not_hide_audio():
    with faulty(delay=50, drop=100, malformed=100) as server:
        async with connect(server.url) as call:
            option = options.CallOption(tts=options.SynthesisOption(**TTS))
            await call.invite(option, timeout=5)
            sent = await call.tts(base64_tone(200), base64=True)
            end = await call.wait_for(events.TrackEnd, timeout=5, after=sent)
            assert end.track_id == SST
        assert call.recording.server.n_samples == 1600
