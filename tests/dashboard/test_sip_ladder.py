"""The SIP lane and the ladder of the inspector, without a browser."""

import io
import json

from sip_files import (
    ALICE,
    BOB,
    HOSTILE,
    RECORDINGS,
    SERVER,
    event_log,
    line,
    request,
    response,
    write_call,
)

from rustpbx_lab.analysis.sip_tables import message_rows
from rustpbx_lab.dashboard.lists.inspector import Inspector
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.replay_call import ReplayCall
from rustpbx_lab.hub.saved_call import read_saved
from rustpbx_lab.log import read_sipflow, with_sip_messages
from rustpbx_lab.plots.theme import LIGHT
from rustpbx_lab.views.event_rows import event_row
from rustpbx_lab.views.sip_ladder import MOST_STEPS, ladder


def rows_of(*lines, session_id=None):
    flow = read_sipflow(io.BytesIO("\n".join(lines).encode()), session_id)
    return message_rows(with_sip_messages(event_log(), flow))


def view_of(path):
    call = ReplayCall(read_saved(path), "replay.x")
    call.show_whole()
    call.advance()
    view = CallView(call)
    while view.refresh():
        pass
    return view


def test_a_ladder_has_a_column_for_each_party_and_arrows_between_them():
    drawn = ladder(
        rows_of(
            line(0, request()),
            line(50, request(branch="b2", call_id="c2"), SERVER, BOB, "c2"),
            line(150, response(branch="b2", call_id="c2"), BOB, SERVER, "c2"),
            line(200, response(), SERVER, ALICE),
        )
    )
    assert [party["name"] for party in drawn["parties"]] == ["server", ALICE, BOB]
    assert drawn["parties"][0]["address"] == SERVER
    told = [
        (s["from"], s["to"], s["title"], s["delay"], s["leg"]) for s in drawn["steps"]
    ]
    assert told == [
        (1, 0, "INVITE", "", "1"),
        (0, 2, "INVITE", "", "2"),
        (2, 0, "200 OK", "+100 ms", "2"),
        (0, 1, "200 OK", "+200 ms", "1"),
    ]
    assert drawn["steps"][0]["words"] == (
        "INVITE received at 00:00.000; 200 after 200 ms"
    )


def test_a_ladder_without_directions_or_addresses_is_drawn():
    drawn = ladder(rows_of(line(0, request()), line(9, response(), "", "")))
    assert [party["name"] for party in drawn["parties"]] == [SERVER, ALICE, "unknown"]
    assert drawn["steps"][1]["from"] == drawn["steps"][1]["to"] == 2


def test_a_long_ladder_is_drawn_around_what_is_selected():
    rows = rows_of(*(line(i, request("INFO", i, f"b{i}")) for i in range(1000)))
    for selected in (rows[0].seq, rows[500].seq, rows[-1].seq, None):
        drawn = ladder(rows, selected)
        seqs = [step["seq"] for step in drawn["steps"]]
        assert len(seqs) == MOST_STEPS
        assert selected is None or selected in seqs
        assert sum(drawn["left_out"]) == 700


def test_the_inspector_shows_ladder_and_masked_text_of_a_message():
    view = view_of(RECORDINGS / "sipflow_outbound.events.jsonl")
    inspector = Inspector(lambda text: None)
    told = []
    for record in view.log:
        inspector.show_row(view, record.seq)
        is_sip = record.name == "sipMessage"
        assert inspector.ladder.is_shown == is_sip
        if is_sip:
            assert inspector.ladder.selected == record.seq
            told.append(inspector.body.object)
    assert "Proxy-Authorization: Digest ***" in "".join(told)
    assert "INVITE sip:bob@" in told[0]
    assert "sent; 407 after" in told[0]
    drawn = json.loads(inspector.ladder.ladder)
    assert len(drawn["steps"]) == len(told) == 10
    inspector.show_row(view, None)
    assert not inspector.ladder.is_shown


def test_hostile_text_of_a_message_is_shown_as_text(tmp_path):
    lines = [line(0, response(200, HOSTILE), HOSTILE, HOSTILE, HOSTILE)]
    view = view_of(write_call(tmp_path, lines))
    inspector = Inspector(lambda text: None)
    for record in view.log:
        inspector.show_row(view, record.seq)
        assert "<img" not in inspector.body.object
        event_row(record, None)


def test_the_lane_is_absent_without_messages(tmp_path):
    timeline = TimelineBox(LIGHT, lambda seq, at_ms: None)
    row = timeline.rows.rows[timeline.lanes.index(timeline.lane("SIP"))]
    assert not row.visible
    timeline.show_call(view_of(RECORDINGS / "sipflow_inbound.events.jsonl"))
    assert row.visible
    assert len(timeline.lane("SIP").marks.source.data["x"]) == 9
    assert timeline.viewport.visible[0] < -15, "Fit begins with the first message"
    timeline.flip_lane("SIP")
    assert not row.visible
    timeline.flip_lane("SIP")
    timeline.show_call(view_of(RECORDINGS / "sip_keys.events.jsonl"))
    assert not row.visible


def test_a_replay_with_a_file_that_cannot_be_used_says_so(tmp_path):
    path = write_call(tmp_path, ["hello"])
    with CallHub() as hub:
        call = hub.replay(path, at_end=True)
        assert [r.name for r in call.log] == ["ping", "ping"]
        [remark] = call.remarks
    assert remark.startswith("No SIP messages: cannot read")
    path = write_call(tmp_path, [line(0, request()), "torn"], "s2")
    assert read_saved(path).remarks == [
        "s2.sipflow.jsonl: 1 line could not be read: 2.",
        "s2.sipflow.jsonl: nothing says which side the server is: no direction is "
        "shown.",
    ]
