"""Texts of callers and models that would end up in SIP messages."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rustpbx_lab import commands, options
from rustpbx_lab.client import CallProtocol
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.lint.rules import lint_text
from rustpbx_lab.models.sip_text import text_fault

BAD = ["ok\r\nContact: <sip:evil@x>", "a\nb", "a\rb", "a\0b", "a\x1b[31m", "a\x7f"]
GOOD = ["ok", "", "a\tb", "\u5ba2\u6237\u6ee1\u610f", "caf\u00e9 \U0001f600"]

BUILT = {
    "hangup headers": lambda text: commands.Hangup(headers={"X-A": text}),
    "message headers": lambda text: commands.Message(body="x", headers={"X-A": text}),
    "message type": lambda text: commands.Message(body="x", content_type=text),
    "reject reason": lambda text: commands.Reject(reason=text),
    "refer callee": lambda text: commands.Refer(caller="", callee=text),
    "refer caller": lambda text: commands.Refer(caller=text, callee="sip:b@y"),
    "refer call id": lambda text: commands.Refer(
        caller="", callee="sip:b@y", options={"callId": text}
    ),
    "refer sip headers": lambda text: commands.Refer(
        caller="", callee="sip:b@y", options={"sip": {"headers": {"X-A": text}}}
    ),
    "option callee": lambda text: options.CallOption(callee=text),
    "option caller": lambda text: options.CallOption(caller=text),
    "option headers": lambda text: options.CallOption(sip={"headers": {"X-A": text}}),
    "hangup_headers": lambda text: options.SipOption(hangup_headers={"X-A": text}),
    "contact": lambda text: options.SipOption(contact=text),
    "username": lambda text: options.SipOption(username=text),
    "realm": lambda text: options.SipOption(realm=text),
}
each = pytest.mark.parametrize("build", BUILT.values(), ids=BUILT.keys())


@each
@pytest.mark.parametrize("text", BAD, ids=ascii)
def test_a_text_that_would_break_the_message_is_refused_when_we_build_it(build, text):
    with pytest.raises(ValidationError, match=r"line break|control character"):
        build(text)


@each
@pytest.mark.parametrize("text", GOOD, ids=ascii)
def test_other_texts_are_sent_as_they_are(build, text):
    assert text in json.dumps(build(text).to_wire(), ensure_ascii=False).replace(
        "\\t", "\t"
    )


@pytest.mark.parametrize("name", ["", "X A", "X:A", "X-A: 1\r\nX-B", "\u00dc", "a\0"])
def test_what_is_not_a_header_name_is_refused(name):
    with pytest.raises(ValidationError, match="not a header name"):
        commands.Hangup(headers={name: "1"})


@pytest.mark.parametrize(
    "message",
    [
        {"command": "hangup", "headers": {"X-Note": "ok\r\nVia: x"}},
        {"command": "message", "body": "x", "headers": {"X-A: 1\r\nX-B": "2"}},
        {"command": "message", "body": "x", "contentType": "a\nb"},
        {"command": "reject", "reason": "a\nb"},
        {"command": "refer", "caller": "", "callee": "sip:b@y\r\nX: 1"},
        {"command": "refer", "caller": "a\0", "callee": "sip:b@y"},
        {
            "command": "refer",
            "caller": "",
            "callee": "sip:b@y",
            "options": {"autoHangup": True, "sip": {"headers": {"X": "\n"}}},
        },
        {"caller": "sip:a@x", "callee": "sip:b@y\r\nX-A: 1"},
        {"sip": {"headers": {"X-A": "1\r\nVia: x"}}},
        {"sip": {"hangup_headers": {"X-D": "line1\nline2"}}},
        {"sip": {"realm": "a\nb"}},
        {"command": "invite", "option": {"callee": "sip:b\r\n@y"}},
    ],
    ids=lambda message: json.dumps(message)[:60],
)
def test_lint_calls_it_an_error(message):
    errors = [
        found for found in lint_text(json.dumps(message)) if found.severity == "error"
    ]
    (found,) = errors
    assert found.rule in ("sip_option_breaks_message", "sip_command_breaks_message")


@pytest.mark.parametrize(
    ("callee", "is_said"),
    [
        ("+49 170 1234567", True),
        ("bob@example.com", True),
        ("sip:bob@example.com", False),
        ("SIPS:bob@example.com;transport=tls", False),
        ("tel:+491701234567", False),
    ],
)
def test_a_callee_that_is_not_an_address_is_a_warning(callee, is_said):
    for message in (
        {"callee": callee},
        commands.Refer(caller="", callee=callee).to_wire(),
    ):
        rules = [found.rule for found in lint_text(json.dumps(message))]
        assert any("not_an_address" in rule for rule in rules) == is_said


def test_what_others_sent_is_read_and_strict_lint_does_not_send_it_on():
    read = commands.parse('{"command":"hangup","headers":{"X":"a\\r\\nY: 1"}}')
    assert read.to_wire()["headers"] == {"X": "a\r\nY: 1"}
    with pytest.raises(InvalidOptionError, match="line break"):
        CallProtocol("sip", lint="strict").prepare(read, 0)


@given(st.text())
def test_a_text_without_fault_stays_on_one_line(text):
    if text_fault(text) is None:
        assert not {"\r", "\n", "\0"} & set(text)
