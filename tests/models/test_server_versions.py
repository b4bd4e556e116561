"""What came when, and what an older server makes of a message."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab import commands, events, options
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.lint.rules import command_remarks, lint_text, remarks
from rustpbx_lab.models.base import BaseOption, WireModel
from rustpbx_lab.models.call_events import REASON_WORDS, reason_name
from rustpbx_lab.models.field_metadata import Since, find_metadata
from rustpbx_lab.models.server_versions import (
    NEWEST,
    OLDEST,
    ServerVersion,
    is_known,
    newer_parts,
    without_newer,
)
from rustpbx_lab.speech.vad_engines import server_engine

NEW = options.CallOption(
    rtp_timeout=30,
    codec="pcmu",
    recorder=options.RecorderOption(native_samplerate=True, ptime=100),
    monitor=options.MonitorOption(url="ws://127.0.0.1:9000/tap"),
)
RELEASES = ("0.3.83", "0.3.99", "0.3.100", "0.3.101", "0.3.102", "0.3.113")
NUMBERS = st.integers(0, 999_999)


def all_models() -> list[type[WireModel]]:
    """Every message and every option."""
    found: list[type[WireModel]] = [
        *get_args(commands.Command),
        *get_args(events.KnownEvent),
    ]
    waiting = [BaseOption]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        found += kinds
        waiting += kinds
    return found


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_versions_compare_by_their_numbers(one: Any, other: Any):
    first, second = ServerVersion(*one), ServerVersion(*other)
    assert (first < second) is (one < other)
    assert (first == second) is (one == other)
    assert ServerVersion.parse(str(first)) == first


def test_a_version_is_read_as_people_write_it():
    assert ServerVersion.parse(" v0.3.113 ") == NEWEST
    assert ServerVersion.parse(NEWEST) is NEWEST
    assert ServerVersion.parse("0.3.99") < ServerVersion.parse("0.3.100")


@pytest.mark.parametrize(
    "text", ["", "0.3", "newest", "0.3.x", "1.2.3.4", "\u0660.\u0663.\u0661", "-1.2.3"]
)
def test_what_is_no_version_is_said(text: str):
    with pytest.raises(InvalidOptionError, match=r"write one such as 0\.3\.113"):
        ServerVersion.parse(text)


def test_every_since_is_a_version_that_was_compared():
    known = [kind.since for kind in all_models() if kind.since is not None]
    for kind in all_models():
        for field in kind.model_fields.values():
            since = find_metadata(field, Since)
            if since is not None:
                known.append(since)
    assert len(known) >= 10
    for since in known:
        assert OLDEST < ServerVersion.parse(since.version) <= NEWEST, since


def test_what_a_server_does_not_know_is_named_by_its_wire_names():
    invite = commands.Invite(option=NEW)
    found = {part.path: str(part.since) for part in newer_parts(invite)}
    assert found == {
        "option.monitor": "0.3.111",
        "option.recorder.nativeSamplerate": "0.3.89",
        "option.rtpTimeout": "0.3.100",
    }
    assert list(newer_parts(invite, NEWEST)) == []
    between = ServerVersion.parse("0.3.100")
    assert [part.path for part in newer_parts(invite, between)] == ["option.monitor"]
    assert [part.path for part in newer_parts(commands.Dtmf(digit="1"))] == [""]


def test_a_field_that_was_not_set_does_not_count():
    assert list(newer_parts(options.CallOption(rtp_timeout=None))) == []
    assert list(newer_parts(options.CallOption())) == []


def test_an_older_server_reads_the_rest():
    left = without_newer(commands.Invite(option=NEW), OLDEST)
    assert left.to_wire() == {
        "command": "invite",
        "option": {"codec": "pcmu", "recorder": {"ptime": 100}},
    }
    assert NEW.rtp_timeout == 30, "it is not changed itself"
    assert without_newer(NEW, NEWEST) is NEW
    assert list(newer_parts(left)) == []


def test_commands_and_events_that_are_newer():
    newer = {kind for kind in all_models() if not is_known(kind, OLDEST)}
    assert newer == {commands.Dtmf, commands.Renegotiate, events.RtpTimeout}
    assert all(is_known(kind, NEWEST) for kind in all_models())


@pytest.mark.parametrize("word", sorted(REASON_WORDS))
def test_a_reason_has_one_name_in_every_release(word: str):
    assert reason_name(word) == reason_name(f"Some({word})") != word
    assert reason_name(word)[1:] == word[1:]  # type: ignore[index]


def test_a_free_reason_is_the_same_with_and_without_some():
    assert reason_name('Other("max call time")') == "max call time"
    assert reason_name('Some(Other("max call time"))') == "max call time"
    assert reason_name("Busy") == "Busy", "no word of the server's"


# ------------------------------------------------------------------ lint


def test_lint_says_what_the_named_server_ignores():
    found = {r.path: r for r in remarks(NEW, OLDEST) if r.rule == "newer_than_server"}
    assert set(found) == {"monitor", "recorder.nativeSamplerate", "rtpTimeout"}
    told = found["rtpTimeout"]
    assert told.severity == "warning"
    assert told.text == "server 0.3.83 ignores it: it came with 0.3.100"
    assert told.instead == "a server since 0.3.100, or leave it out"
    assert not [r for r in remarks(NEW, NEWEST) if r.rule == "newer_than_server"]


def test_lint_mentions_it_where_the_server_is_not_known():
    told = [r for r in remarks(NEW) if r.path == "rtpTimeout"]
    assert [(r.severity, r.text) for r in told] == [
        ("info", "a server before 0.3.100 ignores it")
    ]


def test_a_command_that_the_server_drops_is_an_error():
    key = commands.Dtmf(digit="1")
    (told,) = command_remarks(key, None, OLDEST)
    assert (told.path, told.severity) == ("dtmf", "error")
    assert told.text == (
        "server 0.3.83 drops the command, without an event: it came with 0.3.100"
    )
    assert command_remarks(key, None, NEWEST) == []


def test_lint_of_a_text_takes_the_version_too():
    text = '{"command": "invite", "option": {"rtpTimeout": 5}}'
    (told,) = lint_text(text, OLDEST)
    assert (told.path, told.severity) == ("option.rtpTimeout", "warning")
    assert lint_text(text, NEWEST) == []


def test_a_release_may_lack_what_an_earlier_one_brought():
    # 0.3.101 was made from 0.3.99
    known = [v for v in RELEASES if is_known(commands.Dtmf, ServerVersion.parse(v))]
    assert known == ["0.3.100", "0.3.102", "0.3.113"]
    option = options.CallOption(rtp_timeout=30)
    assert [part.path for part in newer_parts(option, ServerVersion.parse("0.3.101"))]
    assert not list(newer_parts(option, ServerVersion.parse("0.3.102")))
    assert server_engine("0.3.101").name == "silero-f32"
    assert server_engine("0.3.102").name == "silero-i16"
