"""``analyse`` over many files: one that cannot be read costs no other."""

import gzip
import io
import json
import os
from pathlib import Path

import pytest

from rustpbx_lab.cli import run
from rustpbx_lab.workbench.call_table import summarise_files

RECORDED = Path(__file__).parents[1] / "log" / "server.events.jsonl"
GOOD = RECORDED.read_bytes()


def make_bad(folder: Path) -> set[str]:
    """Make what cannot be read; returns the names."""
    named = {
        "b_stub.events.jsonl.gz": gzip.compress(GOOD)[:8],
        "c_torn.events.jsonl": GOOD[:40],
        "d_zeros.events.jsonl": bytes(4096),
        "e_text.events.jsonl": b"hello\n" * 9,
        "._f.events.jsonl": b"\0\x05\x16\x07\0\2\0\0Mac OS X",
    }
    for name, content in named.items():
        (folder / name).write_bytes(content)
    (folder / "g_folder.events.jsonl").mkdir()
    (folder / "h_dangling.events.jsonl").symlink_to("nowhere")
    (folder / "i_loop.events.jsonl").symlink_to("i_loop.events.jsonl")
    others = ["g_folder.events.jsonl", "h_dangling.events.jsonl", "i_loop.events.jsonl"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "j_pipe.events.jsonl")
        others.append("j_pipe.events.jsonl")
    return {*named, *others}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    (tmp_path / "a_good.events.jsonl").write_bytes(GOOD)
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "good.events.jsonl.gz").write_bytes(gzip.compress(GOOD))
    return tmp_path


def test_what_cannot_be_read_is_skipped_and_reported(capsys, mixed):
    bad = make_bad(mixed)
    assert run(["analyse", str(mixed), "--json"]) == 1
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    good = [Path(row["file"]).name for row in document["calls"]]
    assert good == ["a_good.events.jsonl", "good.events.jsonl.gz"]
    assert {Path(one["file"]).name for one in document["skipped"]} == bad
    assert all(one["why"].startswith("cannot read") for one in document["skipped"])
    assert printed.err.count("skipped: cannot read") == len(bad)
    assert "Traceback" not in printed.err


def test_a_folder_that_may_not_be_read_is_reported(capsys, mixed):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    locked = mixed / "locked"
    locked.mkdir(mode=0)
    assert run(["analyse", str(mixed), "--json"]) == 1
    (skipped,) = json.loads(capsys.readouterr().out)["skipped"]
    assert skipped["file"] == str(locked)


def test_the_table_and_the_csv_have_the_others(capsys, mixed, tmp_path_factory):
    make_bad(mixed)
    out = tmp_path_factory.mktemp("out") / "calls.csv"
    assert run(["analyse", str(mixed), "--csv", str(out)]) == 1
    assert len(out.read_text("utf-8").splitlines()) == 3
    assert run(["analyse", str(mixed)]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 3
    assert "z/good.events.jsonl.gz" in printed.out


def test_nothing_that_can_be_read_is_a_mistake(capsys, tmp_path):
    bad = tmp_path / "bad.events.jsonl"
    bad.write_text("hello")
    assert run(["analyse", str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert run(["analyse", str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["calls"] == []


def test_damaged_lines_are_reported(capsys, tmp_path):
    path = tmp_path / "a.events.jsonl"
    path.write_bytes(GOOD + b"{torn\n")
    assert run(["analyse", str(path)]) == 0
    assert "could not be read" in capsys.readouterr().err


def test_an_interrupted_batch_keeps_what_it_has():
    def paths():
        yield RECORDED
        raise KeyboardInterrupt

    table = summarise_files(paths())
    assert table.is_interrupted
    assert [row["file"] for row in table.rows] == [str(RECORDED)]


class Stdin:
    """Standard input with these bytes."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_standard_input_is_a_file_named_dash(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", Stdin(gzip.compress(GOOD)))
    assert run(["analyse", "-", str(RECORDED), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["calls"]
    assert [row["file"] for row in rows] == ["-", str(RECORDED)]
    assert {**rows[0], "file": ""} == {**rows[1], "file": ""}
    monkeypatch.setattr("sys.stdin", Stdin(b"hello"))
    assert run(["analyse", "-", "--json"]) == 2
    (skipped,) = json.loads(capsys.readouterr().out)["skipped"]
    assert skipped["file"] == "-"
    assert "standard-input" not in skipped["why"]


def test_an_option_and_a_recording_come_from_standard_input(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", Stdin(b'{"vadd":1}'))
    assert run(["lint", "-", "--json"]) in (0, 1)
    document = json.loads(capsys.readouterr().out)
    assert document["file"] == "-"
    assert document["remarks"]
    sound = Path(__file__).parents[1] / "speech" / "audio" / "sense_0890.flac"
    monkeypatch.setattr("sys.stdin", Stdin(sound.read_bytes()))
    assert run(["vad", "replay", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["events"]
