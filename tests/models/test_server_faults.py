"""The table of known server faults, and lint that names what runs into one."""

import pytest

from rustpbx_lab import commands, options
from rustpbx_lab.lint.fault_rules import INVITING
from rustpbx_lab.lint.fault_symptoms import SHOWN
from rustpbx_lab.lint.rules import command_remarks, lint_text
from rustpbx_lab.models.server_faults import FAULTS, Releases
from rustpbx_lab.models.server_versions import NEWEST, OLDEST, TESTED, ServerVersion

RECORDED = options.CallOption(recorder=options.RecorderOption())


def release(text: str) -> ServerVersion:
    return ServerVersion.parse(text)


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        (Releases(), ["0.3.1", "9.9.9"], []),
        (Releases("0.3.90"), ["0.3.90", "0.3.113"], ["0.3.89"]),
        (Releases(before="0.3.85"), ["0.3.84"], ["0.3.85", "1.0.0"]),
        (Releases("0.3.101", "0.3.102"), ["0.3.101"], ["0.3.100", "0.3.102"]),
    ],
)
def test_a_stretch_of_releases_has_its_first_and_not_the_one_behind(
    span, inside, outside
):
    assert all(release(version) in span for version in inside)
    assert not any(release(version) in span for version in outside)
    assert str(span)


def test_each_fault_says_what_was_seen_on_each_tested_release():
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert {*map(str, TESTED)} == set(fault.tried), name
        assert all([fault.symptom, fault.helps, fault.basis, fault.releases]), name
        assert fault.affects(None)
    assert set(FAULTS) >= SHOWN | set(INVITING)


def test_a_fix_that_one_release_lacks_is_no_fix_for_that_one():
    fault = FAULTS["cancel_not_told"]
    has_it = {
        version: fault.affects(release(version))
        for version in ("0.3.83", "0.3.99", "0.3.100", "0.3.101", "0.3.102")
    }
    assert list(has_it.values()) == [True, True, False, True, False]
    assert fault.first_fixed == release("0.3.102")


def test_what_is_said_depends_on_whether_the_version_is_known():
    gone, new = FAULTS["cancel_not_told"], FAULTS["refusal_after_ringing_lost"]
    assert gone.on(OLDEST) == "server 0.3.83 does this; fixed in >= 0.3.102"
    assert gone.on(None).startswith("servers before 0.3.100, and from 0.3.101")
    assert new.on(NEWEST) == "server 0.3.113 does this; servers before 0.3.90 do not"
    assert new.on(None) == "servers since 0.3.90 do this"
    assert "no release" in FAULTS["hold_without_change"].on(NEWEST)


LINTED = [
    (commands.Ringing(), None, "0.3.113", "ringing"),
    (commands.Accept(option=options.CallOption()), None, "0.3.83", "accept"),
    (commands.Accept(option=RECORDED), None, "0.3.80", "option.recorder"),
    (commands.Bridge(target_session_id="b"), RECORDED, "0.3.80", "bridge"),
    (commands.Tts(text="a", auto_hangup=True), None, "0.3.80", "autoHangup"),
    (commands.Tts(text="a"), None, "0.3.80", "streaming"),
    (
        commands.Refer(caller="sip:a@b", callee="sip:c@d"),
        None,
        "0.3.80",
        "refer",
    ),
]


@pytest.mark.parametrize(("command", "call", "version", "path"), LINTED)
def test_lint_names_what_runs_into_a_fault(command, call, version, path):
    found = [
        remark
        for remark in command_remarks(command, call, release(version))
        if remark.rule == "known_server_faults"
    ]
    assert path in {remark.path for remark in found}
    assert all(remark.severity == "warning" and remark.instead for remark in found)
    assert all(f"server {version} does this" in remark.text for remark in found)


@pytest.mark.parametrize(
    ("command", "version"),
    [
        (commands.Ringing(), "0.3.83"),
        (commands.Accept(option=RECORDED), "0.3.113"),
        (commands.Invite(option=RECORDED), "0.3.80"),
        (commands.Bridge(target_session_id="b"), "0.3.83"),
        (commands.Tts(text="a", auto_hangup=True), "0.3.83"),
        (commands.Tts(text="a", streaming=True), "0.3.80"),
        (commands.Accept(option=RECORDED), None),
    ],
)
def test_lint_is_silent_where_the_fault_is_not(command, version):
    known = None if version is None else release(version)
    rules = {remark.rule for remark in command_remarks(command, RECORDED, known)}
    assert "known_server_faults" not in rules


def test_with_no_version_only_what_was_never_mended_is_mentioned():
    (remark,) = command_remarks(commands.Ringing())
    assert (remark.rule, remark.severity) == ("known_server_faults", "info")
    assert "since 0.3.90" in remark.text


def test_an_option_by_itself_may_be_for_an_incoming_call():
    text = '{"recorder":{"recorderFile":"{id}.wav"}}'
    (remark,) = lint_text(text, release("0.3.80"))
    assert (remark.path, remark.rule) == ("recorder", "known_server_faults")
    assert lint_text(text, OLDEST) == []
