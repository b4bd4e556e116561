"""What the real server said, recorded once: everything of ours must understand it."""

import json
from pathlib import Path

import numpy as np
import pytest
from recordings.capture import SESSIONS, caller_audio

from rustpbx_lab import events, notes, read_log
from rustpbx_lab.analysis.timelines import timeline
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import CODECS
from rustpbx_lab.audio.resampling import Resampler
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import VADOption
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.speech.vad_engines import SileroEngine
from rustpbx_lab.workbench.conformance.vad_points import flipped_chunks

HERE = Path(__file__).parent
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


def as_the_server_hears(name):
    """What the caller said, as 16 kHz samples behind the call's codec."""
    _, parts = SESSIONS[name]
    clip = caller_audio(parts)
    if name != "narrow":
        return clip
    codec = CODECS["pcmu"]
    down, up = Resampler(16000, 8000), Resampler(8000, 16000)
    coded = codec.encoder().encode(down.push(clip.samples))
    return Clip(up.push(codec.decoder().decode(coded)), 16000)


@pytest.mark.parametrize("name", SPOKEN)
def test_our_replay_says_what_the_server_said(name):
    said = [
        (record.name, record.message.start_time, record.message.duration)
        if record.name == "silence"
        else (record.name, record.message.start_time, None)
        for record in received(name)
        if record.name in ("speaking", "silence")
    ]
    invite = next(r for r in received(name) if r.name == "invite").message
    option = VADOption.model_validate(invite.option.vad.model_dump(exclude_unset=True))
    heard = SileroEngine().probabilities(as_the_server_hears(name).samples)
    flipped = flipped_chunks(heard, VadParams.from_option(option), said)
    # the server's own resampler moves a chunk of G.711 over the threshold
    assert flipped == ((5408,) if name == "narrow" else ())


def test_the_recording_is_what_was_said_late_by_one_block():
    said = as_the_server_hears("recorded").samples
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


def test_mistakes_are_marks():
    told = table("mistakes", "marks", "kind", "name")
    assert [name for kind, name in told if kind == "error"] == ["error"] * 5
    assert ("reject", "reject") in told
