"""Every command with input that makes no sense ends with a message, no traceback."""

import json
import os
import random
import socket
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rustpbx_lab.cli import run

RECORDED = str(Path(__file__).parents[1] / "log" / "server.events.jsonl")
NOBODY = "ws://127.0.0.1:9"
SCRIPTED = ["--asr", "scripted", "--tts", "scripted"]
ADDRESSES = [
    "",
    "x",
    "ws://",
    "ws://[::1",
    "ws://h:99999",
    "ws://127.0.0.1:x",
    "ws://h h",
    "ws://\udce9",
    "ws://é…:1",
    "ws://" + "a" * 70,
    "file:///x",
    "ws://%zz",
]
NUMBERS = ["nan", "inf", "-1", "1e999", "1e300", "x", "9" * 30, ""]


def wav(path: Path, frames: bytes, rate: int = 16000, channels: int = 1) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames)


def fill(folder: Path) -> None:
    """Make files of every wrong kind."""
    (folder / "empty").write_bytes(b"")
    (folder / "zeros").write_bytes(bytes(1000))
    (folder / "noise").write_bytes(random.Random(1).randbytes(5000))
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    texts = {
        "list.json": "[1,2]",
        "number.json": "5",
        "deep.json": "[" * 100_000,
        "deep_object.json": '{"a":' * 3000 + "1" + "}" * 3000,
        "long_number.json": '{"vad":{"silencePadding":1' + "0" * 5000 + "}}",
        "nan.json": '{"vad":{"type":"silero","silencePadding":NaN}}',
        "surrogate.json": '{"caller":"\\ud83d"}',
        "wrong_types.json": '{"vad":[],"asr":5,"tts":"x","caller":{}}',
        "command.json": '{"command":"invite","option":5}',
    }
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "utf16.json").write_text("{}", "utf-16")
    (folder / "latin.json").write_bytes(b'{"caller":"caf\xe9"}')
    wav(folder / "no_samples.wav", b"")
    wav(folder / "one_sample.wav", b"\1\0")
    wav(folder / "slow.wav", bytes(10), rate=1)
    wav(folder / "fast.wav", bytes(1000), rate=4_000_000)
    wav(folder / "six.wav", bytes(1200), channels=6)
    (folder / "torn.wav").write_bytes((folder / "six.wav").read_bytes()[:30])


@pytest.fixture(scope="module")
def wrong_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield str(taken.getsockname()[1])


@pytest.fixture
def refuses(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., None]:
    """Runs a command that must end without a traceback."""
    monkeypatch.chdir(tmp_path)

    def check(*arguments: str) -> None:
        code = run(list(arguments))
        printed = capsys.readouterr()
        assert code in (0, 1, 2), (arguments, printed.err)
        assert "Traceback" not in printed.err, arguments
        assert "unexpected" not in printed.err, arguments
        assert code != 2 or printed.err, arguments
        if "--json" in arguments and printed.out:
            json.loads(printed.out)

    return check


def names(folder: Path) -> list[str]:
    inside = sorted(str(path) for path in folder.iterdir())
    return [*inside, "nothing", "", "x" * 300, "~", "~nobody/x", os.devnull]


@pytest.mark.slow
def test_wrong_files_to_read(refuses, wrong_files):
    for name in names(wrong_files):
        refuses("analyse", name, "--json")
        refuses("lint", name, "--json")
        refuses("vad", "replay", name, "--json")
        refuses("call", NOBODY, "--option", name)
        refuses("call", NOBODY, "--wav", name)


@pytest.mark.slow
def test_wrong_files_to_write(refuses, wrong_files):
    for name in names(wrong_files):
        refuses("call", NOBODY, "--log", name)
        refuses("call", NOBODY, "--record", name)
        refuses("watch", NOBODY, "id", "--log", name)
        refuses("analyse", RECORDED, "--csv", name)


def test_wrong_folders(refuses, wrong_files, taken_port):
    for name in names(wrong_files):
        refuses("simulate", "--port", taken_port, *SCRIPTED, "--dump-dir", name)
        refuses("conformance", NOBODY, "--recorder-dir", name)


@pytest.mark.parametrize("number", NUMBERS)
def test_wrong_numbers(refuses, wrong_files, taken_port, number):
    six = str(wrong_files / "six.wav")
    refuses("call", NOBODY, "--seconds", number)
    refuses("call", NOBODY, "--set", f"vad.silencePadding={number}")
    refuses("watch", NOBODY, "id", "--seconds", number)
    refuses("vad", "replay", six, "--channel", number)
    refuses("vad", "replay", six, "--channel", "0", "--set", f"ratio={number}")
    refuses("simulate", "--port", number)
    refuses("gateway", "--port", number)
    for fault in ("delay", "close-after"):
        refuses(
            "simulate", "--port", taken_port, *SCRIPTED, f"--fault={fault}={number}"
        )


@pytest.mark.parametrize("host", ["", "x y", "a" * 300, "[::1]", "999.1.1.1", "\0"])
def test_wrong_hosts(refuses, taken_port, host):
    refuses("simulate", "--host", host, "--port", taken_port, *SCRIPTED)
    refuses("gateway", "--host", host, "--port", taken_port, *SCRIPTED)


@pytest.mark.parametrize("url", ADDRESSES)
def test_wrong_addresses(refuses, url):
    refuses("call", url)
    refuses("watch", url)
    refuses("watch", url, "id")
    refuses("conformance", url)
    refuses("conformance", NOBODY, "--gateway", url)


def test_a_deep_setting(refuses):
    refuses("call", NOBODY, "--set", "vad.silencePadding=" + "[" * 100_000)


def test_standard_input_that_is_closed(refuses, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    refuses("analyse", "-")
    refuses("lint", "-")
    refuses("vad", "replay", "-")
