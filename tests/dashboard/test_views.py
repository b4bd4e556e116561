"""Views read a log: refresh, then look at what they hold."""

import gc
import re
import weakref
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from work import lines_run

from rustpbx_lab.analysis.speech import SpeechFold
from rustpbx_lab.client import CallPhase
from rustpbx_lab.dashboard.lists.events import EventsBox
from rustpbx_lab.dashboard.lists.inspector import Inspector, pretty
from rustpbx_lab.dashboard.lists.transcript import TranscriptBox
from rustpbx_lab.dashboard.pages.header import Header, state_chip
from rustpbx_lab.dashboard.state.call_view import (
    FAR_BEHIND,
    ROWS_A_STEP,
    CallView,
    LoopLag,
)
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import EventLog, Record
from rustpbx_lab.models import commands, notes
from rustpbx_lab.plots.lanes.caller import PROBABILITY_Y
from rustpbx_lab.plots.theme import DARK, LIGHT
from rustpbx_lab.plots.wall_clock import since_midnight
from rustpbx_lab.views.call_digest import Facts, digest_of
from rustpbx_lab.views.call_tables import Table
from rustpbx_lab.views.event_rows import EventFilter, event_row, kind_of
from rustpbx_lab.wording import UNKNOWN

from .conftest import (
    HOSTILE,
    SID,
    SST,
    T0,
    command,
    conversation,
    ended_call,
    event,
    note,
)


def nothing(_: object) -> None:
    return


def seen(records: list, call_id: str = "s.1") -> CallView:
    view = CallView(ended_call(records, call_id))
    view.refresh()
    return view


def test_a_view_takes_in_each_record_once():
    call = ended_call([])
    view = CallView(call)
    assert not view.refresh()
    records = conversation()
    for record in records[:9]:
        call.log.append(record)
    assert view.refresh()
    assert len(view.new_records) == 9
    for record in records[9:]:
        call.log.append(record)
    view.refresh()
    assert [record.seq for record in view.new_records] == list(range(9, len(records)))
    assert view.seen == len(records)
    assert not view.refresh()


def test_tables_hold_the_same_rows_however_the_log_was_cut(log: EventLog):
    whole, pieces = Table(SpeechFold()), Table(SpeechFold())
    whole.advance(log.records())
    for record in log:
        pieces.advance([record])
    assert whole.rows() == pieces.rows()
    assert [row.end_ms - row.start_ms for row in whole.rows()] == [1440]
    assert whole.rows(10_000, 20_000) == []


def test_the_timeline_draws_what_the_log_says():
    view = seen(conversation())
    box = TimelineBox(LIGHT, nothing)
    box.show_call(view)
    assert [span.look for span in box.lane("Caller").spans.rows] == [
        "speech",
        "hang-over",
    ]
    assert (
        box.lane("ASR").finals.data["delay"] == ["+455 ms"]
        or box.lane("ASR").finals.data["at"]
    )
    assert box.lane("Agent").cuts.data["x"]
    assert "error" in " ".join(box.lane("Commands, errors").labels.source.data["text"])


def test_another_palette_repaints_the_marks():
    box = TimelineBox(LIGHT, nothing)
    box.show_call(seen(conversation()))
    box.use_palette(DARK)
    assert DARK.error in box.lane("Commands, errors").marks.source.data["role"]


def test_a_user_who_moves_the_range_is_no_longer_moved():
    box = TimelineBox(LIGHT, nothing)
    box.show_call(seen(conversation()))
    assert box.bar.follow.value
    box._axis.range.start = -700
    assert not box.bar.follow.value


def test_events_are_listed_with_partial_results_folded():
    box = EventsBox(nothing)
    view = seen(conversation())
    box.show_call(view)
    names = [row.shown()["event"] for row in box.rows]
    assert "asrDelta \u00d72" in names
    assert names[-1] == "error"
    assert box.rows[-1].seqs == (14,)


def test_the_chip_of_errors_counts_them():
    box = EventsBox(nothing)
    box.show_call(seen(conversation()[:-1]))
    box.count_errors()
    assert box.kinds.styles == {"--lab-n-errors": "''"}
    box.kinds.value = ["Errors", "VAD"]
    box.show_call(seen(conversation()))
    box.count_errors()
    assert box.kinds.styles == {"--lab-n-errors": "'\u00a01'"}
    assert [row.name for row in box.rows] == ["speaking", "silence", "error"]


def test_new_events_are_added_and_a_growing_one_replaced():
    call = ended_call([])
    view, box = CallView(call), EventsBox(nothing)
    box.show_call(view)
    sent: list[tuple[list, int]] = []
    box.list.change = lambda add, drop=0, **_: sent.append((list(add), drop))
    for record in conversation():
        call.log.append(record)
        view.refresh()
        box.learn(view.new_records)
        box.refresh()
    assert [drop for _, drop in sent].count(1) == 1
    assert len(box.rows) == len(call.log) - 1


def test_the_filter_reads_words_expressions_and_fields(log: EventLog):
    rows = []
    before = None
    for record in log:
        rows.append(event_row(record, before, None))
        before = record.time_ms

    def found(text: str) -> list[str]:
        chosen = EventFilter(text)
        return [row.name for row in rows if chosen.accepts(row)]

    assert found("event:silence") == ["silence"]
    assert found("/^asr(Final|Delta)/ friday") == ["asrFinal"]
    assert found("track:agent event:trackEnd") == ["trackEnd"]
    assert found(">1000") == ["speaking"]
    assert found("EVENT:Silence") == ["silence"]
    assert len(found("-event:silence")) == len(rows) - 1
    assert found("event:silence -event:silence") == []
    assert set(found(">1000")).isdisjoint(found("<1001"))
    assert "asrFinal" in found('"make it"')
    assert found('"it make"') == []
    assert len(found("-")) < len(rows)  # a word of its own
    broken = EventFilter("-/(/")
    assert not any(broken.accepts(row) for row in rows)
    broken = EventFilter("/(/")
    assert broken.problem is not None
    assert not any(broken.accepts(row) for row in rows)


def test_kinds_follow_the_event(log: EventLog):
    assert {record.name: kind_of(record) for record in log}["interrupt"] == "Commands"
    assert {record.name: kind_of(record) for record in log}["error"] == "Errors"
    broken = note(0, notes.Closed(why="no answer", code=1006))
    assert kind_of(broken) == "Errors"
    assert kind_of(note(0, notes.Closed(why="over", code=1000))) == "Other"


def test_the_transcript_splits_what_was_not_heard():
    box = TranscriptBox(nothing)
    box.show_call(seen(conversation()))
    agent = next(row for row in box.rows if row["who"] == "agent")
    assert agent["heard"] + agent["unheard"] == "Hello, how can I help?"
    assert agent["unheard"]
    assert agent["badge"] == "heard 1.6 of 2.6 s"


def answered(resumes: bool) -> CallView:
    """A caller who speaks until 3,240 ms, and a reply that plays from 4,200 ms."""
    server = {"trackId": "server-side-track"}
    data = {"playId": "r-2", "ttfb": 210, "length": 64_000}
    told = [
        command(3900, commands.Tts(text="Yes, on Friday.", play_id="r-2")),
        event(3990, event="trackStart", playId="r-2", **server),
        event(4200, event="metrics", key="completed.tts.x", duration=211, data=data),
    ]
    if resumes:
        caller = {"trackId": SID, "confidence": 1.0}
        told.append(event(4500, event="speaking", startTime=T0 + 4250, **caller))
    told.append(event(6000, event="trackEnd", playId="r-2", duration=2000, **server))
    return seen([*conversation()[:-1], *told])


def test_a_reply_says_how_long_the_caller_waited_for_it():
    box, view = TranscriptBox(nothing), answered(resumes=False)
    box.show_call(view)
    turn = view.tables["turns"].rows()[-1]
    reply = box.rows[-1]
    assert reply["heard"] == "Yes, on Friday."
    assert turn.latency_ms == turn.first_audio_ms - 3240
    assert turn.quality == "inferred"
    assert reply["badge"] == f"~{turn.latency_ms} ms"
    assert f"turn {turn.number}: from the end" in reply["badge_title"]
    assert [row["badge"] for row in box.rows if row["who"] == "caller"] == [""]


def test_a_reply_that_came_too_early_says_so():
    box = TranscriptBox(nothing)
    box.show_call(answered(resumes=True))
    assert (box.rows[-1]["badge"], box.rows[-1]["badge_kind"]) == ("cut-off", "cut")


def test_the_lists_say_the_time_of_day_where_the_axis_does():
    timeline = TimelineBox(LIGHT, nothing)
    view = seen(conversation())
    timeline.show_call(view)
    assert view.clock(2120) == "00:02.120"
    timeline.bar.wall_clock.value = True
    began = datetime.fromtimestamp(view.log.clock.to_wall(0) / 1000)
    at = began + timedelta(milliseconds=2120)
    assert view.clock(2120) == f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    assert view.clock(2120, 1) == view.clock(2120)[:-2]
    assert view.clock(None) == UNKNOWN
    timeline.bar.wall_clock.value = False
    assert view.clock(2120) == "00:02.120"


def test_the_time_of_day_comes_with_the_first_event_of_a_call():
    told: list[str] = []
    timeline = TimelineBox(LIGHT, nothing, lambda: told.append("times"))
    timeline.bar.wall_clock.value = True
    call = ended_call([])
    view = CallView(call)
    timeline.show_call(view)
    assert (view.began_ms, told) == (None, [])
    for record in conversation():
        call.log.append(record)
    view.refresh()
    timeline.refresh(changed=True)
    assert view.began_ms is not None
    assert told == ["times"]


def test_a_moment_of_no_calendar_is_unknown():
    assert since_midnight(10**17) is None
    assert since_midnight(-(10**17)) is None
    timeline = TimelineBox(LIGHT, nothing)
    view = seen([event(10**17, event="ping", payload="x")])
    timeline.show_call(view)
    timeline.bar.wall_clock.value = True
    assert view.clock(1) == "00:00.001"


def test_words_that_were_none_leave_the_transcript():
    call, box = ended_call([]), TranscriptBox(nothing)
    view = CallView(call)
    box.show_call(view)
    caller = {"trackId": SID, "index": 1}
    for fields in (
        {"event": "asrDelta", "text": "uh"},
        {"event": "asrFinal", "text": ""},
    ):
        call.log.append(event(100, **fields, **caller))
        view.refresh()
        box.learn()
        box.refresh()
        assert [row["heard"] for row in box.rows] == [fields["text"]] * bool(
            fields["text"]
        )


@pytest.mark.parametrize(("total", "told"), [(2600, " of 2 600"), (0, "")])
def test_a_length_that_nobody_counted_is_not_said(total: int, told: str):
    """Cached speech is interrupted with a total of 0."""
    record = event(
        2120,
        event="interruption",
        trackId=SID,
        playId="r-1",
        totalDuration=total,
        current=1580,
    )
    assert event_row(record, None).text == f"r-1 at 1 580{told} ms"


def test_the_inspector_explains_an_end_of_speech():
    inspector = Inspector(nothing)
    view = seen(conversation())
    inspector.show_row(view, 12)
    shown = inspector.body.object
    assert "End of speech." in shown
    assert "170 ms later" in shown
    assert "&quot;silence&quot;" in shown


def test_hostile_text_is_shown_as_text():
    view = seen(conversation(HOSTILE), HOSTILE)
    inspector, header = Inspector(nothing), Header()
    header.show(view, 3.0)
    assert "<img" not in header.pane.object
    for seq in range(len(view.log)):
        inspector.show_row(view, seq)
        assert "<img" not in inspector.body.object
    view.call.error = HOSTILE
    header.show(view, 3.0)
    assert "<img" not in header.pane.object


@pytest.mark.parametrize(
    ("ending", "look", "words"),
    [
        ([command(3900, commands.Hangup())], "over", "(we hung up)"),
        (
            [event(3900, event="hangup", initiator="callee", reason="Some(ByCallee)")],
            "over",
            "(the callee hung up)",
        ),
        ([], "over", "Disconnected 00:04.0"),
        ([note(4000, notes.Closed(why="it broke", code=1006))], "bad", "(it broke)"),
    ],
)
def test_the_state_chip_says_who_ended_the_call(ending, look: str, words: str):
    closed = note(4000, notes.Closed(why="the server closed the connection"))
    last = ending if ending and ending[-1].name == "closed" else [*ending, closed]
    view = seen([*conversation(), *last])
    session = type("Session", (), {"close_reason": last[-1].message.why})
    view.call.session = session()
    assert state_chip(view).look == look
    assert words in state_chip(view).words


@pytest.mark.parametrize(("is_heard", "words"), [(False, "no audio"), (True, "speak")])
def test_the_state_chip_says_that_no_audio_arrives(is_heard: bool, words: str):
    records = [event(4000, event="rtpTimeout", trackId=SID, timeout=1)]
    if is_heard:
        start = {"startTime": T0 + 4800}
        records.append(event(5000, event="speaking", trackId=SID, **start))
    view = seen([*conversation(), *records])
    view.call.ended_ms = None
    session = {"close_reason": None, "phase": CallPhase.ANSWERED}
    view.call.session = type("Session", (), session)()
    assert words in state_chip(view).words


def goodbye(*then: Any) -> Any:
    """Return how a call ends whose last reply was to hang up by itself."""
    said = commands.Tts(text="Goodbye.", play_id="bye", auto_hangup=True)
    began = event(4000, event="trackStart", trackId="server-side-track", playId="bye")
    over = event(4900, event="trackEnd", trackId="server-side-track", duration=900)
    closed = note(5000, notes.Closed(why="the server closed the connection"))
    return seen([*conversation(), command(3950, said), began, *then, over, closed])


def test_a_call_that_we_asked_to_end_after_the_last_words_was_ended_by_us():
    told = "Disconnected 00:05.0 (we hung up after the last words: autoHangup)"
    assert state_chip(goodbye()).words == told
    interrupted = goodbye(command(4400, commands.Interrupt()))
    assert "autoHangup" not in state_chip(interrupted).words
    goes_on = goodbye(command(4400, commands.Tts(text="And one thing more.")))
    assert "autoHangup" not in state_chip(goes_on).words


def test_sound_that_outlasts_the_log_is_shown_and_does_not_make_the_call_longer():
    call = ended_call(conversation())
    call.recording.caller.append(bytes(32_000 * 9), T0 + 100)
    view = CallView(call)
    view.refresh()
    assert view.now_ms == 9098  # call time 0 is 2 ms after T0
    assert view.duration_ms < 4000
    box, header = TimelineBox(LIGHT, nothing), Header()
    box.show_call(view)
    box.viewport.choose_span("Fit")
    assert box.viewport.visible[1] > 9098
    header.show(view, None)
    assert "00:09" not in header.pane.object


def test_the_words_of_a_sentence_select_its_final():
    view = seen(conversation())
    box = TimelineBox(LIGHT, nothing)
    box.show_call(view)
    (row,) = view.tables["recognition"].rows()
    assert row.said_seq not in (None, row.seq)
    assert box.lane("ASR").texts.data["seq"] == [row.said_seq]
    assert f"log row {row.said_seq}" in box.lane("ASR").texts.data["tip"][0]


def test_marks_of_the_whole_call_and_words_of_an_interruption_have_tips():
    view = seen(conversation())
    box = TimelineBox(LIGHT, nothing)
    box.show_call(view)
    tips = box.overview.marks.source.data["tip"]
    rows = [target.seq for target in box.overview.targets]
    assert len(tips) == len(rows) > 0
    for tip, seq in zip(tips, rows, strict=True):
        assert tip.endswith(f"log row {seq}")
    assert any("interrupted" in tip for tip in tips)
    labels = box.lane("Agent").labels.source.data
    assert len(labels["tip"]) == len(labels["text"]) > 0
    assert all("trackStart" in tip for tip in labels["tip"])


def test_a_tap_never_shows_what_is_before_or_after_a_call_that_is_over():
    box = TimelineBox(LIGHT, nothing)
    box.show_call(seen(conversation()))
    box.viewport.choose_span("Fit")
    whole = box.viewport.visible
    box.viewport.centre(whole[1])
    assert box.viewport.visible == pytest.approx(whole)
    box.viewport.centre(0, 1000)
    assert box.viewport.visible[0] >= whole[0]


def test_the_span_that_is_chosen_for_a_saved_call_is_in_its_address():
    box, view = TimelineBox(LIGHT, nothing), seen(conversation())
    view.call.is_ours = view.call.is_live = False
    box.show_call(view)
    box.viewport.choose_span("Fit")
    assert box.viewport.chosen_part is None
    box.viewport.choose_span("10 s")
    assert box.bar.follow.value
    start, end = box.viewport.chosen_part
    assert end - start == 10_000


def test_the_state_chip_says_what_happened():
    assert state_chip(None).words == "No call"
    view = seen(conversation())
    assert state_chip(view).look == "over"
    view.call.error = "cannot connect to 'ws://x': refused"
    assert state_chip(view).words.startswith("Failed: cannot connect")


def test_a_long_log_is_taken_in_over_several_ticks():
    call = ended_call([])
    view = CallView(call)
    for index in range(9000):
        call.log.append(event(index, event="ping", payload="x"))
    ticks = 0
    while view.refresh():
        ticks += 1
    assert ticks == 9000 // ROWS_A_STEP
    assert view.seen == 9000


def test_what_came_long_before_is_not_read_out():
    call = ended_call([])
    view, box = CallView(call), EventsBox(nothing)
    box.show_call(view)
    for index in range(FAR_BEHIND + 300):
        call.log.append(event(index, event="ping", payload=f"n{index}"))
    assert view.is_far_behind
    while view.is_far_behind:
        view.catch_up()
        assert not view.new_records
    box.show_call(view)
    read = []
    while view.refresh():
        box.learn(view.new_records)
        read += [record.seq for record in view.new_records]
    assert read == list(range(read[0], FAR_BEHIND + 300))
    assert [row.seqs[0] for row in box.rows] == list(range(4800, FAR_BEHIND + 300))


def test_a_second_page_finds_all_that_the_first_has_read():
    records = conversation()
    call = ended_call(records)
    first = CallView(call)
    while first.refresh():
        pass
    second = CallView(call)
    assert second.seen == len(records)
    assert second.tables["playback"].rows() == first.tables["playback"].rows()
    assert second.facts.caller_track is not None
    call.log.append(event(99_000, event="ping", payload="x"))
    assert second.refresh()
    assert first.refresh()
    assert [r.seq for r in first.new_records] == [r.seq for r in second.new_records]


def test_an_event_that_was_lost_is_told_with_its_evidence():
    track = {"trackId": SID, "event": "speaking"}
    records = [
        *conversation()[:4],
        event(1000, startTime=T0 + 700, **track),
        event(5000, startTime=T0 + 4700, **track),
    ]
    view = seen(records)
    assert view.n_lost == 1
    header = Header()
    header.show(view, 1.0)
    assert "1 lost" in header.pane.object
    assert "never that it ended" in header.pane.object


def test_speech_on_a_clock_we_do_not_know_is_not_lost():
    track = {"trackId": SID}
    records = [
        *conversation()[:4],
        event(1000, event="speaking", startTime=5, **track),
        event(2000, event="silence", startTime=5, duration=900, **track),
    ]
    assert seen(records).n_lost == 0


def test_the_rate_of_events_has_no_limit():
    facts = Facts()
    for number in range(12_000):
        facts.learn(event(number, event="ping", payload="x"))
    assert facts.events_per_s == 2400


def test_what_was_read_of_a_call_is_forgotten_with_it():
    call = ended_call(conversation())
    digest = weakref.ref(digest_of(call))
    CallView(call).refresh()
    assert digest() is not None
    del call
    gc.collect()
    assert digest() is None


def work_of_a_tick(n_rows: int) -> int:
    """Return the lines of Python that one more row costs behind so many."""
    call = ended_call([])
    view, box = CallView(call), EventsBox(nothing)
    box.show_call(view)

    def tick() -> bool:
        is_new = view.refresh()
        box.learn(view.new_records)
        box.refresh()
        return is_new

    for index in range(n_rows):
        call.log.append(event(index, event="ping", payload="x"))
    while tick():
        pass
    call.log.append(event(n_rows, event="ping", payload="x"))
    return lines_run(tick)


def test_a_tick_costs_the_new_rows_only():
    assert work_of_a_tick(6000) < 1.5 * work_of_a_tick(600)


def test_loop_lag_is_unknown_at_first():
    assert LoopLag(150).p95_ms is None


@pytest.mark.parametrize("seq", [-1, 10_000, None])
def test_the_inspector_of_no_row_is_empty(seq: int | None):
    inspector = Inspector(nothing)
    inspector.show_row(seen(conversation()), seq)
    assert "Tap a mark" in inspector.body.object


def test_probabilities_that_come_after_the_end_are_news():
    call = ended_call(conversation())
    call.recording.caller.append(bytes(32_000), T0 + 100)
    view = CallView(call)
    while view.refresh():
        pass
    assert call.listen() > 0
    assert view.refresh()
    assert not view.refresh()


def test_the_inspector_shows_what_is_nested_too_deep_as_it_is():
    log = EventLog()
    log.append(Record("event", "custom", "[" * 100_000, None, T0))
    assert pretty(log[0]).startswith("[[[")


def long_call(minutes: int, turn_s: int, n_wrong: int = 3) -> HubCall:
    """Return a call of so many turns; some replies are interrupted, some TTS fail."""
    n_turns = minutes * 60 // turn_s
    wrong = {n_turns * (2 * at + 1) // (2 * n_wrong) for at in range(n_wrong)}
    user, agent = {"trackId": SID}, {"trackId": SST}
    records = [event(1, event="answer", sdp="", **user)]
    for turn in range(n_turns):
        at, play = 1000 * (turn * turn_s + 1), f"r-{turn}"
        stop, said = at + 1000, at + 1600
        records += [
            event(at + 200, event="speaking", startTime=T0 + at, **user),
            event(
                stop + 400, event="silence", startTime=T0 + at, duration=1000, **user
            ),
            event(
                said,
                event="asrFinal",
                index=turn,
                startTime=T0 + at,
                endTime=T0 + stop,
                text="Yes",
                **user,
            ),
            command(said + 2, commands.Tts(text="Good.", play_id=play)),
            event(said + 300, event="trackStart", playId=play, **agent),
        ]
        if turn in wrong:
            records += [
                event(
                    said + 700,
                    event="interruption",
                    playId=play,
                    totalDuration=900,
                    current=400,
                    **agent,
                ),
                event(said + 900, event="error", sender="tts", error="no", **user),
            ]
        end = said + (701 if turn in wrong else 1200)
        length = end - said - 300
        records.append(
            event(end, event="trackEnd", playId=play, duration=length, ssrc=1, **agent)
        )
    return ended_call(records)


def drawn_whole(call: HubCall) -> tuple[TimelineBox, CallView]:
    box, view = TimelineBox(LIGHT, lambda seq: None), CallView(call)
    box.show_call(view)
    while view.refresh(1000):
        box.refresh(changed=True)
    box._overview_due_s = 0.0
    box.refresh(changed=False)  # what came since it was drawn last is drawn, too
    assert box.bar.span.value == "Fit"
    return box, view


@pytest.mark.parametrize(("minutes", "turn_s"), [(20, 6), (360, 20)])
def test_a_long_call_shows_each_thing_that_went_wrong_and_counts_the_rest(
    minutes: int, turn_s: int
):
    box, view = drawn_whole(long_call(minutes, turn_s))
    n_turns = minutes * 60 // turn_s
    assert list(box.lane("Commands, errors").marks.source.data["shape"]).count("x") == 3
    assert len(box.lane("Agent").cuts.data["x"]) == 3
    assert len(box.overview.marks.source.data["x"]) == 6
    for role, table in (("caller", "speech"), ("agent", "playback")):
        wave = getattr(box.overview, role).source.data
        talks = (wave["high"] > wave["low"]).mean()
        spans = np.diff(view.tables[table].spans(), axis=0).sum() / view.now_ms
        assert spans < talks <= 1  # some slots are touched only
    lanes = {"speech": "Caller", "playback": "Agent", "turns": "Turn latency"}
    for name, lane in lanes.items():
        density = box.lane(lane).density.source.data
        counts = [int(re.sub(r"\D", "", tip.split(" ")[0])) for tip in density["tip"]]
        assert sum(counts) == view.tables[name].n_closed >= n_turns - 1
        starts = [row.start_ms for row in view.tables["playback"].rows()]
        if name == "playback":
            assert counts == [
                sum(left <= start < right for start in starts)
                for left, right in zip(density["left"], density["right"], strict=True)
            ]
    assert "marks as density" in box.bar.legend.object
    looks = [span.look for span in box.lane("Agent").spans.rows]
    assert looks.count("played") == 3, "the last ones are not drawn apart"
    for name, most in (("Caller", PROBABILITY_Y), ("Metrics", 10)):
        assert max(box.lane(name).density.source.data["top"]) < most, "on a scale"


def test_a_short_call_is_drawn_row_by_row():
    box, _ = drawn_whole(long_call(5, 6))
    assert list(box.lane("Agent").density.source.data["tip"]) == []
    assert len(box.lane("Agent").cuts.data["x"]) == 3
    assert "density" not in box.bar.legend.object


def test_a_warning_of_ours_is_no_error_of_the_call():
    advice = notes.Advice(
        rule="vad", severity="warning", text="it is short", instead="300"
    )
    row = event_row(note(5, advice), None)
    assert (row.kind, row.text) == ("Other", "it is short; instead: 300")
    grave = advice.model_copy(update={"severity": "error"})
    assert event_row(note(5, grave), None).kind == "Errors"
