"""When the caller was muted and playback paused, by the commands of a log."""

import pytest
from analysis.call_logs import CALLER, Call

from rustpbx_lab.analysis.holds import Hold, HoldFold
from rustpbx_lab.models import notes
from rustpbx_lab.plots.held import held_spans
from rustpbx_lab.plots.time_axis import Window


def holds_of(call: Call) -> list[tuple[str, int, int | None]]:
    changes = HoldFold().advance(call.log.records())
    return [
        (row.kind, row.start_ms, row.end_ms) for row in [*changes.closed, *changes.open]
    ]


def test_a_caller_is_muted_until_somebody_undoes_it():
    call = Call()
    call.command("mute", 1000)
    call.command("mute", 1500)  # is muted already
    call.command("unmute", 3000, trackId=CALLER)
    call.command("mute", 4000, trackId="server-side-track")  # another track
    call.command("mute", 5000, trackId=CALLER)
    assert holds_of(call) == [("muted", 1000, 3000), ("muted", 5000, None)]


def test_what_is_paused_is_resumed_replaced_or_stopped():
    call = Call()
    for at, by in ((1000, "resume"), (3000, "interrupt"), (5000, "tts")):
        call.command("pause", at)
        call.command(by, at + 700, **({"text": "Well."} if by == "tts" else {}))
    assert holds_of(call) == [
        ("paused", 1000, 1700),
        ("paused", 3000, 3700),
        ("paused", 5000, 5700),
    ]


def test_the_end_of_the_call_ends_both():
    call = Call()
    call.command("mute", 1000)
    call.command("pause", 1200)
    call.note(notes.Closed(why="we closed the connection"), 2000)
    assert sorted(holds_of(call)) == [("muted", 1000, 2000), ("paused", 1200, 2000)]


REFUSALS = (
    "track not found: server-side-track",
    "track does not support pausing: server-side-track",
)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_pause_that_was_refused_held_nothing_back(refusal: str):
    call = Call()
    call.command("pause", 1000)
    call.event("error", 1010, trackId=CALLER, sender="command", error=refusal)
    call.command("mute", 2000)
    call.command("pause", 2500)
    other = "no tts option available"
    call.event("error", 2510, trackId=CALLER, sender="command", error=other)
    assert sorted(holds_of(call)) == [("muted", 2000, None), ("paused", 2500, None)]


def test_a_cover_reaches_until_now_and_selects_its_command():
    rows = [
        Hold("muted", 1000, 3000, 4),
        Hold("muted", 9000, None, 7),
        Hold("paused", 1000, 2000, 5),
        Hold("muted", 40_000, 50_000, 9),
    ]
    spans = held_spans(rows, "muted", (75, 129), Window(0, 20_000, 12_000, 1000))
    assert [(span.left, span.right, span.seq) for span in spans] == [
        (1000, 3000, 4),
        (9000, 12_000, 7),
    ]
    assert "takes no notice of the caller" in spans[0].tip
    assert "→ now" in spans[1].tip
