"""Twenty thousand broken frames: none escapes, each is one row, in order."""

import json
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rustpbx_lab import CallSession, EventLog, commands, options
from rustpbx_lab.client.transport import memory_transports

FRAMES_AN_EXAMPLE = 200
EXAMPLES = 100
WIRE = Path(__file__).parents[1] / "wire" / "vectors.jsonl"
FRAMES = [
    json.dumps(json.loads(line)["json"], ensure_ascii=False)
    for line in WIRE.read_text("utf-8").splitlines()
]
VALUES = [
    "null",
    "true",
    "-1",
    "5.0",
    "1e400",
    "NaN",
    "9" * 40,
    "1" * 5000,
    str(2**64),
    str(-(2**63) - 1),
    '""',
    '"\\ud800"',
    '"\\u0000"',
    "[]",
    "{}",
    '[{"a":[null]}]',
    '{"other":"ten"}',
    '"***"',
]
PIECES = ["\ud800", "\udfff", "\\ud83d", "\x00", "\u2028", '"', "\\", "{", "}", "🙂"]
DEPTHS = [5, 127, 128, 129, 1000, 3000]


def _index(number: int, length: int) -> int:
    return number % max(length, 1)


def a_flipped_bit(frame: str, a: int, b: int) -> str:
    raw = bytearray(frame.encode())
    raw[_index(a, len(raw))] ^= 1 << (b % 8)
    return raw.decode("utf-8", "replace")


def a_truncation(frame: str, a: int, b: int) -> str:
    return frame[: _index(a, len(frame) + 1)]


def another_type(frame: str, a: int, b: int) -> str:
    fields = json.loads(frame)
    keys = list(fields)
    fields[keys[_index(a, len(keys))]] = "\x01here\x01"
    swapped = json.dumps(fields, ensure_ascii=False)
    return swapped.replace('"\\u0001here\\u0001"', VALUES[_index(b, len(VALUES))])


def a_second_key(frame: str, a: int, b: int) -> str:
    keys = list(json.loads(frame))
    key = json.dumps(keys[_index(a, len(keys))])
    return f"{frame[:-1]},{key}:{VALUES[_index(b, len(VALUES))]}}}"


def deep_lists(frame: str, a: int, b: int) -> str:
    depth = DEPTHS[_index(a, len(DEPTHS))]
    return f'{frame[:-1]},"x":{"[" * depth}{"]" * (depth - b % 2)}}}'


def deep_objects(frame: str, a: int, b: int) -> str:
    depth = DEPTHS[_index(a, len(DEPTHS))]
    opened, closed = '{"a":' * depth, "}" * (depth - b % 2)
    return f'{frame[:-1]},"data":{opened}1{closed}}}'


def a_piece_inside(frame: str, a: int, b: int) -> str:
    at = _index(a, len(frame) + 1)
    return frame[:at] + PIECES[_index(b, len(PIECES))] + frame[at:]


def a_cut(frame: str, a: int, b: int) -> str:
    return frame[: _index(a, len(frame))] + frame[_index(b, len(frame)) :]


def another_name(frame: str, a: int, b: int) -> str:
    fields = json.loads(frame)
    other = json.loads(FRAMES[_index(a, len(FRAMES))])
    fields["event"] = other.get("event", "")
    return json.dumps(fields, ensure_ascii=False)


def two_at_once(frame: str, a: int, b: int) -> str:
    return frame + FRAMES[_index(a, len(FRAMES))]


MUTATIONS = [
    a_flipped_bit,
    a_truncation,
    another_type,
    a_second_key,
    deep_lists,
    deep_objects,
    a_piece_inside,
    a_cut,
    another_name,
    two_at_once,
]


def mutated(number: int) -> str:
    """Return the mutation that a number stands for."""
    number, which = divmod(number, len(MUTATIONS))
    number, frame = divmod(number, len(FRAMES))
    a, b = divmod(number, 2**20)
    return MUTATIONS[which](FRAMES[frame], a, b)


async def take_in(frames: list[str]) -> EventLog:
    """Send frames through a session and return its log."""
    ours, theirs = memory_transports()
    secret = options.TranscriptionOption(provider="aliyun", secret_key="a-secret-value")
    async with CallSession(ours, now_ms=lambda: 1_000).running() as call:
        option = options.CallOption(asr=secret)
        await call.send(commands.Invite(option=option))
        for frame in frames:
            await theirs.send(frame)
        await theirs.close()
        with anyio.fail_after(20):
            heard = [event async for event in call]
    assert len(heard) == sum(record.direction == "event" for record in call.log)
    return call.log


@pytest.mark.slow
@pytest.mark.timeout(180)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(
        st.integers(0, 2**60), min_size=FRAMES_AN_EXAMPLE, max_size=FRAMES_AN_EXAMPLE
    ),
    st.sampled_from(["asyncio", "trio"]),
)
def test_every_mutated_frame_is_one_row_and_none_escapes(numbers, backend):
    # a marker behind each frame shows that the order is kept
    frames = []
    for n, number in enumerate(numbers):
        frames += [
            mutated(number),
            f'{{"event":"custom","timestamp":1,"data":"mark {n}"}}',
        ]
    log = anyio.run(take_in, frames, backend=backend)
    # what we say ourselves of the frames, and of timestamps far from the others
    rows = [row for row in log if row.name not in ("advice", "clockStep")]
    assert [rows[0].name, rows[-1].name] == ["invite", "closed"]
    taken = rows[1:-1]
    assert len(taken) == len(frames)
    assert [row.message.data for row in taken[1::2]] == [
        f"mark {n}" for n in range(len(numbers))
    ]
    for row in taken:
        assert row.name == "unreadable" or row.direction == "event"
        assert row.message is not None
        assert repr(row)
    assert len(log.frame()) == len(log)


def test_a_log_of_mutated_frames_is_saved_and_read_whole(tmp_path):
    frames = [mutated(n * 7_919_317) for n in range(2_000)]
    log = anyio.run(take_in, frames)
    log.save(tmp_path / "broken.events.jsonl")
    read = EventLog.load(tmp_path / "broken.events.jsonl")
    assert read == log
    assert read.damage == 0
