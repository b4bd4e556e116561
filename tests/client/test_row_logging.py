"""What a call says to the standard logging module."""

import logging

import anyio
import pytest
from client_peer import a_call

from rustpbx_lab import EventLog, commands, connect, notes, options
from rustpbx_lab.client.row_logging import LOUD, RowLogger
from rustpbx_lab.client.watch import watch
from rustpbx_lab.log import Record
from rustpbx_lab.simulator import StandIn

pytestmark = pytest.mark.anyio

SECRET = "s3cret-of-ours"
OPTION = options.CallOption(tts={"provider": "deepgram", "secretKey": SECRET})


def lines(caplog, level: int) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno == level and record.name.startswith("rustpbx_lab")
    ]


async def test_debug_has_every_row_and_no_secret(caplog):
    with (
        caplog.at_level(logging.DEBUG),
        StandIn(asr="scripted", tts="scripted").in_thread() as server,
    ):
        async with connect(server.url, id="s.9") as call:
            await call.invite(OPTION)
            await call.custom(f"it is {SECRET}")
            await call.wait_for("custom", timeout=10, after=call.log[0])
            async with watch(server.url, "s.9") as watched:
                await watched.history("bot", SECRET)
    loud = {"connected", "closed", "advice"}
    for log in (call.log, watched.log):
        for record in log:
            if record.name not in loud:
                assert any(record.raw in line for line in lines(caplog, logging.DEBUG))
    assert any("call s.9: command invite" in row for row in lines(caplog, 10))
    assert SECRET not in caplog.text


async def test_info_says_where_to_and_why_it_closed(caplog):
    with (
        caplog.at_level(logging.INFO, "rustpbx_lab"),
        StandIn(asr="scripted", tts="scripted").in_thread() as server,
    ):
        async with connect(f"{server.url}?token={SECRET}", id="s.9", lint="off"):
            pass
    connected, closed = lines(caplog, logging.INFO)
    assert connected.startswith("call s.9: connected to ws://127.0.0.1")
    assert connected.endswith("(websocket)")
    assert closed == "call s.9: closed: we closed the connection (code 1000)"
    assert SECRET not in caplog.text


async def test_warnings_are_advice_and_errors_of_the_server(caplog):
    with caplog.at_level(logging.WARNING, "rustpbx_lab"):
        async with a_call(call_id="s.9") as (call, peer):
            vad = options.VADOption(type="ten")
            await call.send(commands.Invite(option=options.CallOption(vad=vad)))
            await peer.says("error", sender="tts", error="no\nvoice\x1b[31m")
            await peer.says("speaking", startTime=1)
            await peer.wire.send("not json")
            with anyio.fail_after(5):
                await call.wait_for(notes.Unreadable, after=call.log[0])
    told = lines(caplog, logging.WARNING)
    assert any(line.startswith("call s.9: error: option.vad.type") for line in told)
    assert "call s.9: error of the server in tts: no voice [31m" in told
    assert any("a frame cannot be read" in line for line in told)
    assert not any("speaking" in line for line in told)


async def test_a_logger_of_ones_own_gets_it_all(caplog):
    own = logging.getLogger("mine")
    with caplog.at_level(logging.DEBUG, "mine"):
        async with a_call(logger=own) as (call, _):
            await call.pause()
    assert {record.name for record in caplog.records} == {"mine"}
    assert "command pause" in caplog.text


class Counting(logging.Logger):
    """A logger at WARNING that counts what is asked of it."""

    calls = 0

    def _log(self, *args: object, **kwargs: object) -> None:
        self.calls += 1


def test_where_nobody_listens_no_row_is_formatted():
    logger = Counting("quiet", logging.WARNING)
    rows = RowLogger(logger)
    log = EventLog()
    for number in range(100):
        raw = f'{{"command":"custom","data":{number}}}'
        record = log.append(Record("command", "custom", raw, None, number))
        rows.log(record, "s.1")
    assert logger.calls == 0
    assert "custom" not in LOUD
