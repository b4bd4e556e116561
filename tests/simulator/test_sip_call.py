"""SIP calls on the stand-in, with a clock of the test's own.

The order of events is that of the real server, measured with a hand-made telephone.
"""

import numpy as np
import pytest
from simulator.call_bench import SST, TTS, CallBench, base64_tone

from rustpbx_lab.models.server_versions import NEWEST, OLDEST, ServerVersion
from rustpbx_lab.simulator.call.sip_call import SipCall
from rustpbx_lab.simulator.core.dialect import Dialect

OLD, NEW = Dialect(OLDEST), Dialect(NEWEST)


def sip_bench(**services):
    return CallBench(kind=SipCall, **services)


def call(callee, dialect=NEW, **option):
    bench = sip_bench(dialect=dialect)
    option = {"caller": "sip:me@here", "callee": callee, "tts": TTS, **option}
    bench.say("invite", option=option)
    return bench


def names(events):
    return [event["event"] for _, event in events]


def test_a_call_that_rings_twice_is_answered_and_hung_up_by_the_callee():
    bench = call("sip:ring@h;rings=2;ring-ms=300;bye-after=1000")
    bench.advance(5000)
    events = bench.new_events()
    assert [(at, event["event"]) for at, event in events] == [
        (0, "trackStart"),
        (0, "ringing"),
        (300, "ringing"),
        (600, "answer"),
        (600, "mediaReady"),
        (1600, "trackEnd"),
        (1600, "hangup"),
    ]
    said = dict(zip(names(events), (event for _, event in events), strict=True))
    assert said["ringing"]["earlyMedia"] is False
    assert said["ringing"]["refer"] is False
    assert "m=audio" in said["answer"]["sdp"]
    assert list(said["mediaReady"]) == ["event", "trackId", "timestamp"]
    assert said["trackEnd"]["duration"] == 1000
    hangup = said["hangup"]
    assert list(hangup) == [
        *("event", "trackId", "timestamp", "reason", "initiator", "startTime"),
        *("hangupTime", "answerTime", "ringingTime", "from", "to", "extra", "refer"),
    ]
    assert (hangup["reason"], hangup["initiator"]) == ("ByCallee", "callee")
    assert hangup["startTime"] == "2027-01-15T08:00:00.000000000+00:00"
    assert hangup["answerTime"] == "2027-01-15T08:00:00.600000000+00:00"
    assert hangup["from"] == {
        "username": "me",
        "realm": "here",
        "source": "sip:me@here",
    }
    assert hangup["to"]["username"] == "ring"
    assert hangup["extra"] == {
        "call_type": "sip",
        "session_id": "me",
        "start_time": "2027-01-15T08:00:00.000000000+00:00",
    }
    assert bench.line.closed_ms == 1600


@pytest.mark.parametrize(
    ("callee", "code", "reason"),
    [
        ("sip:busy@h", 486, "486 Busy Here"),
        ("sip:reject@h;reason=gone%20fishing", 603, "gone fishing"),
        ("sip:x@h;code=480", 480, "480 Temporarily Unavailable"),
    ],
)
def test_a_refusal(callee, code, reason):
    bench = call(callee)
    bench.advance(1000)
    events = bench.new_events()
    story = ["trackStart", "ringing", "reject", "error", "trackEnd", "hangup"]
    assert names(events) == story
    reject, error, track_end, hangup = [event for _, event in events[2:]]
    assert (reject["code"], reject["reason"], reject["refer"]) == (code, reason, False)
    assert error["sender"] == "invite"
    assert error["error"].startswith(f"Dialog error:{code} ")
    assert error["error"].endswith(f"({reason})")
    assert track_end["duration"] == 0
    assert (hangup["reason"], hangup["initiator"]) == ("BySystem", "system")
    assert "answerTime" not in hangup
    assert bench.line.closed_ms == 200


def test_credentials_are_asked_for():
    bench = call("sip:unauthorised@h")
    bench.advance(100)
    reject = bench.new_events()[1][1]
    assert (reject["code"], reject["reason"]) == (488, "no response received")
    sip = {"username": "u", "password": "geheim"}
    bench = call("sip:unauthorised@h", sip=sip)
    bench.advance(100)
    assert "answer" in names(bench.new_events())


def test_a_hangup_that_is_sent_while_it_rings_waits_for_the_answer():
    bench = call("sip:ring@h;rings=1;ring-ms=2000", OLD)
    bench.say("custom", data="waits too")
    bench.say("hangup")
    bench.advance(1900)
    assert names(bench.new_events()) == ["trackStart", "ringing"]
    assert bench.line.closed_ms is None
    bench.advance(200)
    assert names(bench.new_events()) == ["answer", "custom"]
    assert bench.line.closed_ms == 2000  # and no hangup event: it is usually lost


def test_commands_do_not_wait_for_the_answer_and_a_hangup_ends_the_ringing():
    bench = call("sip:ring@h;rings=1;ring-ms=2000")
    bench.advance(500)
    bench.say("custom", data="does not wait")
    bench.say("hangup", reason="noAnswer")
    bench.advance(10)
    events = bench.new_events()
    story = ["trackStart", "ringing", "custom", "trackEnd", "hangup"]
    assert names(events) == story
    assert (events[-1][1]["reason"], events[-1][1]["initiator"]) == (
        "NoAnswer",
        "caller",
    )
    assert bench.line.closed_ms == 500


def test_a_second_invite_while_it_rings_ends_the_call():
    bench = call("sip:ring@h")
    bench.advance(100)
    bench.say("invite", option={"callee": "sip:other@h"})
    bench.advance(10)
    errors = [e["error"] for _, e in bench.new_events() if e["event"] == "error"]
    assert errors == ["no track created for caller"]
    assert bench.line.closed_ms == 100


def test_an_older_release_prints_some_around_its_reasons():
    bench = call("sip:ring@h;bye-after=100", OLD)
    bench.advance(2000)
    assert bench.new_events()[-1][1]["reason"] == "Some(ByCallee)"


def test_what_closes_the_connection_cancels_a_call_that_rings():
    bench = call("sip:noanswer@h")
    bench.advance(3000)
    bench.new_events()
    bench.call.end("canceled")
    track_end, hangup = [event for _, event in bench.new_events()]
    assert track_end["event"] == "trackEnd"
    assert (hangup["reason"], hangup["initiator"]) == ("Canceled", "caller")
    assert hangup["ringingTime"] == "2027-01-15T08:00:00.000000000+00:00"


def test_more_than_32_commands_behind_a_ringing_call_end_it_when_it_is_answered():
    bench = call("sip:ring@h;rings=1;ring-ms=500", OLD)
    bench.advance(100)
    for number in range(33):
        bench.say("custom", data=number)
    bench.advance(100)
    assert bench.line.closed_ms is None
    bench.advance(1000)
    assert bench.line.closed_ms is not None
    assert not [event for _, event in bench.line.events if event["event"] == "custom"]
    assert "queue overflow" in bench.rules()


def test_our_own_hangup_is_usually_followed_by_nothing_but_the_close():
    bench = call("sip:answer@h")
    bench.advance(500)
    bench.new_events()
    bench.say("hangup", reason="caller")
    bench.advance(100)
    assert bench.new_events() == []
    assert bench.line.closed_ms == 500


def test_early_media_comes_before_the_answer():
    bench = call("sip:early@h;ring-ms=400", subscribe=True)
    bench.advance(500)
    events = bench.new_events()
    assert names(events) == ["trackStart", "ringing", "mediaReady", "answer"]
    assert events[1][1]["earlyMedia"] is True
    assert bench.line.frames[0][0] < 400


def test_a_silent_telephone_has_no_media():
    bench = call("sip:answer@h;silent", subscribe=True)
    bench.advance(1000)
    assert names(bench.new_events()) == ["trackStart", "answer"]
    assert not bench.line.frames


@pytest.mark.parametrize(("dialect", "lasted"), [(OLD, 300), (NEW, 700)])
def test_what_the_callee_does_is_told(dialect, lasted):
    bench = call(
        "sip:answer@h;keys=1%23;keys-after=100;key-ms=50;hold-after=200;resume-after=400"
        ";message=hi%20there;message-after=500;transfer=sip:x%40y;transfer-after=600"
        ";bye-after=700",
        dialect,
    )
    bench.advance(1000)
    events = [(at, e) for at, e in bench.new_events()[3:] if e["trackId"] == "me"]
    assert [(at, event["event"]) for at, event in events] == [
        (100, "dtmf"),
        (150, "dtmf"),
        (200, "hold"),
        (400, "hold"),
        (500, "message"),
        (600, "transferRequest"),
        (700, "trackEnd"),
        (700, "hangup"),
    ]
    first, second, hold, resume, message, transfer, track_end, _ = [
        e for _, e in events
    ]
    assert (first["digit"], second["digit"]) == ("1", "#")
    assert "refer" not in first
    assert (hold["onHold"], resume["onHold"], hold["refer"]) == (True, False, False)
    assert (message["body"], message["refer"]) == ("hi there", False)
    assert transfer["referTo"] == "<sip:x@y>"
    assert ("legSessionId" in transfer) == (dialect is NEW)
    assert track_end["duration"] == lasted  # a re-INVITE moved the answer's time once


def test_keys_of_a_muted_caller_are_not_seen_and_a_held_one_is_not_heard():
    bench = call("sip:echo@h;keys=1;hold-after=1000", subscribe=True)
    bench.advance(100)
    bench.say("mute", trackId="me")
    bench.advance(500)
    assert "dtmf" not in names(bench.new_events())
    bench.say("unmute", trackId="me")
    bench.tts(text=base64_tone(1000), base64=True)
    bench.advance(380)
    assert loudest(bench, 1) > 5000
    bench.line.frames.clear()
    bench.advance(300)
    assert loudest(bench, 1) == 0


def loudest(bench, header):
    heard = [data[1:] for _, data in bench.line.frames if data[0] == header]
    assert heard
    assert {len(data) for data in heard} == {640}
    return np.abs(np.frombuffer(b"".join(heard), "<i2").astype(int)).max()


def test_subscribed_audio_has_a_header_of_its_side():
    bench = call("sip:answer@h;say=good%20morning", subscribe=True)
    bench.advance(1000)
    assert {data[0] for _, data in bench.line.frames} == {1}
    assert loudest(bench, 1) > 1000
    bench.tts(text=base64_tone(200), base64=True)
    bench.advance(500)
    assert sum(data[0] == 0 for _, data in bench.line.frames) == 10
    assert loudest(bench, 0) > 5000


def test_without_subscribe_there_are_no_frames():
    bench = call("sip:echo@h")
    bench.advance(100)
    bench.tts(text=base64_tone(200), base64=True, playId="p")
    bench.advance(1000)
    assert not bench.line.frames
    assert ("trackEnd", "p") in bench.story()


def test_the_callee_is_heard_by_the_processors():
    bench = call("sip:answer@h;say=twenty%20characters..", vad={"type": "nop"})
    bench.advance(4000)
    assert "speaking" in names(bench.new_events())


def test_messages_need_a_dialog():
    bench = call("sip:answer@h")
    bench.advance(10)
    bench.say("message", body="hi")
    bench.say("message", body="hi", refer=True)
    bench.advance(100)
    (error,) = [e for _, e in bench.new_events() if e["event"] == "error"]
    assert error["error"] == (
        "no established SIP dialog found for message command, refer=true"
    )


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("invite", {"option": {"callee": "sip:nobody@h"}}),
        ("invite", {"option": {}}),
        ("ringing", {}),
    ],
)
def test_nobody_there_is_a_408_after_32_seconds(command, fields):
    bench = sip_bench()
    bench.say(command, **fields)
    bench.advance(31_900)
    assert [event["event"] for _, event in bench.new_events()] == ["trackStart"]
    bench.advance(200)
    reject, error, *rest = [event for _, event in bench.new_events()]
    assert (reject["code"], reject["reason"]) == (408, "408 Request Timeout")
    assert error["sender"] == command
    assert error["error"] == "Dialog error:408 Request Timeout(408 Request Timeout)"
    assert [event["event"] for event in rest] == ["trackEnd", "hangup"]
    assert bench.line.closed_ms is not None


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ({"callee": ":::"}, "not a SIP address"),
        ({"callee": "sip:x@h;rings=two"}, "not a number"),
    ],
)
def test_a_callee_that_makes_no_sense_is_a_clear_error(option, why):
    bench = sip_bench()
    bench.say("invite", option=option)
    bench.advance(10)
    (_, error) = bench.new_events()[0]
    assert error["sender"] == "invite"
    assert why in error["error"]
    assert bench.line.closed_ms == 0


# ---------------------------------------------------------------------- transfers


def transferred(callee, dialect=NEW, **options):
    bench = call("sip:answer@h", dialect, subscribe=True)
    bench.advance(1000)
    bench.new_events()
    bench.line.frames.clear()
    bench.say("refer", caller="", callee=callee, options=options)
    return bench


def test_a_transfer_that_is_answered_and_ends():
    bench = transferred("sip:ring@h;rings=1;ring-ms=300;bye-after=1000")
    bench.say("custom", data="does not wait")
    bench.advance(5000)
    events = bench.new_events()
    assert [(at, e["event"], e.get("trackId"), e.get("refer")) for at, e in events] == [
        (1000, "trackStart", SST, None),
        (1000, "custom", None, None),
        (1000, "ringing", SST, True),
        (1300, "answer", SST, True),
        (1300, "mediaReady", SST, None),
        (2300, "trackEnd", SST, None),
        (2300, "hangup", SST, True),
    ]
    hangup = events[-1][1]
    assert (hangup["reason"], hangup["initiator"]) == ("ByCallee", "callee")
    assert hangup["from"]["source"] == "sip:me@here"
    assert hangup["extra"] == {}
    assert events[-2][1]["autoHangup"] == "byRefer"
    assert sum(data[0] == 0 for _, data in bench.line.frames) == 50
    assert bench.line.closed_ms == 2300  # autoHangup is the default


def test_a_transfer_without_auto_hangup_leaves_the_call_until_its_hidden_watch():
    bench = transferred("sip:answer@h;bye-after=500", autoHangup=False)
    bench.advance(10_000)
    assert names(bench.new_events())[-1] == "hangup"
    bench.say("pause")
    bench.advance(100)
    assert bench.new_events()[0][1]["error"] == f"track not found: {SST}"
    bench.advance(60_000)
    assert bench.story() == [("inactivity", SST)]
    assert 51_400 < bench.line.closed_ms - 1000 <= 51_500


def test_commands_of_an_older_release_wait_for_the_transfer():
    bench = transferred("sip:ring@h;rings=1;ring-ms=300;bye-after=1000", OLD)
    bench.say("custom", data="waits")
    bench.advance(5000)
    events = bench.new_events()
    assert names(events)[2:4] == ["answer", "custom"]
    assert "extra" not in events[-1][1]


@pytest.mark.parametrize("auto_hangup", [True, False])
@pytest.mark.parametrize(
    ("version", "ends"), [("0.3.83", True), ("0.3.95", True), ("0.3.96", False)]
)
def test_a_transfer_that_is_refused(auto_hangup, version, ends):
    dialect = Dialect(ServerVersion.parse(version))
    bench = transferred("sip:busy@h", dialect, autoHangup=auto_hangup)
    bench.advance(1000)
    events = bench.new_events()
    story = ["trackStart", "ringing", "reject", "error", "trackEnd", "hangup"]
    assert names(events) == story
    reject, error, _, hangup = [event for _, event in events[2:]]
    assert (reject["code"], reject["refer"], reject["trackId"]) == (486, True, SST)
    assert (error["sender"], error["trackId"]) == ("command", "me")
    assert error["error"] == "Dialog error:486 Busy Here(486 Busy Here)"
    assert hangup["reason"] in ("ByCallee", "Some(ByCallee)")
    assert hangup["initiator"] == "system"
    assert (bench.line.closed_ms is not None) == (auto_hangup and ends)


def test_music_plays_until_the_third_party_answers(tmp_path):
    moh = write_tone(tmp_path / "moh.wav", 5000)
    bench = transferred("sip:ring@h;rings=1;ring-ms=1000;bye-after=200", moh=moh)
    bench.advance(3000)
    assert bench.story() == [
        ("trackStart", moh),
        ("ringing", SST),
        ("trackEnd", moh),
        ("trackStart", SST),
        ("answer", SST),
        ("mediaReady", SST),
        ("trackEnd", SST),
        ("hangup", SST),
    ]
    assert bench.line.closed_ms == 2200


def test_a_failed_transfer_with_music_leaves_the_call_and_the_music(tmp_path):
    moh = write_tone(tmp_path / "moh.wav", 3000)
    bench = transferred("sip:nobody@h", moh=moh, timeout=1)
    bench.advance(6000)
    story = ["trackStart", "reject", "error", "trackEnd", "hangup", "trackEnd"]
    assert names(bench.new_events()) == story
    assert bench.line.closed_ms is None


@pytest.mark.parametrize(("dialect", "starts"), [(OLD, 1), (NEW, 4)])
def test_music_on_hold_is_repeated_by_newer_releases(tmp_path, dialect, starts):
    moh = write_tone(tmp_path / "moh.wav", 300)
    bench = transferred("sip:nobody@h", dialect, moh=moh, timeout=1)
    bench.advance(5000)
    story = bench.story()
    assert story.count(("trackStart", moh)) == story.count(("trackEnd", moh)) == starts


def test_music_that_cannot_be_loaded_is_tried_once_and_reported():
    bench = transferred("sip:nobody@h", moh="/no/such.wav", timeout=1)
    bench.advance(3000)
    assert [name for name, _ in bench.story()].count("trackStart") == 1
    assert "flood" in bench.rules()


def write_tone(path, ms):
    from simulator.call_bench import tone

    from rustpbx_lab.audio.clip import Clip

    Clip(tone(ms), 16000).write(path)
    return str(path)


def test_a_hangup_of_the_transfer_leaves_the_call():
    bench = transferred("sip:answer@h", autoHangup=False)
    bench.advance(500)
    bench.new_events()
    bench.say("hangup", refer=True, reason="refer")
    bench.advance(100)
    _, (_, hangup) = bench.new_events()
    assert (hangup["reason"], hangup["initiator"]) == ("ByRefer", "caller")
    assert bench.line.closed_ms is None


def test_a_hangup_of_a_transfer_that_rings_is_told_as_a_refusal():
    bench = transferred("sip:noanswer@h")
    bench.advance(500)
    bench.new_events()
    bench.say("hangup", refer=True)
    bench.advance(100)
    events = bench.new_events()
    assert names(events) == ["trackEnd", "hangup", "reject", "error"]
    assert events[2][1]["code"] == 487
    assert events[3][1]["error"].startswith("Dialog error:487 Request Terminated")
    assert bench.line.closed_ms is None


def test_caller_and_third_party_hear_each_other():
    bench = call("sip:answer@h;play=/nowhere;say=hello%20hello", subscribe=True)
    bench.advance(40)
    bench.say("refer", caller="", callee="sip:echo@h")
    bench.advance(2000)
    assert loudest(bench, 0) > 1000  # the caller's own voice, echoed


@pytest.mark.parametrize(("dialect", "ends"), [(OLD, False), (NEW, True)])
def test_speech_over_a_transfer_silences_it(dialect, ends):
    bench = transferred("sip:answer@h;bye-after=2000", dialect)
    bench.advance(500)
    bench.new_events()
    bench.say("pause")
    bench.tts(text=base64_tone(200), base64=True, playId="p")
    bench.advance(5000)
    error = bench.new_events()[0][1]
    assert error["error"] == f"track does not support pausing: {SST}"
    assert (bench.line.closed_ms is not None) == ends, "its autoHangup is forgotten"


def test_speech_that_plays_when_the_third_party_leaves_keeps_the_call():
    bench = transferred("sip:answer@h;bye-after=1000")
    bench.advance(500)
    bench.tts(text=base64_tone(2000), base64=True, playId="p")
    bench.advance(5000)
    ends = [e for _, e in bench.new_events() if e["event"] == "trackEnd"]
    assert [end.get("autoHangup") for end in ends] == ["byRefer", None]
    assert bench.line.closed_ms is None


def test_whom_the_other_side_asks_for_is_called():
    target = "transfer=sip:answer%40h%3Bbye-after%3D300;transfer-after=100"
    bench = call(f"sip:answer@h;{target}")
    bench.advance(2000)
    events = bench.new_events()[3:]
    assert [(at, e["event"], e["trackId"]) for at, e in events] == [
        (100, "transferRequest", "me"),
        (100, "trackStart", SST),
        (100, "answer", SST),
        (100, "mediaReady", SST),
        (400, "trackEnd", SST),
        (400, "hangup", SST),
    ]
    assert bench.line.closed_ms == 400
    older = call(f"sip:answer@h;{target}", OLD)
    older.advance(2000)
    assert names(older.new_events())[3:] == ["transferRequest"]
    assert older.line.closed_ms is None


# ---------------------------------------------------------------------- no packets


def timeouts(bench):
    return [
        (at, event["timeout"])
        for at, event in bench.new_events()
        if event["event"] == "rtpTimeout"
    ]


def test_no_packets_are_told_once_and_the_call_goes_on():
    bench = call("sip:answer@h;silent", rtpTimeout=2)
    bench.advance(10_000)
    assert timeouts(bench) == [(2000, 2)]
    assert bench.line.closed_ms is None


def test_it_looks_once_a_second_from_the_start_of_the_track_on():
    bench = call("sip:ring@h;rings=1;ring-ms=700;silent", rtpTimeout=1)
    bench.advance(5000)
    assert timeouts(bench) == [(2000, 1)]  # at 1000 it was answered for 300 ms


def test_packets_that_come_between_let_it_be_told_again():
    bench = call("sip:answer@h", rtpTimeout=1)
    bench.advance(3500)
    assert timeouts(bench) == []
    phone = bench.call._phone
    phone.hang_up()  # its packets stop; nothing is said on the line
    bench.advance(3000)
    assert timeouts(bench) == [(5000, 1)]
    bench.call.caller.hear(np.zeros(320, np.int16))
    bench.advance(3000)
    assert timeouts(bench) == [(8000, 1)]


@pytest.mark.parametrize("option", [{}, {"rtpTimeout": 0}])
def test_without_the_option_nothing_is_told_of_packets(option):
    bench = call("sip:answer@h;silent", **option)
    bench.advance(5000)
    assert timeouts(bench) == []


def test_an_older_release_and_a_call_that_is_over_tell_nothing():
    bench = call("sip:answer@h;silent", OLD, rtpTimeout=1)
    bench.advance(5000)
    assert timeouts(bench) == []
    bench = call("sip:answer@h;silent;bye-after=500", rtpTimeout=1)
    bench.advance(5000)
    assert timeouts(bench) == []


def test_the_option_of_an_accept_counts():
    bench, _ = incoming("sip:alice@a;silent")
    bench.say("ringing")
    bench.advance(1500)
    bench.say("accept", option={"rtpTimeout": 1})
    bench.advance(4000)
    assert timeouts(bench) == [(3000, 1)]


# ---------------------------------------------------------------------- incoming


def incoming(caller="sip:alice@a", headers=None, **fields):
    from rustpbx_lab.simulator.core.query import CallQuery
    from rustpbx_lab.simulator.telephone.sip_script import read_script

    bench = sip_bench()
    calls = bench.services.incoming
    script = read_script(caller)
    said = calls.call(caller, "sip:1000@h", script, headers or {}, **fields)
    query = CallQuery(said.dialog_id)
    bench.call = SipCall(query, bench.services, bench.line)
    bench.call.start()
    return bench, said


def test_an_incoming_call_is_accepted():
    bench, said = incoming("sip:alice@a;bye-after=500", {"X-Customer": "42"})
    bench.say("accept", option={"callee": "sip:1000@h", "subscribe": True})
    bench.advance(1000)
    events = bench.new_events()
    story = ["incoming", "trackStart", "answer", "mediaReady", "trackEnd", "hangup"]
    assert names(events) == story
    first, hangup = events[0][1], events[-1][1]
    assert first["trackId"] == said.dialog_id
    assert first["caller"] == "sip:alice@a;bye-after=500"
    assert first["headers"] == {"X-Customer": "42"}
    assert (hangup["reason"], hangup["initiator"]) == ("ByCaller", "caller")
    assert "from" not in hangup  # they are what the option says, and it said only to
    assert hangup["to"]["username"] == "1000"
    assert {data[0] for _, data in bench.line.frames} == {1}
    assert said.told()["state"] == "over"


def test_ringing_comes_first_and_its_ringtone_plays_on(tmp_path):
    tone = write_tone(tmp_path / "ring.wav", 300)
    bench, said = incoming()
    bench.say("ringing", ringtone=tone)
    bench.advance(100)
    assert names(bench.new_events()) == ["incoming", "trackStart", "trackStart"]
    assert (said.state, said.code) == ("ringing", 183)
    listing = bench.call.listing()
    assert listing["cs.option"] == {"inactivityTimeout": 50}
    assert listing["ringTime"] is not None
    option = {"vad": {"type": "nop"}, "subscribe": True}
    bench.say("accept", option=option)
    bench.advance(1000)
    assert names(bench.new_events()) == ["answer", "mediaReady", "trackEnd"]
    assert {data[0] for _, data in bench.line.frames} == {0}  # the caller's are missing


def test_an_incoming_call_is_refused_without_a_word():
    bench, said = incoming()
    bench.say("reject", reason="no time", code=480)
    bench.advance(10)
    assert bench.new_events() == []
    assert bench.line.closed_ms == 0
    assert (said.state, said.code, said.reason) == ("refused", 480, "no time")


def test_a_second_accept_tears_the_call_down():
    bench, _ = incoming()
    bench.say("accept", option={})
    bench.advance(100)
    bench.new_events()
    bench.say("accept", option={})
    bench.advance(100)
    (_, reject), *_ = bench.new_events()
    assert (reject["reason"], reject["code"]) == ("no pending call", 486)
    assert "refer" not in reject
    assert bench.line.closed_ms is not None


def test_a_caller_who_gives_up_leaves_nothing_to_accept():
    bench, said = incoming("sip:alice@a;cancel-after=300")
    bench.advance(1000)
    assert said.state == "gone"
    assert bench.new_events() == []
    bench.say("accept", option={})
    bench.advance(10)
    assert names(bench.new_events()) == ["reject"]


@pytest.mark.parametrize(
    ("script", "fields", "reason", "initiator", "code"),
    [
        ("sip:a@a;cancel-after=300", {}, "Canceled", "caller", 487),
        ("sip:a@a", {"accept_timeout_s": 2}, "ByCallee", "callee", 408),
    ],
)
def test_after_ringing_the_end_of_the_wait_is_told(
    script, fields, reason, initiator, code
):
    bench, said = incoming(script, **fields)
    bench.say("ringing")
    bench.advance(3000)
    events = bench.new_events()
    assert names(events) == ["incoming", "trackStart", "trackEnd", "hangup"]
    assert events[2][1]["duration"] == 0
    hangup = events[3][1]
    assert (hangup["reason"], hangup["initiator"]) == (reason, initiator)
    assert bench.line.closed_ms is not None
    assert said.code == code


def test_a_connection_that_is_dropped_declines_the_caller():
    bench, said = incoming()
    bench.call.end("canceled")
    assert (said.state, said.code) == ("refused", 603)
    assert bench.new_events() == []


def test_only_the_first_of_two_connections_gets_the_caller():
    from rustpbx_lab.simulator.core.query import CallQuery

    bench, said = incoming()
    bench.say("ringing")
    bench.advance(10)
    query = CallQuery(said.dialog_id)
    second = SipCall(query, bench.services, bench.line)
    second.start()
    bench.new_events()
    second.take_text('{"command":"accept","option":{}}')
    bench.advance(10)
    assert bench.new_events()[0][1]["code"] == 486
    assert said.state == "ringing"
