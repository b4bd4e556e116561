"""``rustpbx-lab watch`` against the stand-in."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import LIMIT_S, join
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as plain_connect

from rustpbx_lab import read_log
from rustpbx_lab.cli import run
from rustpbx_lab.simulator import StandIn


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with StandIn(asr="scripted", tts="scripted").in_thread() as running:
        yield running


def test_calls_are_listed(server, capsys):
    with plain_connect(f"{server.url}/call?id=a%5Bred%5D%1Bb&ping=0") as owner:
        owner.send('{"command":"custom","data":1}')
        owner.recv(timeout=LIMIT_S)
        assert run(["watch", server.url]) == 0
        assert "a[red]\ufffdb" in capsys.readouterr().out
        assert run(["watch", server.url, "--json"]) == 0
    printed = capsys.readouterr()
    (call,) = json.loads(printed.out)["calls"]
    assert call["id"] == "a[red]\x1bb"
    assert call["callType"] == "webSocket"
    assert printed.err == ""


def test_a_call_is_followed_to_its_end(server, capsys, tmp_path):
    path = tmp_path / "log.jsonl"
    with plain_connect(f"{server.url}/call?id=mine&ping=0") as owner:
        owner.send('{"command":"custom","data":"first"}')
        owner.recv(timeout=LIMIT_S)
        ending = threading.Thread(target=hang_up_when_watched, args=(path, owner))
        ending.start()
        arguments = ["watch", server.url, "mine", "--log", str(path), "--json"]
        assert run(arguments) == 0
        join(ending)
    printed = capsys.readouterr()
    followed = json.loads(printed.out)
    assert followed["closeReason"] == "the call ended"
    names = [row["content"].get("command") for row in followed["rows"]]
    assert names.count("hangup") == 1
    assert [r.name for r in read_log(path)][-1] == "closed"
    assert len(read_log(path)) == len(followed["rows"])
    assert re.search(r" s  command  hangup +\{", printed.err)


def hang_up_when_watched(path: Path, owner: ClientConnection) -> None:
    while not path.exists() or not path.read_bytes():  # "connected" is its first row
        threading.Event().wait(0.01)
    owner.send('{"command":"hangup"}')


def test_seconds_end_it_and_the_call_goes_on(server, capsys):
    with plain_connect(f"{server.url}/call?id=long") as owner:
        owner.send('{"command":"custom","data":1}')
        owner.recv(timeout=LIMIT_S)
        assert run(["watch", server.url, "long", "--seconds", "0.2", "--json"]) == 0
        owner.send('{"command":"custom","data":2}')
        assert json.loads(owner.recv(timeout=LIMIT_S))["data"] == 2
    reason = json.loads(capsys.readouterr().out)["closeReason"]
    assert reason == "we stopped watching; the call goes on"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody"], "no call 'nobody' here; list the calls"),
        (["long2", "--log", "no/such/log.jsonl"], r"cannot write 'no/such"),
    ],
)
def test_a_mistake_is_one_line_and_2(
    server, capsys, tmp_path, monkeypatch, arguments, says
):
    monkeypatch.chdir(tmp_path)
    with plain_connect(f"{server.url}/call?id=long2") as owner:
        owner.send('{"command":"custom","data":1}')
        owner.recv(timeout=LIMIT_S)
        assert run(["watch", server.url, *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.search(says, printed.err)
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [("ws://127.0.0.1:9", "connection refused"), ("hello", "ws://HOST:PORT")],
)
def test_no_server_is_one_line_and_2(capsys, url, says):
    assert run(["watch", url]) == 2
    printed = capsys.readouterr()
    assert says in printed.err
    assert printed.err.count("\n") == 1
