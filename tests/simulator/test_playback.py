import base64

import numpy as np
import pytest
from simulator.call_bench import EPOCH_MS, SST, CallBench, base64_tone, tone

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.models.options import SynthesisOption
from rustpbx_lab.simulator.tracks.playback import CommandError, merged
from rustpbx_lab.simulator.tracks.track import FRAME_MS
from rustpbx_lab.simulator.tracks.voice import TextPieces, Voice, spoken_text


@pytest.fixture
def bench():
    bench = CallBench()
    bench.invite()
    return bench


def only(events, name):
    return [event for _, event in events if event["event"] == name]


def test_base64_audio_is_played_a_frame_every_20_ms(bench):
    bench.tts(text=base64_tone(400), base64=True, playId="a")
    bench.advance(1000)
    events = bench.new_events()
    assert [at for at, _ in bench.line.frames] == [100 + 20 * k for k in range(20)]
    assert {len(data) for _, data in bench.line.frames} == {320}
    assert [event["event"] for _, event in events] == ["trackStart", "trackEnd"]
    end = events[1][1]
    assert list(end) == ["event", "trackId", "timestamp", "duration", "ssrc", "playId"]
    assert end["duration"] == 400
    assert end["timestamp"] == EPOCH_MS + 500


def test_empty_text_and_bad_base64_end_at_once_without_frame_or_metrics(bench):
    for number, fields in enumerate(({"text": ""}, {"text": "!", "base64": True})):
        bench.tts(playId=f"p{number}", **fields)
        bench.advance(100)
        assert bench.story() == [
            ("trackStart", f"p{number}"),
            ("trackEnd", f"p{number}"),
        ]
    assert not bench.line.frames


def test_synthesis_gives_metrics_before_the_audio_is_over(bench):
    bench.tts(text="hello", playId="a")  # 500 ms of audio
    bench.advance(1000)
    events = bench.new_events()
    assert [event["event"] for _, event in events] == [
        "trackStart",
        "metrics",
        "trackEnd",
    ]
    metrics = events[1][1]
    assert metrics["key"] == "completed.tts.deepgram"
    assert list(metrics["data"]) == sorted(metrics["data"])
    assert metrics["data"] == {
        "cached": False,
        "cmdSeq": 0,
        "duration": 0,
        "length": 16000,
        "playId": "a",
        "ttfb": 0,
    }
    assert len(bench.line.frames) == 25


def test_a_text_spoken_before_comes_from_the_cache(bench):
    for play_id in ("a", "b"):
        bench.tts(text="hello", playId=play_id)
        bench.advance(1000)
    first, again = only(bench.new_events(), "metrics")
    assert first["data"]["cached"] is False
    assert again["data"]["cached"] is True
    assert again["data"]["speaker"] is None
    assert again["data"]["length"] == first["data"]["length"]


def test_cache_keys_that_differ_behind_a_dot_collide():
    option = SynthesisOption(provider="deepgram", speed=1.2)
    bench = CallBench()
    voice = Voice(bench.runtime, None)
    voice.keep(Voice.cache_key("x", option, "greet.v1"), np.ones(3, np.int16))
    assert voice.cached(Voice.cache_key("y", option, "greet.v2")) is not None
    assert voice.cached(Voice.cache_key("y", option, None)) is None
    assert Voice.cache_key("x", option, None).endswith("_16000_1.2")


def test_slow_synthesis_is_buffered_for_200_ms_before_it_is_heard(bench):
    bench.tts(text="", playId="a", streaming=True)
    bench.advance(60)
    task = bench.call.playback._track
    for _ in range(4):
        task.audio(np.ones(16 * 60, np.int16))  # 60 ms every 60 ms
        bench.advance(60)
    frames = [at for at, _ in bench.line.frames]
    # 180 ms are there at 280, 240 ms at 340 just after that tick
    assert frames[0] == 360


def test_audio_shorter_than_the_prebuffer_is_heard_after_500_ms(bench):
    bench.tts(text="", playId="a", streaming=True)
    bench.advance(10)
    bench.call.playback._track.audio(np.ones(16 * 100, np.int16))
    bench.advance(1000)
    assert bench.line.frames[0][0] == 100 + 500
    assert len(bench.line.frames) == 5


def test_another_play_id_interrupts_what_plays(bench):
    bench.tts(text=base64_tone(1000), base64=True, playId="a")
    bench.advance(310)
    bench.new_events()
    bench.tts(text=base64_tone(100), base64=True, playId="b")
    bench.advance(500)
    assert bench.story() == [
        ("trackStart", "b"),
        ("interruption", "a"),
        ("trackEnd", "a"),
        ("trackEnd", "b"),
    ]


def test_an_interruption_says_how_much_was_played_and_received(bench):
    bench.tts(text="hello there", playId="a")  # 1100 ms
    bench.advance(410)
    bench.say("interrupt")
    bench.advance(10)
    interruption = only(bench.new_events(), "interruption")[0]
    assert interruption["subtitle"] == "hello there"
    assert interruption["totalDuration"] == 1100
    assert interruption["current"] == 420  # frames at 0, 20, ... 400
    assert interruption["timestamp"] == EPOCH_MS + 510
    frames = len(bench.line.frames)
    bench.advance(500)
    assert len(bench.line.frames) == frames


def test_base64_audio_counts_as_nothing_received(bench):
    bench.tts(text=base64_tone(400), base64=True, playId="a")
    bench.advance(90)
    bench.say("interrupt")
    bench.advance(10)
    interruption = only(bench.new_events(), "interruption")[0]
    assert interruption["totalDuration"] == 0
    assert interruption["current"] == 100


def test_a_graceful_interrupt_finishes_the_sentence(bench):
    bench.tts(text=base64_tone(600), base64=True, playId="a")
    bench.advance(310)
    bench.say("interrupt", graceful=True)
    bench.advance(10)
    assert bench.story()[-1] == ("interruption", "a")
    bench.say("interrupt")  # cannot shorten the tail
    bench.say("pause")  # does not reach it
    bench.advance(500)
    ended = bench.new_events()
    assert ended[0][1]["error"] == f"track not found: {SST}"
    assert ended[1][0] == 100 + 600
    assert len(bench.line.frames) == 30


def test_of_a_tail_nothing_is_said_when_the_call_ends(bench):
    bench.tts(text=base64_tone(600), base64=True, playId="a")
    bench.advance(100)
    bench.say("interrupt", graceful=True)
    bench.advance(100)
    bench.new_events()
    bench.say("hangup")
    bench.advance(1000)
    assert bench.story() == [("trackEnd", "me")]


def test_graceful_is_immediate_before_the_first_byte_and_when_streaming(bench):
    bench.tts(text="hello", playId="a")
    bench.runtime.work_ms = 1000
    bench.say("interrupt", graceful=True)
    bench.advance(20)
    assert bench.story()[-1] == ("trackEnd", "a")
    bench.runtime.work_ms = 0
    bench.tts(text="Hello there. ", playId="s", streaming=True)
    bench.advance(400)
    bench.say("interrupt", graceful=True)
    bench.advance(20)
    assert bench.story()[-2:] == [("interruption", "s"), ("trackEnd", "s")]


def test_a_task_stopped_before_it_read_its_command_has_no_interruption(bench):
    bench.tts(text=base64_tone(300), base64=True, playId="a")
    bench.say("interrupt")
    bench.advance(100)
    assert bench.story() == [("trackStart", "a"), ("trackEnd", "a")]


@pytest.mark.parametrize("play_id", ["a", None])
def test_a_second_command_for_a_running_playback_is_never_spoken(bench, play_id):
    fields = {} if play_id is None else {"playId": play_id}
    bench.tts(text="hello", **fields)
    bench.advance(100)
    bench.tts(text="and more", **fields)
    bench.advance(2000)
    assert [name for name, _ in bench.story()] == ["trackStart", "metrics", "trackEnd"]
    assert len(bench.line.frames) == 25
    assert bench.rules() == ["never spoken"]
    bench.tts(text="again", **fields)
    bench.advance(1000)
    assert bench.story()[0][0] == "trackStart"


def test_pieces_of_a_stream_share_one_track_until_end_of_stream(bench):
    for piece in ("One two. ", "Three", " four. "):
        bench.tts(text=piece, playId="s", streaming=True)
        bench.advance(50)
    bench.tts(text="Five", playId="s", streaming=True, endOfStream=True)
    bench.tts(text="lost", playId="s", streaming=True)
    bench.advance(5000)
    events = bench.new_events()
    assert [event["event"] for _, event in events] == [
        "trackStart",
        "metrics",
        "trackEnd",
    ]
    assert events[1][1]["data"]["cmdSeq"] is None
    spoken_ms = 100 * len("One two. Three four. Five")
    assert len(bench.line.frames) == spoken_ms / FRAME_MS
    assert bench.rules() == ["never spoken"]


def test_streamed_text_is_spoken_by_the_sentence():
    pieces = TextPieces()
    assert pieces.push("It costs 3.", is_last=False) == []
    assert pieces.push("50 euro. Yes", is_last=False) == ["It costs 3.50 euro. "]
    assert pieces.push("! 你好。", is_last=False) == ["Yes! ", "你好。"]
    assert pieces.push("Bye", is_last=True) == ["Bye"]
    assert pieces.push("", is_last=True) == []


def test_emoji_are_not_spoken():
    assert spoken_text("Hi 👋🏽 there ☀️!") == "Hi  there !"


def test_auto_hangup_ends_the_call_with_the_track(bench):
    bench.tts(text=base64_tone(100), base64=True, playId="bye", autoHangup=True)
    bench.advance(500)
    assert bench.story() == [
        ("trackStart", "bye"),
        ("trackEnd", "bye"),
        ("trackEnd", "me"),
    ]
    assert bench.line.closed_ms == 200
    assert bench.call.hangup_reason == "bySystem"


def test_an_interrupt_cancels_the_auto_hangup(bench):
    bench.tts(text=base64_tone(300), base64=True, playId="bye", autoHangup=True)
    bench.advance(100)
    bench.say("interrupt")
    bench.advance(2000)
    assert bench.line.closed_ms is None


def test_a_tts_without_play_id_keeps_the_auto_hangup_of_the_one_it_replaces(bench):
    bench.tts(text=base64_tone(600), base64=True, playId="a", autoHangup=True)
    bench.advance(200)
    bench.tts(text=base64_tone(200), base64=True)
    bench.advance(1000)
    ends = only(bench.new_events(), "trackEnd")
    assert [end.get("playId") for end in ends] == ["a", None, None]
    assert ends[0]["ssrc"] == ends[1]["ssrc"]
    assert bench.line.closed_ms == 100 + 200 + 200


def test_the_same_id_replay_trap_hides_the_end_of_the_new_track(bench):
    bench.tts(text=base64_tone(300), base64=True, playId="a")
    bench.advance(100)
    bench.say("interrupt")
    bench.tts(text=base64_tone(100), base64=True, playId="a", autoHangup=True)
    bench.advance(2000)
    assert bench.line.closed_ms is None


def test_the_no_input_timer_speaks_once_at_a_poll_of_100_ms(bench):
    bench.tts(text=base64_tone(110), base64=True, playId="a", waitInputTimeout=300)
    bench.advance(2000)
    (at, silence), *_ = [e for e in bench.new_events() if e[1]["event"] == "silence"]
    # the track ends at 100 + 120; 300 ms later is 520, and the next poll 600
    assert at == 600
    assert silence["trackId"] == SST
    assert silence["refer"] is False
    assert silence["startTime"] == EPOCH_MS + 220
    assert silence["duration"] == 300
    bench.advance(2000)
    assert not bench.new_events()


def test_a_new_track_disarms_the_no_input_timer(bench):
    bench.tts(text="", playId="a", waitInputTimeout=300)
    bench.advance(100)
    bench.tts(text=base64_tone(100), base64=True, playId="b")
    bench.advance(2000)
    assert not only(bench.new_events(), "silence")


def test_an_interrupted_track_arms_the_timer_and_a_replaced_one_does_not(bench):
    for command in ({"command": "interrupt"}, {"command": "play", "url": "none.wav"}):
        fields = {"text": base64_tone(500), "base64": True, "waitInputTimeout": 200}
        bench.tts(playId=str(command), **fields)
        bench.advance(100)
        bench.say(**command)
        bench.advance(1000)
        silences = only(bench.new_events(), "silence")
        assert len(silences) == (command["command"] == "interrupt")


def test_pause_freezes_and_resume_goes_on_from_the_same_sample(bench):
    tone = base64.b64encode(np.arange(6400, dtype="<i2").tobytes()).decode()
    bench.tts(text=tone, base64=True, playId="a")
    bench.advance(150)
    bench.say("pause")
    bench.advance(300)
    bench.say("resume")
    bench.advance(1000)
    frames = bench.line.frames
    assert [at for at, _ in frames if 250 <= at < 550] == []
    assert len(frames) == 20
    heard = np.frombuffer(b"".join(data for _, data in frames), "<i2").astype(int)
    assert np.abs(np.diff(heard[100:])[:-40] - 2).max() <= 1  # an unbroken ramp
    assert only(bench.new_events(), "trackEnd")[0]["duration"] == 700


def test_pause_needs_a_track_that_was_not_removed(bench):
    bench.say("pause")
    bench.advance(1)
    assert bench.new_events()[0][1]["error"] == f"track not found: {SST}"
    bench.tts(text="", playId="a")
    bench.advance(100)
    bench.say("pause")  # ended but not removed
    bench.advance(1)
    assert bench.story()[-1] == ("trackEnd", "a")


def test_mute_silences_the_track_there_is_and_not_the_next(bench):
    bench.tts(text=base64_tone(200), base64=True, playId="a")
    bench.say("mute", trackId=SST)
    bench.advance(400)
    assert {data for _, data in bench.line.frames} == {bytes(320)}
    bench.tts(text=base64_tone(200), base64=True, playId="b")
    bench.advance(400)
    assert bench.line.frames[-2][1] != bytes(320)


@pytest.fixture
def second_long(tmp_path):
    path = tmp_path / "second.wav"
    Clip(np.arange(16000).astype(np.int16), 16000).write(path)
    return str(path)


def test_a_file_plays_two_frames_at_once_and_then_one_every_20_ms(bench, second_long):
    bench.say("play", url=second_long)
    bench.advance(2000)
    times = [at for at, _ in bench.line.frames]
    assert times == [100, *(100 + 20 * k for k in range(49))]
    events = bench.new_events()
    assert [event["playId"] for _, event in events] == [second_long, second_long]
    assert events[1][1]["duration"] == 20 * 49


def test_a_file_is_only_ended_by_an_interrupt(bench, second_long):
    bench.say("play", url=second_long, playId="p")
    bench.advance(300)
    bench.say("interrupt", graceful=True)
    bench.advance(300)
    assert bench.story() == [("trackStart", "p"), ("trackEnd", "p")]


def test_play_begins_at_an_offset(bench, second_long):
    bench.say("play", url=second_long, offsetMs=900)
    bench.say("play", url=second_long, offsetMs=5000, playId="beyond")
    bench.advance(1000)
    assert bench.story()[-1] == ("trackEnd", "beyond")
    bench.say("play", url=second_long, offsetMs=900)
    bench.advance(1000)
    assert len(bench.line.frames) == 5


def test_a_file_interrupted_while_it_loads_ends_when_loading_is_over(
    bench, second_long
):
    bench.runtime.work_ms = 500
    bench.say("play", url=second_long, playId="p")
    bench.advance(100)
    bench.say("interrupt")
    bench.advance(1000)
    (_, start), (at, end) = bench.new_events()
    assert (start["event"], end["event"]) == ("trackStart", "trackEnd")
    assert at == 600
    assert not bench.line.frames


def test_a_file_that_cannot_be_played_is_an_error_of_the_file_track(bench, tmp_path):
    text = tmp_path / "text.wav"
    text.write_text("no audio")
    for url, why in (
        ("", "loader:  No such file or directory (os error 2)"),
        ("a\0b", "loader: a\0b "),
        ("http://", "builder error"),
        ("/none/x.wav", "loader: /none/x.wav No such file or directory (os error 2)"),
        (str(text), "unsupported feature: core (probe): no suitable format"),
    ):
        bench.say("play", url=url)
        bench.advance(100)
        start, error, end = (event for _, event in bench.new_events())
        assert (start["event"], end["event"]) == ("trackStart", "trackEnd")
        assert error["sender"] == f"filetrack: {url}"
        assert error["error"].startswith(why)
        assert error["trackId"] == SST
        assert "code" not in error


def test_a_file_played_once_is_kept_for_ever(bench, second_long):
    bench.say("play", url=second_long)
    bench.advance(2000)
    Clip(np.zeros(160, np.int16), 16000).write(second_long)
    bench.say("play", url=second_long)
    bench.advance(2000)
    assert len(bench.line.frames) == 100


def test_a_command_option_resets_what_it_leaves_out():
    call = SynthesisOption(
        provider="deepgram", speed=2.0, speaker="ann", samplerate=8000
    )
    assert merged(call, SynthesisOption(speaker="bob")).speed == 1.0
    own = SynthesisOption(speaker="bob", speed=None, samplerate=None)
    kept = merged(call, own)
    assert (kept.speed, kept.samplerate, kept.speaker) == (2.0, 8000, "bob")
    assert kept.provider == "deepgram"
    with pytest.raises(CommandError, match="no tts option available"):
        merged(None, None)


def test_an_unknown_provider_fails_after_the_running_track_was_interrupted(bench):
    bench.tts(text=base64_tone(500), base64=True, playId="a")
    bench.advance(100)
    bench.tts(text="x", playId="b", option={"provider": "nope"})
    bench.advance(100)
    events = bench.new_events()
    assert only(events, "error")[0]["error"] == "TTS type not found: nope"
    assert only(events, "interruption")


def test_a_failing_engine_is_an_error_and_then_the_end(bench, caplog):
    def broken(*_):
        raise ValueError("no voice today")
        yield

    bench.services.voice._engine.stream = broken
    bench.tts(text="hello", playId="a")
    bench.advance(100)
    _, (_, error), (_, end) = bench.new_events()
    assert (error["sender"], error["code"]) == ("tts", 500)
    assert error["error"] == "no voice today"
    assert end["event"] == "trackEnd"
    assert "no voice today" in caplog.text


def test_what_was_made_before_a_failure_is_still_played(bench, caplog):
    def breaks_off(*_):
        yield tone(400)
        raise ValueError("no more")

    bench.services.voice._engine.stream = breaks_off
    bench.tts(text="hello", playId="a")
    bench.advance(1000)
    told = bench.new_events()
    [error], [end] = only(told, "error"), only(told, "trackEnd")
    assert error["error"] == "no more"
    # 400 ms of audio, which the real server plays to its end
    assert end["duration"] >= 380
    assert "no more" in caplog.text
