import http.client
import json
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack

import numpy as np
import pytest
import websockets.exceptions
from simulator.call_bench import TTS, base64_tone
from waiting import LIMIT_S, join
from websockets.sync.client import connect as plain_connect

from rustpbx_lab import connect, events, notes, options
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource
from rustpbx_lab.errors import ServerStartError
from rustpbx_lab.log import read_log
from rustpbx_lab.simulator import StandIn
from rustpbx_lab.speech.vad import VadParams, decide
from rustpbx_lab.speech.vad_engines import SileroEngine


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    dumps = tmp_path_factory.mktemp("dumps")
    stand_in = StandIn(asr="scripted", tts="scripted", strict=True, dump_dir=dumps)
    with stand_in.in_thread() as running:
        yield running


def fetch(server, path, **headers):
    url = server.url.replace("ws", "http", 1) + path
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=LIMIT_S) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.mark.anyio
async def test_a_call_from_invite_to_hangup(server, anyio_backend):
    async with connect(server.url, id=f"whole/{anyio_backend}") as call:
        await call.invite(options.CallOption(tts=options.SynthesisOption(**TTS)))
        sent = await call.tts(base64_tone(200), base64=True, play_id="a")
        end = await call.wait_for(events.TrackEnd, timeout=5, after=sent)
        assert end.play_id == "a"
        # the wall clock of a loaded machine; ticks are never early
        assert 195 <= end.duration < 1000
        await call.hangup()
        await call.wait_for(notes.Closed, timeout=5)
    assert call.recording.server.n_samples == 1600
    closed = call.log[-1].message
    assert closed.code in (None, 1005)
    names = [r.name for r in call.log if r.direction == "event"]
    assert names == ["trackStart", "answer", "trackStart", "trackEnd", "trackEnd"]
    dump = read_log(server._dump_dir / f"whole%2F{anyio_backend}.events.jsonl")
    assert [r.name for r in dump if r.direction == "event"] == ["ping", *names]


@pytest.mark.anyio
async def test_vad_events_over_the_socket_are_those_of_the_decision(server):
    noise = np.random.default_rng(1).normal(0, 60, 16000 * 3)
    burst = np.sin(np.arange(16000) * 2 * np.pi * 150 / 16000)
    noise[16000:32000] += 9000 * burst * (1 + np.sin(np.arange(16000) / 800))
    clip = Clip(np.clip(noise, -32768, 32767).astype(np.int16), 16000)
    params = VadParams(60, 100, 0.2, 400)
    expected = decide(SileroEngine().probabilities(clip.samples), params)
    vad = options.VADOption(speech_padding=60, voice_threshold=0.2, silence_timeout=400)
    async with connect(server.url) as call:
        await call.invite(options.CallOption(vad=vad))
        for first in range(0, len(clip.samples), 320):
            await call.send_audio(clip.samples[first : first + 320].tobytes())
        done = await call.custom("done")
        await call.wait_for(events.Custom, timeout=5, after=done)
    got = [
        r.message
        for r in call.log
        if isinstance(r.message, events.Speaking | events.Silence)
    ]
    assert expected
    assert len(got) == len(expected)
    anchor = got[0].start_time - expected[0].start_time
    assert [
        (e.event, e.start_time - anchor, getattr(e, "duration", None)) for e in got
    ] == [(e.event, e.start_time, e.duration) for e in expected]


def test_bad_queries_and_paths_have_the_server_s_statuses(server):
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for path, status, why in (
        ("/call?dump=1", 400, "Failed to deserialize query string: dump: "),
        ("/call?id=a&id=b", 400, "duplicate field `id`"),
        ("/call?forward=true&id=nobody", 404, "call not found on this node"),
        ("/call/", 404, ""),
        ("/nothing", 404, ""),
    ):
        connection_status, text = raw_fetch(server, path, upgrade)
        assert (path, connection_status) == (path, status)
        assert why in text
    assert fetch(server, "/call") == (
        400,
        "Connection header did not include 'upgrade'",
    )
    assert fetch(server, "/list") == (200, '{"active_calls":[]}')
    assert fetch(server, "/kill/nobody") == (
        404,
        '{"id":"nobody","status":"not_found"}',
    )


def read_to_the_end(socket):
    """The events until the server closes the socket."""
    texts = []
    try:
        while True:
            texts.append(socket.recv(timeout=5))
    except websockets.exceptions.ConnectionClosed:
        return [json.loads(text) for text in texts if isinstance(text, str)]


def post(server, path, body, kind):
    return raw_fetch(server, path, {"Content-Type": kind}, "POST", body)


def raw_fetch(server, path, headers, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_only_names_of_this_machine_are_answered(server):
    assert fetch(server, "/list", Host="evil.example")[0] == 403
    assert fetch(server, "/list", Host="localhost:80")[0] == 200
    assert fetch(server, "/list", Host="[::1]:8080")[0] == 200
    url = server.url + "/call"
    for origin in ("http://evil.example", "null"):
        refused = pytest.raises(websockets.exceptions.InvalidStatus, match="403")
        with refused, plain_connect(url, origin=origin, proxy=None):
            pass
    with plain_connect(url, origin="http://localhost:5006", proxy=None) as socket:
        assert socket.protocol.state.name == "OPEN"


def test_the_first_ping_comes_at_once_and_the_close_has_no_code(server):
    with plain_connect(server.url + "/call?id=pinged", proxy=None) as socket:
        socket.send('{"command":"hangup"}')
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            socket.recv(timeout=5)
    assert closed.value.rcvd.code == 1005
    (line,) = [
        json.loads(json.loads(line)["content"])
        for line in (server._dump_dir / "pinged.events.jsonl").read_text().splitlines()
        if '\\"ping\\"' in line
    ]
    assert line["payload"].endswith("+00:00")


def test_calls_are_listed_and_killed(server):
    secret = {"provider": "tencent", "secretKey": "geheim"}
    invite = {"command": "invite", "option": {"asr": secret}}
    with plain_connect(server.url + "/call?id=a%40b", proxy=None) as socket:
        _, before = fetch(server, "/list")
        assert json.loads(before)["active_calls"] == [
            {
                "callType": "webSocket",
                "cs.option": None,
                "id": "a@b",
                "ringTime": None,
                "startTime": None,
            }
        ]
        socket.send(json.dumps(invite))
        while json.loads(socket.recv(timeout=5))["event"] != "answer":
            pass
        _, listed = fetch(server, "/list")
        assert "geheim" not in listed
        entry = json.loads(listed)["active_calls"][0]
        assert entry["cs.option"]["asr"]["provider"] == "tencent"
        assert entry["startTime"].endswith("Z")
        assert fetch(server, "/kill/a%40b") == (200, '{"id":"a@b","status":"killed"}')
        read_to_the_end(socket)
    assert fetch(server, "/list") == (200, '{"active_calls":[]}')


def test_commands_come_over_http_too(server):
    json_type = "application/json"
    good, unknown = '{"command":"custom","data":7}', '{"command":"paus"}'
    url = server.url + "/call?id=remote&ping=0"
    with plain_connect(url, proxy=None) as socket:
        assert post(server, "/command/remote", good, json_type) == (
            200,
            '{"id":"remote","status":"sent"}',
        )
        assert json.loads(socket.recv(timeout=5))["data"] == 7
    for body, kind, status in (
        (good, "text/plain", 415),
        ("{", json_type, 400),
        (unknown, json_type, 422),
        (good, json_type, 404),
    ):
        assert post(server, "/command/nobody", body, kind)[0] == status


def test_two_calls_of_one_id_are_two_calls_and_the_registry_forgets_both(server):
    url = server.url + "/call?id=twin&ping=0"
    with plain_connect(url, proxy=None) as first:
        with plain_connect(url, proxy=None) as second:
            second.send('{"command":"custom","data":2}')
            assert json.loads(second.recv(timeout=5))["data"] == 2
            first.send('{"command":"custom","data":1}')
            assert json.loads(first.recv(timeout=5))["data"] == 1
        assert fetch(server, "/kill/twin")[0] == 404
        first.send('{"command":"custom","data":3}')
        assert json.loads(first.recv(timeout=5))["data"] == 3


def test_a_port_in_use_is_a_clear_error(server):
    second = StandIn(port=server.port, asr="scripted", tts="scripted")
    with pytest.raises(ServerStartError, match="port=0"), second.in_thread():
        pass


def test_a_server_that_stops_ends_its_calls_and_its_threads():
    before = set(threading.enumerate())
    with ExitStack() as running:
        stand_in = StandIn(asr="scripted", tts="scripted")
        server = running.enter_context(stand_in.in_thread())
        address = server.url + "/call"
        # without a thread of the client's own, which ends a little later
        with plain_connect(address, proxy=None, ping_interval=None) as socket:
            socket.send(json.dumps({"command": "invite", "option": {"tts": TTS}}))
            socket.send(json.dumps({"command": "tts", "text": "hello" * 20}))
            for _ in range(3):
                socket.recv(timeout=5)
            stopping = threading.Thread(target=running.close)
            stopping.start()
            assert read_to_the_end(socket)[-1]["event"] == "trackEnd"
        join(stopping)
    assert set(threading.enumerate()) <= before


@pytest.mark.speech
@pytest.mark.anyio
async def test_what_is_said_is_recognised():
    import jiwer

    from rustpbx_lab.speech.synthesis import spoken, synthesiser

    text = "hello i would like to change my booking to the second of may please"
    clip = spoken(synthesiser(), text)
    quiet = Clip(np.zeros(clip.sample_rate_hz, np.int16), clip.sample_rate_hz)
    whole = Clip(
        np.concatenate([quiet.samples, clip.samples, quiet.samples, quiet.samples]),
        clip.sample_rate_hz,
    ).resampled(16000)
    option = options.CallOption(asr=options.TranscriptionOption(provider="deepgram"))
    heard = []
    with StandIn(tts="scripted").in_thread() as server:
        async with connect(server.url, audio=ClipSource(whole)) as call:
            await call.invite(option, timeout=10)
            wanted = len(text.split())
            while sum(len(said.split()) for said in heard) < wanted - 2:
                final = await call.wait_for(events.AsrFinal, timeout=60)
                heard.append(final.text)
    words = " ".join(heard).lower().translate(str.maketrans("", "", ".,!?"))
    words = words.replace("2nd", "second")
    assert jiwer.wer(text, words) <= 0.2
