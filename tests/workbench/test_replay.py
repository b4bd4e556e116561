"""A saved call, replayed: the same log, the same sound, at any speed."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from waiting import until

from rustpbx_lab import errors, read_log
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.recording import Recording
from rustpbx_lab.client.media.audio_legs import AudioLegs
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.replay_call import ReplayCall
from rustpbx_lab.hub.saved_call import due_samples, read_saved
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, events, notes
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.speech.vad_engines import SileroEngine

T0 = 1_787_302_461_000
SID = "s.1"


class Clock:
    """Time that passes when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def records(skew_ms: int = 0) -> list[Record]:
    option = CallOption(vad=VADOption(silence_padding=400))
    started = {"sample_rate_hz": 16000, "codec": "pcm", "sample": 0}
    made: list[Record] = [
        Record.of_note(
            notes.Connected(url="ws://lab:1/call", call_type="websocket"), T0
        ),
        Record.of_command(commands.Invite(option=option), T0 + 10),
        Record.of_note(
            notes.AudioStarted(leg="caller", at_ms=T0 + 500, **started), T0 + 500
        ),
    ]
    for number in range(40):
        at = T0 + 1000 + number * 100
        text = f'{{"event":"ping","trackId":"{SID}","timestamp":{at + skew_ms}}}'
        made.append(Record.of_event(events.parse(text), text, at + 3))
    made.append(Record.of_note(notes.Closed(why="over", code=1000), T0 + 5100))
    return made


def tone(seconds: float, rate: int = 16000) -> np.ndarray:
    times = np.arange(int(seconds * rate)) / rate
    return (8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    log = EventLog()
    for record in records():
        log.append(record)
    path = tmp_path / f"{SID}.events.jsonl"
    log.save(path)
    left, right = tone(4), np.zeros(64000, np.int16)
    right[16000:32000] = tone(1)
    Clip(np.stack([left, right], axis=1), 16000).write(tmp_path / f"{SID}.wav")
    Clip(left, 16000).write(tmp_path / f"{SID}.caller.wav")
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def call(file: Path, clock: Clock) -> ReplayCall:
    made = ReplayCall(read_saved(file), "replay", 2.0, clock)
    made.attach("a page")
    made.begin()
    return made


def test_rows_come_in_call_time_times_the_speed(call: ReplayCall, clock: Clock):
    call.advance()
    assert [record.name for record in call.log] == ["connected"]
    clock.now += 1.0
    call.advance()
    assert call.now_ms == 2000
    assert max(record.time_ms or 0 for record in call.log) <= 2000
    source = read_log(call.saved.path)
    assert list(call.log) == source.records(0, len(call.log))
    assert (source[len(call.log)].time_ms or 0) > 2000


def test_a_replay_to_its_end_gives_an_equal_log_and_then_is_over(
    call: ReplayCall, clock: Clock
):
    while not call.is_over:
        clock.now += 0.3
        call.advance()
    assert call.log == read_log(call.saved.path)
    assert call.state == "replay"
    assert call.now_ms == call.end_ms == 5100


def test_the_sound_keeps_step_with_the_rows_sample_for_sample(
    call: ReplayCall, clock: Clock
):
    clock.now += 0.75  # 1.5 s of call: the sound began at 0.5 s
    call.advance()
    assert call.recording.caller.n_samples == 16000
    clock.now += 0.25
    call.advance()
    heard = call.recording.caller.samples()
    assert len(heard) == 24000
    assert (heard == tone(4)[:24000]).all()
    assert call.recording.caller.anchors == [(0, T0 + 500)]
    assert call.time_of(call.recording.caller.time_of(0)) == 500
    assert call.recording.server.samples()[16000:24000].any()


def test_seeking_forward_feeds_what_was_skipped(call: ReplayCall):
    call.seek(4000)
    call.advance()
    assert call.log[-1].time_ms is not None
    assert 3900 <= call.log[-1].time_ms <= 4000
    assert call.recording.caller.duration_ms == 3500


def test_seeking_back_begins_a_new_log_and_closes_the_old_one(call: ReplayCall):
    call.seek(5100)
    call.advance()
    old = call.log
    call.seek(1500)
    assert call.advance()
    assert old.is_closed
    assert call.log is not old
    assert not call.log.is_closed
    assert list(call.log) == list(old)[: len(call.log)]
    assert call.recording.caller.duration_ms == 1000


def test_a_pause_stands_still_and_playing_at_the_end_begins_anew(
    call: ReplayCall, clock: Clock
):
    clock.now += 0.5
    call.pause()
    clock.now += 10
    assert call.position_ms == 1000
    call.play()
    clock.now += 0.1
    assert call.position_ms == pytest.approx(1200)
    call.seek(9e9)
    assert call.position_ms == call.end_ms
    call.play()
    assert call.position_ms == 0


def test_a_change_of_speed_keeps_the_place(call: ReplayCall, clock: Clock):
    clock.now += 0.5
    call.speed = 20
    assert call.position_ms == 1000
    clock.now += 0.1
    assert call.position_ms == pytest.approx(3000)


def test_it_runs_only_while_somebody_watches(call: ReplayCall, clock: Clock):
    call.detach("a page")
    clock.now += 100
    assert call.position_ms == 0
    call.attach("another page")
    clock.now += 0.5
    assert call.position_ms == 1000


def test_it_begins_once_and_not_before_it_is_told_to(file: Path, clock: Clock):
    call = ReplayCall(read_saved(file), "replay", 1.0, clock)
    call.attach("a page")
    clock.now += 5
    assert call.position_ms == 0
    call.begin()
    clock.now += 1
    call.pause()
    call.begin()  # a second page is drawn
    assert call.is_paused
    assert call.position_ms == 1000


@pytest.mark.parametrize("speed", [0.4, 21, 0, -1, float("nan")])
def test_a_speed_beyond_the_limits_is_refused(call: ReplayCall, speed: float):
    with pytest.raises(errors.InvalidOptionError, match=r"0\.5 to 20"):
        call.speed = speed


def test_the_option_and_the_place_of_the_call_are_those_of_the_log(call: ReplayCall):
    assert call.option is not None
    assert call.option.vad is not None
    assert call.option.vad.silence_padding == 400
    assert call.url == "ws://lab:1/call"


def test_probabilities_are_those_of_the_file_up_to_the_place(
    call: ReplayCall, clock: Clock
):
    while call.listen():
        continue
    expected = SileroEngine().stream().push(tone(4))
    clock.now += 0.75
    call.advance()
    assert len(call.probabilities) == 16000 // 512
    np.testing.assert_array_equal(call.probabilities, expected[: 16000 // 512])
    assert call.time_of_frame(0) == 500


def test_a_log_of_the_server_is_replayed_with_its_recording(tmp_path: Path):
    log = EventLog()
    for at, name in ((0, "ping"), (700, "answer"), (3000, "ping")):
        text = json.dumps(
            {"event": name, "trackId": "s.1", "timestamp": T0 + at, "sdp": ""}
        )
        log.append(Record.of_event(events.parse(text), text, None))
    path = tmp_path / "s.9.events.jsonl"
    log.save(path)
    both = np.stack([tone(2), tone(2)], axis=1)
    Clip(both, 16000).write(tmp_path / "s.9.wav")
    call = ReplayCall(read_saved(path), "replay")
    call.seek(1700)
    call.advance()
    assert call.recording.server.n_samples == 16000
    assert call.time_of(call.recording.server.time_of(0)) == 700
    assert "taken to be the answer" in call.saved.remarks[0]


def test_a_mono_recording_is_said_to_be_one(file: Path):
    file.with_name(f"{SID}.caller.wav").unlink()
    Clip(tone(1), 16000).write(file.with_name(f"{SID}.wav"))
    saved = read_saved(file)
    assert saved.recording.caller.n_samples == 16000
    assert not saved.recording.server.n_samples
    assert "one channel" in saved.remarks[0]


def test_a_broken_recording_leaves_the_log(file: Path):
    for name in (f"{SID}.caller.wav", f"{SID}.wav"):
        file.with_name(name).write_bytes(b"RIFFnonsense")
    saved = read_saved(file)
    assert len(saved.log) == 44
    assert all("No sound" in remark for remark in saved.remarks)
    assert ReplayCall(saved, "replay").end_ms == 5100


def test_due_samples_follow_the_arrivals(file: Path):
    leg = read_saved(file).recording.caller
    assert [due_samples(leg, T0 + at) for at in (0, 500, 501, 1500, 99999)] == [
        *(0, 0, 16, 16000, 64000)
    ]


@pytest.fixture
def hub() -> Iterator[CallHub]:
    with CallHub() as made:
        yield made


def test_the_hub_replays_beside_its_calls(hub: CallHub, file: Path):
    call = hub.replay(file, speed=20)
    assert hub.calls == [call]
    assert call.role == "replay"
    before = hub.revision
    hub.attach(call.id, "a page")
    call.begin()
    until(lambda: call.is_over)
    until(lambda: hub.revision > before)  # told a moment after it is over
    assert call.log == read_log(file)
    with pytest.raises(errors.CallError, match="is a replay"):
        hub.send(call.id, commands.Pause())
    again = hub.replay(file)
    assert again.id != call.id
    hub.leave(call.id).result(10)
    until(lambda: call.state == "ended")


def test_seeking_back_after_the_end_goes_on(hub: CallHub, file: Path):
    call = hub.replay(file, speed=20)
    hub.attach(call.id, "a page")
    call.begin()
    until(lambda: call.is_over)
    call.pause()
    call.seek(2000)
    until(lambda: not call.is_over and len(call.log) > 3)
    assert call.now_ms == 2000


def test_closing_the_hub_ends_its_replays(file: Path):
    with CallHub() as hub:
        call = hub.replay(file)
    assert call.state == "ended"
    assert not [t for t in threading.enumerate() if t.name.startswith("rustpbx")]


def test_a_file_that_is_no_log_is_refused(hub: CallHub, tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_text("hello\n")
    with pytest.raises(errors.LogFileError, match="as an event log"):
        hub.replay(path)
    assert hub.calls == []


def test_a_replay_goes_on_as_long_as_there_is_sound(file: Path):
    silence = np.zeros((6 * 16_000, 2), np.int16)
    Clip(silence, 16_000).write(file.with_name(f"{SID}.wav"))
    # it began half a second into the call
    assert ReplayCall(read_saved(file), "replay").end_ms == pytest.approx(6500, abs=2)


RAMP = np.arange(8 * 16_000, dtype=np.int16)


def held_up(told: list[notes.BaseNote]) -> Recording:
    """Return what a caller sent who was held up from 3 s to 5 s."""
    recording = Recording()
    legs = AudioLegs(recording, told.append)
    for number in range(400):
        due_ms = number * 20
        came_ms = 5000 if 3000 <= due_ms < 5000 else due_ms
        if came_ms - due_ms == 2000:
            legs.end_bursts(T0 + came_ms)
        frame = RAMP[number * 320 : (number + 1) * 320]
        legs.add("caller", frame.tobytes(), T0 + came_ms)
    legs.end_bursts(None)
    return recording


@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "older log"])
def test_a_caller_that_was_held_up_is_on_time_again(tmp_path: Path, is_noted: bool):
    told: list[notes.BaseNote] = []
    recording, log = held_up(told), EventLog()
    for note in told:
        kept = note
        if isinstance(note, notes.AudioStopped) and not is_noted:
            kept = note.model_copy(update={"clock": None})
        log.append(Record.of_note(kept, kept.at_ms))
    log.save(tmp_path / f"{SID}.events.jsonl")
    recording.caller.export(tmp_path / f"{SID}.caller.wav")
    saved = read_saved(tmp_path / f"{SID}.events.jsonl").recording.caller
    for at_ms in (1000, 2900, 5500, 7900):
        assert saved.time_of(at_ms * 16) == pytest.approx(T0 + at_ms, abs=60)
        assert recording.caller.time_of(at_ms * 16) == pytest.approx(T0 + at_ms, abs=60)


def test_a_recording_of_a_caller_that_was_held_up_is_as_long_as_the_call(
    tmp_path: Path,
):
    held_up([]).export(tmp_path / f"{SID}.wav")
    exported = Clip.read_channels(tmp_path / f"{SID}.wav").samples[:, 0]
    assert len(exported) == pytest.approx(len(RAMP), abs=40 * 16)
    assert np.array_equal(exported[-16_000:], RAMP[-16_000:])
    assert np.array_equal(exported[: 3 * 16_000], RAMP[: 3 * 16_000])


def test_an_empty_log_is_said_to_be_one(tmp_path: Path):
    path = tmp_path / "s.empty.events.jsonl"
    path.write_bytes(b"")
    saved = read_saved(path)
    assert saved.remarks == ["The log is empty: nothing happened in this call."]
    assert ReplayCall(saved, "replay").end_ms == 0


def test_a_log_that_was_cut_off_is_said_to_be_one(tmp_path: Path):
    log = EventLog()
    for record in records()[:-1]:
        log.append(record)
    log.save(tmp_path / "s.events.jsonl")
    saved = read_saved(tmp_path / "s.events.jsonl")
    assert (
        "The log has no end: the call was cut off, or is still running."
        in saved.remarks
    )
