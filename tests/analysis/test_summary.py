import json

import pandas as pd
import pytest
from analysis.call_logs import CALLER, EPOCH, Call

from rustpbx_lab.analysis.summary import count_words, percentile, summaries, summary
from rustpbx_lab.log import EventLog
from rustpbx_lab.models import notes

VAD = {"type": "silero"}


def talked() -> Call:
    call = Call(vad=VAD)
    call.note(notes.Connected(url="ws://h/call", call_type="websocket", id="s.1"), 6)
    call.command("tts", 100, text="Hello", playId="a")
    call.track_start(102, "a")
    call.audio("started", 310)
    call.synthesised(320, "a", ttfb=180, n_bytes=32000)
    call.interruption(1300, "a", 900, 1000)
    call.track_end(1300, "a")
    for number, hang_over in enumerate((140, 150, 400)):
        start = 2000 + 2000 * number
        call.speaking(start + 288, start)
        call.silence(start + 640 + hang_over, start, 640)
        call.asr("asrFinal", start + 1000, "It's three words", index=number)
    call.command("tts", 9000, text="Bye", playId="b")
    call.track_start(9001, "b")
    call.synthesised(9002, "b", ttfb=1, n_bytes=100, cached=True)
    call.event("error", 9100, trackId=CALLER, sender="tts", error="x", code=500)
    call.closed(9500)
    return call


def test_a_call_in_one_row():
    row = summary(talked().log)
    assert (row["id"], row["type"], row["phase"]) == ("s.1", "websocket", "answered")
    assert row["is_closed"]
    assert row["close_reason"] == "the server closed the connection"
    assert (row["started_ms"], row["duration_ms"]) == (EPOCH, 9500)
    assert (row["n_utterances"], row["n_finals"], row["n_words"]) == (3, 3, 9)
    assert (row["n_playbacks"], row["n_interrupted"], row["n_errors"]) == (2, 1, 1)
    assert row["n_interruptions"] == 0, "nobody spoke over it"
    assert (row["n_commands"], row["n_events"]) == (3, 18)
    assert (row["hang_over_p50_ms"], row["hang_over_n"]) == (150, 3)
    assert (row["asr_final_delay_p50_ms"], row["asr_final_delay_n"]) == (360, 3)
    assert row["asr_final_delay_quality"] == "inferred"
    assert (row["tts_ttfb_p50_ms"], row["tts_ttfb_n"]) == (180, 1)
    assert (row["tts_ttfb_cached_p50_ms"], row["tts_ttfb_cached_n"]) == (1, 1)
    assert (row["first_word_ms"], row["first_word_quality"]) == (300, "measured")
    assert json.loads(json.dumps(row)) == row


def test_what_is_unknown_is_empty_and_what_is_counted_is_zero():
    row = summary(EventLog())
    unknown = {name for name, value in row.items() if value is None}
    assert {"duration_ms", "hang_over_p50_ms", "first_word_ms", "id"} <= unknown
    assert row["n_events"] == row["hang_over_n"] == 0
    assert row["first_word_quality"] == "unknown"


def test_a_rejected_call_says_why():
    call = Call()
    log = EventLog()
    call.log, built = log, call.log
    call.command("invite", 0, option={})
    call.event("ringing", 10, trackId=CALLER, earlyMedia=False, refer=False)
    call.event("reject", 20, trackId=CALLER, reason="486 Busy Here", refer=False)
    row = summary(log)
    assert (row["phase"], row["close_reason"]) == ("ringing", "486 Busy Here")
    assert row["answered_ms"] is None
    assert len(built) == 3


def test_many_calls_are_a_table_with_the_same_types_as_none():
    table, empty = summaries([talked().log, EventLog()]), summaries([])
    assert len(table) == 2
    assert table["duration_ms"].tolist() == [9500, pd.NA]
    assert empty.empty
    assert empty.dtypes.to_dict() == table.dtypes.to_dict()


def test_a_percentile_of_nothing_is_nothing():
    assert percentile([], 50) is None
    assert percentile([10, 20], 50) == 15


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("It's three-word text, no?", 5), ("您好。world", 3), ("4 2 7", 3)],
)
def test_words_are_counted_in_every_script(text: str, words: int):
    assert count_words(text) == words
