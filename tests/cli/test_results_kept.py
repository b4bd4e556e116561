"""What a call leaves behind, whatever ends it and whatever refuses to be written."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from waiting import join, until

from rustpbx_lab import read_log
from rustpbx_lab.cli import run
from rustpbx_lab.simulator import Faults, StandIn

NOBODY = "ws://127.0.0.1:9"
FULL = Path("/dev/full")
needs_full_device = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with StandIn(asr="scripted", tts="scripted").in_thread() as running:
        yield running


def text_of(log: Path) -> str:
    """Return what is in a file; nothing while there is none."""
    try:
        return log.read_text("utf-8")
    except FileNotFoundError:
        return ""


def signal_when_logged(number: int, log: Path, row: str) -> threading.Thread:
    """Send this process a signal as soon as a row is in the file of a log."""

    def send() -> None:
        until(lambda: row in text_of(log), awaited=row)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_hangs_up_and_keeps_everything(server, capsys, tmp_path, number):
    log, record = tmp_path / "c.jsonl", tmp_path / "c.wav"
    sending = signal_when_logged(number, log, "audioStarted")
    arguments = ["call", server.url, "--seconds", "60", "--tts", "hello", "--json"]
    arguments += ["--log", str(log), "--record", str(record)]
    assert run(arguments) == 128 + number
    join(sending)
    result = json.loads(capsys.readouterr().out)
    assert result["stopped"] == signal.Signals(number).name
    assert result["error"] is None
    assert result["summary"]["phase"] == "answered"
    names = [record.name for record in read_log(log)]
    assert len(names) == result["rows"]
    assert "hangup" in names
    assert names[-1] == "closed"
    assert soundfile.info(record).frames > 0


def test_a_call_that_still_rings_is_cancelled(capsys, tmp_path):
    log = tmp_path / "c.jsonl"
    ringing = StandIn(asr="scripted", tts="scripted", faults=Faults(delay=30_000))
    with ringing.in_thread() as server:
        sending = signal_when_logged(signal.SIGINT, log, "invite")
        assert run(["call", server.url, "--log", str(log), "--json"]) == 130
        join(sending)
    assert json.loads(capsys.readouterr().out)["stopped"] == "SIGINT"
    assert [record.name for record in read_log(log)][-1] == "closed"


def test_a_second_signal_ends_the_process_at_once():
    program = """
import anyio
from rustpbx_lab.workbench.stopping import stop_signals
async def main():
    with stop_signals() as stop, anyio.CancelScope(shield=True):
        print("up", flush=True)
        await stop.wait()
        print("asked", flush=True)
        await anyio.sleep(600)
anyio.run(main)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--record", "no/x.wav"], "cannot write 'no/x.wav': No such file"),
        (["--log", "no/x.jsonl"], "cannot write 'no/x.jsonl': No such file"),
        (["--log", "old.jsonl"], "the file exists; choose another name or give --over"),
        (
            ["--record", "old.wav"],
            "the file exists; choose another name or give --over",
        ),
        (["--log", "."], "it is a folder"),
        (["--log", ""], "it is a folder"),
        (["--log", "x" * 300], "name too long"),
        (["--record", "new.mp3"], ".wav, .flac or .aiff work"),
        (["--record", "new"], "no suffix is not a format"),
        (["--log", "new.wav", "--record", "new.wav"], "name the same file"),
        (["--log", "new.wav", "--record", "./link.wav"], "name the same file"),
        (["--wav", "old.wav", "--record", "old.wav", "--overwrite"], "reads it"),
    ],
)
def test_an_output_is_checked_before_the_call(
    capsys, tmp_path, monkeypatch, arguments, says
):
    monkeypatch.chdir(tmp_path)
    for name in ("old.jsonl", "old.wav"):
        (tmp_path / name).write_text("precious")
    (tmp_path / "link.wav").symlink_to("new.wav")
    before = sorted(tmp_path.iterdir())
    assert run(["call", NOBODY, *arguments]) == 2
    printed = capsys.readouterr()
    assert says.lower() in printed.err.lower()
    assert printed.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "old.wav").read_text() == "precious"


@pytest.mark.parametrize("command", ["watch", "analyse"])
def test_other_commands_replace_no_file_either(capsys, tmp_path, command):
    old = tmp_path / "old"
    old.write_text("precious")
    recorded = str(Path(__file__).parents[1] / "log" / "server.events.jsonl")
    arguments = {
        "watch": ["watch", NOBODY, "id", "--log", str(old)],
        "analyse": ["analyse", recorded, "--csv", str(old)],
    }[command]
    assert run(arguments) == 2
    assert "the file exists" in capsys.readouterr().err
    assert old.read_text() == "precious"


def test_overwrite_replaces_what_was_there(server, capsys, tmp_path):
    log, record = tmp_path / "c.jsonl", tmp_path / "c.wav"
    for path in (log, record):
        path.write_text("old\n" * 9999)
        path.chmod(0o640)
    arguments = ["call", server.url, "--seconds", "0.5", "--tts", "hello"]
    arguments += ["--log", str(log), "--record", str(record), "--overwrite"]
    assert run(arguments) == 0
    capsys.readouterr()
    assert read_log(log).damage == 0
    assert soundfile.info(record).frames > 0
    assert record.stat().st_mode & 0o777 == 0o640
    assert sorted(tmp_path.iterdir()) == [log, record]


@needs_full_device
def test_a_full_disk_is_reported_once_and_ends_nothing(server, capsys):
    arguments = ["call", server.url, "--seconds", "1", "--tts", "hello"]
    assert run([*arguments, "--log", str(FULL), "--json"]) == 1
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["error"] is None
    assert result["summary"]["phase"] == "answered"
    assert len(result["problems"]) == 1
    assert f"{result['rows']} rows are missing" in result["problems"][0]
    assert printed.err.count("No space left on device") == 2  # at once, and at the end
    assert "Traceback" not in printed.err


def test_a_recording_that_cannot_be_written_costs_only_itself(
    server, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # of a long path an error shows the beginning
    folder, log = Path("folder"), Path("c.jsonl")
    folder.mkdir()

    def remove() -> None:
        until(lambda: log.exists() and "answer" in log.read_text(), awaited="answer")
        folder.rmdir()

    removing = threading.Thread(target=remove)
    removing.start()
    arguments = ["call", server.url, "--seconds", "1", "--tts", "hello", "--json"]
    arguments += ["--log", str(log), "--record", str(folder / "c.wav")]
    assert run(arguments) == 1
    join(removing)
    result = json.loads(capsys.readouterr().out)
    assert result["record"] is None
    assert "the recording is not saved" in result["problems"][0]
    assert result["summary"]["phase"] == "answered"
    assert len(read_log(log)) == result["rows"]


def test_a_log_named_gz_is_gzip(server, capsys, tmp_path):
    log = tmp_path / "c.events.jsonl.gz"
    arguments = ["call", server.url, "--seconds", "0.5", "--log", str(log), "--json"]
    assert run(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(gzip.decompress(log.read_bytes()).splitlines()) == result["rows"]
    assert read_log(log).damage == 0
