"""Providers on this machine that nobody listens at fail as they do with the server."""

import socket
from collections.abc import Iterator

import pytest
from simulator.call_bench import SST, CallBench

from rustpbx_lab.simulator.core.provider_reach import refusal


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address that is taken, and where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"ws://127.0.0.1:{taken.getsockname()[1]}/path"


def test_only_endpoints_of_this_machine_are_looked_at(nowhere: str):
    assert str(refusal("aliyun", nowhere)).startswith("IO error: Connection refused")
    assert refusal("tencent", nowhere) is None, "the server does not use it"
    assert refusal("aliyun", None) is None
    for elsewhere in ("wss://dashscope.example/path", "ws://127.0.0.1:none/", "", "x"):
        assert refusal("aliyun", elsewhere) is None


def test_one_that_is_there_is_not_refused():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert refusal("deepgram", f"ws://127.0.0.1:{port}/v1/listen") is None


def test_a_synthesis_says_so_and_ends(nowhere: str):
    bench = CallBench()
    bench.invite(tts={"provider": "aliyun", "endpoint": nowhere})
    bench.tts(text="hello", playId="p")
    bench.advance(1000)
    (_, start), (_, error), (_, end) = bench.new_events()
    assert (start["event"], end["event"]) == ("trackStart", "trackEnd")
    assert (error["sender"], error["code"], error["trackId"]) == ("tts", 500, SST)
    assert error["error"].startswith("IO error: Connection refused (os error ")


def test_a_streamed_one_just_ends_before_its_last_piece(nowhere: str):
    bench = CallBench()
    bench.invite(tts={"provider": "aliyun", "endpoint": nowhere})
    bench.tts(text="Hello there. And", playId="p", streaming=True)
    bench.advance(1000)
    assert bench.story() == [("trackStart", "p"), ("trackEnd", "p")]


@pytest.mark.parametrize(
    ("provider", "client"),
    [("deepgram", "DeepgramAsrClient"), ("aliyun", "AliyunAsrClient")],
)
def test_a_recogniser_says_so_and_the_call_goes_on(
    nowhere: str, provider: str, client: str
):
    bench = CallBench()
    bench.invite(asr={"provider": provider, "endpoint": nowhere})
    errors = [e for _, e in bench.line.events if e["event"] == "error"]
    assert [(e["sender"], e["code"], e["trackId"]) for e in errors] == [
        (client, 500, "me")
    ]
    name = provider.capitalize()
    assert errors[0]["error"].startswith(f"Failed to connect to {name} ASR WebSocket: ")
    bench.call.take_audio(bytes(640))
    bench.advance(1000)
    assert bench.line.closed_ms is None
