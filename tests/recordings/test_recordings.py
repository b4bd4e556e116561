"""What the real server said, recorded once: everything of ours must understand it."""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recordings import capture, capture_sip

from rustpbx_lab import events, notes, read_log
from rustpbx_lab.analysis.timelines import timeline
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import CODECS
from rustpbx_lab.audio.resampling import Resampler
from rustpbx_lab.conformance.vad_points import flipped_chunks
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import VADOption
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.speech.vad_engines import server_engine

HERE = Path(__file__).parent
SESSIONS = capture.SESSIONS | capture_sip.SESSIONS
NAMES = sorted(path.name.split(".")[0] for path in HERE.glob("*.log.jsonl"))
SPOKEN = ["conversation", "narrow", "recorded"]


def received(name):
    return read_log(HERE / f"{name}.log.jsonl")


def server_log(name):
    return read_log(HERE / f"{name}.events.jsonl")


def table(name, kind, *columns):
    rows = timeline(kind, received(name))[list(columns)]
    return [tuple(row) for row in rows.itertuples(index=False)]


def test_every_session_is_there_with_how_it_was_made():
    assert set(SESSIONS) <= set(NAMES)
    for name in SESSIONS:
        made = json.loads((HERE / f"{name}.json").read_text("utf-8"))
        assert made["server"].startswith("active-call ")
        assert made["command"].endswith(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_frame_is_a_known_message(name):
    log = received(name)
    assert log.damage == 0
    for record in log:
        assert not isinstance(record.message, events.UnknownEvent), record.raw
        assert not isinstance(record.message, commands.UnknownCommand), record.raw
        assert not isinstance(record.message, notes.Unreadable), record.raw
        if record.direction == "event":
            assert record.message.model_extra in (None, {}), record.raw


@pytest.mark.parametrize("name", NAMES)
def test_the_servers_own_log_tells_the_same_call(name):
    log = server_log(name)
    assert log.damage == 0
    theirs = [r.raw for r in log if r.direction == "event" and r.name != "ping"]
    ours = [r.raw for r in received(name) if r.direction == "event"]
    # the last events of a call may be missing on one side
    shorter = min(len(theirs), len(ours))
    assert shorter >= len(ours) - 3
    assert theirs[:shorter] == ours[:shorter]


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_kept(name):
    for path in HERE.glob(f"{name}.*jsonl"):
        text = path.read_text("utf-8")
        assert 'secretKey\\":\\"local' not in text
        assert 'secretKey":"local' not in text


# ---------------------------------------------------------------------- speech

# the server's own resampler moves these chunks over the threshold
FLIPPED = {"narrow": (5408,)}


def as_the_server_hears(name):
    """What the caller said, as 16 kHz samples behind the call's codec."""
    clip = capture.caller_audio(SESSIONS[name][1])
    if name != "narrow":
        return clip.samples
    narrow = Resampler(16000, 8000).push(clip.samples)
    return Resampler(8000, 16000).push(coded(narrow))


def coded(narrow):
    codec = CODECS["pcmu"]
    return codec.decoder().decode(codec.encoder().encode(narrow))


def said_and_params(name):
    log = received(name)
    said = [
        (r.name, r.message.start_time, getattr(r.message, "duration", None))
        for r in log
        if r.name in ("speaking", "silence")
    ]
    set_up = next(r for r in log if r.name in ("invite", "accept")).message
    option = VADOption.model_validate(set_up.option.vad.model_dump(exclude_unset=True))
    return said, VadParams.from_option(option)


@pytest.mark.parametrize("name", SPOKEN)
def test_our_replay_says_what_the_server_said(name):
    said, params = said_and_params(name)
    heard = server_engine("0.3.83").probabilities(as_the_server_hears(name))
    assert flipped_chunks(heard, params, said) == FLIPPED.get(name, ())


def test_our_replay_says_what_the_server_said_of_rtp():
    said, params = said_and_params("sip_inbound")
    narrow = capture.caller_audio(SESSIONS["sip_inbound"][1]).resampled(8000).samples
    engine = server_engine("0.3.83")

    def explains(missing):
        # where in the stream the server began is not known to the sample
        lead = np.zeros(missing, np.int16)
        wide = Clip(np.concatenate([lead, coded(narrow)]), 8000).resampled(16000)
        heard = engine.probabilities(wide.samples)
        return flipped_chunks(heard, params, said) == ()

    assert any(map(explains, range(0, 321, 80)))


def test_the_recording_is_what_was_said_late_by_one_block():
    said = as_the_server_hears("recorded")
    left = Clip.read(HERE / "recorded.wav", 0)
    assert (left.sample_rate_hz, left.channels) == (16000, 1)
    # the first block, of 200 ms, holds the first frame alone
    np.testing.assert_array_equal(left.samples[:320], said[:320])
    assert not left.samples[320:3200].any()
    np.testing.assert_array_equal(left.samples[3200:5200], said[320:2320])


def test_the_recordings_right_channel_is_the_server():
    right = Clip.read(HERE / "recorded.wav", 1).samples
    loud = np.flatnonzero(np.abs(right) > 1000)
    # a beep of 500 ms, begun half a second after the call
    assert 7000 <= loud[0] <= 12000
    # late frames leave gaps of up to a block
    assert 480 <= (loud[-1] - loud[0]) / 16 <= 500 + 200


# ---------------------------------------------------------------------- tables


def test_the_conversation_reads_as_it_went():
    [heard] = [r.message.text for r in received("conversation") if r.name == "asrFinal"]
    assert heard.startswith("He was not")
    assert table("conversation", "transcript", "who", "text", "interrupted") == [
        ("agent", GREETING, True),
        ("caller", heard, False),
        ("agent", "I see. Let me look.", False),
        ("agent", "Good bye.", False),
    ]


GREETING = "Welcome to the front desk. Please tell me how I can help you today."


def test_the_playbacks_are_told_apart():
    rows = timeline("playback", received("playback"))
    assert list(rows["play_id"]) == [
        *("replaced", "new", "paused", "twice", "graceful", "missing", "asks"),
        "cut off",
    ]
    stopped = rows.set_index("play_id")["interrupted_ms"].notna()
    assert list(stopped[stopped].index) == ["replaced", "graceful", "cut off"]
    lasted = (rows["end_ms"] - rows["start_ms"]).tolist()
    # replaced at 400, paused for 300, a tail to its end at 300
    assert lasted == pytest.approx([400, 100, 500, 100, 300, 0, 60, 300], abs=25)


def test_speech_has_its_length():
    [(start, end)] = table("conversation", "speech", "start_ms", "end_ms")
    assert end - start == 2592
    [(start, end)] = table("narrow", "speech", "start_ms", "end_ms")
    assert end - start == 4864


def names_of(name):
    return [record.name for record in received(name) if record.direction == "event"]


def test_a_busy_sip_call_is_rejected_then_fails_then_ends():
    told = names_of("sip_busy")
    assert told == ["trackStart", "ringing", "reject", "error", "trackEnd", "hangup"]
    reject = next(r for r in received("sip_busy") if r.name == "reject").message
    assert (reject.code, reject.reason) == (486, "486 Busy Here")


def test_sip_calls_that_the_other_side_ends_say_who():
    ended = {
        name: next(r for r in received(name) if r.name == "hangup").message
        for name in ("sip_inbound", "sip_outbound")
    }
    assert {name: end.initiator for name, end in ended.items()} == {
        "sip_inbound": "caller",
        "sip_outbound": "callee",
    }
    assert ended["sip_outbound"].to.username == "bob"


def test_a_key_pressed_by_sip_info_moves_the_answer_time():
    by_name = {record.name: record.message for record in received("sip_inbound")}
    digit, hangup = by_name["dtmf"], by_name["hangup"]
    assert digit.digit == "5"
    answered = datetime.fromisoformat(hangup.answer_time).timestamp() * 1000
    assert answered == pytest.approx(digit.timestamp, abs=50)
    assert digit.timestamp - by_name["answer"].timestamp > 4000


def test_mistakes_are_marks():
    told = table("mistakes", "marks", "kind", "name")
    assert [name for kind, name in told if kind == "error"] == ["error"] * 5
    assert ("reject", "reject") in told


def test_audio_that_flowed_already_is_not_measured_as_a_tracks_first():
    log = read_log(Path(__file__).with_name("playback.log.jsonl"))
    rows = timeline("playback", log).set_index("play_id")
    assert rows.loc["replaced", "quality"] == "measured"
    assert rows.loc["paused", "quality"] == "unknown"  # 927 is where it was resumed
    assert pd.isna(rows.loc["paused", "first_audio_ms"])
