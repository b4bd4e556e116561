import http.client
import json
from contextlib import closing
from socket import SHUT_RDWR
from urllib.parse import urlsplit

import anyio
import numpy as np
import pytest
from waiting import LIMIT_S
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as dial

from rustpbx_lab import connect, errors, events, options
from rustpbx_lab.audio.sources import SilenceSource
from rustpbx_lab.simulator.gateway.gateway import Gateway
from rustpbx_lab.speech.recognition import DEFAULT_SCRIPT

SECOND = np.zeros(16000, "<i2").tobytes()


@pytest.fixture(scope="module")
def gateway():
    with Gateway(asr="scripted", tts="scripted").in_thread() as running:
        yield running


def task(action, payload):
    header = {"action": action, "task_id": "t1", "streaming": "duplex"}
    return json.dumps({"header": header, "payload": payload})


def run_task(kind, **parameters):
    return task("run-task", {"task": kind, "parameters": parameters, "input": {}})


def said(text):
    return task("continue-task", {"input": {"text": text}})


FINISH = task("finish-task", {"input": {}})


def event_of(message):
    return json.loads(message)["header"]["event"]


def read_speech(socket):
    audio = b""
    while isinstance(message := socket.recv(timeout=5), bytes):
        audio += message
    return audio, event_of(message)


def test_a_text_in_pieces_is_spoken_at_the_rate_that_was_asked(gateway):
    with dial(gateway.tts_option().endpoint) as socket:
        socket.send(run_task("tts", sample_rate=8000, format="pcm", volume=50, rate=1))
        assert event_of(socket.recv(timeout=LIMIT_S)) == "task-started"
        socket.send(said("Hel"))
        socket.send(said("lo"))
        socket.send(FINISH)
        audio, ended = read_speech(socket)
    # the scripted voice takes 60 ms a character
    assert (len(audio), ended) == (2 * 8 * 60 * len("Hello"), "task-finished")


def test_volume_is_a_share_of_50(gateway):
    peaks = []
    for volume in (50, 5):
        with dial(gateway.tts_option().endpoint) as socket:
            socket.send(run_task("tts", volume=volume))
            socket.recv(timeout=LIMIT_S)
            socket.send(said("Hello"))
            socket.send(FINISH)
            audio, _ = read_speech(socket)
            peaks.append(np.abs(np.frombuffer(audio, "<i2")).max())
    assert peaks[1] == pytest.approx(peaks[0] / 10, abs=1)


def test_a_format_that_is_not_made_fails_the_task_and_the_socket_lives_on(gateway):
    with dial(gateway.tts_option().endpoint) as socket:
        socket.send(run_task("tts", format="mp3"))
        failed = json.loads(socket.recv(timeout=LIMIT_S))
        assert failed["header"]["event"] == "task-failed"
        assert "'pcm'" in failed["header"]["error_message"]
        socket.send(run_task("tts", format="pcm"))
        assert event_of(socket.recv(timeout=LIMIT_S)) == "task-started"


def test_deepgram_results_end_utterances_and_the_stream_closes(gateway):
    endpoint = gateway.asr_option("deepgram").endpoint
    with dial(endpoint + "?encoding=linear16&sample_rate=16000") as socket:
        for _ in range(5):
            socket.send(SECOND)
        socket.send('{"type":"KeepAlive"}')
        socket.send('{"type":"CloseStream"}')
        results = [json.loads(message) for message in socket]
    finals = [result for result in results if result["speech_final"]]
    best = finals[0]["channel"]["alternatives"][0]
    text, duration_ms = DEFAULT_SCRIPT[0]
    assert (best["transcript"], finals[0]["duration"]) == (text, duration_ms / 1000)
    assert {result["type"] for result in results} == {"Results"}
    assert not results[0]["is_final"]


def test_dashscope_sentences_carry_what_the_server_reads(gateway):
    with dial(gateway.asr_option("aliyun").endpoint) as socket:
        socket.send(run_task("asr", format="pcm", sample_rate=16000))
        assert event_of(socket.recv(timeout=LIMIT_S)) == "task-started"
        for _ in range(5):
            socket.send(SECOND)
        socket.send(FINISH)
        heard = []
        while event_of(message := socket.recv(timeout=5)) == "result-generated":
            heard.append(json.loads(message)["payload"]["output"]["sentence"])
        assert event_of(message) == "task-finished"
    ended = [one for one in heard if one["sentence_end"]]
    assert [one["sentence_id"] for one in ended][:1] == [1]
    assert ended[0]["text"] == DEFAULT_SCRIPT[0][0]
    assert {"begin_time", "end_time", "words", "heartbeat"} <= set(ended[0])


def test_a_socket_that_breaks_ends_nothing_else(gateway):
    with dial(gateway.asr_option("aliyun").endpoint) as socket:
        socket.send(run_task("asr"))
        socket.socket.shutdown(SHUT_RDWR)
    with dial(gateway.tts_option().endpoint) as other:
        other.send(run_task("tts"))
        assert event_of(other.recv(timeout=5)) == "task-started"


def test_other_paths_and_pages_of_browsers_are_refused(gateway):
    with pytest.raises(InvalidStatus, match="404"), dial(gateway.url + "/other"):
        pass
    endpoint, page = gateway.tts_option().endpoint, "http://evil.example"
    with pytest.raises(InvalidStatus, match="403"), dial(endpoint, origin=page):
        pass


def test_a_port_in_use_is_named(gateway):
    other = Gateway(port=gateway.port, asr="scripted", tts="scripted")
    with pytest.raises(errors.ServerStartError, match="port=0"), other.in_thread():
        pass


@pytest.mark.parametrize("provider", ["deepgram", "aliyun"])
def test_the_real_server_speaks_and_listens_through_it(gateway, real_server, provider):
    async def call_it():
        option = options.CallOption(
            tts=gateway.tts_option(), asr=gateway.asr_option(provider)
        )
        async with connect(real_server.url, audio=SilenceSource()) as call:
            await call.invite(option, timeout=10)
            spoken = await call.tts("Hello to you", play_id="p1")
            ended = await call.wait_for(events.TrackEnd, after=spoken, timeout=10)
            heard = await call.wait_for(events.AsrFinal, after=spoken, timeout=10)
            frames = call.recording.server.n_samples
            errors_seen = [r for r in call.log if r.name == "error"]
        return ended, heard, frames, errors_seen

    ended, heard, n_samples, errors_seen = anyio.run(call_it)
    assert ended.play_id == "p1"
    # 12 characters of 60 ms at 8 kHz, in frames of 20 ms
    assert abs(n_samples - 8 * 720) <= 320
    assert heard.text == DEFAULT_SCRIPT[0][0]
    assert not errors_seen


def upgrade(port, path, **headers):
    """Return the status of a WebSocket handshake with these headers."""
    head = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
        **headers,
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection):
        connection.request("GET", path, headers=head)
        return connection.getresponse().status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"Origin": "http://localhost"}, 403),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Host": "attacker.example"}, 403),
        ({"Host": "localhost:8091"}, 101),
    ],
)
def test_no_page_reaches_the_gateway_nor_a_foreign_name(gateway, headers, status):
    path = urlsplit(gateway.tts_option().endpoint).path
    assert upgrade(gateway.port, path, **headers) == status


def test_a_server_in_a_container_is_told_where_the_gateway_is():
    public = "ws://host.docker.internal:8091"
    made = Gateway("0.0.0.0", asr="scripted", tts="scripted", public_url=public)
    endpoint = made.asr_option().endpoint
    assert endpoint.startswith(public)
    with made.in_thread() as running:
        for host, status in (("host.docker.internal:8091", 101), ("bot:8091", 403)):
            path = urlsplit(endpoint).path
            assert upgrade(running.port, path, Host=host) == status
