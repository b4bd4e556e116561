"""REST and SSE against the stand-in, and against the real server where there is one."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import anyio
import numpy as np
import pytest
from waiting import join

from rustpbx_lab import commands, connect, events, notes, options
from rustpbx_lab.client import CallPhase
from rustpbx_lab.client.rest.server_api import ServerApi
from rustpbx_lab.client.watch import Backoff, watch
from rustpbx_lab.errors import (
    CallClosedError,
    ConnectError,
    InvalidOptionError,
    RequestRefusedError,
    UnknownCallError,
    UnreadableFrameError,
)
from rustpbx_lab.simulator import StandIn

pytestmark = pytest.mark.anyio

SST = "server-side-track"
SECRET = "s3cret-of-the-owner"
OPTION = options.CallOption(
    tts=options.SynthesisOption(provider="aliyun", secret_key=SECRET)
)
TONE = base64.b64encode(
    (8000 * np.sin(np.arange(8000) * 2 * np.pi * 440 / 16000)).astype("<i2").tobytes()
).decode()


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory) -> Iterator[StandIn]:
    dumps = tmp_path_factory.mktemp("dumps")
    with StandIn(asr="scripted", tts="scripted", dump_dir=dumps).in_thread() as server:
        yield server


@pytest.fixture(params=["stand-in", "real"])
def url(request: pytest.FixtureRequest) -> str:
    name = "stand_in" if request.param == "stand-in" else "real_server"
    return request.getfixturevalue(name).url


# ---------------------------------------------------------------------- watching


async def test_a_watched_call_shows_the_same_and_takes_commands(url, anyio_backend):
    call_id = f"ours/{anyio_backend} +&#%ü"
    async with connect(url, id=call_id) as owner:
        await owner.invite(OPTION)
        async with watch(url, call_id) as call:
            said = await call.tts(TONE, base64=True, play_id="p")
            await call.wait_for(events.TrackStart, timeout=5, after=said)
            muted = await call.mute()
            end = await call.wait_for(events.TrackEnd, timeout=5, after=said)
            assert (said.name, muted.name, end.play_id) == ("tts", "mute", "p")
            await owner.custom({"asked by": "the owner"})
            await call.wait_for(events.Custom, timeout=5, after=said)
            await call.hangup("enough")
            with anyio.fail_after(5):
                heard = [event async for event in call if event.event != "ping"]
        with anyio.fail_after(5):
            seen = [event async for event in owner]
    told = [event for event in seen[2:] if not is_last(event, call_id)]  # set-up before
    assert [event for event in heard if not is_last(event, call_id)] == told
    assert [event.event for event in told] == ["trackStart", "trackEnd", "custom"]
    assert call.close_reason == call.log[-1].message.why == "the call ended"
    commands_seen = [r.name for r in call.log if r.direction == "command"]
    assert commands_seen == ["tts", "mute", "custom", "hangup"]
    assert call.recording.server.data == owner.recording.server.data
    assert call.audio_frames["server"] == 25
    assert not call.recording.server.samples()[-1600:].any()  # muted


def is_last(event: object, call_id: str) -> bool:
    """Tell the caller's track end at the hang-up: a race, on either way."""
    return isinstance(event, events.TrackEnd) and event.track_id == call_id


async def test_nothing_can_be_sent_to_a_call_that_is_over(url):
    async with connect(url, id="short") as owner:
        await owner.invite(OPTION)
        async with watch(url, "short") as call:
            assert call.phase is CallPhase.ANSWERED
            await call.hangup()
            await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
            with pytest.raises(CallClosedError, match="the call ended"):
                await call.mute()


async def test_what_is_played_is_heard_by_the_watcher_too(url):
    async with connect(url) as owner:
        answer = await owner.invite(OPTION)
        async with watch(url, answer.track_id) as call:
            said = await call.tts(TONE, base64=True, play_id="p")
            await call.wait_for(events.TrackEnd, timeout=5, after=said)
            started = [r for r in call.log if r.name == "audioStarted"]
            assert call.recording.server.samples().any()
            assert [r.message.sample_rate_hz for r in started] == [8000]
        assert call.close_reason == "we stopped watching; the call goes on"
        assert call.log[-1].name == "closed"
        await owner.custom("still here")
        await owner.wait_for(events.Custom, timeout=5, after=said)


async def test_a_secret_of_the_owner_is_never_in_the_watchers_log(url, tmp_path):
    async with connect(url) as owner, ServerApi(url) as api:
        async with anyio.create_task_group() as tasks:
            await owner.custom("now there is a call to find")
            await owner.wait_for(events.Custom, timeout=5, after=owner.log[0])
            calls = {call.id: call for call in await api.list()}
            (call_id,) = calls
            async with watch(url, call_id) as call:
                assert call.phase is CallPhase.CONNECTED
                tasks.start_soon(owner.invite, OPTION)
                await call.wait_for(events.Answer, timeout=5)
                assert call.phase is CallPhase.ANSWERED
                await call.custom({"echo": SECRET})
                await call.wait_for(events.Custom, timeout=5, after=call.log[0])
        (listed,) = await api.list()
    assert listed.option.tts.provider == "aliyun"
    call.log.save(tmp_path / "log.jsonl")
    shown = repr([r.message for r in call.log]) + repr(listed) + repr(calls)
    shown += (tmp_path / "log.jsonl").read_text() + call.log.frame().to_string()
    assert SECRET not in shown
    assert "***" in shown


async def test_the_typed_events_of_a_call(url):
    async with connect(url, id="typed") as owner, ServerApi(url) as api:
        await owner.invite(OPTION)
        async with api.events("typed") as messages:
            await api.send("typed", commands.Tts(text=TONE, base64=True, play_id="p"))
            seen = []
            with anyio.fail_after(5):
                async for message in messages:
                    seen.append(message)
                    if isinstance(message, events.TrackEnd):
                        break
    assert {type(message) for message in seen} >= {
        commands.Tts,
        events.TrackStart,
        events.Binary,
        events.TrackEnd,
    }
    binary = [message for message in seen if isinstance(message, events.Binary)]
    assert len(b"".join(one.audio for one in binary)) == 8000
    assert {one.track_id for one in binary} == {"typed"}


# ---------------------------------------------------------------------- REST


async def test_calls_are_listed_and_killed(url):
    async with connect(url, id="..") as owner, ServerApi(url) as api:
        await owner.custom(1)
        await owner.wait_for(events.Custom, timeout=5, after=owner.log[0])
        (call,) = await api.list()
        assert (call.id, call.call_type, call.option) == ("..", "webSocket", None)
        assert (await api.kill("..")).status == "killed"
        await owner.wait_for(notes.Closed, timeout=5, after=owner.log[0])
        with pytest.raises(UnknownCallError, match="list the calls"):
            await api.kill("..")


@pytest.mark.parametrize("call_id", ["nobody", "", "../list", "a/b?c#d%2F"])
async def test_a_call_that_is_not_there_is_said(url, call_id):
    async with ServerApi(url) as api:
        with pytest.raises(UnknownCallError):
            await api.send(call_id, commands.Mute())
        with pytest.raises(UnknownCallError):
            await api.kill(call_id)
        with pytest.raises(UnknownCallError):
            async with api.events(call_id):
                pass
        with pytest.raises(UnknownCallError):
            async with watch(url, call_id):
                pass


async def test_what_the_server_cannot_read_is_refused(url):
    unreadable = commands.parse('{"command":"telepathy","to":"all"}')
    async with ServerApi(url) as api:
        with pytest.raises(RequestRefusedError, match=r"\(HTTP 422\).*telepathy") as no:
            await api.send("x", unreadable)
        assert no.value.status == 422
        with pytest.raises(RequestRefusedError, match=r"\(HTTP 413\)"):
            await api.send("x", commands.Custom(data="x" * 2**21))
        with pytest.raises(RequestRefusedError, match="requires an option") as no:
            await api.precache(commands.Tts(text="hi"))
        assert no.value.status == 500
        option = options.SynthesisOption(provider="zzz")
        with pytest.raises(RequestRefusedError, match="TTS type not found: zzz"):
            await api.precache(commands.Tts(text="hi", option=option))


async def test_half_a_character_is_replaced_on_its_way_over_rest(url, caplog):
    half, low = "\ud83d", "\ude00"
    async with connect(url) as owner, ServerApi(url) as api:
        await owner.invite(OPTION)
        await api.send(owner.id, commands.History(speaker="bot", text=half))
        said = await owner.wait_for(events.AddHistory, timeout=5, after=owner.log[0])
        assert said.text == "\ufffd"
        assert "U+FFFD" in caplog.text
        with pytest.raises(UnknownCallError):
            await api.send(half, commands.Mute())
        async with watch(url, owner.id) as call:
            await call.stream_tts(f"Great {half}", play_id="p")
            await call.stream_tts(f"{low} news", play_id="p")
            sent = [row.message.text for row in call.log if row.name == "tts"]
            assert sent == ["Great ", "😀 news"]
            await call.history("bot", half)
            notes_of_it = [row for row in call.log if row.name == "advice"]
            assert "half_character" in notes_of_it[0].raw
        await api.save_playbook("half.md", f"---\n---\n{half}")
        assert (await api.playbook("half.md")).endswith("\ufffd")
        assert await api.run_playbook(content=f"---\n---\n{half}")


async def test_playbooks_are_saved_listed_read_and_prepared(url):
    async with ServerApi(url) as api:
        await api.save_playbook("greeting ü.md", "---\n---\nhéllo")
        await api.save_playbook("unlisted.txt", "x")
        assert await api.playbook("greeting ü.md") == "---\n---\nhéllo"
        assert "greeting ü.md" in {entry.name for entry in await api.playbooks()}
        assert "unlisted.txt" not in {entry.name for entry in await api.playbooks()}
        for name in ("../x.md", "a/b.md", "a\\b.md", ".."):
            with pytest.raises(RequestRefusedError, match="Invalid filename"):
                await api.playbook(name)
        with pytest.raises(RequestRefusedError, match="Playbook not found"):
            await api.playbook("none.md")
        with pytest.raises(InvalidOptionError, match="either its name or its content"):
            await api.run_playbook()
        prepared = await api.run_playbook("none.md")
    async with connect(url, id=prepared) as call:
        error = await call.wait_for(events.Error, timeout=5, after=call.log[0])
        await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
    assert (error.sender, error.error) == (
        "playbook",
        "No such file or directory (os error 2)",
    )


async def test_the_rest_is_typed(url):
    async with connect(url, id="recorded.call"), ServerApi(url) as api:
        (stun,) = await api.iceservers()
        assert stun.urls == ["stun:stun.l.google.com:19302"]
        assert stun.credential is None
        entries = await api.records()
    assert "recorded.call" in {entry.id for entry in entries}
    dates = [entry.date for entry in entries]
    assert dates == sorted(dates, reverse=True)


async def test_a_text_is_spoken_into_the_cache_once(stand_in, anyio_backend):
    option = options.SynthesisOption(provider="deepgram")
    command = commands.Tts(
        text="hello there", option=option, cache_key=f"key {anyio_backend}"
    )
    async with ServerApi(stand_in.url) as api:
        first, again = await api.precache(command), await api.precache(command)
    assert (first.status, again.status) == ("cached", "exists")
    assert first.bytes > 1000
    assert again.bytes == 0
    assert first.cache_key == again.cache_key == f"key {anyio_backend}"


# ---------------------------------------------------------------------- failures


async def test_nobody_there_is_one_line():
    async with ServerApi("ws://u:pa55@127.0.0.1:9/?token=t0p-secret") as api:
        with pytest.raises(ConnectError, match="start the server") as refused:
            await api.list()
    assert "t0p-secret" not in str(refused.value)
    assert "pa55" not in str(refused.value)
    with pytest.raises(ConnectError, match="ws://HOST:PORT"):
        ServerApi("hello")


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def a_peer(*answers: Answer) -> Iterator[tuple[str, list[str]]]:
    """A server that lists one call and answers /events by a script, one a request."""
    waiting, asked = list(answers), []

    class Peer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path.startswith("/list"):
                entry = {"id": "x", "callType": "webSocket", "cs.option": None}
                plain(200, json.dumps({"active_calls": [entry]}))(self)
            else:
                waiting.pop(0)(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Peer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            join(thread)


def plain(status: int, body: str) -> Answer:
    def answer(peer: BaseHTTPRequestHandler) -> None:
        peer.send_response(status)
        peer.send_header("Content-Length", str(len(body)))
        peer.end_headers()
        peer.wfile.write(body.encode())

    return answer


def stream(*entries: str, breaks: bool = False) -> Answer:
    def answer(peer: BaseHTTPRequestHandler) -> None:
        peer.send_response(200)
        peer.send_header("Content-Type", "text/event-stream;charset=utf-8")
        peer.send_header("Transfer-Encoding", "chunked")
        peer.end_headers()
        for entry in entries:
            data = entry.encode()
            peer.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if breaks:
            peer.close_connection = True
        else:
            peer.wfile.write(b"0\r\n\r\n")

    return answer


def custom(value: object) -> str:
    event = {"event": "custom", "timestamp": 1_787_302_461_000, "data": value}
    return f"event: event\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"


GONE = plain(404, "track not active")


async def test_a_broken_stream_is_resumed_and_the_gap_is_noted():
    script = (
        stream(custom(1), ":\n\n", custom("a\u2028b\x85c"), breaks=True),
        plain(503, "in between"),
        stream(custom(2)),
        GONE,
    )
    backoff = Backoff(first_s=0.01, give_up_s=5)
    with a_peer(*script) as (url, asked), anyio.fail_after(10):
        async with watch(url, "x", backoff=backoff) as call:
            heard = [event.data async for event in call]
    assert heard == [1, "a\u2028b\x85c", 2]
    names = [r.name for r in call.log]
    assert names == ["connected", "custom", "custom", "gap", "gap", "custom", "closed"]
    broken, resumed = (r.message for r in call.log if r.name == "gap")
    assert "the stream broke" in broken.why
    assert broken.ended_ms is None
    assert resumed.began_ms == broken.began_ms <= resumed.ended_ms
    assert call.close_reason == "the call ended"
    assert asked == ["/events/x", "/list", *["/events/x"] * 3]


async def test_a_call_that_ends_in_a_gap_is_over():
    with a_peer(stream(custom(1), breaks=True), GONE) as (url, _), anyio.fail_after(10):
        async with watch(url, "x", backoff=Backoff(first_s=0.01)) as call:
            assert [event.data async for event in call] == [1]
    assert call.close_reason == "the call ended while we did not hear it"


async def test_a_stream_that_stays_broken_is_given_up():
    script = (stream(breaks=True), *[plain(503, "no")] * 50)
    backoff = Backoff(first_s=0.01, most_s=0.02, give_up_s=0.1)
    with a_peer(*script) as (url, _), anyio.fail_after(10):
        async with watch(url, "x", backoff=backoff) as call:
            assert [event async for event in call] == []
    assert "could not be resumed within 0.1 s" in call.close_reason


async def test_a_broken_stream_of_typed_events_is_an_error():
    with a_peer(stream(custom(1), breaks=True)) as (url, _):
        async with ServerApi(url) as api, api.events("x") as messages:
            assert (await anext(messages)).data == 1
            with pytest.raises(ConnectError, match="the event stream broke"):
                await anext(messages)


async def test_an_unreadable_entry_is_a_row_and_hides_secrets():
    entries = (
        'event: event\ndata: {"event":"answer","apiKey":"hush-hush"\n\n',
        'event: command\ndata: {"command":"tts","secretKey":"hush-hush"}\n\n',
        'event: event\ndata: {"event":"binary","data":["hush"]}\n\n',
        'event: command\ndata: {"command":"newer","apiKey":"hush-hush"}\n\n',
        custom("hush-hush"),
    )
    with a_peer(stream(*entries), GONE) as (url, _), anyio.fail_after(10):
        async with watch(url, "x") as call:
            async for _ in call:
                pass
    assert [r.name for r in call.log] == [
        "connected",
        *["unreadable"] * 3,
        "newer",
        "custom",
        "closed",
    ]
    assert "hush-hush" not in "".join(r.raw for r in call.log)


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (plain(200, "<html>"), ConnectError, "not an Active Call server"),
        (plain(404, ""), ConnectError, "no such path there"),
        (plain(401, "who are you"), RequestRefusedError, "HTTP 401.*who are you"),
    ],
)
async def test_what_is_no_active_call_server_is_said(answer, error, says):
    with a_peer(answer) as (url, _), pytest.raises(error, match=says):
        async with watch(url, "x"):
            pass


async def test_an_answer_that_is_no_list_is_said():
    with a_peer(plain(200, "<html>")) as (url, _):
        async with ServerApi(url) as api:
            with pytest.raises(UnreadableFrameError, match="IceServer"):
                await api.iceservers()
