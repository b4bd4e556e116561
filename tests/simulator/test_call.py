import json

import numpy as np
import pytest
from simulator.call_bench import EPOCH_MS, SST, TTS, CallBench, base64_tone, tone

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.log import read_log
from rustpbx_lab.models import commands
from rustpbx_lab.models.server_versions import OLDEST
from rustpbx_lab.simulator.core.dialect import Dialect
from rustpbx_lab.simulator.core.dump import file_name
from rustpbx_lab.simulator.core.query import CallQuery, QueryError, read_query
from rustpbx_lab.simulator.core.reasons import hangup_reason
from rustpbx_lab.simulator.tracks.recorder import recording_path

OLD = Dialect(OLDEST)


def errors(bench):
    return [e["error"] for _, e in bench.new_events() if e["event"] == "error"]


def test_invite_starts_the_track_and_answers_with_the_server_s_keys():
    bench = CallBench(CallQuery("me"))
    events = bench.invite()
    assert [json.dumps(event) for _, event in events] == [
        f'{{"event": "trackStart", "trackId": "me", "timestamp": {EPOCH_MS}}}',
        f'{{"event": "answer", "trackId": "me", "timestamp": {EPOCH_MS}, '
        '"sdp": "", "refer": false}',
    ]


def test_pings_come_at_once_and_then_every_period():
    bench = CallBench(CallQuery("me", ping_s=2))
    bench.advance(4500)
    assert [at for at, _ in bench.line.pings] == [0, 2000, 4000]
    assert bench.line.pings[0][1] == b"2027-01-15T08:00:00.000000000+00:00"
    silent = CallBench(CallQuery("me", ping_s=0))
    silent.advance(60_000)
    assert not silent.line.pings


def test_what_the_server_cannot_read_is_dropped_and_strict_mode_says_why():
    bench = CallBench()
    texts = [
        "nonsense",
        "[]",
        '{"command":"zz"}',
        '{"command":"tts"}',
        '{"command":"custom"}',
        '{"command":"invite","option":null}',
        '{"command":"play","url":"x","offsetMs":1.0}',
        '{"command":"custom","data":1,"data":2}',
        '{"command":"invite","option":{"vad":{"type":{"other":"ten"}}}}',
        '{"command":"invite","option":{"asr":{"model":"a","modelType":"b"}}}',
    ]
    for text in texts:
        bench.call.take_text(text)
    bench.advance(100)
    assert not bench.new_events()
    assert bench.rules() == ["dropped"] * len(texts)
    whys = [report.why for report in bench.strict.reports]
    assert "Field required" in whys[3]
    assert "given twice" in whys[7]
    assert "option.vad.type is an object" in whys[8]


def test_custom_and_history_come_back_with_their_values():
    bench = CallBench()
    bench.say("custom", data={"b": [2.0], "a": None}, sender="me", extra=1)
    bench.say("custom", data=None)
    bench.say("history", speaker="user", text="Grüezi")
    bench.advance(1)
    first, second, history = (event for _, event in bench.new_events())
    assert list(first["data"]) == ["a", "b"]
    assert first["sender"] == "me"
    assert "extra" not in first
    assert second == {"event": "custom", "timestamp": EPOCH_MS, "data": None}
    assert list(history) == ["event", "sender", "timestamp", "speaker", "text"]
    assert history["text"] == "Grüezi"


def test_secrets_in_custom_data_come_back_as_they_were_sent():
    bench = CallBench()
    bench.say("custom", data={"secretKey": "abc"})
    bench.advance(1)
    assert bench.new_events()[0][1]["data"] == {"secretKey": "abc"}


def test_a_second_invite_fails_and_ends_the_call():
    bench = CallBench()
    bench.invite()
    bench.say("invite", option={})
    bench.advance(1)
    (_, error), (_, end) = bench.new_events()
    assert (error["sender"], error["error"]) == (
        "invite",
        "no track created for caller",
    )
    assert (end["event"], end["trackId"]) == ("trackEnd", "me")
    assert bench.line.closed_ms is not None


def test_accept_is_rejected_and_ends_the_call():
    bench = CallBench()
    bench.say("accept", option={})
    bench.advance(1)
    assert bench.new_events()[0][1] == {
        "event": "reject",
        "trackId": "me",
        "timestamp": EPOCH_MS,
        "reason": "no pending call",
        "code": 486,
    }
    assert bench.line.closed_ms == 0


def test_ringing_sets_the_call_up_with_an_inactivity_watch_of_50_s():
    bench = CallBench()
    bench.say("ringing", ringtone="ring.wav")
    bench.advance(1)
    assert bench.story() == [("trackStart", "me"), ("answer", "me")]
    bench.advance(49_998)
    assert bench.line.closed_ms is None
    bench.advance(1000)
    assert bench.story() == [("inactivity", "me"), ("trackEnd", "me")]


def test_reject_does_nothing_without_a_pending_call():
    bench = CallBench()
    bench.say("reject", reason="no")
    bench.advance(1000)
    assert not bench.new_events()
    assert bench.line.closed_ms is None


def test_commands_that_need_sip_or_another_call_fail():
    bench = CallBench()
    bench.invite()
    bench.say("message", body="x")
    bench.say("bridge", targetSessionId="nobody")
    bench.say("bridge", targetSessionId="me")
    bench.say("unbridge", targetSessionId="nobody")
    bench.say("addIceCandidate", candidate="x")
    bench.advance(1)
    assert errors(bench) == [
        "message command is only supported for SIP calls",
        "bridge target session not found: nobody",
        "cannot bridge a call to itself",
    ]


def test_hangup_ends_the_tracks_and_closes():
    bench = CallBench()
    bench.invite()
    bench.tts(text=base64_tone(500), base64=True, playId="a")
    bench.advance(100)
    bench.new_events()
    bench.say("hangup", reason="Caller")
    bench.say("custom", data=1)
    bench.advance(1000)
    assert bench.story() == [
        ("trackEnd", "me"),
        ("interruption", "a"),
        ("trackEnd", "a"),
    ]
    assert bench.line.closed_ms == 200
    assert bench.call.hangup_reason == "byCaller"
    assert "me" not in bench.services.registry


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "bySystem"),
        ({"reason": "AutoHangup"}, "autohangup"),
        ({"reason": "noAnswer"}, "noAnswer"),
        ({"reason": "gone fishing"}, "other(gone fishing)"),
        ({"reason": "refer", "initiator": "callee"}, "byCallee"),
        ({"reason": "refer", "initiator": "me"}, "byRefer"),
    ],
)
def test_a_hangup_records_its_reason(fields, reason):
    assert hangup_reason(commands.Hangup(**fields), Dialect()) == reason


def test_an_older_release_records_some_reasons_as_they_were_said():
    command = commands.Hangup(reason="noAnswer")
    assert hangup_reason(command, OLD) == "other(noAnswer)"


@pytest.mark.parametrize("dialect", [OLD, Dialect()])
def test_more_than_32_commands_in_one_burst(dialect):
    bench = CallBench(dialect=dialect)
    for number in range(34):
        bench.say("custom", data=number)
    bench.advance(1)
    assert bench.rules()[0] == "queue overflow"
    if dialect is OLD:
        assert bench.line.closed_ms == 0
    else:
        heard = [event["data"] for _, event in bench.new_events()]
        assert heard == list(range(2, 34)), "the oldest are lost"
        assert bench.line.closed_ms is None


def test_nobody_hears_what_is_played_before_the_invite():
    bench = CallBench()
    bench.tts(text=base64_tone(200), base64=True, option=TTS, playId="k")
    bench.advance(60)
    assert not bench.line.frames
    bench.invite()
    assert len(bench.line.frames) == 5


def test_a_command_sent_with_the_invite_is_reported_as_a_race():
    bench = CallBench()
    bench.say("invite", option={})
    bench.say("custom", data=1)
    bench.advance(1)
    bench.say("custom", data=2)
    bench.advance(1)
    assert bench.rules() == ["race"]
    assert "before the answer" in bench.strict.reports[0].why
    older = CallBench(dialect=OLD)
    older.say("invite", option={})
    older.say("custom", data=1)
    assert older.rules() == []


def test_a_refer_blocks_and_times_out_as_if_nobody_answered():
    bench = CallBench(dialect=OLD)
    bench.invite()
    bench.tts(text=base64_tone(5000), base64=True, playId="a")
    bench.advance(100)
    bench.new_events()
    bench.say("refer", caller="", callee="sip:nobody@h:5060", options={"timeout": 2})
    bench.say("custom", data="waits")
    bench.advance(3000)
    events = bench.new_events()
    assert [(at, event["event"]) for at, event in events] == [
        (200, "trackStart"),
        (200, "interruption"),
        (200, "trackEnd"),
        (2200, "reject"),
        (2200, "error"),
        (2200, "custom"),
        (2200, "trackEnd"),
        (2200, "hangup"),
        (2200, "trackEnd"),
    ]
    reject, error, hangup = events[3][1], events[4][1], events[7][1]
    assert reject["code"] == 408
    assert error["error"] == "refer sip track creation timed out"
    assert hangup["to"] == {
        "username": "nobody",
        "realm": "h",
        "source": "sip:nobody@h:5060",
    }
    assert bench.line.closed_ms == 2200


def test_a_refer_beside_the_call_times_out_and_the_call_goes_on():
    bench = CallBench()
    bench.invite()
    bench.say("refer", caller="", callee="sip:nobody@h:5060", options={"timeout": 2})
    bench.say("custom", data="does not wait")
    bench.advance(3000)
    events = bench.new_events()
    assert [(at, event["event"]) for at, event in events] == [
        (100, "trackStart"),
        (100, "custom"),
        (2100, "reject"),
        (2100, "error"),
        (2100, "trackEnd"),
        (2100, "hangup"),
    ]
    error, end, hangup = (event for _, event in events[3:])
    assert error["error"] == "Error: refer sip track creation timed out"
    assert "autoHangup" not in end
    assert (hangup["reason"], hangup["extra"]) == ("Canceled", {})
    assert bench.line.closed_ms is None


def test_a_failed_refer_without_auto_hangup_leaves_a_watch_that_ends_the_call():
    bench = CallBench()
    bench.invite()
    options = {"timeout": 1, "autoHangup": False}
    bench.say("refer", caller="", callee="sip:nobody@h", options=options)
    bench.advance(5000)
    assert bench.line.closed_ms is None
    bench.new_events()
    bench.advance(60_000)
    assert bench.story() == [("inactivity", SST), ("trackEnd", "me")]


def voice_and_silence(voiced_ms, silent_ms):
    frame = tone(20).tobytes()
    return [frame] * (voiced_ms // 20) + [bytes(640)] * (silent_ms // 20)


def push(bench, frames):
    for frame in frames:
        bench.call.take_audio(frame)
        bench.advance(20)


def test_nop_vad_speaks_on_the_arrival_clock():
    bench = CallBench()
    bench.invite(vad={"type": "nop"})
    push(bench, voice_and_silence(400, 300))
    (at, speaking), (later, silence) = bench.new_events()
    assert list(speaking) == [
        "event",
        "trackId",
        "timestamp",
        "startTime",
        "confidence",
    ]
    assert speaking["startTime"] == EPOCH_MS + 100
    assert at == 100 + 260
    assert silence["duration"] == 400
    assert later == 100 + 500


@pytest.mark.parametrize(
    "option",
    [
        {"vad": {"type": "ten"}},
        {"vad": {"type": "nop"}, "asr": {}},
        {"vad": {"type": "nop"}, "asr": {"provider": "sensevoice"}},
        {"vad": {"type": "nop"}, "eou": {}},
    ],
)
def test_one_processor_that_cannot_be_built_takes_all_others_along(option):
    bench = CallBench()
    answer = bench.invite(inactivityTimeout=1, **option)
    assert [event["event"] for _, event in answer] == ["trackStart", "answer"]
    push(bench, voice_and_silence(400, 300))
    bench.advance(10_000)
    assert not bench.new_events()
    assert bench.line.closed_ms is None
    assert bench.rules() == ["no processors"]


def test_mute_feeds_silence_to_the_detector():
    bench = CallBench()
    bench.invite(vad={"type": "nop"})
    bench.say("mute")
    push(bench, voice_and_silence(400, 100))
    assert not bench.new_events()
    bench.say("unmute", trackId="me")
    push(bench, voice_and_silence(400, 100))
    assert bench.story() == [("speaking", "me")]


def test_audio_before_the_invite_is_processed_in_one_burst():
    bench = CallBench()
    for frame in voice_and_silence(400, 100):
        bench.call.take_audio(frame)
    bench.advance(100)
    bench.invite(vad={"type": "silero", "voiceThreshold": 0.0})
    # a threshold of 0 makes every chunk voice: T0 is the invite, not the arrival
    assert bench.line.events[-1][1]["startTime"] == EPOCH_MS + 100


def test_inactivity_ends_the_call_and_any_message_counts_as_activity():
    bench = CallBench()
    bench.invite(inactivityTimeout=2)
    for _ in range(5):
        bench.advance(1000)
        bench.call.take_audio(b"")
    assert bench.line.closed_ms is None
    bench.advance(3000)
    assert bench.story() == [("inactivity", "me"), ("trackEnd", "me")]
    assert bench.call.hangup_reason == "inactivityTimeout"


SCRIPT = (("hello there you", 900), ("bye", 600))


def recognised(provider, **option):
    bench = CallBench(script=SCRIPT)
    bench.invite(asr={"provider": provider, **option})
    push(bench, [bytes(640)] * 250)
    return bench, [event for _, event in bench.new_events()]


def test_deepgram_deltas_and_finals_have_their_metrics_right_behind_them():
    _, events = recognised("deepgram")
    assert [event["event"] for event in events][:6] == [
        "asrDelta",
        "metrics",
        "asrDelta",
        "metrics",
        "asrFinal",
        "metrics",
    ]
    delta, ttfb, _, _, final, completed = events[:6]
    assert list(delta)[:4] == ["event", "trackId", "index", "timestamp"]
    assert list(final)[:4] == ["event", "trackId", "timestamp", "index"]
    assert delta["text"] == "hello"
    assert delta["startTime"] == EPOCH_MS + 1000  # connected at the invite
    assert delta["endTime"] == EPOCH_MS + 1300
    assert ttfb["key"] == "ttfb.asr.deepgram"
    assert ttfb["duration"] == 0
    assert ttfb["data"] == {"index": 0}
    assert (final["text"], final["confidence"]) == ("hello there you", 1.0)
    assert completed["key"] == "completed.asr.deepgram"
    assert completed["duration"] == final["timestamp"] - delta["timestamp"]
    second = [e for e in events if e["event"] == "asrFinal"][1]
    assert second["index"] == 1
    assert second["taskId"] == final["taskId"]


def test_each_provider_speaks_in_its_own_shape():
    _, aliyun = recognised("aliyun", secretKey="x")
    final = next(e for e in aliyun if e["event"] == "asrFinal")
    assert final["index"] == 1
    assert not {"taskId", "confidence"} & set(final)
    assert aliyun[1]["data"] == {"sentence_id": 1}
    _, tencent = recognised("tencent")
    final = next(e for e in tencent if e["event"] == "asrFinal")
    assert "taskId" in final
    assert "confidence" not in final


def test_start_when_answer_does_not_hear_what_came_before():
    bench = CallBench(script=(("early", 100),))
    for _ in range(100):
        bench.call.take_audio(bytes(640))
    asr = {"provider": "deepgram", "startWhenAnswer": True}
    bench.invite(asr=asr)
    # what was queued is processed after the answer, by a stream that began there
    assert bench.line.events[1][1]["event"] == "answer"


def test_two_calls_hear_each_other_over_a_bridge():
    bench = CallBench()
    bench.invite()
    other = CallBench(CallQuery("you"))
    other.call.bridges._registry = bench.services.registry
    bench.services.registry["you"] = other.call
    other.invite(codec="pcmu")
    bench.say("bridge", targetSessionId="you")
    bench.advance(1)
    assert bench.story() == [("trackStart", "bridge:me:to:you")]
    assert other.story() == [("trackStart", "bridge:you:to:me")]
    bench.call.take_audio(tone(20).tobytes())
    other.call.take_audio(bytes([255] * 160))
    assert [len(data) for _, data in other.line.frames] == [160]
    assert [len(data) for _, data in bench.line.frames] == [320]
    bench.say("unbridge", targetSessionId="you")
    bench.advance(1)
    bench.call.take_audio(tone(20).tobytes())
    other.call.take_audio(bytes(160))
    assert (len(other.line.frames), len(bench.line.frames)) == (1, 1)


@pytest.mark.parametrize(
    ("codec", "n_bytes"), [("pcm", 320), ("pcmu", 160), ("PCMA", 160), ("g722", 160)]
)
def test_every_codec_has_its_frame_size(codec, n_bytes):
    bench = CallBench()
    bench.invite(codec=codec)
    bench.tts(text=base64_tone(100), base64=True)
    bench.advance(500)
    assert {len(data) for _, data in bench.line.frames} == {n_bytes}
    assert len(bench.line.frames) == 5


def test_pcm_goes_out_at_8_khz():
    bench = CallBench()
    bench.invite()
    bench.tts(text=base64_tone(1000), base64=True)
    bench.advance(2000)
    heard = np.frombuffer(b"".join(data for _, data in bench.line.frames), "<i2")
    spectrum = np.abs(np.fft.rfft(heard[800:] * np.hanning(len(heard) - 800)))
    assert spectrum.argmax() * 8000 / (len(heard) - 800) == pytest.approx(440, abs=2)
    assert np.abs(heard[800:-800]).max() == pytest.approx(8000, rel=0.02)


def test_tts_at_another_rate_is_resampled():
    bench = CallBench()
    bench.invite()
    audio = base64_tone(200, 8000)
    bench.tts(text=audio, base64=True, option={**TTS, "samplerate": 8000})
    bench.advance(500)
    assert len(bench.line.frames) == 10


def test_the_dump_reads_back_and_masks_secrets(tmp_path):
    bench = CallBench(dump_dir=tmp_path)
    bench.invite(asr={"provider": "tencent", "apiKey": "geheim"}, x=1)
    bench.say("hangup")
    bench.advance(1)
    text = (tmp_path / "me.events.jsonl").read_text()
    assert "geheim" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(list(line) == ["type", "timestamp", "content"] for line in lines)
    invite = json.loads(lines[1]["content"])
    assert invite["option"]["tts"]["samplerate"] == 16000
    assert invite["option"]["tts"]["speaker"] is None
    assert invite["option"]["asr"]["secretKey"] == "***"
    assert "x" not in invite["option"]
    log = read_log(tmp_path / "me.events.jsonl")
    assert [record.name for record in log] == [
        "ping",
        "invite",
        "trackStart",
        "answer",
        "hangup",
        "trackEnd",
    ]
    assert log.damage == 0


@pytest.mark.parametrize(
    "call_id", ["../../x", "a/b", "..", "", "a\0b", "é" * 300, "C:\\x"]
)
def test_an_id_never_leaves_the_folder(call_id, tmp_path):
    assert (tmp_path / file_name(call_id)).parent == tmp_path
    assert "/" not in file_name(call_id)
    (tmp_path / file_name(call_id)).touch()


def test_ids_that_differ_have_files_that_differ():
    assert file_name("a/b") != file_name("a%2Fb")
    assert file_name("abc@host") == "abc@host.events.jsonl"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("dump=1", "dump: provided string was not `true` or `false`"),
        ("dump=", "dump: provided string was not `true` or `false`"),
        ("ping=-1", "ping: invalid digit found in string"),
        ("ping=", "ping: cannot parse integer from empty string"),
        ("ping=99999999999", "ping: number too large to fit in target type"),
        ("id=a&id=b", "duplicate field `id`"),
        ("forward=x", "forward: provided string was not `true` or `false`"),
    ],
)
def test_bad_queries_are_refused_in_the_server_s_words(query, why):
    with pytest.raises(QueryError, match=f"query string: {why}"):
        read_query(query)


def test_a_query_is_read_like_a_form():
    query = read_query("id=a%40b+c&ping=0&dump=false&serverSideTrack=bot&zz=1&zz=2")
    assert query == CallQuery("a@b c", False, 0, "bot", None, True)
    assert read_query("").id.startswith("s.")
    assert read_query("id=").id == ""


def test_a_recording_has_the_caller_left_and_the_server_right(tmp_path):
    bench = CallBench(dump_dir=tmp_path)
    bench.invite(recorder={"recorderFile": "{id}-x"})
    bench.tts(text=base64_tone(400), base64=True)
    for _ in range(50):
        bench.call.take_audio((tone(20) // 4).tobytes())
        bench.advance(20)
    bench.say("hangup")
    bench.advance(1)
    clip = Clip.read_channels(tmp_path / "me-x.wav")
    assert (clip.channels, clip.sample_rate_hz) == (2, 16000)
    # the first block is written with the first frame alone in it: 180 ms of zeros
    assert clip.duration_ms == pytest.approx(1200, abs=20)
    left, right = (clip.channel(index).samples for index in (0, 1))
    assert np.abs(left[3200:]).max() == 2000
    assert np.abs(right).max() == 8000
    assert np.count_nonzero(right) / 16 == pytest.approx(400, abs=10)


def test_a_recorder_that_heard_nothing_holds_the_close_back_for_30_s(tmp_path):
    bench = CallBench(dump_dir=tmp_path)
    bench.invite(recorder={})
    bench.say("hangup")
    bench.advance(29_000)
    assert bench.line.closed_ms is None
    assert "me" in bench.services.registry
    bench.advance(2000)
    assert bench.line.closed_ms == 30_100
    assert not list(tmp_path.glob("*.wav"))


def test_names_of_recordings_follow_the_server_s_rules(tmp_path):
    for name, expected in (
        ("", tmp_path / "a%2Fb.wav"),
        ("calls/{id}", tmp_path / "calls" / "a%2Fb.wav"),
        ("x.wav", tmp_path / "x.wav"),
        (str(tmp_path / "y"), tmp_path / "y.wav"),
    ):
        assert recording_path(name, "a/b", tmp_path) == expected


def test_ambiance_fills_the_silence_and_lies_under_what_plays(tmp_path):
    path = tmp_path / "room.wav"
    Clip(np.full(1600, 1000, np.int16), 16000).write(path)
    bench = CallBench()
    bench.invite(ambiance={"path": str(path)})
    bench.advance(900)
    assert len(bench.line.frames) == 51
    assert np.frombuffer(bench.line.frames[-1][1], "<i2")[80] == pytest.approx(300, 3)
    silence = base64_tone(600)
    bench.tts(text=silence, base64=True)
    bench.say("mute", trackId=SST)
    bench.advance(590)
    assert len(bench.line.frames) == 51 + 30
    ducked = np.frombuffer(bench.line.frames[-1][1], "<i2")[80]
    assert ducked == pytest.approx(100, abs=15)
    bench.say("hangup")
    bench.advance(1000)
    assert len(bench.line.frames) == 51 + 30


def test_options_that_are_not_simulated_are_reported():
    bench = CallBench()
    bench.invite(
        denoise=True,
        agc={},
        recorder={},
        realtime={"provider": "openai"},
        mediaPass={"url": "ws://x", "inputSampleRate": 1, "outputSampleRate": 1},
    )
    whys = " ".join(report.why for report in bench.strict.reports)
    assert bench.rules() == ["not simulated"] * 5
    for key in ("denoise", "agc", "recorder", "realtime", "mediaPass"):
        assert f"{key}: " in whys
