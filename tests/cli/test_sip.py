"""``analyse --sip``: the SIP transactions of saved calls."""

import csv
import json

from sip_files import RECORDINGS, line, request, write_call

from rustpbx_lab.cli import run

OUTBOUND = RECORDINGS / "sipflow_outbound.events.jsonl"


def test_the_transactions_are_a_table(capsys):
    assert run(["analyse", "--sip", str(OUTBOUND)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["file", "time", "way", "method"]
    assert [words.split()[3] for words in lines[1:]] == [
        *("INVITE", "ACK", "INVITE", "ACK", "BYE")
    ]


def test_json_has_messages_transactions_and_damage(capsys, tmp_path):
    log = write_call(tmp_path, [line(0, request()), "torn"])
    assert run(["analyse", "--sip", "--json", str(log)]) == 0
    [call] = json.loads(capsys.readouterr().out)["calls"]
    assert [row["method"] for row in call["messages"]] == ["INVITE"]
    assert [row["final_ms"] for row in call["transactions"]] == [None]
    assert (call["damage"], call["damaged_lines"]) == (1, [2])


def test_a_file_elsewhere_is_named(capsys, tmp_path):
    log = write_call(tmp_path, [line(0, request())])
    other = (tmp_path / "s1.sipflow.jsonl").rename(tmp_path / "other.jsonl")
    assert run(["analyse", "--sip", str(log)]) == 2
    assert "no ID.sipflow.jsonl or ID.jsonl" in capsys.readouterr().err
    assert run(["analyse", str(log), "--sipflow", str(other), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["calls"]) == 1
    assert run(["analyse", str(tmp_path), str(log), "--sipflow", str(other)]) == 2
    assert "of one session" in capsys.readouterr().err


def test_a_folder_lists_the_calls_that_have_messages(capsys, tmp_path):
    assert run(["analyse", "--sip", str(RECORDINGS), "--json"]) == 0
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["calls"]) == 3
    assert "calls without SIP messages" in printed.err


def test_csv_has_a_row_a_transaction(capsys, tmp_path):
    out = tmp_path / "out.csv"
    assert run(["analyse", "--sip", str(OUTBOUND), "--csv", str(out)]) == 0
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["INVITE", "ACK", "INVITE", "ACK", "BYE"]


def test_bad_files_never_give_a_traceback(capsys, tmp_path):
    log = write_call(tmp_path, ["hello", "{}"])
    for options in (["--sip"], ["--sipflow", "/nowhere"], ["--sipflow", str(tmp_path)]):
        assert run(["analyse", str(log), *options]) == 2
        printed = capsys.readouterr().err
        assert "Traceback" not in printed
        assert "cannot read" in printed


def test_a_summary_names_the_file_beside_a_call(capsys):
    assert run(["analyse", str(OUTBOUND), "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["calls"]
    assert row["sipflow"].endswith("sipflow_outbound.sipflow.jsonl")
