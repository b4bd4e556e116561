"""The command line against the stand-in: results, exit codes, one line for mistakes."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rustpbx_lab import events, read_log
from rustpbx_lab.cli import run
from rustpbx_lab.simulator.server.stand_in import StandIn

SPEECH = Path(__file__).parent / "speech" / "audio" / "sense_0890.flac"


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with StandIn(asr="scripted", tts="scripted").in_thread() as running:
        yield running


def test_a_replay_is_the_servers_decision(capsys):
    assert (
        run(["vad", "replay", str(SPEECH), "--set", "silencePadding=300", "--json"])
        == 0
    )
    printed = capsys.readouterr()
    replay = json.loads(printed.out)
    assert printed.err == ""
    assert replay["option"]["silencePadding"] == 300
    assert {event["event"] for event in replay["events"]} <= {"speaking", "silence"}
    speaking = [e for e in replay["events"] if e["event"] == "speaking"]
    assert speaking
    for event in speaking:
        assert event["startTime"] % 32 == 0
        assert event["at"] - event["startTime"] >= 250
    assert all(0 <= chunk["probability"] <= 1 for chunk in replay["marginal"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["vad", "replay", "no.wav"], r"cannot read 'no\.wav'.*no such file"),
        (["vad", "replay", __file__], "WAV, FLAC"),
        (["vad", "replay", str(SPEECH), "--set", "silencePading=1"], "silencePadding"),
        (["vad", "replay", str(SPEECH), "--set", "ratio"], "no '='"),
        (["vad", "replay", str(SPEECH), "--set", "speechPadding=-1"], "speechPadding"),
        (["vad", "replay", str(SPEECH), "--set", "type=ten"], "'silero' and 'nop'"),
        (["call", "hello"], "ws://HOST:PORT"),
        (["call", "ws://127.0.0.1:9", "--dtmf", "1x"], "cannot press 'X'"),
        (["call", "ws://127.0.0.1:9", "--server-version", "3"], "server version '3'"),
        (["simulate", "--server-version", "new"], "server version 'new'"),
        (["lint", "-", "--server-version", "x"], "server version 'x'"),
        (["call", "ws://127.0.0.1:9"], "connection refused; start the server"),
        (["call", "ws://h", "--set", "vad.silence=1"], "did you mean"),
        (["call", "ws://h", "--set", "codec.x=1"], "has no keys"),
        (["call", "ws://h", "--option", "none.json"], r"none\.json"),
        (["call", "ws://h", "--wav", str(SPEECH), "--say", "x"], "choose one"),
        (["call", "ws://127.0.0.1:9", "--log", "no/such/x.jsonl"], "cannot write"),
        (["analyse", "nothing.jsonl"], "No such file"),
        (["analyse", __file__], "none of its"),
        (["simulate", "--asr", "telepathy"], "telepathy"),
        (["serve", "--address", "0.0.0.0", "--port", "0"], "--basic-auth"),
        (["serve", "--basic-auth", "user.json"], "users of 'user.json': No such file"),
        (["serve", "--basic-auth", "."], r"users of '\.'"),
        (["serve", "--operators", ""], "--operators is ''"),
        (["serve", "--allow-host", "a b"], "NAME:PORT or an IP address works"),
        (["serve", "--prefix", "/a b"], "/NAME works"),
        (["serve", "--oauth-provider", "nobody"], "no provider 'nobody'"),
        (["simulate", "--allow-host", "http://"], "cannot allow the host"),
        (["gateway", "--public-url", "host:80"], r"ws or wss://HOST\[:PORT\]"),
    ],
)
def test_a_mistake_is_one_line_and_2(capsys, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.search(says, printed.err)
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err


def test_an_option_file_with_an_unknown_key_names_it(capsys, tmp_path):
    path = tmp_path / "option.json"
    path.write_text('{"vad": {"type": "silero", "paddding": 3}}')
    assert run(["call", "ws://h", "--option", str(path)]) == 2
    assert "paddding" in capsys.readouterr().err
    path.write_text("{")
    assert run(["call", "ws://h", "--option", str(path)]) == 2
    assert "it is not valid JSON" in capsys.readouterr().err


def test_an_unknown_command_is_a_usage_error(capsys):
    assert run(["dance"]) == 2
    assert "No such command 'dance'" in capsys.readouterr().err


def test_a_port_in_use_is_said(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["simulate", "--port", port, "--asr", "scripted"]) == 2
        assert "in use" in capsys.readouterr().err
        assert run(["serve", "--port", port, "--no-browser"]) == 2
        assert "in use" in capsys.readouterr().err


@pytest.mark.slow
def test_a_call_is_made_logged_and_summed_up(capsys, tmp_path, server):
    log, record = tmp_path / "out.events.jsonl", tmp_path / "out.wav"
    arguments = ["call", server.url, "--wav", str(SPEECH), "--tts", "Hello"]
    arguments += ["--seconds", "3", "--log", str(log), "--record", str(record)]
    assert run([*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["error"] is None
    assert result["summary"]["phase"] == "answered"
    saved = read_log(log)
    assert saved.damage == 0
    assert len(saved) == result["rows"]
    names = [r.name for r in saved if r.direction != "note"]
    wanted = ["invite", "trackStart", "answer", "tts", "trackStart"]
    assert names[: len(wanted)] == wanted
    assert names.index("speaking") > names.index("answer")
    assert "hangup" in names
    assert {r.name for r in saved if r.direction == "event"} <= events.EVENT_NAMES
    copy = tmp_path / "copy.events.jsonl"
    saved.save(copy)
    assert read_log(copy) == saved
    assert record.stat().st_size > 44 + 3 * 64_000 * 0.5


def test_what_a_call_was_refused_for_is_1(capsys, server):
    busy = ["--type", "sip", "--set", "callee=sip:busy@h"]
    assert run(["call", server.url, *busy, "--seconds", "1", "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["error"]
    assert "the call was rejected: 486 Busy Here" in printed.err


def test_a_failed_connection_leaves_an_old_log_alone(capsys, tmp_path):
    log = tmp_path / "old.events.jsonl"
    log.write_text("precious\n")
    assert run(["call", "ws://127.0.0.1:9", "--log", str(log)]) == 2
    assert log.read_text() == "precious\n"


def test_calls_are_analysed_into_a_table(capsys, tmp_path):
    folder = Path(__file__).parent / "log"
    assert run(["analyse", str(folder), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["calls"]
    assert row["n_interruptions"] == 1
    assert row["damage"] == 0
    out = tmp_path / "calls.csv"
    assert run(["analyse", str(folder), "--csv", str(out)]) == 0
    assert out.read_text().startswith("file,id,type")
    assert run(["analyse", str(folder)]) == 0
    assert "answered" in capsys.readouterr().out


def test_a_text_from_a_call_is_no_formula(tmp_path):
    from rustpbx_lab.workbench.call_table import CallTable

    CallTable([{"file": "a", "close_reason": "=cmd()", "n": None}]).write_csv(
        tmp_path / "x.csv"
    )
    assert (tmp_path / "x.csv").read_text().splitlines()[1] == "a,'=cmd(),"


@pytest.mark.slow
def test_the_stand_in_ends_with_a_signal():
    program = [sys.executable, "-m", "rustpbx_lab.cli", "simulate", "--port", "0"]
    with subprocess.Popen(
        [*program, "--asr", "scripted", "--tts", "scripted"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "ws://127.0.0.1:" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
        assert process.stderr.read() == ""


def test_a_call_presses_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    log = tmp_path / "keys.jsonl"
    newest = StandIn(asr="scripted", tts="scripted", server_version="0.3.113")
    with newest.in_thread() as server:
        words = ["call", server.url, "--dtmf", "1 2#", "--seconds", "0.2"]
        code = run([*words, "--server-version", "0.3.113", "--log", str(log), "--json"])
    assert code == 0
    assert json.loads(capsys.readouterr().out)["error"] is None
    rows = read_log(log)
    keys = [row.message.digit for row in rows if row.name == "dtmf"]
    assert keys == ["1", "2", "#"]
    advised = [row.message.rule for row in rows if row.name == "advice"]
    assert "newer_than_server" not in advised


def test_lint_is_told_the_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "option.json"
    file.write_text('{"rtpTimeout": 30}', "utf-8")
    assert run(["lint", str(file), "--server-version", "0.3.83"]) == 0
    assert "server 0.3.83 ignores it: it came with 0.3.100" in capsys.readouterr().out
    assert run(["lint", str(file), "--server-version", "0.3.113"]) == 0
    assert capsys.readouterr().out == ""
    file.write_text('{"command": "dtmf", "digit": "1"}', "utf-8")
    assert run(["lint", str(file), "--server-version", "0.3.83"]) == 1
