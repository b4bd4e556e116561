from dataclasses import asdict
from itertools import pairwise

import pandas as pd
import pytest
from analysis.call_logs import CALLER, EPOCH, SERVER, Call
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rustpbx_lab.analysis.timelines import TIMELINES, timeline
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import notes

VAD = {"type": "silero", "speechPadding": 250, "silencePadding": 100}


def only(table: pd.DataFrame) -> dict[str, object]:
    assert len(table) == 1
    return {
        name: None if value is pd.NA else value
        for name, value in table.iloc[0].to_dict().items()
    }


def speech_of(call: Call) -> pd.DataFrame:
    return timeline("speech", call.log)


# ---------------------------------------------------------------------- speech


def test_speech_runs_from_onset_to_start_plus_duration():
    call = Call(vad=VAD)
    call.speaking(1288, 1000)
    call.silence(2160, 1000, 960)
    row = only(speech_of(call))
    assert (row["start_ms"], row["end_ms"], row["said_ms"]) == (1000, 1960, 2160)
    assert (row["kind"], row["quality"], row["detected_ms"]) == (
        "speech",
        "measured",
        1288,
    )


def test_a_timeout_tick_is_no_speech():
    call = Call(vad=VAD | {"silenceTimeout": 5000})
    call.silence(5024, 0, 5024)
    assert speech_of(call).empty


def test_a_silence_without_speaking_is_a_short_utterance():
    call = Call(vad=VAD | {"silenceTimeout": 5000})
    call.silence(900, 500, 256)
    row = only(speech_of(call))
    assert (row["kind"], row["start_ms"], row["end_ms"]) == ("short", 500, 756)


def test_the_no_input_timer_is_no_speech():
    call = Call(vad=VAD)
    call.silence(9000, 1000, 260, track=SERVER, refer=False)
    assert speech_of(call).empty


def test_the_no_input_timer_is_known_under_a_name_of_ours():
    call = Call(vad=VAD)
    url = "ws://h/call?serverSideTrack=bot"
    call.note(notes.Connected(url=url, call_type="websocket"), 20)
    call.silence(9000, 1000, 260, track="bot", refer=False)
    assert speech_of(call).empty


def test_with_options_nobody_saw_only_a_short_utterance_counts():
    call = Call(vad=VAD)
    log = EventLog()
    fold = TIMELINES["speech"]()
    call.silence(900, 500, 256)
    call.silence(9000, 1000, 1440)
    changes = fold.advance(call.log[3:])  # the invite was before we came
    assert [row.kind for row in changes.closed] == ["short"]
    assert log.records() == []


def test_a_speech_whose_speaking_was_lost_is_still_speech():
    call = Call(vad=VAD)
    call.silence(3000, 1000, 1440)
    row = only(speech_of(call))
    assert (row["kind"], row["detected_ms"], row["end_ms"]) == ("speech", None, 2440)


def test_speech_is_open_while_it_lasts_and_its_end_is_inferred_at_the_close():
    call = Call(vad=VAD)
    call.speaking(1288, 1000)
    fold = TIMELINES["speech"]()
    assert [row.end_ms for row in fold.advance(call.log.records()).open] == [None]
    before = len(call.log)
    call.closed(1500)
    changes = fold.advance(call.log[before:])
    assert changes.open == []
    assert [(row.end_ms, row.quality) for row in changes.closed] == [(1500, "inferred")]


def test_a_lost_end_leaves_the_end_unknown():
    call = Call(vad=VAD)
    call.speaking(1288, 1000)
    call.speaking(5288, 5000)
    table = speech_of(call)
    assert table["end_ms"].isna().tolist() == [True, True]
    assert table["quality"].tolist() == ["unknown", "unknown"]


@pytest.mark.parametrize("start", [-EPOCH + 1234, 10**17, -(10**30)])
def test_times_on_no_known_clock_stay_empty(start: int):
    call = Call(vad=VAD)
    call.speaking(1288, start)
    row = only(speech_of(call))
    assert row["start_ms"] is None
    assert row["detected_ms"] == 1288


def test_the_transfer_leg_is_kept_apart():
    call = Call(vad=VAD)
    call.speaking(1288, 1000, track=SERVER, refer=True)
    call.silence(2160, 1000, 960, track=SERVER, refer=True)
    assert only(speech_of(call))["refer"] is True


# ---------------------------------------------------------------------- recognition


def test_the_delay_counts_from_the_later_of_vad_end_and_recogniser_end():
    call = Call(vad=VAD)
    call.speaking(1288, 1000)
    call.asr("asrDelta", 1500, "two", startTime=990, endTime=1400)
    call.silence(2160, 1000, 960)
    call.asr("asrFinal", 2300, "two words", startTime=990, endTime=1900)
    row = only(timeline("recognition", call.log))
    assert (row["delay_ms"], row["quality"]) == (2300 - 1960, "measured")
    assert (row["deltas"], row["text"], row["is_final"]) == ((1500,), "two words", True)


def test_without_times_of_the_recogniser_the_delay_is_inferred():
    call = Call(vad=VAD)
    call.speaking(1288, 1000)
    call.silence(2160, 1000, 960)
    call.asr("asrFinal", 2300, "one")
    call.asr("asrFinal", 9300, "noise")
    table = timeline("recognition", call.log)
    assert table["quality"].tolist() == ["inferred", "unknown"]
    assert table["delay_ms"][0] == 340
    assert table["delay_ms"][1] is pd.NA


def twice_spoken() -> Call:
    call = Call()
    call.speaking(1300, 1000)
    call.silence(2300, 1000, 1200)
    call.speaking(3300, 3000)
    call.silence(4000, 3000, 900)
    return call


def test_a_slow_final_counts_from_its_own_speech_not_from_a_later_one():
    call = twice_spoken()
    call.asr("asrFinal", 5000, "one", 1, startTime=1040, endTime=2150)
    call.asr("asrFinal", 5200, "two", 2, startTime=3060, endTime=3890)
    table = timeline("recognition", call.log)
    assert table["delay_ms"].tolist() == [5000 - 2200, 5200 - 3900]
    assert table["quality"].tolist() == ["measured", "measured"]


def test_a_final_of_two_stretches_counts_from_the_second():
    call = twice_spoken()
    call.asr("asrFinal", 5000, "one two", 1, startTime=1040, endTime=3890)
    assert timeline("recognition", call.log)["delay_ms"].tolist() == [5000 - 3900]


def test_without_times_nobody_can_tell_which_of_two_speeches_a_final_is_of():
    call = twice_spoken()
    call.asr("asrFinal", 5000, "one")
    call.speaking(6300, 6000)
    call.silence(7000, 6000, 900)
    call.asr("asrFinal", 7300, "three")
    table = timeline("recognition", call.log)
    assert table["delay_ms"].tolist() == [pd.NA, 7300 - 6900]


@pytest.mark.parametrize("end", [9000, -80_000])
def test_an_impossible_delay_is_empty(end: int):
    call = Call()
    call.asr("asrFinal", 2300, "hm", startTime=end - 10, endTime=end)
    row = only(timeline("recognition", call.log))
    assert (row["delay_ms"], row["quality"]) == (None, "unknown")


def test_a_delta_without_final_is_closed_by_the_next_final():
    call = Call()
    call.asr("asrDelta", 100, "lost", index=0)
    call.asr("asrFinal", 900, "kept", index=1)
    assert timeline("recognition", call.log)["is_final"].tolist() == [False, True]


def test_the_deltas_of_a_realtime_service_are_the_agents():
    call = Call(realtime={"provider": "openai"})
    for at, text in ((100, "Good "), (150, "morning")):
        call.asr("asrDelta", at, text, taskId="item")
    call.asr("asrFinal", 900, "Hello")
    assert timeline("recognition", call.log)["text"].tolist() == ["Hello"]
    lines = timeline("transcript", call.log)
    assert lines[["who", "text"]].values.tolist() == [
        ["agent", "Good morning"],
        ["caller", "Hello"],
    ]


# ---------------------------------------------------------------------- playback


def spoken(at: int = 100) -> Call:
    call = Call()
    call.command("tts", at, text="Good morning", playId="a")
    call.track_start(at + 2, "a")
    return call


def test_first_audio_is_measured_where_it_arrives():
    call = spoken()
    call.synthesised(500, "a", ttfb=300, n_bytes=32000)
    call.audio("started", 510)
    call.track_end(1500, "a")
    row = only(timeline("playback", call.log))
    assert (row["first_audio_ms"], row["quality"]) == (510, "measured")
    assert (row["command_ms"], row["start_ms"], row["end_ms"]) == (100, 102, 1500)
    assert (row["kind"], row["text"], row["total_ms"]) == ("tts", "Good morning", 1000)
    assert row["heard_ms"] is None


def test_first_audio_is_when_it_can_be_heard_not_when_silence_comes():
    call = spoken()
    call.audio("started", 300, is_silent=True)
    call.synthesised(310, "a", ttfb=150, n_bytes=32000)
    silent = only(timeline("playback", call.log))
    assert silent["first_frame_ms"] == 300
    assert pd.isna(silent["first_audio_ms"])  # not yet
    assert silent["quality"] == "unknown"
    call.audio("sound", 640)
    call.audio("silence", 900, noted=1200)
    call.audio("sound", 1300)  # a pause within
    row = only(timeline("playback", call.log))
    assert (row["first_frame_ms"], row["first_audio_ms"]) == (300, 640)
    assert (row["quality"], bool(row["is_audible"])) == ("measured", True)


def test_sound_tells_a_reply_in_a_stream_that_never_pauses():
    call = Call()
    call.audio("started", 20, is_silent=True)  # silence is streamed all the time
    call.command("tts", 100, text="Good morning", playId="a")
    call.track_start(102, "a")
    call.audio("sound", 350)
    call.audio("silence", 900, noted=1200)
    call.track_end(1000, "a")
    call.command("tts", 2000, text="Next", playId="b")
    call.track_start(2002, "b")
    call.audio("sound", 2300)
    table = timeline("playback", call.log)
    assert table["first_audio_ms"].tolist() == [350, 2300]
    assert table["first_frame_ms"].isna().all()


def test_first_audio_is_inferred_from_the_synthesis_otherwise():
    call = spoken()
    call.synthesised(500, "a", ttfb=300, n_bytes=32000)
    row = only(timeline("playback", call.log))
    assert (row["first_audio_ms"], row["quality"]) == (402, "inferred")


def test_audio_that_goes_on_from_the_track_before_measures_nothing():
    call = spoken()
    call.audio("started", 300)
    call.command("tts", 400, text="Next", playId="b")
    call.track_end(401, "a")
    call.track_start(402, "b")
    call.audio("stopped", 900, noted=1100)
    call.audio("started", 1200)  # a stall in the middle of b
    table = timeline("playback", call.log)
    assert table["quality"].tolist() == ["measured", "unknown"]


def test_a_burst_that_ends_as_a_track_begins_was_the_one_before():
    call = spoken()
    call.audio("started", 300)
    call.command("tts", 400, text="Next", playId="b")
    call.interruption(402, "a", 100, 0)
    call.track_end(402, "a")
    call.track_start(403, "b")
    call.audio("stopped", 405, noted=610)
    call.audio("started", 700)
    assert timeline("playback", call.log)["first_audio_ms"].tolist() == [300, 700]


def test_an_interruption_says_how_much_was_heard():
    call = spoken()
    call.interruption(900, "a", current=700, total=2600)
    call.track_end(900, "a")
    row = only(timeline("playback", call.log))
    assert (row["interrupted_ms"], row["heard_ms"], row["total_ms"]) == (900, 700, 2600)


def test_the_length_of_cached_audio_is_unknown_not_zero():
    call = spoken()
    call.interruption(900, "a", current=700, total=0)
    assert only(timeline("playback", call.log))["total_ms"] is None


def test_overlapping_tracks_are_matched_by_play_id():
    call = spoken()
    call.command("tts", 300, text="Other", playId="b")
    call.track_start(301, "b")
    call.track_end(302, "a")
    call.track_end(900, "b")
    table = timeline("playback", call.log)
    assert table[["play_id", "end_ms"]].values.tolist() == [["a", 302], ["b", 900]]


def test_a_second_tts_of_a_running_play_id_is_never_spoken():
    call = spoken()
    call.command("tts", 200, text="Lost", playId="a")
    assert only(timeline("playback", call.log))["text"] == "Good morning"


def test_the_same_play_id_after_an_interrupt_is_a_playback_of_its_own():
    call = spoken()
    call.command("interrupt", 200)
    call.command("tts", 201, text="Again", playId="a")
    call.interruption(202, "a", 50, 100)
    call.track_end(202, "a")
    call.track_start(203, "a")
    table = timeline("playback", call.log)
    assert table["text"].tolist() == ["Good morning", "Again"]
    assert table["end_ms"].tolist() == [202, pd.NA]


def test_the_pieces_of_a_stream_are_one_text():
    call = Call()
    for at, text in ((100, "Good "), (110, "mor")):
        call.command("tts", at, text=text, playId="a", streaming=True)
    call.track_start(112, "a")
    call.command("tts", 120, text="ning", playId="a", streaming=True)
    assert only(timeline("playback", call.log))["text"] == "Good morning"


def test_a_track_that_nobody_asked_for_is_a_track():
    call = Call()
    call.track_start(50, "https://example.com/ring.wav")
    call.track_start(60, None, track=CALLER)
    row = only(timeline("playback", call.log))
    assert (row["kind"], row["text"], row["command_ms"]) == ("track", None, None)


def test_a_command_that_the_server_logged_late_still_names_its_track():
    call = Call()
    call.track_start(50, "a")
    call.command("tts", 51, text="Hello", playId="a")
    row = only(timeline("playback", call.log))
    assert (row["kind"], row["text"], row["command_ms"]) == ("tts", "Hello", 51)


def test_what_still_plays_at_the_end_of_the_call_ends_with_it():
    call = spoken()
    call.closed(700)
    assert only(timeline("playback", call.log))["end_ms"] == 700


# ------------------------------------------------------------------- points, lines


def test_metrics_without_a_duration_have_none():
    call = Call()
    data = {"duration": 700, "ttfb": 120.4, "playId": "p"}
    call.event("metrics", 100, key="llm_response", duration=0, data=data)
    call.event("metrics", 101, key="llm_call_start", duration=0, data={})
    table = timeline("metrics", call.log)
    assert table["value_ms"].tolist() == [700, pd.NA]
    assert table["ttfb_ms"].tolist() == [120, pd.NA]


def test_marks_tell_commands_errors_and_notes():
    call = Call()
    call.command("tts", 30, text="UklGRg==", base64=True)
    call.event("error", 40, trackId=CALLER, sender="command", error="no tts option")
    call.closed(50)
    table = timeline("marks", call.log)
    assert table[["kind", "name"]].values.tolist() == [
        ["command", "invite"],
        ["event", "answer"],
        ["command", "tts"],
        ["error", "error"],
        ["note", "closed"],
    ]
    assert table["text"].tolist()[2:] == [
        pd.NA,
        "no tts option",
        "the server closed the connection",
    ]


def test_a_transcript_is_the_conversation_in_order():
    call = spoken()
    call.audio("started", 300)
    call.interruption(900, "a", 600, 900)
    call.track_end(900, "a")
    call.asr("asrFinal", 1500, "Hello", startTime=700, endTime=1200)
    call.asr("asrFinal", 1600, " ")
    table = timeline("transcript", call.log)
    assert table[["who", "text", "at_ms"]].values.tolist() == [
        ["agent", "Good morning", 300],
        ["caller", "Hello", 700],
    ]
    assert table["interrupted"].tolist() == [True, False]


# ---------------------------------------------------------------------- all folds


def sip_message() -> Record:
    text = "BYE sip:a@h SIP/2.0\r\nCSeq: 1 BYE\r\n\r\n"
    note = notes.SipMessage(at_us=1, call_id="c", text=text)
    return Record.of_note(note, None)


@pytest.mark.parametrize("name", TIMELINES)
def test_no_rows_give_an_empty_table_of_the_same_types(name: str):
    empty = timeline(name, EventLog())
    call = spoken()
    call.speaking(1288, 1000)
    call.silence(2160, 1000, 960)
    call.asr("asrFinal", 2300, "x")
    call.synthesised(2400, "a", 1, 2)
    call.command("mute", 2500)
    call.log.append(sip_message())
    filled = timeline(name, call.log)
    assert empty.empty
    assert not filled.empty
    assert empty.dtypes.to_dict() == filled.dtypes.to_dict()


def test_an_unknown_timeline_names_the_known_ones():
    with pytest.raises(ValueError, match="choose one of speech, recognition"):
        timeline("words", EventLog())


TRACK = st.sampled_from([CALLER, SERVER, "other"])
PLAY = st.sampled_from(["a", "b", None])
TIME = st.integers(-500, 6000) | st.sampled_from([-EPOCH, 10**15, -(10**17)])
STEP = st.one_of(
    st.tuples(st.just("speaking"), TIME, TRACK, st.booleans()),
    st.tuples(st.just("silence"), TIME, st.integers(-5, 6000), TRACK),
    st.tuples(st.just("asrDelta"), st.integers(0, 12), st.text(max_size=3)),
    st.tuples(st.just("asrFinal"), st.integers(0, 12), st.text(max_size=3)),
    st.tuples(st.just("tts"), PLAY, st.booleans()),
    st.tuples(st.just("interrupt")),
    st.tuples(st.just("start"), PLAY, TRACK),
    st.tuples(st.just("end"), PLAY, TRACK),
    st.tuples(st.just("interruption"), PLAY, st.integers(0, 900)),
    st.tuples(st.just("metrics"), PLAY, st.integers(0, 900)),
    st.tuples(
        st.just("audio"),
        st.sampled_from(["started", "stopped", "sound", "silence"]),
        st.sampled_from([None, False, True]),
    ),
)


def play(call: Call, at: int, step: tuple) -> None:  # noqa: C901
    match step:
        case ("speaking", start, track, refer):
            call.speaking(at, start, track=track, **({"refer": True} if refer else {}))
        case ("silence", start, duration, track):
            call.silence(at, start, duration, track=track)
        case ("asrDelta" | "asrFinal" as kind, index, text):
            call.asr(kind, at, text, index=index, endTime=at - 100)
        case ("tts", play_id, streaming):
            named = {} if play_id is None else {"playId": play_id}
            call.command("tts", at, text="x", streaming=streaming, **named)
        case ("interrupt",):
            call.command("interrupt", at)
        case ("start", play_id, track):
            call.track_start(at, play_id, track=track)
        case ("end", play_id, track):
            call.track_end(at, play_id, track=track)
        case ("interruption", play_id, current):
            call.interruption(at, play_id, current, 0)
        case ("metrics", play_id, ttfb):
            call.synthesised(at, play_id, ttfb, 100)
        case ("audio", kind, is_silent):
            call.audio(kind, at, is_silent=is_silent)


def key_of(row) -> tuple:
    # one speech may meet several playbacks
    return row.seq, getattr(row, "play_seq", None)


@settings(max_examples=150)
@given(st.lists(STEP, max_size=40), st.lists(st.integers(0, 60)), st.booleans())
@example(
    [
        # the first that is told begins last, after the reply was asked for
        ("speaking", 421, CALLER, False),
        ("speaking", 0, CALLER, False),
        ("start", "a", CALLER),
    ],
    [],
    True,
)
@pytest.mark.slow
def test_any_way_of_cutting_the_records_gives_the_same_table(steps, cuts, is_closed):
    call = Call(vad=VAD | {"silenceTimeout": 3000})
    for number, step in enumerate(steps):
        play(call, 20 + 100 * number, step)
    if is_closed:
        call.closed(10_000)
    for name, new_fold in TIMELINES.items():
        whole = new_fold().advance(call.log.records())
        fold, closed, still = new_fold(), [], []
        edges = [0, *sorted(min(cut, len(call.log)) for cut in cuts), len(call.log)]
        for low, high in pairwise(edges):
            changes = fold.advance(call.log[low:high])
            closed, still = closed + changes.closed, changes.open
        by_key = {key_of(row): asdict(row) for row in closed}
        assert len(by_key) == len(closed), "a row is closed once"
        assert by_key == {key_of(row): asdict(row) for row in whole.closed}
        assert [asdict(row) for row in still] == [asdict(row) for row in whole.open]
        assert len(timeline(name, call.log)) == len(whole.closed) + len(whole.open)
