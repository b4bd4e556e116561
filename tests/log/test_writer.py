"""Writing a log while it grows: nothing is lost to a kill, a cancel or a full disk."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from rustpbx_lab import EventLog, events, read_log
from rustpbx_lab.errors import LogFileError
from rustpbx_lab.log import LogWriter, Record, write_as_it_comes

pytestmark = pytest.mark.anyio


def append(log: EventLog, n: int) -> None:
    for number in range(n):
        frame = {"event": "speaking", "trackId": "s.1", "timestamp": number}
        raw = json.dumps({**frame, "startTime": number})
        log.append(Record.of_event(events.parse(raw), raw, number))


async def reached(is_reached: Callable[[], bool]) -> None:
    with anyio.fail_after(20):
        while not is_reached():  # noqa: ASYNC110  (a thread brings it about)
            await anyio.sleep(0.01)


async def written(writer: LogWriter, n: int) -> None:
    await reached(lambda: writer.n_lines >= n)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
async def test_what_is_written_so_far_can_be_read_after_a_kill(tmp_path, name):
    log, path = EventLog(), tmp_path / name
    writer = LogWriter(log, path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        for total in (3, 5):
            append(log, total - len(log))
            await written(writer, total)
            killed = tmp_path / f"killed.{name}"
            killed.write_bytes(path.read_bytes())
            assert len(read_log(killed)) == total
        log.close()
    assert writer.failure is None
    whole = read_log(path)
    assert (len(whole), whole.damage) == (5, 0)


async def test_a_packed_log_is_small_though_written_line_by_line(tmp_path):
    log, path = EventLog(), tmp_path / "a.jsonl.gz"
    writer = LogWriter(log, path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        for total in range(1, 101):
            append(log, 1)
            await written(writer, total)
        log.close()
    assert path.stat().st_size < 100 * 60


async def test_a_writer_that_is_cancelled_writes_what_there_is(tmp_path):
    log, path = EventLog(), tmp_path / "a.jsonl"
    writer = LogWriter(log, path)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        await anyio.wait_all_tasks_blocked()
        append(log, 4)
        tasks.cancel_scope.cancel()
    assert len(read_log(path)) == 4


async def test_a_file_that_exists_is_continued_or_replaced(tmp_path):
    path = tmp_path / "a.jsonl"
    for overwrite, total in ((False, 2), (False, 4), (True, 2)):
        log = EventLog()
        append(log, 2)
        log.close()
        await LogWriter(log, path, overwrite=overwrite).run()
        assert len(read_log(path)) == total


async def test_a_disk_that_works_again_gets_every_row(tmp_path):
    folder = tmp_path / "not mounted"
    log, failures = EventLog(), []
    writer = LogWriter(
        log, folder / "a.jsonl", on_failure=failures.append, retry_s=0.01
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        append(log, 2)
        await reached(lambda: bool(failures))
        append(log, 2)
        folder.mkdir()
        await written(writer, 4)
        log.close()
    assert writer.failure is None
    assert len(failures) == 1
    assert "cannot write" in str(failures[0])
    assert len(read_log(folder / "a.jsonl")) == 4


async def test_the_end_of_the_log_ends_the_attempts(tmp_path):
    log, failures = EventLog(), []
    path = tmp_path / "no" / "a.jsonl"
    writer = LogWriter(log, path, on_failure=failures.append, retry_s=3600)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.run)
            append(log, 1)
            await anyio.wait_all_tasks_blocked()
            log.close()
    assert len(failures) == 1
    assert writer.failure is not None


async def test_a_plain_function_says_at_once_that_it_cannot_write(tmp_path):
    log = EventLog()
    append(log, 1)
    with pytest.raises(LogFileError, match="cannot write"):
        await write_as_it_comes(log, tmp_path / "no" / "a.jsonl")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of file sizes")
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_whole_lines_and_is_made_up_for(tmp_path, name):
    program = Path(__file__).with_name("filling_disk.py")
    told = subprocess.run(
        [sys.executable, str(program), str(tmp_path / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert told.stdout.split() == ["File", "too", "large", "whole", "400", "0"]
