import threading

import anyio
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import join

from rustpbx_lab.log import LOG_COLUMNS, EventLog, Record
from rustpbx_lab.log.pages import BATCH_PAGES, PAGE_ROWS
from rustpbx_lab.models import commands, events, notes, options

CHUNK_ROWS = PAGE_ROWS * BATCH_PAGES


def asr_delta(number: int, at: int = 1_787_302_461_000) -> Record:
    text = (
        f'{{"event":"asrDelta","trackId":"s.1","index":{number},"timestamp":{at},'
        f'"text":"w {number}"}}'
    )
    return Record.of_event(events.parse(text), text, at + 5)


def filled(rows: int) -> EventLog:
    log = EventLog()
    for number in range(rows):
        log.append(asr_delta(number, 1_787_302_461_000 + number))
    return log


def test_an_empty_log_is_an_empty_table_with_the_same_columns():
    frame = EventLog().frame()
    assert list(frame.columns) == list(LOG_COLUMNS)
    assert list(frame.dtypes) == list(LOG_COLUMNS.values())
    assert len(frame) == 0


@pytest.mark.parametrize(
    "rows", [1, PAGE_ROWS, PAGE_ROWS + 1, CHUNK_ROWS, 3 * CHUNK_ROWS + 999]
)
def test_every_row_is_in_the_table_in_order(rows: int):
    frame = filled(rows).frame()
    assert frame["seq"].tolist() == list(range(rows))
    assert frame["asr_index"].tolist() == list(range(rows))
    assert frame["text"].iloc[-1] == f"w {rows - 1}"
    assert frame["time_ms"].tolist() == list(range(rows))
    assert list(frame.dtypes) == list(LOG_COLUMNS.values())


def test_changing_the_table_changes_nothing_in_the_log():
    log = filled(CHUNK_ROWS + 3)
    frame = log.frame()
    frame.loc[0, "text"] = "changed"
    frame["raw"] = "gone"
    del frame["seq"]
    again = log.frame()
    assert again["text"].iloc[0] == "w 0"
    assert again["raw"].iloc[0].startswith('{"event"')
    assert "seq" in again


@pytest.mark.parametrize(
    "rows", [10, 5 * PAGE_ROWS, 4 * CHUNK_ROWS + 3 * PAGE_ROWS + 10]
)
def test_records_come_back_whole_from_wherever_they_are(rows: int):
    log = filled(rows)
    for at in (0, rows // 2, rows - 1, -1):
        number = at % rows
        record = log[at]
        assert record.seq == number
        assert isinstance(record.message, events.AsrDelta)
        assert record.message.index == number
    assert [r.seq for r in log.records(rows - 5, rows)] == list(range(rows - 5, rows))
    with pytest.raises(IndexError):
        log[rows]


def test_a_record_belongs_to_one_log():
    record = EventLog().append(asr_delta(1))
    with pytest.raises(ValueError, match="it is in a log"):
        EventLog().append(record)


def test_a_message_fills_the_columns_its_class_names():
    log = EventLog()
    text = (
        '{"event":"error","trackId":"s.1","timestamp":9,"sender":"tts",'
        '"error":"no voice","code":500}'
    )
    log.append(Record.of_event(events.parse(text), text, 10))
    unknown = '{"event":"later","trackId":"t","duration":5,"text":"x","refer":true}'
    log.append(Record.of_event(events.parse(unknown), unknown, 11))
    frame = log.frame()
    first, second = frame.iloc[0], frame.iloc[1]
    assert (first["key"], first["text"], first["value"]) == ("tts", "no voice", 500)
    assert (second["track_id"], second["duration"]) == ("t", 5)
    assert (second["text"], second["refer"]) == ("x", True)
    assert pd.isna(second["timestamp"])


def test_a_number_no_column_can_hold_leaves_it_empty_and_stays_in_raw():
    text = '{"event":"mediaReady","trackId":"a","timestamp":18446744073709551615}'
    log = EventLog()
    log.append(Record.of_event(events.parse(text), text, 77))
    row = log.frame().iloc[0]
    assert pd.isna(row["timestamp"])
    assert "18446744073709551615" in row["raw"]
    assert row["time_ms"] == 0


def test_call_time_counts_by_the_servers_clock_for_events_and_ours_for_the_rest():
    log = EventLog()
    log.append(Record.of_command(commands.Pause(), 1000))
    first = asr_delta(0, 500_000)
    first.received_ms = 1100
    log.append(first)
    late = asr_delta(1, 500_050)
    late.received_ms = 1900
    log.append(late)
    log.append(Record.of_note(notes.Closed(why="end", code=1000), 2000))
    assert [record.time_ms for record in log] == [0, 100, 150, 1000]
    assert log.clock.from_server(500_000) == 100
    assert log.clock.from_ours(1500) == 500
    assert log.clock.skew_ms == 0


def test_a_secret_never_enters_a_record():
    option = options.CallOption(
        asr=options.TranscriptionOption(provider="deepgram", secret_key="s3cr3t-value")
    )
    record = Record.of_command(commands.Invite(option=option), 1)
    log = EventLog()
    log.append(record)
    shown = repr(record) + record.raw + str(record.message) + log.frame().to_csv()
    assert "s3cr3t-value" not in shown
    assert "***" in record.raw


def test_lone_surrogates_are_stored_as_replacement_characters():
    text = '{"event":"\ud800","text":"\udfff"}'
    note = notes.Unreadable(text=text, error="x")
    log = EventLog()
    log.append(Record.of_note(note, 1))
    assert "\ufffd" in log.frame()["raw"].iloc[0]


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(0, 40))
@settings(max_examples=50)
def test_a_cursor_reads_every_row_once_however_it_is_asked(reads, rows):
    log = EventLog()
    cursor, seen, written = log.cursor(), [], 0
    for count in reads:
        while written < min(rows, written + count % 4):
            log.append(asr_delta(written))
            written += 1
            break
        seen += [record.seq for record in cursor.read(count)]
    seen += [record.seq for record in cursor.read()]
    assert seen == list(range(written))


@pytest.mark.anyio
async def test_a_cursor_waits_for_rows_and_ends_with_the_log():
    log = EventLog()
    seen = []

    async def read() -> None:
        seen.extend([record.seq async for record in log.cursor()])

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            for number in range(600):
                log.append(asr_delta(number))
                if number % 100 == 0:
                    await anyio.lowlevel.checkpoint()
            log.close()
    assert seen == list(range(600))


@pytest.mark.anyio
async def test_a_row_of_another_thread_wakes_the_cursor():
    log = EventLog()
    rows = 3 * CHUNK_ROWS

    def write() -> None:
        for number in range(rows):
            log.append(asr_delta(number))
        log.close()

    thread = threading.Thread(target=write)
    with anyio.fail_after(20):
        cursor = log.cursor()
        thread.start()
        seen = [record.message.index async for record in cursor]
    join(thread)
    assert seen == list(range(rows))


@pytest.mark.anyio
async def test_leaving_an_async_for_keeps_the_place():
    log = filled(10)
    log.close()
    cursor = log.cursor()
    async for record in cursor:
        if record.seq == 3:
            break
    assert cursor.position == 4
    assert [record.seq async for record in cursor] == list(range(4, 10))
    assert cursor.read() == []
    assert cursor.is_finished


@pytest.mark.anyio
async def test_a_cancelled_wait_leaves_nothing_behind():
    log = EventLog()
    with anyio.move_on_after(0.01):
        await log.cursor().wait()
    log.append(asr_delta(0))
    assert log.cursor().read()[0].seq == 0
