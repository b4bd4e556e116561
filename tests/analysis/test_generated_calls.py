"""What the log shows of a call, against what happened in it."""

import pytest

from rustpbx_lab.analysis.recognition import RecognitionFold
from rustpbx_lab.analysis.turns.clock_bounds import CERTAIN_MS
from rustpbx_lab.analysis.turns.fold import TurnFold
from rustpbx_lab.analysis.turns.latency import latency

from .generated_calls import GeneratedCall

N_CALLS = 200


@pytest.fixture(scope="module")
def calls() -> list[GeneratedCall]:
    return [GeneratedCall(seed) for seed in range(N_CALLS)]


def test_no_event_lies_after_its_receipt_nor_an_effect_before_its_cause(calls):
    for call in calls:
        ours = call.log[0].received_ms - call.log[0].time_ms
        for record in call.log:
            assert record.time_ms <= record.received_ms - ours, (call.seed, record)
            if record.name == "trackStart" and record.message.play_id:
                asked = call.causes[record.message.play_id]
                assert record.time_ms >= asked, (call.seed, record)


def test_each_part_of_a_latency_is_true_or_empty(calls):
    known = total = 0
    for call in calls:
        turns = {turn.play_id: turn for turn in TurnFold().advance(call.log).closed}
        for true in call.turns:
            found = latency(turns[true.play_id])
            for column, length in true.parts.items():
                total += 1
                shown = getattr(found, column)
                if shown is not None:
                    known += 1
                    assert abs(shown - length) <= CERTAIN_MS, (call.seed, column, true)
    assert known > 0.7 * total, "too little is told"


def test_a_measured_latency_is_true(calls):
    measured = total = 0
    for call in calls:
        turns = {turn.play_id: turn for turn in TurnFold().advance(call.log).closed}
        for true in call.turns:
            total += 1
            turn = turns[true.play_id]
            error = abs(turn.latency_ms - (true.heard - true.stop))
            assert error <= turn.clock_error_ms, (call.seed, true)
            if turn.quality == "measured":
                measured += 1
                assert error <= CERTAIN_MS, (call.seed, true)
    assert measured > 0.6 * total, "too little is told"


def test_each_delay_of_a_final_is_true_or_empty(calls):
    known = total = 0
    for call in calls:
        rows = RecognitionFold().advance(call.log).closed
        for row in rows:
            total += 1
            if row.delay_ms is not None:
                known += 1
                true = call.finals[row.index]
                assert abs(row.delay_ms - true) <= CERTAIN_MS, (call.seed, row, true)
    assert known > 0.7 * total, "too little is told"


def test_the_first_sound_is_when_it_was_heard(calls):
    for call in calls:
        turns = {turn.play_id: turn for turn in TurnFold().advance(call.log).closed}
        for true in call.turns:
            assert turns[true.play_id].first_audio_ms == true.heard, call.seed
