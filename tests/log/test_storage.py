import gzip
import json
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustpbx_lab.errors import LogFileError
from rustpbx_lab.log import EventLog, Record, free_path, read_log, write_as_it_comes
from rustpbx_lab.models import commands, events, notes

SERVER_LINES = Path(__file__).with_name("server.events.jsonl")


def our_log() -> EventLog:
    log = EventLog()
    log.append(Record.of_note(notes.Connected(url="ws://a", call_type="sip"), 1000))
    log.append(Record.of_command(commands.Tts(text="Grüße 👋", play_id="p"), 1010))
    for text in (
        '{"event":"trackStart","trackId":"server-side-track","timestamp":99000}',
        '{"event":"interrupt"}',
        '{"event":"fromTheFuture","deep":{"a":[1,2]},"timestamp":99100}',
        '{"event":"answer","trackId":"s","timestamp":18446744073709551615,"sdp":""}',
    ):
        log.append(Record.of_event(events.parse(text), text, 1100))
    log.append(Record.of_note(notes.Unreadable(text="{nonsense", error="no"), 1200))
    log.append(Record.of_note(notes.Closed(why="bye", code=None), 1300))
    log.close()
    return log


@pytest.mark.parametrize("name", ["call.events.jsonl", "call.events.jsonl.gz"])
def test_what_we_wrote_reads_back_equal(tmp_path: Path, name: str):
    log = our_log()
    log.save(tmp_path / name)
    again = read_log(tmp_path / name)
    assert again == log
    assert again.damage == 0
    assert again.is_closed
    assert again.frame().equals(log.frame())
    assert again.clock.from_server(99000) == log.clock.from_server(99000)
    assert again.clock.from_ours(1300) == 300
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_a_line_has_the_servers_shape(tmp_path: Path):
    our_log().save(tmp_path / "a.events.jsonl")
    lines = (tmp_path / "a.events.jsonl").read_text("utf-8").splitlines()
    second = json.loads(lines[1])
    assert second["type"] == "command"
    assert second["timestamp"] == second["received"] == 1010
    assert second["time"] == 10
    assert json.loads(second["content"]) == {
        "command": "tts",
        "text": "Grüße 👋",
        "playId": "p",
    }


def test_the_servers_own_log_is_read_whole():
    log = read_log(SERVER_LINES)
    lines = SERVER_LINES.read_text("utf-8").splitlines()
    assert len(log) == len(lines)
    assert log.damage == 0
    assert not {r.name for r in log if r.direction == "event"} - events.EVENT_NAMES
    frame = log.frame()
    assert frame["received_ms"].isna().all()
    assert frame["time_ms"].iloc[0] == 0
    assert frame["time_ms"].is_monotonic_increasing
    assert "sk-demo" not in frame.to_csv()


def test_a_servers_log_survives_a_save(tmp_path: Path):
    log = read_log(SERVER_LINES)
    log.save(tmp_path / "b.events.jsonl")
    assert read_log(tmp_path / "b.events.jsonl") == log


def test_damage_is_counted_and_read_past(tmp_path: Path):
    path = tmp_path / "broken.events.jsonl"
    good = SERVER_LINES.read_bytes().splitlines(keepends=True)
    bad_content = (
        b'{"type":"event","timestamp":5,"content":"{\\"event\\":\\"speaking\\"}"}'
    )
    path.write_bytes(
        good[0]
        + b"\x00\xff not json\n"
        + b'{"type":"event"}\n[1]\n\n'
        + bad_content
        + b"\n"
        + good[1]
        + good[2][: len(good[2]) // 2]
    )
    log = read_log(path)
    assert log.damaged_lines == [2, 3, 4, 6, 8]
    assert [record.name for record in log] == ["ping", "unreadable", "invite"]


def test_half_an_archive_is_read_as_far_as_it_goes(tmp_path: Path):
    path = tmp_path / "half.events.jsonl.gz"
    packed = gzip.compress(SERVER_LINES.read_bytes() * 20)
    path.write_bytes(packed[: len(packed) // 2])
    log = read_log(path)
    assert [record.name for record in log][:3] == ["ping", "invite", "trackStart"]
    assert log.damage >= 1


@pytest.mark.parametrize("content", [b"hello\nworld\n", b"\x1f\x8b not gzip", b"[]"])
def test_a_file_that_is_no_log_is_refused_in_words(tmp_path: Path, content: bytes):
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(LogFileError, match=r"none of its \d+ lines"):
        read_log(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(LogFileError, match=r"nothing\.jsonl.*No such file"):
        read_log(tmp_path / "nothing.jsonl")
    with pytest.raises(LogFileError, match="cannot write"):
        our_log().save(tmp_path / "no" / "such" / "folder.jsonl")


def test_an_empty_file_is_an_empty_log(tmp_path: Path):
    (tmp_path / "idle.events.jsonl").touch()
    assert len(read_log(tmp_path / "idle.events.jsonl")) == 0


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_no_bytes_break_the_reader(tmp_path_factory: pytest.TempPathFactory, noise):
    path = tmp_path_factory.mktemp("noise") / "n.events.jsonl"
    line = SERVER_LINES.read_bytes().splitlines(keepends=True)[0]
    path.write_bytes(line + noise + b"\n" + line)
    log = read_log(path)
    assert len(log) >= 2
    assert [log[0].name, log[-1].name] == ["ping", "ping"]


@pytest.mark.anyio
async def test_the_file_follows_the_log(tmp_path: Path):
    path = tmp_path / "live.events.jsonl"
    source, log = our_log(), EventLog()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write_as_it_comes, log, path)
            for record in source:
                log.append(
                    Record(
                        record.direction,
                        record.name,
                        record.raw,
                        record.timestamp,
                        record.received_ms,
                    )
                )
                await anyio.lowlevel.checkpoint()
            log.close()
    assert read_log(path) == log


@pytest.mark.parametrize(
    "call_id", ["../../etc/passwd", "a/b", "", "..", "x" * 400, "ü@h"]
)
def test_an_id_never_leaves_its_folder(tmp_path: Path, call_id: str):
    first = free_path(tmp_path, call_id)
    assert first.parent == tmp_path
    first.touch()
    second = free_path(tmp_path, call_id)
    assert second.parent == tmp_path
    assert second != first
