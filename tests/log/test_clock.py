"""Call time: two clocks joined by the quickest event, and clocks that are set."""

import io
import json
import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rustpbx_lab.analysis.recognition import RecognitionFold
from rustpbx_lab.analysis.speech import SpeechFold
from rustpbx_lab.analysis.summary import summary
from rustpbx_lab.analysis.turns.fold import TurnFold
from rustpbx_lab.analysis.turns.latency import segments
from rustpbx_lab.log import EventLog, Record, read_log
from rustpbx_lab.log.clock import DISORDER_MS
from rustpbx_lab.models import commands, events, notes

T0 = 1787302461000
OURS = 1787302460123
STREAM = {"startTime", "endTime"}

MESSAGES = [
    (0, {"command": "invite", "option": {"vad": {"type": "silero"}}}),
    (5, {"event": "trackStart", "trackId": "s"}),
    (6, {"event": "answer", "trackId": "s", "sdp": "", "refer": False}),
    (1300, {"event": "speaking", "trackId": "s", "startTime": 1000}),
    (2300, {"event": "silence", "trackId": "s", "startTime": 1000, "duration": 1200}),
    (
        2500,
        {
            "event": "asrFinal",
            "trackId": "s",
            "index": 1,
            "startTime": 1000,
            "endTime": 2200,
            "text": "hello",
        },
    ),
    (2600, {"command": "tts", "text": "Good day.", "playId": "p"}),
    (2601, {"event": "trackStart", "trackId": "server-side-track", "playId": "p"}),
    (
        2900,
        {
            "event": "metrics",
            "key": "completed.tts.x",
            "duration": 300,
            "data": {"ttfb": 250, "playId": "p", "length": 16000},
        },
    ),
    (
        3600,
        {
            "event": "trackEnd",
            "trackId": "server-side-track",
            "playId": "p",
            "duration": 999,
        },
    ),
    (5300, {"event": "speaking", "trackId": "s", "startTime": 5000}),
    (7000, {"event": "silence", "trackId": "s", "startTime": 5000, "duration": 1900}),
    (9000, {"event": "trackEnd", "trackId": "s", "duration": 8995}),
]
TIMES = [at for at, _ in MESSAGES]


def dump(step_at: int, by_ms: int, messages=MESSAGES) -> EventLog:
    """Return a log as the server writes it, whose clock is set before a row."""
    lines = []
    for index, (at, message) in enumerate(messages):
        now = T0 + at + (by_ms if index >= step_at else 0)
        content = {k: v + T0 if k in STREAM else v for k, v in message.items()}
        kind = "event" if "event" in message else "command"
        if kind == "event":
            content["timestamp"] = now
        row = {"type": kind, "timestamp": now, "content": json.dumps(content)}
        lines.append(json.dumps(row))
    return read_log(io.BytesIO("\n".join(lines).encode()))


def without_steps(log: EventLog) -> list[Record]:
    return [record for record in log if record.name != "clockStep"]


def steps(log: EventLog) -> list[notes.ClockStep]:
    return [record.message for record in log if record.name == "clockStep"]


def turns(log: EventLog) -> list[object]:
    changes = TurnFold().advance(log.records())
    found = [*changes.closed, *changes.open]
    return [(turn.outcome, turn.latency_ms, segments(turn)) for turn in found]


YEARS_MS = 40 * 365 * 24 * 3600 * 1000
STEPS = st.integers(1500, YEARS_MS) | st.integers(-YEARS_MS, -1500)
LARGER_THAN_PAUSES = STEPS.filter(lambda by_ms: abs(by_ms) > 2000)


@given(st.integers(3, len(MESSAGES) - 2), LARGER_THAN_PAUSES)
@settings(max_examples=200)
def test_a_step_in_a_servers_log_changes_no_time(step_at: int, by_ms: int):
    log = dump(step_at, by_ms)
    placed = [record.time_ms for record in without_steps(log)]
    assert all(abs(a - b) <= 2 for a, b in zip(placed, TIMES, strict=True)), placed
    assert [record.time_ms for record in log] == sorted(r.time_ms for r in log)
    (step,) = summary(log)["clock_steps"]
    assert abs(step["by_ms"] - by_ms) <= 2
    assert step["clock"] == "server"
    spoken = SpeechFold().advance(log.records()).closed
    assert [round(row.start_ms, -1) for row in spoken] == [1000, 5000]
    assert [row.end_ms - row.start_ms for row in spoken] == [1200, 1900]
    for stepped, plain in zip(turns(log), turns(dump(99, 0)), strict=True):
        assert stepped[0] == plain[0]
        assert stepped[1] == pytest.approx(plain[1], abs=2)


@pytest.mark.slow
@given(st.integers(1, len(MESSAGES) - 1), STEPS, st.integers(2, len(MESSAGES)))
@settings(max_examples=200)
def test_no_step_makes_a_time_negative_or_longer_than_the_call(
    step_at: int, by_ms: int, n_rows: int
):
    assume(step_at < n_rows - 1)  # a single wrong time is not a step
    log = dump(step_at, by_ms, MESSAGES[:n_rows])
    times = [record.time_ms for record in log]
    for before, after in pairwise(times):
        assert before <= after + DISORDER_MS
    assert times[0] == 0
    numbers = summary(log)
    longest = numbers["duration_ms"]
    for name, value in numbers.items():
        if name.endswith("_ms") and name != "started_ms":
            assert value is None or 0 <= value <= longest, name
    for row in [
        *SpeechFold().advance(log.records()).closed,
        *RecognitionFold().advance(log.records()).closed,
    ]:
        for at in (row.start_ms, row.end_ms):
            # a step back that the pauses around it hide leaves no trace
            assert at is None or -4000 <= at <= longest + 4000


def test_one_wrong_time_is_not_a_step():
    messages = [*MESSAGES[:4], (-T0, {"event": "ping"}), *MESSAGES[4:]]
    log = dump(99, 0, messages)
    assert steps(log) == []
    assert [r.time_ms for r in log] == [*TIMES[:4], TIMES[3], *TIMES[4:]]


def test_a_log_with_a_step_reads_back_equal(tmp_path):
    log = dump(6, -3_600_000)
    log.save(tmp_path / "a.jsonl")
    assert read_log(tmp_path / "a.jsonl") == log


# ---------------------------------------------------------------- with our clock


@dataclass
class Call:
    """A call as we receive it, whose true times are known."""

    offset: int = 777_000
    log: EventLog = field(default_factory=EventLog)
    true: list[int] = field(default_factory=list[int])
    at: list[int] = field(default_factory=list[int])
    """When each row came, call time."""

    def event(self, at: int, delay: int, name: str = "ping", **fields) -> Record:
        came = max(at + delay, max(self.at, default=0))
        body = {"event": name, "timestamp": OURS + at + self.offset, **fields}
        text = json.dumps(body)
        record = Record.of_event(events.parse(text), text, OURS + came)
        return self._append(record, at, came)

    def tts(self, at: int, play_id: str) -> Record:
        command = commands.Tts(text="x", play_id=play_id)
        return self._append(Record.of_command(command, OURS + at), at, at)

    def _append(self, record: Record, at: int, came: int) -> Record:
        self.true.append(at)
        self.at.append(came)
        return self.log.append(record)

    @property
    def steps(self) -> list[notes.ClockStep]:
        return steps(self.log)

    @property
    def placed(self) -> list[int]:
        return [record.time_ms for record in without_steps(self.log)]

    def begin(self) -> "Call":
        url = notes.Connected(url="ws://a", call_type="websocket")
        self._append(Record.of_note(url, OURS), 0, 0)
        return self


DELAYS = st.lists(st.integers(0, 200), min_size=10, max_size=60)


@given(DELAYS, st.integers(0, 2**32))
@settings(max_examples=200)
def test_no_event_lies_after_its_receipt_nor_before_its_cause(delays, seed):
    chance, call, now = random.Random(seed), Call().begin(), 0
    for number, delay in enumerate(delays):
        now = max(now, call.at[-1]) + chance.randint(0, 800)
        asked = call.tts(now, f"p{number}")
        caused = call.event(
            now + 1,
            delay,
            "trackStart",
            trackId="server-side-track",
            playId=f"p{number}",
        )
        answered = call.event(now + 5, delay)
        assert asked.time_ms <= caused.time_ms <= answered.time_ms
    for placed, came in zip(call.placed, call.at, strict=True):
        assert placed <= came
    assert call.steps == []


@given(DELAYS)
@settings(max_examples=100)
def test_the_join_is_as_good_as_the_quickest_event_so_far(delays):
    call = Call().begin()
    for number, delay in enumerate(delays):
        call.event(300 * number + 1, delay)
        best = min(
            came - at for at, came in zip(call.true[1:], call.at[1:], strict=True)
        )
        assert abs(call.placed[-1] - call.true[-1] - best) <= 5


@given(
    STEPS,
    st.integers(3, 20),
    st.lists(st.integers(0, 200), min_size=40, max_size=40),
    st.integers(200, 4000),
)
@settings(max_examples=200)
def test_a_step_while_we_listen_is_marked_and_passed_over(
    by_ms, step_at, delays, pause_ms
):
    assume(step_at * pause_ms > 2000)  # before that, those before it may be slow
    call = Call().begin()
    for number, delay in enumerate(delays):
        if number == step_at:
            call.offset += by_ms
        call.event(pause_ms * number + 1, delay)
    for before, after in pairwise(call.placed[1:]):
        assert before <= after + 200
    for placed, came in zip(call.placed, call.at, strict=True):
        assert placed <= came
    true = call.true[-10:]
    assert all(
        abs(a - b) <= 260 for a, b in zip(call.placed[-10:], true, strict=True)
    ), (call.placed, call.true)
    assert sum(step.by_ms for step in call.steps) == pytest.approx(by_ms, abs=500)


@given(st.integers(2, 30), st.integers(1000, 50_000), DELAYS)
@settings(max_examples=100)
def test_slow_delivery_is_not_a_step(stall_at, stall_ms, delays):
    call = Call().begin()
    for number, delay in enumerate(delays):
        is_slow = number == stall_at
        call.event(500 * number + 1, stall_ms if is_slow else delay)
    assert call.steps == []
    assert all(b - a <= 500 for a, b in zip(call.true, call.placed, strict=True))


def test_a_first_event_that_was_slow_is_not_a_step():
    call = Call().begin()
    call.event(100, 3000)
    for number in range(10):
        call.event(3200 + 400 * number, 5)
    assert call.steps == []
    assert call.placed[-1] == call.true[-1] + 5


def test_two_connections_interleaved_are_not_a_step():
    log = EventLog()
    log.append(Record.of_note(notes.Connected(url="ws://a", call_type="sip"), OURS))
    for number in range(100):
        came = OURS + 300 * number + 10
        late = 5000 if number % 3 == 1 else 10
        text = json.dumps({"event": "ping", "timestamp": came - late})
        log.append(Record.of_event(events.parse(text), text, came))
    assert steps(log) == []


def test_our_own_clock_set_back_is_passed_over():
    log = EventLog()
    log.append(Record.of_note(notes.Connected(url="ws://a", call_type="sip"), OURS))
    for number in range(20):
        at = OURS + 500 * number
        ours = at - (3_600_000 if number >= 8 else 0)
        text = json.dumps({"event": "ping", "timestamp": at})
        log.append(Record.of_event(events.parse(text), text, ours + 20))
        log.append(Record.of_command(commands.Pause(), ours + 100))
    (step,) = steps(log)
    assert (step.clock, round(step.by_ms, -3)) == ("ours", -3_600_000)
    times = [record.time_ms for record in log]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(500 * 19 + 100, abs=20)


def test_two_clocks_that_drift_apart_stay_joined():
    call = Call().begin()
    for number in range(2000):
        call.offset = 777_000 - number // 20  # the server's loses 50 ms in 1000 s
        call.event(1000 * number, 5)
    assert call.placed[-1] - call.true[-1] in range(6)
    assert call.log.clock.skew_ms == pytest.approx(100, abs=5)
    assert call.steps == []


def test_a_live_log_and_the_same_log_from_its_file_are_equal(tmp_path):
    call = Call().begin()
    for number in range(30):
        call.offset += 90_000 if number == 12 else 0
        call.event(700 * number, 20 + number % 7)
        call.tts(700 * number + 200, f"p{number}")
    call.log.close()
    call.log.save(tmp_path / "a.jsonl")
    again = read_log(tmp_path / "a.jsonl")
    assert again == call.log
    assert summary(again) == summary(call.log)


def test_a_step_is_a_remark_of_the_log():
    (remark,) = dump(6, 3_600_000).remarks
    assert remark.startswith("the server's clock was set by +3599.999 s")
    assert "at 2.500 s: times after it are corrected" in remark
