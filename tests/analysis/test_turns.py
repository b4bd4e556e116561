"""Turns, their latency, double talk: numbers computed by hand."""

from dataclasses import asdict
from pathlib import Path

import pytest
from analysis.call_logs import EPOCH, Call
from hypothesis import given, settings
from hypothesis import strategies as st

from rustpbx_lab import read_log
from rustpbx_lab.analysis.barge_in import Overlap, OverlapFold
from rustpbx_lab.analysis.key_figures import NumbersFold, numbers
from rustpbx_lab.analysis.pipeline import KEPT, Basics, SharedFold
from rustpbx_lab.analysis.speech import SpeechFold
from rustpbx_lab.analysis.talk_ratio import TalkMeter, talk
from rustpbx_lab.analysis.timelines import begin_timelines
from rustpbx_lab.analysis.turns.fold import TurnFold
from rustpbx_lab.analysis.turns.latency import (
    latency,
    latency_table,
    percentiles,
    segments,
    turn_latencies,
)
from rustpbx_lab.analysis.turns.turn import Turn
from rustpbx_lab.log import Record

VAD = {"type": "silero", "speechPadding": 250, "silencePadding": 100}


def turns_of(call: Call) -> list[Turn]:
    changes = TurnFold().advance(call.log.records())
    return sorted([*changes.closed, *changes.open], key=lambda turn: turn.number)


def overlaps_of(call: Call) -> list[Overlap]:
    changes = OverlapFold().advance(call.log.records())
    return [*changes.closed, *changes.open]


def parts_of(turn: Turn) -> list[tuple[str, int]]:
    return [(part.name, part.length_ms) for part in segments(turn)]


def ask(call: Call, start: int = 1000, stop: int = 3000) -> None:
    """The caller speaks from start to stop; the final comes 400 ms later."""
    call.speaking(start + 288, start)
    call.silence(stop + 148, start, stop - start)
    call.asr(
        "asrFinal",
        stop + 400,
        "Where is my order?",
        index=start,
        startTime=start,
        endTime=stop - 20,
    )


def reply(
    call: Call, at: int, play_id: str, audio: int | None, ttfb: int = 250
) -> None:
    """A reply asked for at ``at``, audible at ``audio``."""
    call.command("tts", at, text="One moment.", playId=play_id)
    call.track_start(at + 10, play_id)
    call.synthesised(at + 10 + ttfb, play_id, ttfb, 32_000)
    if audio is not None:
        call.audio("started", audio)


def conversation() -> Call:
    """T1 is heard out, the caller breaks into T2, T3 is cut off, T4 unanswered."""
    call = Call(vad=VAD)
    reply(call, 20, "greeting", 300)
    call.audio("stopped", 900)
    call.track_end(900, "greeting")
    ask(call)
    call.event("metrics", 3410, key="llm_call_start", duration=0, data={})
    reply(call, 3822, "r-1", 4248)
    call.audio("stopped", 6000)
    call.track_end(6000, "r-1")
    ask(call, 7000, 8000)
    reply(call, 8500, "r-2", 8900)
    call.speaking(11_288, 11_000)
    call.command("interrupt", 11_290)
    call.interruption(11_300, "r-2", 2400, 5000)
    call.track_end(11_301, "r-2")
    call.audio("stopped", 11_310)
    call.silence(12_148, 11_000, 1000)
    call.asr("asrFinal", 12_300, "Stop.", index=9, startTime=11_000, endTime=11_990)
    cut_off(call)
    call.closed(20_000)
    return call


def cut_off(call: Call) -> None:
    """A reply at 12 400, audible at 12 800, when the caller had gone on at 12 700."""
    reply(call, 12_400, "r-3", 12_800)
    call.speaking(13_000, 12_700)
    call.interruption(13_010, "r-3", 210, 900)
    call.track_end(13_011, "r-3")
    call.audio("stopped", 13_020)
    call.silence(14_100, 12_700, 1300)


def test_a_turn_runs_from_the_caller_to_the_first_audio_of_the_reply():
    turn = turns_of(conversation())[0]
    assert (turn.start_ms, turn.stop_ms, turn.said_ms) == (1000, 3000, 3148)
    assert (turn.final_ms, turn.llm_ms, turn.command_ms) == (3400, 3410, 3822)
    assert (turn.tts_ms, turn.first_audio_ms) == (4082, 4248)
    assert (turn.latency_ms, turn.quality) == (1248, "measured")
    assert (turn.outcome, turn.play_id) == ("answered", "r-1")
    assert turn.text == "Where is my order?"


def test_the_segments_are_contiguous_and_sum_to_the_latency():
    turn = turns_of(conversation())[0]
    assert parts_of(turn) == [
        ("hang-over", 148),
        ("ASR final", 252),
        ("app", 10),
        ("LLM", 412),
        ("TTS", 260),
        ("buffer", 166),
    ]
    assert sum(part.length_ms for part in segments(turn)) == 1248


def test_silence_that_a_reply_begins_with_is_a_part_of_its_latency():
    call = Call(vad=VAD)
    ask(call)
    reply(call, 3900, "r-1", None)
    call.audio("started", 4300, is_silent=True)
    assert turns_of(call)[0].latency_ms is None  # nothing was heard yet
    call.audio("sound", 4620)
    turn = turns_of(call)[0]
    assert parts_of(turn)[-2:] == [("buffer", 140), ("lead-in", 320)]
    assert turn.latency_ms == sum(part.length_ms for part in segments(turn)) == 1620
    assert latency(turn).lead_in_ms == 320


def test_the_agent_talks_while_it_can_be_heard():
    call = Call(vad=VAD)
    call.command("tts", 100, text="x", playId="a")
    call.track_start(110, "a")
    call.audio("started", 200, is_silent=True)
    call.audio("sound", 500)
    call.audio("silence", 1500, noted=1800)
    call.audio("sound", 2500)
    call.audio("stopped", 3000, noted=3200)
    call.track_end(3100, "a")
    call.closed(4010)
    found = talk(call.log.records(), 4010)
    assert (found.agent_ms, found.is_audible) == (1500, True)
    assert found.total_ms == 4000


def test_a_note_that_nobody_can_read_is_passed_over():
    call = Call(vad=VAD)
    raw = '{"note":"audioStarted","leg":7}'
    call.log.append(Record("note", "audioStarted", raw, received_ms=EPOCH + 200))
    assert talk(call.log.records(), 1010).agent_ms == 0


def test_without_ears_the_agent_talks_while_it_plays():
    call = Call(vad=VAD)
    reply(call, 20, "greeting", 300)
    call.audio("stopped", 900)
    call.track_end(900, "greeting")
    found = talk(call.log.records(), 1010)
    assert (found.agent_ms, found.is_audible) == (600, False)


def test_turns_are_told_apart_by_what_became_of_them():
    turns = turns_of(conversation())
    assert [turn.outcome for turn in turns] == [
        "answered",
        "interrupted",
        "cut_off",
        "unanswered",
    ]
    assert turn_latencies(turns) == [1248]
    assert turn_latencies(turns, "interrupted") == [900]
    assert turns[2].resumed_ms == 12_700


def test_without_a_language_model_the_application_is_one_segment():
    call = Call(vad=VAD)
    ask(call)
    reply(call, 3900, "r-1", 4300)
    assert parts_of(turns_of(call)[0]) == [
        ("hang-over", 148),
        ("ASR final", 252),
        ("app", 500),
        ("TTS", 260),
        ("buffer", 140),
    ]


def test_what_cannot_be_told_apart_is_one_segment_of_unknown_parts():
    call = Call(vad=VAD)
    ask(call)
    call.command("tts", 3900, text="One moment.", playId="r-1")
    call.track_start(3910, "r-1")
    call.audio("started", 4300)
    turn = turns_of(call)[0]
    assert parts_of(turn)[-1] == ("TTS + buffer", 400)
    assert segments(turn)[-1].quality == "unknown"
    row = latency(turn)
    assert (row.tts_ms, row.buffer_ms, row.unknown_ms) == (None, None, 400)
    assert row.total_ms == 1300


def test_without_our_ears_the_total_ends_at_the_first_byte_and_is_inferred():
    call = Call(vad=VAD)
    ask(call)
    reply(call, 3900, "r-1", None)
    turn = turns_of(call)[0]
    assert (turn.latency_ms, turn.quality) == (1160, "inferred")
    assert parts_of(turn)[-1] == ("TTS", 260)


def test_a_reply_whose_audio_nobody_knows_has_no_latency():
    call = Call(vad=VAD)
    ask(call)
    call.command("play", 3900, url="http://x/y.wav", playId="r-1")
    call.track_start(3910, "r-1")
    call.closed(9000)
    turn = turns_of(call)[0]
    assert (turn.latency_ms, turn.quality) == (None, "unknown")
    assert segments(turn) == []
    assert latency(turn).total_ms is None


def test_an_answer_before_the_server_said_silence_has_no_hang_over():
    call = Call(vad=VAD)
    call.speaking(1288, 1000)
    call.asr("asrFinal", 3100, "Yes", startTime=1000, endTime=2990)
    reply(call, 3110, "r-1", 3500)
    call.silence(3600, 1000, 2000)
    call.track_end(5000, "r-1")
    call.closed(9000)
    turn = turns_of(call)[0]
    assert (turn.stop_ms, turn.latency_ms) == (3000, 500)
    assert parts_of(turn) == [
        ("ASR final", 100),
        ("app", 10),
        ("TTS", 260),
        ("buffer", 130),
    ]


def test_an_agent_that_talks_over_the_caller_has_a_problem_and_no_latency():
    call = Call(vad=VAD)
    call.speaking(1288, 1000)
    call.asr("asrFinal", 2000, "I", startTime=1000, endTime=1500)
    reply(call, 2010, "r-1", 2500)
    call.silence(3600, 1000, 2500)
    call.closed(9000)
    turn = turns_of(call)[0]
    assert (turn.outcome, turn.latency_ms) == ("cut_off", None)
    assert turn.problem == "the agent began 1000 ms before the caller had finished"
    assert [row.kind for row in overlaps_of(call)] == ["agent"]


def test_the_greeting_and_what_comes_unasked_answers_nobody():
    call = Call(vad=VAD)
    reply(call, 20, "greeting", 300)
    call.track_end(900, "greeting")
    reply(call, 5000, "more", 5300)
    assert turns_of(call) == []


def test_a_file_that_was_not_found_leaves_its_place_to_the_next_reply():
    call = Call(vad=VAD)
    ask(call)
    call.command("play", 3420, url="http://x/thinking.wav", playId="wait")
    call.track_start(3430, "wait")
    call.track_end(3440, "wait")
    reply(call, 3900, "r-1", 4300)
    turns = turns_of(call)
    assert [(turn.play_id, turn.latency_ms) for turn in turns] == [("r-1", 1300)]


def test_without_vad_the_finals_make_the_turn_and_its_stop_is_inferred():
    call = Call(asr={"provider": "deepgram"})
    call.asr("asrFinal", 3400, "Hello", startTime=1000, endTime=3000)
    reply(call, 3500, "r-1", 4000)
    turn = turns_of(call)[0]
    assert (turn.stop_ms, turn.stop_quality) == (3000, "inferred")
    assert (turn.latency_ms, turn.quality) == (1000, "inferred")
    assert parts_of(turn)[0] == ("ASR final", 400)


def test_a_short_word_counts_once_it_was_understood():
    call = Call(vad=VAD)
    call.silence(1600, 1000, 260)
    assert turns_of(call) == []
    call.asr("asrFinal", 1700, "No.", startTime=1000, endTime=1250)
    reply(call, 1800, "r-1", 2000)
    turn = turns_of(call)[0]
    assert (turn.stop_ms, turn.latency_ms) == (1260, 740)


def test_an_answer_after_half_a_minute_is_none():
    call = Call(vad=VAD)
    ask(call)
    reply(call, 40_000, "r-1", 40_300)
    call.closed(50_000)
    assert [turn.outcome for turn in turns_of(call)] == ["unanswered"]


def test_no_turns_give_an_empty_table_of_the_same_types():
    full, empty = latency_table(turns_of(conversation())), latency_table([])
    assert list(empty.dtypes) == list(full.dtypes)
    assert list(full["total_ms"].dropna()) == [1248, 900, 800]


def test_percentiles_come_with_n_and_a_tail_only_of_enough_values():
    assert asdict(percentiles([])) == {"n": 0, "p50": None, "p90": None, "p95": None}
    few = percentiles([900, 1000, 1100, 1400])
    assert (few.n, few.p50, few.p90, few.p95) == (4, 1050, 1310, None)
    enough = percentiles([900, 1000, 1100, 1400, 2000])
    assert (enough.n, enough.p50, enough.p95) == (5, 1100, 1880)


def test_an_interruption_is_timed_from_the_callers_onset():
    first, second = overlaps_of(conversation())
    assert (first.kind, first.start_ms, first.end_ms) == (
        "interruption",
        11_000,
        11_300,
    )
    assert (first.stop_latency_ms, first.detection_ms) == (300, 288)
    assert first.is_false is False
    # the agent began at 12 800, when the caller had been talking for 100 ms
    assert (second.kind, second.stop_latency_ms) == ("agent", None)


def test_an_interruption_without_words_is_false():
    call = Call(vad=VAD)
    reply(call, 20, "greeting", 300)
    call.asr("asrDelta", 400, "uh", startTime=380, endTime=390)
    call.speaking(1288, 1000)
    call.interruption(1300, "greeting", 1000, 4000)
    call.track_end(1301, "greeting")
    call.silence(1500, 1000, 300)
    (row,) = overlaps_of(call)
    assert row.is_false is None
    call.closed(9000)
    (row,) = overlaps_of(call)
    assert row.is_false is True


def test_talk_over_that_goes_on_is_no_interruption():
    call = Call(vad=VAD)
    reply(call, 20, "greeting", 300)
    call.speaking(1288, 1000)
    call.silence(1700, 1000, 500)
    call.track_end(4000, "greeting")
    (row,) = overlaps_of(call)
    assert (row.kind, row.start_ms, row.end_ms) == ("talked_over", 1000, 1500)


def test_the_shares_of_a_call_are_those_of_its_intervals():
    call = Call(vad=VAD)  # answered at 10
    reply(call, 20, "greeting", 310)
    call.track_end(1310, "greeting")
    ask(call, 1000, 3000)
    call.speaking(5800, 5500)
    call.closed(7000)
    found = talk(call.log.records(), 7000)
    # caller 1000-3000 and 5500-7000, agent 310-1310, both 1000-1310
    assert (found.caller_ms, found.agent_ms, found.both_ms) == (3500, 1000, 310)
    assert found.total_ms == 6990
    assert found.none_ms == 6990 - 3500 - 1000 + 310
    assert [(gap.start_ms, gap.end_ms) for gap in found.gaps] == [(3000, 5500)]


def test_silence_that_goes_on_is_dead_air_once_it_is_long():
    call = Call(vad=VAD)
    ask(call, 1000, 3000)
    assert talk(call.log.records(), 5000).gaps == ()
    assert [gap.end_ms for gap in talk(call.log.records(), 5100).gaps] == [5100]


def test_a_call_of_hours_is_summed_up_as_it_goes():
    call = Call(vad=VAD)
    for number in range(200):
        at = 10_000 * number
        ask(call, at + 1000, at + 3000)
        reply(call, at + 3500, f"r-{number}", at + 4000)
        call.audio("stopped", at + 6000)
        call.track_end(at + 6000, f"r-{number}")
    meter = TalkMeter()
    for record in call.log.records():
        meter.advance([record])
    found = meter.now(2_000_000)
    assert (found.caller_ms, found.agent_ms) == (400_000, 400_000)
    assert found == talk(call.log.records(), 2_000_000)
    assert len(meter._sounds) < 30


def test_speech_whose_end_was_never_said_counts_nothing_and_holds_nothing_up():
    call = Call(vad=VAD)
    meter = TalkMeter()
    for number in range(1000):
        at = 1000 * number
        call.speaking(at + 200, at)
    for record in call.log.records():
        meter.advance([record])
    found = meter.now(1_000_000)
    assert found.caller_ms == 1000  # the last one goes on
    assert len(meter._sounds) < 70


def test_the_numbers_of_a_call():
    call = conversation()
    found = numbers(call.log.records(), 20_000)
    assert (found.latency.n, found.latency.p50) == (1, 1248)
    assert (found.interrupted.n, found.interrupted.p50) == (1, 900)
    assert (found.n_turns, found.n_cut_off) == (3, 1)
    assert (found.first_word_ms, found.first_word_id) == (290, "greeting")
    assert (found.n_interruptions, found.stop_latency.p50) == (1, 300)


def test_the_numbers_of_a_long_log_at_once_and_in_steps_are_the_same():
    call = Call(vad=VAD)
    for number in range(1000):
        at = 10_000 * number
        ask(call, at + 1000, at + 3000)
        reply(call, at + 3500, f"r-{number}", at + 4000)
        call.track_end(at + 6000, f"r-{number}")
    records = call.log.records()
    assert len(records) > KEPT
    basics = Basics.shared()
    folds, fold = begin_timelines(basics), NumbersFold(basics)
    for start in range(0, len(records), 240):
        new = records[start : start + 240]
        changes = {name: each.advance(new) for name, each in folds.items()}
        fold.advance(new, changes["turns"], changes["overlaps"])
    assert fold.now(10_000_000) == numbers(records, 10_000_000)


def test_a_shared_fold_does_not_pretend_to_remember_all():
    call = Call(vad=VAD)
    for number in range(KEPT):
        call.speaking(1000 * number + 200, 1000 * number)
    records, shared = call.log.records(), SharedFold(SpeechFold())
    shared.advance(records)
    assert shared.advance(records[-1:]).open[0].start_ms == 1000 * (KEPT - 1)
    call.speaking(10**7, 10**7 - 200)
    shared.advance(call.log.records()[len(records) :])
    with pytest.raises(ValueError, match="too much came since"):
        shared.advance(records[:2])


def test_the_numbers_of_nothing_are_unknown_and_not_zero():
    found = numbers([], 0)
    assert found.latency.p50 is None
    assert found.first_word_ms is None
    assert not found.is_answered


CUTS = st.lists(st.integers(0, 80), max_size=12).map(sorted)


@pytest.mark.parametrize("fold", [TurnFold, OverlapFold])
@given(cuts=CUTS)
@settings(max_examples=60)
def test_any_way_of_cutting_the_log_gives_the_same_rows(fold, cuts: list[int]):
    records = conversation().log.records()
    whole = fold().advance(records)
    pieces, closed, opened = fold(), [], []
    for begin, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        changes = pieces.advance(records[begin:end])
        closed += changes.closed
        opened = changes.open
    assert closed == whole.closed
    assert opened == whole.open


@given(cuts=CUTS)
@settings(max_examples=60)
def test_any_way_of_cutting_the_log_gives_the_same_numbers(cuts: list[int]):
    records = conversation().log.records()
    fold, turns, overlaps = NumbersFold(), TurnFold(), OverlapFold()
    for begin, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        new = records[begin:end]
        fold.advance(new, turns.advance(new), overlaps.advance(new))
    assert fold.now(20_000) == numbers(records, 20_000)


def test_a_call_of_the_real_server_in_turns():
    path = Path(__file__).parents[1] / "recordings" / "conversation.log.jsonl"
    records = read_log(path).records()
    (turn,) = TurnFold().advance(records).closed
    assert (turn.outcome, turn.latency_ms, turn.quality) == (
        "answered",
        870,
        "measured",
    )
    assert parts_of(turn) == [
        ("hang-over", 152),
        ("ASR final", 673),
        ("app", 1),
        ("TTS", 33),
        ("buffer", 11),
    ]
    (overlap,) = OverlapFold().advance(records).closed
    assert (overlap.kind, overlap.stop_latency_ms) == ("interruption", 305)


def test_a_turn_that_nobody_answers_does_not_grow_for_ever():
    call = Call(vad=VAD)
    for index in range(250):
        start = 1000 + 1000 * index
        call.speaking(start + 288, start)
        call.silence(start + 548, start, 400)
    first, second, last = turns_of(call)
    assert [turn.outcome for turn in (first, second, last)] == [
        *("unanswered", "unanswered", "open")
    ]
    assert first.stop_ms == 1000 + 99_000 + 400
    assert second.start_ms == 1000 + 100_000


def test_each_part_of_a_latency_names_the_row_it_ends_with():
    call = Call(vad=VAD)
    ask(call)
    reply(call, 3500, "r-1", 3900)
    (turn,) = turns_of(call)
    rows = call.log.records()
    named = {part.name: rows[part.seq].name for part in segments(turn)}
    assert named["hang-over"] == "silence"
    assert named["ASR final"] == "asrFinal"
    assert named["app"] == "tts"
    rest = named.keys() - {"hang-over", "ASR final", "app"}
    assert {named[part] for part in rest} == {"trackStart"}
