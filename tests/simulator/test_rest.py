"""The stand-in's REST addresses: shapes, refusals, and the event stream."""

import http.client
import json
import socket
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from waiting import LIMIT_S
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as plain_connect

from rustpbx_lab.simulator import StandIn
from rustpbx_lab.simulator.call.subscribers import Witnesses

SECRET = "planted-0451"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    dumps = tmp_path_factory.mktemp("dumps")
    stand_in = StandIn(asr="scripted", tts="scripted", dump_dir=dumps, watch_queue=16)
    with stand_in.in_thread() as running:
        yield running


def ask(server, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with closing(connection):
        if isinstance(body, dict):
            headers.setdefault("Content-Type", "application/json")
            body = json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "/list", None, 200, '{"active_calls":[]}'),
        ("GET", "/kill/x", None, 404, '{"id":"x","status":"not_found"}'),
        ("POST", "/kill/x", None, 405, ""),
        ("GET", "/events/x", None, 404, "track not active"),
        ("GET", "/events/", None, 404, ""),
        ("POST", "/command/x", {"command": "mute"}, 404, "not_found"),
        ("POST", "/command/x", {"command": "nope"}, 422, "Failed to deserialize"),
        ("POST", "/command/x", {"command": "tts"}, 422, "text"),
        ("POST", "/command/x", "{nope", 415, "Content-Type: application/json"),
        ("POST", "/precache", {"command": "mute"}, 400, "only accepts tts commands"),
        ("POST", "/precache", {"text": "x"}, 422, "command"),
        ("GET", "/api/playbooks", None, 200, "[]"),
        ("GET", "/api/playbooks/x.md", None, 404, "Playbook not found"),
        ("GET", "/api/playbooks/a..md", None, 400, "Invalid filename"),
        ("GET", "/api/playbooks/a%2Fb.md", None, 400, "Invalid filename"),
        ("POST", "/api/playbooks/y.md", b"\xff", 400, "valid UTF-8"),
        ("POST", "/api/playbook/run", {}, 422, "any variant of untagged enum"),
        ("GET", "/list/", None, 404, ""),
    ],
)
def test_answers_are_the_servers(server, method, path, body, status, says):
    answered, _, text = ask(server, method, path, body)
    assert answered == status
    assert says in text
    assert bool(text) == bool(says)


def test_a_body_that_is_no_json_is_400_and_a_large_one_413(server):
    kind = {"Content_Type": "application/json; charset=utf-8"}
    status, _, text = ask(server, "POST", "/command/x", "{nope", **kind)
    assert (status, text[:43]) == (400, "Failed to parse the request body as JSON: u")
    status, _, text = ask(server, "POST", "/command/x", "x" * (2**21 + 1), **kind)
    assert (status, text[-21:]) == (413, "length limit exceeded")


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["/list", "/kill/x", "/events/x", "/api/records"])
def test_pages_of_others_may_not_ask(server, path, headers):
    status, _, text = ask(server, "GET", path, **headers)
    assert status == 403
    assert "not allowed" in text


def test_our_own_page_may_ask(server):
    headers = {"Origin": "http://localhost:5006", "Sec_Fetch_Site": "same-site"}
    assert ask(server, "GET", "/list", **headers)[0] == 200


class EventStream:
    """A plain reader of ``/events``, as slow as a test likes."""

    def __init__(self, server, call_id):
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        host = urlsplit(server.url).netloc
        request = f"GET /events/{call_id} HTTP/1.0\r\nHost: {host}\r\n\r\n"
        self._socket.sendall(request.encode())
        self._file = self._socket.makefile("rb")
        self.head = b"".join(iter(self._file.readline, b"\r\n")).decode()

    def rest(self):
        """Return kind and message of every entry, to the end of the stream."""
        with self._socket, self._file:
            blocks = self._file.read().decode().split("\n\n")
        lines = [block.split("\n") for block in blocks if block.strip(" \n:")]
        return [
            (kind.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
            for kind, data in lines
        ]


def test_the_stream_has_commands_events_and_audio_and_ends_with_the_call(server):
    with plain_connect(f"{server.url}/call?id=seen&ping=0") as owner:
        owner.send('{"command":"custom","data":"before"}')
        owner.recv(timeout=LIMIT_S)
        stream = EventStream(server, "seen")
        option = {"tts": {"provider": "aliyun", "secretKey": SECRET}}
        owner.send(json.dumps({"command": "invite", "option": option}))
        while '"answer"' not in str(owner.recv(timeout=LIMIT_S)):
            pass
        speech = {"command": "tts", "text": "AAAA" * 160, "base64": True}
        owner.send(json.dumps(speech))
        while '"trackEnd"' not in str(owner.recv(timeout=LIMIT_S)):
            pass
        owner.send(json.dumps({"command": "custom", "data": f"echo {SECRET}"}))
        owner.send('{"command":"hangup"}')
        entries = stream.rest()
    assert "200 OK" in stream.head
    assert "text/event-stream;charset=utf-8" in stream.head
    names = [message[kind] for kind, message in entries]
    assert names[:3] == ["invite", "trackStart", "answer"]
    assert names[-1] == "trackEnd"
    assert {"tts", "binary", "custom", "hangup"} <= set(names)
    binary = next(message for _, message in entries if message.get("data") is not None)
    assert binary["trackId"] == "seen"
    assert len(binary["data"]) == 320
    assert SECRET not in json.dumps(entries)


@pytest.mark.slow
def test_a_slow_reader_loses_the_oldest_unsaid(server):
    with plain_connect(f"{server.url}/call?id=slow&ping=0") as owner:
        owner.send('{"command":"custom","data":-1}')
        owner.recv(timeout=LIMIT_S)
        stream = EventStream(server, "slow")
        filling = "x" * 100_000  # more than the sockets between us take
        for number in range(300):
            data = {"n": number, "filling": filling}
            owner.send(json.dumps({"command": "custom", "data": data}))
            owner.recv(timeout=LIMIT_S)
        owner.send('{"command":"hangup"}')
        with pytest.raises(ConnectionClosed, match="1005"):
            owner.recv(timeout=LIMIT_S)
        entries = stream.rest()
    events = [message for kind, message in entries if message.get("event") == "custom"]
    numbers = [event["data"]["n"] for event in events]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0
    assert numbers[-1] == 299
    assert len(numbers) < 300
    assert entries[-1][1] == {"command": "hangup"}


def test_readers_keep_the_newest_and_are_told_of_the_end():
    witnesses = Witnesses("x", None, None, queue=3)
    early, news = witnesses.join(), []
    early.on_news = lambda: news.append(1)
    for number in range(5):
        witnesses.event(str(number))
    late = witnesses.join()
    witnesses.close()
    witnesses.event("after the end")
    assert [early.take() for _ in range(4)] == [
        *(("event", n) for n in "234"),
        None,
    ]
    assert late.take() is None
    assert early.is_over
    assert late.is_over
    assert len(news) == 6


def test_a_prepared_playbook_is_said_not_to_run(server):
    body = {"content": "---\n---\nhello"}
    status, _, text = ask(server, "POST", "/api/playbook/run", body)
    assert status == 200
    call_id = json.loads(text)["session_id"]
    with plain_connect(f"{server.url}/call?id={call_id}") as owner:
        error = json.loads(owner.recv(timeout=LIMIT_S))
        with pytest.raises(ConnectionClosed, match="1005"):
            owner.recv(timeout=LIMIT_S)
    assert (error["event"], error["sender"]) == ("error", "playbook")
    assert "real server" in error["error"]
