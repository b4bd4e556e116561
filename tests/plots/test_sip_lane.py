"""The lane of SIP messages."""

import io

import pytest
from sip_files import (
    ALICE,
    HOSTILE,
    RECORDINGS,
    SERVER,
    event_log,
    line,
    request,
    response,
)

from rustpbx_lab.analysis.sip_tables import message_rows
from rustpbx_lab.log import EventLog, read_sipflow, with_sip_messages
from rustpbx_lab.log.sipflow import read_with_sip_messages
from rustpbx_lab.plots.call_figure import call_figure
from rustpbx_lab.plots.hit_test import pick
from rustpbx_lab.plots.lanes.lane import Scene
from rustpbx_lab.plots.lanes.sip import ROWS, SipLane, sip_marks
from rustpbx_lab.plots.theme import LIGHT, Painter
from rustpbx_lab.plots.time_axis import TimeAxis, Window

WINDOW = Window(-500, 10_000, 10_000, 1000)


def rows_of(*lines):
    flow = read_sipflow(io.BytesIO("\n".join(lines).encode()), "c1-x")
    return message_rows(with_sip_messages(event_log(), flow))


def test_messages_stand_in_the_row_of_their_direction():
    rows = rows_of(
        line(0, request()),
        line(2000, response(180, "Ringing"), SERVER, ALICE),
        line(4000, response(603, "Decline"), SERVER, ALICE),
    )
    marks, labels = sip_marks(rows, WINDOW)
    received, sent = ROWS["received"], ROWS["sent"]
    assert [(mark.y, mark.shape) for mark in marks] == [received, sent, sent]
    assert [mark.role for mark in marks] == ["command", "llm", "error"]
    assert [label.text for label in labels] == ["INVITE", "180 Ringing", "603 Decline"]
    assert "first answer after 2 000 ms, 603 after 4 000 ms" in marks[0].tip.replace(
        "\u2009", " "
    )
    assert "Call-ID c1" in marks[0].tip
    assert "4 000 ms after INVITE" in marks[2].tip.replace("\u2009", " ")


def test_words_without_room_are_left_out_and_marks_stay():
    rows = rows_of(*(line(at, request("INFO", at, f"b{at}")) for at in range(20)))
    marks, labels = sip_marks(rows, WINDOW)
    assert len(marks) == 20
    assert [label.text for label in labels] == [""] * 19 + ["INFO"]


def test_a_retransmission_says_so():
    rows = rows_of(line(0, request()), line(3000, request()))
    marks, labels = sip_marks(rows, WINDOW)
    assert [label.text for label in labels] == ["INVITE", "INVITE again"]
    assert "sent before" in marks[1].tip


def test_a_tap_finds_the_message():
    lane = SipLane(TimeAxis(Painter(LIGHT)))
    rows = rows_of(line(0, request()), line(4000, response(), SERVER, ALICE))
    lane.draw(Scene(WINDOW, {"sip": rows}))
    assert pick(lane.targets, 4010, ROWS["sent"][0], WINDOW) == rows[1].seq
    assert pick(lane.targets, 4010, ROWS["received"][0], WINDOW) is None
    lane.draw(Scene(WINDOW))
    assert not lane.targets


def test_the_lane_is_there_only_for_a_call_with_messages():
    log, _ = read_with_sip_messages(RECORDINGS / "sipflow_outbound.events.jsonl")
    names = [plot.left[0].text for plot in call_figure(log).children]
    assert names[-1] == "SIP"
    bare = [plot.left[0].text for plot in call_figure(EventLog()).children]
    assert bare == names[:-1]


@pytest.mark.parametrize("width", [200, 2000])
def test_hostile_words_are_cut_and_plain(width):
    rows = rows_of(line(0, response(200, HOSTILE * 40), ALICE, SERVER))
    _, [label] = sip_marks(rows, Window(0, 1000, 1000, width))
    assert len(label.text) < 60
