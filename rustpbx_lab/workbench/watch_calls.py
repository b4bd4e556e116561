"""``rustpbx-lab watch``: the calls of a server, or one of them."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from rustpbx_lab.client.rest.refusals import tls_context
from rustpbx_lab.client.rest.server_api import ServerApi
from rustpbx_lab.client.task_groups import plain_task_group
from rustpbx_lab.client.watch import WatchedCall, watch
from rustpbx_lab.log import EventLog, LogWriter, Record
from rustpbx_lab.log.output_files import check_outputs

from .stopping import StopRequest, stop_signals

COLUMNS = ("id", "callType", "ringTime", "startTime", "status")
SHOWN_CHARACTERS = 110
ONE_LINE = dict.fromkeys(map(ord, "\n\r\t"), " ")


@dataclass(frozen=True)
class WatchPlan:
    """What ``rustpbx-lab watch URL ID`` was asked to do."""

    url: str
    id: str
    seconds: float | None = None
    log_path: Path | None = None
    overwrite: bool = False
    """Whether a log file that exists may be replaced."""
    on_row: Callable[[str], object] = field(default=lambda line: None)
    """Called with a line for each row."""
    on_progress: Callable[[str], object] = field(default=lambda line: None)
    """Called with what else there is to report."""
    cafile: Path | None = None
    """PEM file of certificates to trust, besides those of the system."""


async def list_calls(url: str, cafile: Path | None = None) -> list[dict[str, Any]]:
    """Return the running calls of a server, secrets masked.

    Raises:
        ConnectError: If no server answers.
    """
    async with ServerApi(url, ssl=tls_context(cafile)) as api:
        return [call.to_wire() for call in await api.list()]


def rows_of(calls: Iterable[dict[str, Any]]) -> list[list[str]]:
    """Return the cells of ``COLUMNS`` for each call."""
    return [[str(call.get(name) or "") for name in COLUMNS] for call in calls]


async def follow(plan: WatchPlan) -> dict[str, Any]:
    """Follow a call until it ends, a signal comes, or the seconds of the plan are over.

    The log is written whatever ends it; a log that cannot be written ends nothing.

    Returns:
        What ``--json`` prints: id, how it ended, the rows, where the log is, and
        ``problems`` with what was not saved.

    Raises:
        UnknownCallError: If there is no such call.
        ConnectError: If no server answers.
        OutputFileError: If the log could not be written.
    """
    check_outputs({"--log": plan.log_path}, overwrite=plan.overwrite)
    log = EventLog()
    problems: list[str] = []
    with stop_signals() as stop:
        async with (
            plain_task_group() as beside,
            watch(plan.url, plan.id, log=log, ssl=tls_context(plan.cafile)) as call,
        ):
            if plan.log_path is not None:
                beside.start_soon(_write_log, plan, log, problems)
            try:
                await _show(plan, log, stop)
            finally:
                await call.aclose()
    return _result(call, plan, problems)


async def _show(plan: WatchPlan, log: EventLog, stop: StopRequest) -> None:
    with anyio.move_on_after(plan.seconds) as following:
        async with plain_task_group() as beside:
            beside.start_soon(_stop_on, stop, following)
            async for record in log.cursor():
                plan.on_row(line_of(record))
            beside.cancel_scope.cancel()


async def _stop_on(stop: StopRequest, following: anyio.CancelScope) -> None:
    await stop.wait()
    following.cancel()


async def _write_log(plan: WatchPlan, log: EventLog, problems: list[str]) -> None:
    assert plan.log_path is not None
    writer = LogWriter(
        log,
        plan.log_path,
        overwrite=plan.overwrite,
        on_failure=lambda error: plan.on_progress(f"{error}; watching goes on"),
    )
    await writer.run()
    if writer.failure is not None:
        missing = len(log) - writer.n_lines
        problems.append(f"{writer.failure}; {missing} rows are missing")


def line_of(record: Record) -> str:
    """Return a row as one line; what it says is quoted JSON."""
    text = record.raw.translate(ONE_LINE)
    if len(text) > SHOWN_CHARACTERS:
        text = text[: SHOWN_CHARACTERS - 1] + "…"
    at = 0 if record.time_ms is None else record.time_ms
    return f"{at / 1000:9.3f} s  {record.direction:7}  {record.name:13}  {text}"


def _result(call: WatchedCall, plan: WatchPlan, problems: list[str]) -> dict[str, Any]:
    return {
        "id": call.id,
        "phase": call.phase.value,
        "closeReason": call.close_reason,
        "audioFrames": dict(call.audio_frames),
        "log": None if plan.log_path is None else str(plan.log_path),
        "problems": problems,
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
