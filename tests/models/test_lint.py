"""Lint names each mistake, says what to do, and is silent about good options."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from undocumented import words  # noqa: F401

from rustpbx_lab import commands, options
from rustpbx_lab.cli import run
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.lint.json_checks import COMMANDS
from rustpbx_lab.lint.rules import (
    COMMAND_RULES,
    RULES,
    command_remarks,
    lint_text,
    remarks,
)
from rustpbx_lab.models.base import EXACT

PRODUCTION: dict[str, Any] = {
    "denoise": True,
    "agc": {},
    "codec": "pcmu",
    "vad": {
        "type": "silero",
        "speechPadding": 250,
        "silencePadding": 400,
        "voiceThreshold": 0.5,
        "silenceTimeout": 5000,
    },
    "asr": {
        "provider": "tencent",
        "modelType": "16k_zh_en",
        "appId": "1250000000",
        "secretId": "id",
        "secretKey": "key",
        "samplerate": 16000,
        "startWhenAnswer": True,
    },
    "tts": {"provider": "tencent", "speaker": "101001", "speed": 0, "volume": 5},
    "recorder": {"recorderFile": "{id}.wav", "ptime": 200},
    "sip": {"username": "u", "password": "p", "hangup_headers": {"X-A": "b"}},
    "inactivityTimeout": 60,
    "extra": {"customer": "42"},
}
"""Every value means what it says."""

MISTAKES: list[tuple[str, dict[str, Any], str, str]] = [
    ("callee_not_an_address", {"callee": "bob@example.com"}, "callee", "warning"),
    (
        "sip_option_breaks_message",
        {"callee": "sip:b@y", "sip": {"headers": {"X-A": "1\r\nVia: x"}}},
        "sip.headers.X-A",
        "error",
    ),
    ("vad_type_unknown", {"vad": {"type": "ten"}}, "vad.type", "error"),
    ("vad_type_unknown", {"vad": {"type": "webrtc"}}, "vad.type", "error"),
    ("vad_type_nop", {"vad": {"type": "nop"}}, "vad.type", "info"),
    ("vad_keys_unused", {"vad": {"ratio": 0.5}}, "vad.ratio", "info"),
    ("vad_keys_unused", {"vad": {"samplerate": 8000}}, "vad.samplerate", "info"),
    (
        "vad_keys_unused",
        {"vad": {"maxBufferDurationSecs": 50}},
        "vad.maxBufferDurationSecs",
        "info",
    ),
    (
        "silence_timeout_hides_end",
        {"vad": {"silenceTimeout": 0}},
        "vad.silenceTimeout",
        "error",
    ),
    (
        "silence_timeout_ambiguous",
        {"vad": {"silenceTimeout": 281, "speechPadding": 250}},
        "vad.silenceTimeout",
        "warning",
    ),
    (
        "vad_threshold_never_met",
        {"vad": {"voiceThreshold": 1}},
        "vad.voiceThreshold",
        "error",
    ),
    (
        "vad_threshold_never_met",
        {"vad": {"voiceThreshold": 0}},
        "vad.voiceThreshold",
        "warning",
    ),
    (
        "speech_padding_swallows",
        {"vad": {"speechPadding": 500}},
        "vad.speechPadding",
        "warning",
    ),
    (
        "silence_padding_splits",
        {"vad": {"silencePadding": 60}},
        "vad.silencePadding",
        "warning",
    ),
    ("silence_padding_splits", {"vad": {}}, "vad.silencePadding", "info"),
    (
        "silence_padding_late",
        {"vad": {"silencePadding": 3000}},
        "vad.silencePadding",
        "warning",
    ),
    ("agc_without_vad", {"agc": {}}, "agc", "warning"),
    ("eou_disables_everything", {"eou": {}}, "eou", "error"),
    ("eou_disables_everything", {"eou": {"type": "tencent"}}, "eou", "error"),
    (
        "realtime_replaces",
        {"realtime": {"provider": "openai"}},
        "realtime",
        "warning",
    ),
    ("asr_provider_unknown", {"asr": {}}, "asr.provider", "error"),
    (
        "asr_provider_unknown",
        {"asr": {"provider": "voiceapi"}},
        "asr.provider",
        "error",
    ),
    ("asr_provider_unknown", {"asr": {"provider": "Tencent"}}, "asr.provider", "error"),
    (
        "asr_keys_unused",
        {"asr": {"provider": "aliyun", "bufferSize": 1}},
        "asr.bufferSize",
        "info",
    ),
    (
        "asr_keys_unused",
        {"asr": {"provider": "tencent", "endpoint": "wss://x"}},
        "asr.endpoint",
        "info",
    ),
    ("tts_provider_unknown", {"tts": {}}, "tts.provider", "error"),
    (
        "tts_provider_unknown",
        {"tts": {"provider": "voiceapi"}},
        "tts.provider",
        "error",
    ),
    ("tts_scale", {"tts": {"provider": "aliyun"}}, "tts.volume", "warning"),
    (
        "tts_scale",
        {"tts": {"provider": "aliyun", "volume": 5}},
        "tts.volume",
        "warning",
    ),
    ("tts_scale", {"tts": {"provider": "tencent"}}, "tts.speed", "info"),
    (
        "tts_scale",
        {"tts": {"provider": "tencent_basic", "speed": 1.0}},
        "tts.speed",
        "warning",
    ),
    (
        "tts_scale",
        {"tts": {"provider": "tencent", "speed": 9}},
        "tts.speed",
        "warning",
    ),
    (
        "tts_keys_unused",
        {"tts": {"provider": "deepgram", "emotion": "sad"}},
        "tts.emotion",
        "info",
    ),
    (
        "tts_keys_unused",
        {"tts": {"provider": "deepgram", "model": "a", "speaker": "b"}},
        "tts.speaker",
        "info",
    ),
    ("codec_unknown", {"codec": "opus"}, "codec", "warning"),
    (
        "recorder_keys_unused",
        {"recorder": {"samplerate": 8000}},
        "recorder.samplerate",
        "info",
    ),
    (
        "recorder_keys_unused",
        {"recorder": {"format": "pcmu"}},
        "recorder.format",
        "info",
    ),
    (
        "recorder_overwrites",
        {"recorder": {"recorderFile": "a.wav"}},
        "recorder.recorderFile",
        "info",
    ),
    (
        "media_pass_unheard",
        {"mediaPass": {"url": "http://x", "inputSampleRate": 1, "outputSampleRate": 1}},
        "mediaPass.url",
        "error",
    ),
    (
        "ringback_needs_build",
        {"ringbackDetection": {"enabled": True}},
        "ringbackDetection",
        "info",
    ),
    (
        "handshake_timeout_unused",
        {"handshakeTimeout": 30},
        "handshakeTimeout",
        "info",
    ),
    (
        "inactivity_in_seconds",
        {"inactivityTimeout": 30000},
        "inactivityTimeout",
        "warning",
    ),
]


@pytest.mark.parametrize(
    ("rule", "option", "path", "severity"),
    MISTAKES,
    ids=[f"{rule}-{json.dumps(option)[1:-1]}" for rule, option, _, _ in MISTAKES],
)
def test_each_mistake_is_named(rule, option, path, severity):
    found = remarks(options.CallOption.model_validate(option, context=EXACT))
    assert (rule, path, severity) in {(r.rule, r.path, r.severity) for r in found}
    assert lint_text(json.dumps(option)) == found
    assert all(r.text and r.rule for r in found)


def test_every_rule_about_options_has_a_mistake_here():
    assert {rule.__name__ for rule in RULES} == {rule for rule, *_ in MISTAKES}
    assert all("Source:" in (rule.__doc__ or "") for rule in (*RULES, *COMMAND_RULES))


@pytest.mark.parametrize(
    "option",
    [
        {},
        PRODUCTION,
        {"tts": {"provider": "aliyun", "volume": 50}},
        {"tts": {"provider": "aliyun", "volume": None}},
        {"vad": {"silencePadding": 300}, "asr": {"provider": "deepgram"}},
        {"asr": {"provider": "aliyun", "endpoint": "wss://x", "apiKey": "k"}},
        {"codec": "PCMA"},
    ],
)
def test_good_options_give_no_remark(option):
    assert remarks(options.CallOption.model_validate(option)) == []
    assert lint_text(json.dumps(option)) == []
    assert lint_text(json.dumps({"command": "invite", "option": option})) == []


@pytest.mark.parametrize(
    ("timeout", "padding", "says"),
    [
        (90, 100, True),  # 3 chunks against 4
        (100, 100, False),  # the end of speech comes first, then the tick
        (97, 128, False),  # both are 4 chunks
        (96, 97, True),
        (5000, 100, False),
    ],
)
def test_silence_timeout_is_compared_in_whole_chunks(timeout, padding, says):
    vad = options.VADOption(silence_timeout=timeout, silence_padding=padding)
    found = {r.rule for r in remarks(options.CallOption(vad=vad))}
    assert ("silence_timeout_hides_end" in found) is says


RAW: list[tuple[str, str, str, str, str | None]] = [
    (
        '{"asr":{"provider":"tencent","model":"a","modelType":"a"}}',
        "alias_pair",
        "asr.model",
        "error",
        None,
    ),
    ('{"tts":{"apiKey":"a","secretKey":"a"}}', "alias_pair", "tts.apiKey", "error", ""),
    ('{"tts":{"voice":"a","model":"a"}}', "alias_pair", "tts.voice", "error", ""),
    ('{"codec":"pcm","codec":"pcm"}', "key_twice", "codec", "error", ""),
    ('{"vad":{"type":null}}', "null_refused", "vad.type", "error", ""),
    ('{"vad":{"ratio":null}}', "null_refused", "vad.ratio", "error", ""),
    ('{"recorder":{"ptime":null}}', "null_refused", "recorder.ptime", "error", ""),
    ('{"handshakeTimeout":"30s"}', "wrong_type", "handshakeTimeout", "error", "30"),
    (
        '{"vad":{"silencePadding":100.0}}',
        "float_refused",
        "vad.silencePadding",
        "error",
        "100",
    ),
    (
        '{"vad":{"silencePadding":-1}}',
        "wrong_type",
        "vad.silencePadding",
        "error",
        None,
    ),
    (
        '{"inactivityTimeout":99999999999999999999}',
        "wrong_type",
        "inactivityTimeout",
        "error",
        None,
    ),
    ('{"denoise":"yes"}', "wrong_type", "denoise", "error", None),
    ('{"vad":[]}', "wrong_type", "vad", "error", None),
    ('{"vad":{"type":{"other":"ten"}}}', "wrong_type", "vad.type", "error", None),
    ('{"recorder":{"format":"mp3"}}', "wrong_type", "recorder.format", "error", None),
    ('{"extra":{"a":1}}', "wrong_type", "extra.a", "error", None),
    (
        '{"sip":{"hangupHeaders":{}}}',
        "key_spelled_wrong",
        "sip.hangupHeaders",
        "warning",
        "hangup_headers",
    ),
    (
        '{"sip":{"enableSrtp":true}}',
        "key_spelled_wrong",
        "sip.enableSrtp",
        "warning",
        "enable_srtp",
    ),
    (
        '{"vad":{"silence_padding":300}}',
        "key_spelled_wrong",
        "vad.silence_padding",
        "warning",
        "silencePadding",
    ),
    (
        '{"asr":{"provider":"aliyun","sampleRate":8000}}',
        "key_spelled_wrong",
        "asr.sampleRate",
        "warning",
        "samplerate",
    ),
    ('{"vda":{}}', "key_unknown", "vda", "warning", "vad"),
    (
        '{"mediaPass":{"url":"ws://x","inputSampleRate":8000}}',
        "key_missing",
        "mediaPass.outputSampleRate",
        "error",
        None,
    ),
    ('{"command":"invite"}', "key_missing", "option", "error", None),
    (
        '{"command":"invite","option":null}',
        "null_refused",
        "option",
        "error",
        "leave it out",
    ),
    ('{"command":"invit","option":{}}', "no_command", "command", "error", "invite"),
    ('{"command":"message","text":"x"}', "key_missing", "body", "error", None),
    ('{"command":"tts","text":5}', "wrong_type", "text", "error", None),
]


@pytest.mark.parametrize(
    ("text", "rule", "path", "severity", "instead"), RAW, ids=[row[0] for row in RAW]
)
def test_what_the_server_drops_or_ignores_is_found_in_the_text(
    text, rule, path, severity, instead
):
    found = [r for r in lint_text(text) if (r.rule, r.path) == (rule, path)]
    assert [r.severity for r in found] == [severity]
    if instead:
        assert instead in str(found[0].instead)
    says = "drops the whole command" if severity == "error" else "ignores it"
    assert says in found[0].text


def test_the_rules_look_at_what_the_server_still_reads():
    found = lint_text('{"handshakeTimeout":"5","eou":{},"vad":{"type":"ten","x":1}}')
    assert {r.rule for r in found} >= {
        "wrong_type",
        "eou_disables_everything",
        "vad_type_unknown",
        "key_unknown",
    }


@pytest.mark.parametrize("text", ["", "[]", "5", "{", '{"vad":NaN}', "[" * 100_000])
def test_what_is_no_json_object_is_said(text):
    with pytest.raises(InvalidOptionError, match="cannot lint this"):
        lint_text(text)


CALL = options.CallOption(
    tts=options.SynthesisOption(provider="aliyun", speed=1.2, volume=60, speaker="a")
)
COMMAND_MISTAKES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "tts_option_resets",
        {"command": "tts", "text": "", "option": {"speaker": "b"}},
        "option.volume",
        "warning",
    ),
    (
        "tts_option_of_its_own",
        {"command": "tts", "text": "", "option": {"provider": "ten"}},
        "option.provider",
        "error",
    ),
    (
        "tts_option_of_its_own",
        {"command": "tts", "text": "", "option": {"provider": "deepgram"}},
        "option.provider",
        "warning",
    ),
    (
        "tts_speaker_ignored",
        {"command": "tts", "text": "", "speaker": "b"},
        "speaker",
        "warning",
    ),
    (
        "end_of_stream_forced",
        {"command": "tts", "text": "", "endOfStream": False},
        "endOfStream",
        "warning",
    ),
    (
        "wait_input_in_ms",
        {"command": "play", "url": "a.wav", "waitInputTimeout": 5},
        "waitInputTimeout",
        "warning",
    ),
    (
        "cache_key_cut",
        {"command": "tts", "text": "", "cacheKey": "greet.v1"},
        "cacheKey",
        "warning",
    ),
    (
        "cache_key_cut",
        {"command": "tts", "text": "", "cacheKey": "greet", "streaming": True},
        "cacheKey",
        "info",
    ),
    (
        "interrupt_fade_ignored",
        {"command": "interrupt", "fadeOutMs": 200},
        "fadeOutMs",
        "info",
    ),
    (
        "hangup_reason_lost",
        {"command": "hangup", "reason": "noAnswer"},
        "reason",
        "info",
    ),
    (
        "hangup_reason_lost",
        {"command": "hangup", "reason": "caller", "initiator": "system"},
        "reason",
        "info",
    ),
    (
        "refer_ends_the_call",
        {"command": "refer", "caller": "", "callee": "sip:a@b"},
        "options.autoHangup",
        "warning",
    ),
    (
        "refer_ends_the_call",
        {
            "command": "refer",
            "caller": "",
            "callee": "sip:a@b",
            "options": {"autoHangup": False},
        },
        "options.autoHangup",
        "info",
    ),
    (
        "refer_keys",
        {
            "command": "refer",
            "caller": "",
            "callee": "sip:a@b",
            "options": {"autoHangup": True, "moh": "a.wav"},
        },
        "options.moh",
        "info",
    ),
    (
        "vad_type_unknown",
        {
            "command": "refer",
            "caller": "",
            "callee": "sip:a@b",
            "options": {"autoHangup": True, "vad": {"type": "ten"}},
        },
        "options.vad.type",
        "error",
    ),
    (
        "eou_disables_everything",
        {"command": "accept", "option": {"eou": {}}},
        "option.eou",
        "error",
    ),
]


@pytest.mark.parametrize(
    ("rule", "command", "path", "severity"),
    COMMAND_MISTAKES,
    ids=[f"{rule}-{path}" for rule, _, path, _ in COMMAND_MISTAKES],
)
def test_each_mistake_in_a_command_is_named(rule, command, path, severity):
    found = command_remarks(commands.parse(json.dumps(command)), CALL)
    assert (rule, path, severity) in {(r.rule, r.path, r.severity) for r in found}


@pytest.mark.parametrize(
    "command",
    [
        commands.Tts(text="hello", play_id="a", wait_input_timeout=5000),
        commands.Tts(text="hello", speaker="a"),  # the call's voice: both are sent
        commands.Tts(
            text="hello",
            option=options.SynthesisOption(
                speaker="b", speed=None, volume=None, samplerate=None, codec=None
            ),
        ),
        commands.Tts(text="he", streaming=True, end_of_stream=False, play_id="b"),
        commands.Play(url="a.wav", wait_input_timeout=0),
        commands.Refer(
            caller="",
            callee="sip:a@b",
            options=options.ReferOption(auto_hangup=True),
        ),
        commands.Hangup(reason="system"),
        commands.Interrupt(graceful=True),
    ],
)
def test_good_commands_give_no_remark(command):
    assert command_remarks(command, CALL) == []


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["vad", "asr", "tts", "type", "apiKey", "secretKey", "sip", "x", "eou"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@pytest.mark.slow
@given(
    st.dictionaries(
        st.sampled_from([*options.CallOption.model_fields, "mediaPass", "zz"]),
        JSON_VALUES,
    )
)
@settings(max_examples=300)
def test_any_object_is_linted_without_a_failure(option):
    for found in (
        lint_text(json.dumps(option)),
        lint_text(json.dumps({"command": "invite", "option": option})),
    ):
        assert all(remark.text for remark in found)


def test_every_command_is_known_to_the_text_lint():
    assert set(COMMANDS) == commands.COMMAND_NAMES


def test_a_secret_of_the_wrong_type_is_not_shown():
    found = lint_text('{"asr":{"provider":"aliyun","secretKey":987654321}}')
    assert [r.rule for r in found] == ["wrong_type"]
    assert "987654321" not in repr(found)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (json.dumps(PRODUCTION), 0, ""),
        ('{"vad":{"ratio":0.5,"silencePadding":400}}', 0, "vad.ratio"),
        ('{"eou":{}}', 1, "leave eou out"),
        ('{"handshakeTimeout":"30s"}', 1, "the number 30 without quotes"),
    ],
)
def test_the_command_line_says_it_and_exits_1_on_errors(
    tmp_path, capsys, text, code, says
):
    path = tmp_path / "option.json"
    path.write_text(text)
    assert run(["lint", str(path)]) == code
    printed = capsys.readouterr().out
    assert says in printed
    assert bool(printed) is bool(says)
    assert run(["lint", str(path), "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["remarks"] == [r.to_dict() for r in lint_text(text)]
    assert bool(document["errors"]) is bool(code)


@pytest.mark.parametrize("text", [None, "no json", "[1]"])
def test_a_file_that_cannot_be_linted_ends_with_2(tmp_path, capsys, text):
    path = tmp_path / "option.json"
    if text is not None:
        path.write_text(text)
    assert run(["lint", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
