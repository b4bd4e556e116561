"""Logs, records and errors leave the process: pools, Dask, caches."""

import copy
import inspect
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import anyio
import pytest

from rustpbx_lab import EventLog, errors, events, notes, read_log
from rustpbx_lab.client.rest.sse import StreamBrokenError
from rustpbx_lab.client.transport import TransportClosedError
from rustpbx_lab.log import Record
from rustpbx_lab.log.pages import BATCH_PAGES, PAGE_ROWS

COPIES = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
each_way = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())


def a_log(rows: int) -> EventLog:
    log = EventLog()
    for number in range(rows):
        event = events.Custom(
            timestamp=1_787_302_461_000 + number,
            track_id="s.1",
            sender="a",
            data=number,
        )
        log.append(Record.of_event(event, event.to_json(), 1_000 + number))
    return log


@each_way
@pytest.mark.parametrize("rows", [0, 1, PAGE_ROWS, PAGE_ROWS * BATCH_PAGES + 3])
def test_a_copied_log_is_equal_and_goes_on_alone(copied, rows):
    log = a_log(rows)
    log.damage = 2
    twin = copied(log)
    assert twin == log
    assert twin.frame().equals(log.frame())
    assert (twin.damage, twin.is_closed) == (2, False)
    twin.append(Record.of_note(notes.Closed(why="over"), 5_000 + rows))
    assert (len(twin), len(log)) == (rows + 1, rows)
    log.append(Record.of_note(notes.Closed(why="over"), 5_000 + rows))
    assert twin == log  # the clocks were copied too
    log.close()
    assert copied(log).is_closed


@each_way
def test_a_reader_that_waits_is_not_copied(copied):
    async def main() -> None:
        log = a_log(1)
        cursor = log.cursor(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cursor.wait)
            await anyio.lowlevel.checkpoint()
            twin = copied(log)
            twin.append(Record.of_note(notes.Closed(why="over"), 2_000))
            log.close()
        assert cursor.read() == []

    anyio.run(main)


@each_way
def test_a_record_is_copied_with_its_place(copied):
    record = a_log(3)[2]
    assert copied(record) == record
    assert copied(record).message == record.message


def summed_up(log: EventLog) -> int:
    return len(log.frame())


@pytest.mark.slow
def test_a_log_goes_through_a_process_pool(tmp_path):
    a_log(10).save(tmp_path / "a.jsonl")
    log = read_log(tmp_path / "a.jsonl")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(summed_up, log).result(timeout=50) == 10
        failing = pool.submit(read_log, str(tmp_path / "nothing"))
        with pytest.raises(errors.LogFileError, match="nothing"):
            failing.result(timeout=50)


def every_error() -> list[type[errors.RustpbxLabError]]:
    """Those of errors.py, and the inner ones of the modules imported above."""
    found, kinds = [], [errors.RustpbxLabError]
    while kinds:
        kind = kinds.pop()
        found.append(kind)
        kinds += kind.__subclasses__()
    return found


def an_error(kind: type[errors.RustpbxLabError]) -> errors.RustpbxLabError:
    values = {"str": "why", "int": 486, "float": 1.5, "bool": True}
    given, named = [], {}
    if not inspect.isfunction(kind.__init__):
        return kind("why")
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    for parameter in parameters:
        shown = getattr(parameter.annotation, "__name__", str(parameter.annotation))
        value = next((values[name] for name in values if name in shown), "why")
        if parameter.kind is parameter.KEYWORD_ONLY:
            named[parameter.name] = value
        elif parameter.kind is not parameter.VAR_KEYWORD:
            given.append(value)
    return kind(*given, **named)


@each_way
def test_every_error_is_copied_with_its_facts(copied):
    kinds = every_error()
    assert {StreamBrokenError, TransportClosedError} < set(kinds)
    assert {errors.CallRejectedError, errors.CallTimeoutError} < set(kinds)
    for kind in kinds:
        error = an_error(kind)
        error.add_note("told to the user")
        twin = copied(error)
        assert type(twin) is kind
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
        assert twin.args == error.args
        assert twin.__notes__ == ["told to the user"]
