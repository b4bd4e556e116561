"""What is printed: any text in any encoding, at once, and quietly when nobody reads."""

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from rustpbx_lab.cli import run
from rustpbx_lab.cli.ending import NOBODY_READS, OUTPUT_LOST, exit_code_of
from rustpbx_lab.cli.output import harmless, output, table_lines

ENCODINGS = ["utf-8", "ascii", "cp1252", "cp437", "gbk"]
RECORDED = Path(__file__).parents[1] / "log" / "server.events.jsonl"


class Screen(io.TextIOWrapper):
    """Standard output of any encoding, kept in memory."""

    def __init__(self, encoding: str) -> None:
        self.kept = io.BytesIO()
        super().__init__(self.kept, encoding=encoding, newline="\n")

    @property
    def shown(self) -> str:
        """What has left the buffer so far."""
        return self.kept.getvalue().decode(self.encoding)


@pytest.fixture(params=ENCODINGS)
def screen(request: pytest.FixtureRequest) -> Screen:
    return Screen(request.param)


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A folder of two calls: one speaks Chinese, one has a Latin-1 byte in its name."""
    text = RECORDED.read_text("utf-8")
    (tmp_path / "您好 client.events.jsonl").write_text(text, "utf-8")
    name = os.fsdecode(b"caf\xe9.events.jsonl")
    (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_json_is_valid_in_every_encoding(screen, calls):
    with redirect_stdout(screen):
        assert run(["analyse", str(calls), "--json"]) == 0
    files = [row["file"] for row in json.loads(screen.shown)["calls"]]
    assert any("您好 client" in file for file in files)
    assert any("caf\ufffd" in file for file in files)


def test_a_table_is_printed_in_every_encoding(screen, calls):
    with redirect_stdout(screen):
        assert run(["analyse", str(calls)]) == 0
    lines = screen.shown.splitlines()
    assert len(lines) == 3
    assert " client.events.jsonl  answered" in screen.shown


def test_json_has_no_value_that_is_not_json(screen):
    with redirect_stdout(screen):
        output.json(
            {"nan": float("nan"), "inf": [np.inf], "n": np.int64(3), 1: "\udce9"}
        )
    shown = json.loads(screen.shown, parse_constant=pytest.fail)
    assert shown == {"nan": None, "inf": [None], "n": 3, "1": "\ufffd"}


def test_a_line_is_there_as_soon_as_it_is_printed(screen):
    with redirect_stdout(screen):
        output.line("first")
    assert screen.shown == "first\n"


def test_text_of_others_cannot_steer_the_terminal():
    assert harmless("a\x1b[2Jb\u202ec\rd\ne") == "a\ufffd[2Jb\ufffdc\ufffdd\ne"
    assert harmless("您好 नमस्ते 👩\u200d🚀") == "您好 नमस्ते 👩\u200d🚀"


def test_only_the_last_column_of_a_table_is_cut():
    columns = {"id": False, "ms": True, "ended": False}
    rows = [["s." + "x" * 60, "5", "reason " * 10], ["您好", "4000", ""]]
    whole = table_lines(columns, rows)
    assert whole[1].endswith("reason")
    narrow = table_lines(columns, rows, 80)
    assert narrow[1].startswith("s." + "x" * 60)
    assert narrow[1].endswith("…")
    assert narrow[2].split() == ["您好", "4000"]
    assert narrow[2].index("4000") == whole[2].index("4000")


def test_a_cell_stays_on_its_line():
    assert table_lines({"a": False}, [["one\ntwo\x1b"]])[1:] == ["one two\ufffd"]


def test_a_reader_that_has_gone_ends_it_quietly(monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        assert run(["analyse", str(RECORDED)]) == NOBODY_READS
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_python_says_nothing_of_a_broken_pipe_at_its_exit():
    program = [sys.executable, "-m", "rustpbx_lab.cli", "analyse", str(RECORDED)]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=60) == NOBODY_READS
        assert process.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_one_line(monkeypatch, capsys):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert run(["analyse", str(RECORDED)]) == OUTPUT_LOST
    printed = capsys.readouterr().err
    assert "cannot write to standard output: No space left" in printed
    assert printed.count("\n") == 1


def test_streams_that_are_closed_lose_lines_and_raise_nothing(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    assert exit_code_of(lambda: output.line("x")) == 0
    output.error("x")
    closed = Screen("utf-8")
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    output.error("x")
