"""Transactions of SIP: delays, retransmissions, what was answered."""

import io

import pandas as pd
import pytest
from sip_files import (
    ALICE,
    BOB,
    RECORDINGS,
    SERVER,
    event_log,
    line,
    request,
    response,
)

from rustpbx_lab import EventLog, read_log
from rustpbx_lab.analysis.sip import MAX_TRANSACTIONS, SipFold
from rustpbx_lab.analysis.sip_tables import sip_messages, sip_transactions
from rustpbx_lab.analysis.summary import summary
from rustpbx_lab.log import read_sipflow, with_sip_messages
from rustpbx_lab.log.sipflow import read_with_sip_messages


def call_of(*lines):
    flow = read_sipflow(io.BytesIO("\n".join(lines).encode()))
    return with_sip_messages(event_log(), flow)


def recorded(name):
    return read_with_sip_messages(RECORDINGS / f"{name}.events.jsonl")[0]


def rows(table, *columns):
    cells = table[list(columns)].astype(object)
    return [tuple(row) for row in cells.where(cells.notna(), None).to_numpy()]


def test_an_outbound_call_with_a_password_reads_as_it_went():
    log = recorded("sipflow_outbound")
    assert rows(sip_messages(log), "way", "method", "code", "is_retransmission") == [
        ("sent", "INVITE", None, False),
        ("sent", "INVITE", None, True),
        ("received", "INVITE", 407, False),
        ("sent", "ACK", None, False),
        ("sent", "INVITE", None, False),
        ("received", "INVITE", 180, False),
        ("received", "INVITE", 200, False),
        ("sent", "ACK", None, False),
        ("sent", "BYE", None, False),
        ("received", "BYE", 200, False),
    ]
    table = sip_transactions(log)
    told = ("method", "cseq", "code", "provisional_code", "n_retransmissions")
    assert rows(table, *told) == [
        ("INVITE", 1, 407, None, 1),
        ("ACK", 1, None, None, 0),
        ("INVITE", 2, 200, 180, 0),
        ("ACK", 2, None, None, 0),
        ("BYE", 3, 200, None, 0),
    ]
    # the other side waits 700 ms, then 300 ms after it rang
    finals = table["final_ms"].tolist()
    assert finals[0] == pytest.approx(700, abs=50)
    assert finals[2] == pytest.approx(310, abs=50)
    assert table["answered"][2] == "audio 127.0.0.1:6000 PCMU/8000 telephone-event/8000"
    assert table["offered"][0].startswith("audio 192.0.2.2:")


def test_an_answer_that_is_sent_again_counts_once():
    table = sip_transactions(recorded("sipflow_inbound"))
    invite = table.iloc[0]
    assert (invite["way"], invite["code"], invite["n_retransmissions"]) == (
        "received",
        200,
        1,
    )
    assert invite["final_ms"] < 200, "the first answer, not its repetition"
    messages = sip_messages(recorded("sipflow_inbound"))
    again = messages[messages["is_retransmission"]]
    assert again["delay_ms"].tolist() == [
        pytest.approx(500 + invite["final_ms"], abs=30)
    ]


def test_a_refused_call_says_with_what():
    table = sip_transactions(recorded("sipflow_refused"))
    assert rows(table, "method", "code", "reason") == [
        ("INVITE", 486, "Busy Here"),
        ("ACK", None, ""),
    ]


def test_delays_of_each_leg_are_its_own():
    log = call_of(
        line(0, request()),
        line(20, response(100, "Trying"), SERVER, ALICE),
        line(100, request(branch="b2", call_id="c2"), SERVER, BOB, "c2"),
        line(
            1100, response(180, "Ringing", branch="b2", call_id="c2"), BOB, SERVER, "c2"
        ),
        line(3100, response(branch="b2", call_id="c2"), BOB, SERVER, "c2"),
        line(3200, response(), SERVER, ALICE),
    )
    told = ("call_id", "way", "provisional_ms", "final_ms")
    assert rows(sip_transactions(log), *told) == [
        ("c1", "received", 20, 3200),
        ("c2", "sent", 1000, 3000),
    ]


def test_a_request_without_an_answer_and_an_answer_without_a_request_stay():
    log = call_of(
        line(0, response(200, "OK", "BYE", 4), SERVER, ALICE),
        line(5, request("OPTIONS", branch="b9")),
    )
    assert rows(sip_messages(log), "method", "code", "delay_ms", "final_ms") == [
        ("BYE", 200, None, None),
        ("OPTIONS", None, None, None),
    ]
    assert rows(sip_transactions(log), "method", "code") == [("OPTIONS", None)]


def test_many_unanswered_requests_are_given_up_but_listed():
    n = MAX_TRANSACTIONS + 50
    log = call_of(*(line(i, request("OPTIONS", i, f"b{i}")) for i in range(n)))
    assert len(sip_messages(log)) == n
    assert len(SipFold().advance(log.records()).open) == MAX_TRANSACTIONS


def test_no_messages_give_empty_tables_of_the_same_types():
    full = recorded("sipflow_outbound")
    for table in (sip_messages, sip_transactions):
        empty = table(EventLog())
        assert empty.empty
        assert empty.dtypes.to_dict() == table(full).dtypes.to_dict()


def test_any_pieces_give_the_same_rows():
    records = recorded("sipflow_outbound").records()
    whole = SipFold().advance(records)
    pieces, closed = SipFold(), []
    for record in records:
        step = pieces.advance([record])
        closed += step.closed
    assert closed == whole.closed
    assert step.open == whole.open


@pytest.mark.parametrize(
    "name", ["sipflow_inbound", "sipflow_outbound", "sipflow_refused"]
)
def test_the_figures_of_a_call_do_not_depend_on_its_sip_messages(name):
    alone = read_log(RECORDINGS / f"{name}.events.jsonl")
    pd.testing.assert_series_equal(
        pd.Series(summary(recorded(name))), pd.Series(summary(alone))
    )
