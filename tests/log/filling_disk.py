"""A log whose disk is full for a while: ``filling_disk.py FILE``, run by a test."""

import random
import resource
import sys
from pathlib import Path

import anyio
import anyio.lowlevel

from rustpbx_lab import EventLog, events, read_log
from rustpbx_lab.log import LogWriter, Record

LIMIT_BYTES = 20_000


def limit(size: int) -> None:
    _, hardest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hardest))


def append(log: EventLog, n: int) -> None:
    for _ in range(n):
        text = '{"event":"asrFinal","trackId":"%x","timestamp":1,"index":0,"text":""}'
        raw = text % random.getrandbits(800)  # nothing that packs well
        log.append(Record.of_event(events.parse(raw), raw, 1))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def is_whole(path: Path) -> bool:
    if path.suffix == ".gz":
        return read_log(path).damage <= 1  # it has no end yet
    return path.read_bytes().endswith(b"\n")


async def main(path: Path) -> None:
    log = EventLog()
    failed = anyio.Event()

    def on_failure(error: Exception) -> None:
        say(str(error).split(": ")[1].split(";")[0])
        failed.set()

    writer = LogWriter(log, path, on_failure=on_failure, retry_s=0.01)
    limit(LIMIT_BYTES)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.run)
        for _ in range(10):
            append(log, 40)
            await anyio.lowlevel.checkpoint()
            if not failed.is_set():
                await anyio.wait_all_tasks_blocked()
        await failed.wait()
        say("whole" if is_whole(path) else "torn")
        limit(resource.RLIM_INFINITY)
        log.close()
    saved = read_log(path)
    say(f"{len(saved)} {saved.damage}")


anyio.run(main, Path(sys.argv[1]))
