"""Known server faults in logs: found where they are, and nowhere else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from rustpbx_lab import commands, events, notes, read_log
from rustpbx_lab.analysis.server_faults import FaultRow, server_faults
from rustpbx_lab.analysis.timelines import as_table
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.lint.fault_symptoms import SHOWN, FaultWatch
from rustpbx_lab.log import EventLog
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_versions import ServerVersion

from .generated_calls import GeneratedCall

RECORDINGS = Path(__file__).parents[1] / "recordings"
CAPTURED = {
    "keys_out_of_order": {
        "0.3.83": "key_doubled_by_order",
        "0.3.113": "key_doubled_by_order",
    },
    "keys_also_in_info": {
        "0.3.83": "key_doubled_by_info",
        "0.3.113": "key_doubled_by_info",
    },
    "gives_up": {"0.3.83": "cancel_not_told"},
    "refused_after_ringing": {"0.3.113": "refusal_after_ringing_lost"},
    "offers_the_same": {
        "0.3.83": "hold_without_change",
        "0.3.113": "hold_without_change",
    },
    "hung_up_in_a_text": {
        "0.3.83": "hangup_cuts_farewell",
        "0.3.113": "hangup_cuts_farewell",
    },
}
"""Scenario → release → the fault that its recording shows; all others show none."""
FILES = sorted((RECORDINGS / "faults").glob("*.log.jsonl"))
HEALTHY = sorted(
    file for file in RECORDINGS.glob("*.jsonl") if ".sipflow." not in file.name
)
TRACK = "s.1"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.split(".log")[0])
def test_a_recording_shows_the_faults_of_its_release(file):
    scenario, _, release = file.name.removesuffix(".log.jsonl").rpartition("-")
    expected = CAPTURED.get(scenario, {}).get(release)
    found = server_faults(read_log(file), release)
    assert list(found["fault"]) == ([] if expected is None else [expected])


def test_there_is_a_recording_of_every_scenario_that_shows_one():
    made = {file.name.removesuffix(".log.jsonl") for file in FILES}
    wanted = {f"{name}-{v}" for name, seen in CAPTURED.items() for v in seen}
    assert wanted <= made
    shown = {fault for seen in CAPTURED.values() for fault in seen.values()}
    # the one that no tested server has is made by hand below
    assert shown == SHOWN - {"second_text_silent"}


@pytest.mark.parametrize("file", HEALTHY, ids=lambda file: file.name)
def test_a_recording_of_a_healthy_call_shows_none(file):
    found = set(server_faults(read_log(file))["fault"])
    # its last playback is cut off by hangup
    cut = {"hangup_cuts_farewell"} if file.name.startswith("playback.") else set()
    assert found == cut


def test_200_generated_calls_show_none():
    for seed in range(200):
        assert server_faults(GeneratedCall(seed).log).empty, seed


def test_the_rows_of_evidence_are_those_of_the_log():
    log = read_log(RECORDINGS / "faults" / "keys_out_of_order-0.3.113.log.jsonl")
    (row,) = server_faults(log).itertuples()
    digits = [log[seq].message.digit for seq in row.rows]
    assert digits == ["1", "1"]
    assert row.seq == row.rows[-1]
    assert row.start_ms == log[row.seq].time_ms
    assert row.issues == ()
    assert "until 0.3.113" in row.versions


def test_a_release_without_the_fault_is_not_blamed():
    file = RECORDINGS / "faults" / "gives_up-0.3.83.log.jsonl"
    assert list(server_faults(read_log(file))["fault"]) == ["cancel_not_told"]
    assert server_faults(read_log(file), "0.3.102").empty


def test_no_rows_give_an_empty_table_of_the_same_types():
    empty = server_faults(EventLog())
    assert list(empty.dtypes) == list(as_table(FaultRow, []).dtypes)
    with pytest.raises(InvalidOptionError, match="three"):
        server_faults(EventLog(), "newest")


# ---------------------------------------------------------------------- made by hand


def found(messages: Sequence[tuple[int, object]], version: str = "0.3.80") -> list[str]:
    """Return the faults that messages show, by name."""
    watch = FaultWatch(ServerVersion.parse(version))
    return [
        symptom.fault.name
        for row, (at_ms, message) in enumerate(messages)
        for symptom in watch.take(message, at_ms, row)
    ]


def key(at_ms: int, digit: str = "1", track: str = TRACK, **fields):
    event = events.Dtmf(track_id=track, timestamp=at_ms, digit=digit, **fields)
    return at_ms, event


@pytest.mark.parametrize(
    "keys",
    [
        [key(0), key(120)],
        [key(0), key(93)],
        [key(0), key(40, "2")],
        [key(0), key(40, track="other")],
        [key(0), key(5000, refer=False)],
        [key(100), key(40)],
    ],
)
def test_two_presses_are_two_presses(keys):
    assert found(keys) == []


def hold(on: bool, refer: bool | None = None):
    return 0, events.Hold(track_id=TRACK, timestamp=0, on_hold=on, refer=refer)


def test_a_hold_and_its_end_are_what_they_say():
    assert found([hold(True), hold(False), hold(True, refer=True)]) == []
    assert found([hold(True), hold(True)]) == ["hold_without_change"]


def start(at_ms: int, play_id: str | None):
    given = {} if play_id is None else {"play_id": play_id}
    return at_ms, events.TrackStart(track_id="ours", timestamp=at_ms, **given)


def end(at_ms: int, play_id: str | None):
    given = {} if play_id is None else {"play_id": play_id}
    ended = events.TrackEnd(
        track_id="ours", timestamp=at_ms, duration=1, ssrc=1, **given
    )
    return at_ms, ended


def sound(at_ms: int, begins: bool):
    if begins:
        return at_ms, notes.AudioStarted(
            leg="server", at_ms=at_ms, sample=0, sample_rate_hz=8000, codec="pcm"
        )
    return at_ms, notes.AudioStopped(leg="server", at_ms=at_ms, sample=1)


def text(at_ms: int, play_id: str, **fields):
    return at_ms, commands.Tts(text="hello", play_id=play_id, **fields)


FIRST = [
    text(0, "a"),
    start(5, "a"),
    sound(200, True),
    sound(900, False),
    end(910, "a"),
]
SILENT = [text(1000, "b"), start(1005, "b"), end(2505, "b")]


def test_a_second_text_without_a_byte_is_named():
    assert found([*FIRST, *SILENT]) == ["second_text_silent"]
    assert found([*FIRST, *SILENT], "0.3.83") == []


@pytest.mark.parametrize(
    "messages",
    [
        SILENT,  # the call's audio may not pass here
        [*FIRST, text(1000, "b", streaming=True), *SILENT[1:]],
        [*FIRST, *SILENT[:2], sound(1100, True), sound(2400, False), SILENT[2]],
        [*FIRST[:3], *SILENT],  # one burst of sound for both
        [*FIRST, *SILENT[:2], (1200, commands.Interrupt()), SILENT[2]],
        [*FIRST, *SILENT[:2], (1200, commands.Pause()), SILENT[2]],
        [*FIRST, *SILENT[:2], end(1100, "b")],
        [
            *FIRST,
            *SILENT[:2],
            (
                1200,
                events.Error(
                    track_id="ours", timestamp=1200, sender="tts", error="refused"
                ),
            ),
            SILENT[2],
        ],
    ],
)
def test_a_silence_with_another_cause_is_not_blamed_on_the_server(messages):
    assert found(messages) == []


def test_a_caller_who_gives_up_while_it_rings_was_not_refused():
    rung = [(0, commands.Ringing()), (1, incoming())]
    gone = events.Hangup(track_id=TRACK, timestamp=2, initiator="caller")
    left = notes.Closed(why="we left", code=1000)
    assert found([*rung, (2, gone), (3, left)], "0.3.113") == []
    assert found([*rung, (3, left)], "0.3.113") == ["refusal_after_ringing_lost"]
    accepted = (2, commands.Accept(option=CallOption()))
    assert found([*rung, accepted, (3, left)], "0.3.113") == []
    hung_up = (2, commands.Hangup())
    assert found([*rung, hung_up], "0.3.113") == ["refusal_after_ringing_lost"]
    assert found([*rung, hung_up], "0.3.83") == []


def incoming() -> events.Incoming:
    return events.Incoming(
        track_id=TRACK, timestamp=1, caller="sip:a@b", callee="sip:c@d", sdp=""
    )
