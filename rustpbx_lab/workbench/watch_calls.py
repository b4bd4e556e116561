"""What ``rustpbx-lab watch`` does: list the calls of a server, or follow one."""

import json
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from rich.table import Table

from rustpbx_lab.client.server_api import ServerApi
from rustpbx_lab.client.tasks import plain_task_group
from rustpbx_lab.client.watching import WatchedCall, watch
from rustpbx_lab.errors import LogFileError
from rustpbx_lab.log import EventLog, Record, write_as_it_comes

COLUMNS = ("id", "callType", "ringTime", "startTime", "status")
SHOWN_CHARACTERS = 110


@dataclass(frozen=True)
class WatchPlan:
    """What ``rustpbx-lab watch URL ID`` was asked to do."""

    url: str
    id: str
    seconds: float | None = None
    log_path: Path | None = None
    told: Callable[[str], object] = field(default=lambda line: None)
    """Gets a line for each row."""


async def list_calls(url: str) -> list[dict[str, Any]]:
    """Return the running calls of a server, secrets masked.

    Raises:
        ConnectError: If no server answers.
    """
    async with ServerApi(url) as api:
        return [call.to_wire() for call in await api.list()]


def shown(calls: list[dict[str, Any]]) -> Table:
    """Return a table of the calls."""
    table = Table(*COLUMNS)
    for call in calls:
        table.add_row(*(harmless(str(call.get(name) or "")) for name in COLUMNS))
    return table


async def follow(plan: WatchPlan) -> dict[str, Any]:
    """Follow a call until it ends, or for the seconds of the plan.

    Returns:
        What ``--json`` prints: id, how it ended, the rows, and where the log is.

    Raises:
        UnknownCallError: If there is no such call.
        ConnectError: If no server answers.
        LogFileError: If the log cannot be written.
    """
    log = EventLog()
    async with watch(plan.url, plan.id, log=log) as call, plain_task_group() as tasks:
        if plan.log_path is not None:
            _begin(plan.log_path)
            tasks.start_soon(write_as_it_comes, log, plan.log_path)
        with (
            anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals,
            anyio.move_on_after(plan.seconds) as following,
        ):
            async with anyio.create_task_group() as listening:
                listening.start_soon(_stop_on, signals, following)
                async for record in log.cursor():
                    plan.told(line_of(record))
                listening.cancel_scope.cancel()
        await call.aclose()
    return _result(call, plan)


async def _stop_on(
    signals: AsyncIterator[signal.Signals], following: anyio.CancelScope
) -> None:
    async for _ in signals:
        following.cancel()


def line_of(record: Record) -> str:
    """Return a row as one line; what it says is quoted JSON."""
    text = harmless(record.raw)
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    at = 0 if record.time_ms is None else record.time_ms
    return f"{at / 1000:9.3f} s  {record.direction:7}  {record.name:13}  {text}"


def harmless(text: str) -> str:
    """Return somebody else's text without what could steer a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _begin(path: Path) -> None:
    try:
        path.write_bytes(b"")
    except OSError as exc:
        why = exc.strerror or str(exc)
        raise LogFileError(f"cannot write {str(path)!r}: {why}") from exc


def _result(call: WatchedCall, plan: WatchPlan) -> dict[str, Any]:
    return {
        "id": call.id,
        "phase": call.phase.value,
        "closeReason": call.close_reason,
        "audioFrames": dict(call.audio_frames),
        "log": None if plan.log_path is None else str(plan.log_path),
        "rows": [
            {
                "seq": record.seq,
                "time": record.time_ms,
                "type": record.direction,
                "content": json.loads(record.raw),
            }
            for record in call.log
        ],
    }
