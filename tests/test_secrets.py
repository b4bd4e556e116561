"""Secrets are planted everywhere and looked for wherever we write."""

import gzip
import json
import logging
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest
from pydantic import SecretStr, ValidationError
from waiting import LIMIT_S, join, until
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from rustpbx_lab import EventLog, commands, connect, notes, options
from rustpbx_lab.errors import CallError, ConnectError, RustpbxLabError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.simulator.server.stand_in import StandIn


class Garden:
    """Grows secrets, each of its own, and finds them again in any spelling."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def plant(self, where: str, shape: str = "pl4nt-{}-s3cret") -> str:
        value = shape.format(len(self.planted))
        self.planted[where] = value
        return value

    def found_in(self, text: str) -> list[str]:
        return [
            where
            for where, value in self.planted.items()
            if any(way in text for way in _spellings(value))
        ]


def _spellings(value: str) -> set[str]:
    once = json.dumps(value)[1:-1]
    plain = json.dumps(value, ensure_ascii=False)[1:-1]
    twice = json.dumps(once)[1:-1]
    return {value, once, plain, twice, repr(value)[1:-1], quote(value, safe="")}


SILENT = logging.getLogger("the server of the test")
SILENT.setLevel(logging.CRITICAL)

ODD = 'pl4nt"{}\\é/+=&'
"""Has whatever JSON and URLs escape."""


def every_option(garden: Garden) -> options.CallOption:
    """An option with a secret in every place that takes one."""

    def secret(where: str, shape: str = "pl4nt-{}-s3cret") -> SecretStr:
        return SecretStr(garden.plant(where, shape))

    token = garden.plant("asr.endpoint token")
    media = garden.plant("mediaPass.url token")
    return options.CallOption(
        asr=options.TranscriptionOption(
            provider="aliyun",
            app_id=secret("asr.appId"),
            secret_id=secret("asr.secretId", ODD),
            secret_key=secret("asr.secretKey"),
            endpoint=f"wss://asr.example/v1?token={token}",
            extra={"api_key": garden.plant("asr.extra")},
        ),
        tts=options.SynthesisOption(
            provider="tencent",
            app_id=secret("tts.appId"),
            secret_id=secret("tts.secretId"),
            secret_key=secret("tts.secretKey", ODD),
            extra={"token": garden.plant("tts.extra", ODD)},
        ),
        vad=options.VADOption(
            secret_key=secret("vad.secretKey"), secret_id=secret("vad.secretId")
        ),
        eou=options.EouOption(
            secret_key=secret("eou.secretKey"), secret_id=secret("eou.secretId")
        ),
        realtime=options.RealtimeOption(
            provider="openai",
            secret_key=secret("realtime.secretKey"),
            secret_id=secret("realtime.secretId"),
            turn_detection={"nested": [{"apiKey": garden.plant("realtime.nested")}]},
        ),
        sip=options.SipOption(
            username="bob",
            password=secret("sip.password", ODD),
            headers={"Authorization": garden.plant("sip.headers", "Digest pl4nt{}")},
            hangup_headers={"X-Api-Key": garden.plant("sip.hangup_headers")},
        ),
        media_pass=options.MediaPassOption(
            url=f"ws://user:{garden.plant('mediaPass.url password')}@m/?token={media}",
            input_sample_rate=16000,
            output_sample_rate=16000,
        ),
        caller=f"sip:bob:{garden.plant('caller password')}@example.com",
        extra={"password": garden.plant("extra.password")},
    )


def every_command(garden: Garden) -> list[BaseCommand]:
    """Commands that bring secrets of their own."""
    token = garden.plant("play.url token")
    return [
        commands.Tts(
            text="hello",
            option=options.SynthesisOption(
                provider="deepgram",
                secret_key=SecretStr(garden.plant("command tts.secretKey", ODD)),
            ),
        ),
        commands.Play(url=f"http://127.0.0.1:9/a.wav?access_token={token}"),
        commands.Refer(
            caller="",
            callee=f"sip:al:{garden.plant('callee password')}@example.com",
            options=options.ReferOption(
                sip=options.SipOption(
                    password=SecretStr(garden.plant("refer.sip.password"))
                ),
                asr=options.TranscriptionOption(
                    provider="tencent",
                    secret_key=SecretStr(garden.plant("refer.asr.secretKey")),
                ),
            ),
        ),
        commands.Message(
            body="x", headers={"X-Api-Key": garden.plant("message.headers")}
        ),
        commands.Hangup(headers={"Authorization": garden.plant("hangup.headers")}),
        commands.Custom(data={"deep": [{"clientSecret": garden.plant("custom.data")}]}),
        commands.Reject(reason="no", code=486),
    ]


class Gossip:
    """A server that repeats whatever it was told, in every way it can."""

    def __init__(self, garden: Garden) -> None:
        self.garden = garden
        self.heard = ""
        self.always = {"our password"}
        """Planted, and sent in a spelling of its own (base64)."""

    @property
    def words(self) -> list[str]:
        """The secrets it was told by now."""
        heard = {*self.garden.found_in(self.heard), *self.always}
        return [word for where, word in self.garden.planted.items() if where in heard]

    def __call__(self, wire: ServerConnection) -> None:
        request = wire.request
        assert request is not None
        self.heard += request.path + str(dict(request.headers.raw_items()))
        try:
            for frame in wire:
                assert isinstance(frame, str)
                self.heard += frame
                for answer in self.answers(frame, json.loads(frame)):
                    wire.send(answer)
        except ConnectionClosed:
            return

    def answers(self, frame: str, command: dict[str, Any]) -> Iterator[str]:
        all_words = " ".join(self.words)
        base = {"trackId": "s.1", "timestamp": 1_787_302_461_000}

        def event(name: str, **fields: Any) -> str:
            return json.dumps({"event": name, **base, **fields}, ensure_ascii=False)

        yield event("error", sender="tts", error=f"bad credentials: {all_words}")
        yield event("addHistory", speaker="bot", text=frame)
        yield event("custom", data=command)
        yield event("custom", data={"again": json.dumps(json.dumps(command))})
        for word in self.words:
            yield event("asrFinal", index=0, text=word)
            yield event("custom", sender=word, data={word: word})
        yield event(
            "hangup",
            reason=f'Some(Other("{all_words}"))',
            initiator="caller",
            startTime="2026-08-21T08:54:21+00:00",
            hangupTime="2026-08-21T08:54:21+00:00",
            extra={"_hangup_headers": json.dumps(command), "password": all_words},
            refer=False,
        )
        yield event("futureEvent", anything=[command, {"x": frame}])
        yield f"no json: {all_words}"
        yield frame[: len(frame) * 2 // 3]  # broken off
        yield event("speaking", startTime=all_words)  # of the wrong type
        if command["command"] == "invite":
            yield event("answer", sdp=all_words, refer=False)


@contextmanager
def a_gossip(garden: Garden, **serving: Any) -> Iterator[tuple[str, Gossip]]:
    gossip = Gossip(garden)
    with serve(gossip, "127.0.0.1", 0, logger=SILENT, **serving) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.socket.getsockname()[1]}", gossip
        finally:
            server.shutdown()
            join(thread)


def everything_of(log: EventLog) -> str:
    """All that a log shows, as one text."""
    parts = [repr(log), log.frame().to_csv(), str(log.frame().to_dict())]
    for record in log:
        message = record.message
        parts += [record.raw, repr(record), repr(message), message.to_json()]
        parts += [str(message.model_dump()), message.model_dump_json()]
    return "\n".join(parts)


def all_files(folder: Path) -> str:
    texts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = gzip.decompress(data)
            texts.append(f"{path.name} {data.decode('utf-8', 'replace')}")
    return "\n".join(texts)


@pytest.mark.anyio
async def test_no_secret_that_was_sent_is_anywhere(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    garden = Garden()
    option, sent = every_option(garden), every_command(garden)
    password, token = garden.plant("our password"), garden.plant("our token")
    headers = {
        "X-Api-Key": garden.plant("our api key"),
        "Cookie": f"session={garden.plant('our cookie')}",
    }
    shown: list[str] = [repr(option), str(option), *map(repr, sent)]
    with a_gossip(garden) as (address, gossip):
        url = f"ws://me:{password}@{address}/?token={token}"
        async with connect(url, headers=headers) as call:

            @call.on("custom")
            def fails(event):
                raise RuntimeError(f"no {event!r}")

            await call.invite(option, timeout=10)
            for command in sent:
                await call.send(command)
                await call.wait_for(
                    notes.Unreadable, timeout=5, after=call.log[len(call.log) - 2]
                )
            told = set(garden.planted) - {"our password"}  # it is sent as base64
            await anyio.to_thread.run_sync(  # the last commands are on their way
                until, lambda: set(garden.found_in(gossip.heard)) >= told
            )
            shown += [repr(call), repr(call.id), repr(call.recording)]
        shown.append(str(call.close_reason))
    shown += everything_kept(call.log, tmp_path)
    names = {record.name for record in call.log}
    assert names >= {"error", "addHistory", "hangup", "unreadable", "handlerFailed"}
    assert "*** " in call.log.frame().to_csv()
    for text in (*shown, caplog.text):
        assert garden.found_in(text) == []


def everything_kept(log: EventLog, folder: Path) -> list[str]:
    """Save a log, read it again, and return all that either shows."""
    log.save(folder / "call.events.jsonl")
    log.save(folder / "call.events.jsonl.gz")
    read = EventLog.load(folder / "call.events.jsonl")
    return [everything_of(log), everything_of(read), all_files(folder)]


@pytest.mark.anyio
async def test_no_error_shows_a_secret(caplog):
    caplog.set_level(logging.DEBUG)
    garden = Garden()
    option = every_option(garden)
    password, token = garden.plant("our password"), garden.plant("our token")
    headers = {"Authorization": f"Bearer {garden.plant('our bearer')}"}
    told: list[str] = []

    def refuse(connection: ServerConnection, request):
        said = f"{request.path} {request.headers} {' '.join(garden.planted.values())}"
        return connection.respond(400, said)

    async def failing(url: str, **given: Any) -> None:
        with pytest.raises(RustpbxLabError) as raised:
            async with connect(url, headers=headers, **given) as call:
                await call.invite(option, timeout=5)
        told.append("".join(traceback.format_exception(raised.value)))
        told.append(repr(raised.value) + repr(vars(raised.value)))

    with a_gossip(garden, process_request=refuse) as (address, _):
        await failing(f"ws://me:{password}@{address}/?token={token}")
    for url in (
        f"ws://me:{password}@127.0.0.1:9/?token={token}",
        f"ws://me:{password}@127.0.0.1:99999999/?token={token}",
        f"ftp://me:{password}@127.0.0.1/?token={token}",
        f"ws://me:{password}@/?token={token}",
    ):
        await failing(url)
    with a_gossip(garden) as (address, _):
        await failing(f"ws://me:{password}@{address}/?token={token}", lint="strict")
    assert "did not send invite" in told[-1]
    for text in [*told, caplog.text]:
        assert garden.found_in(text) == []


@pytest.mark.anyio
async def test_a_failed_or_rejected_invite_shows_no_secret():
    garden = Garden()
    option = every_option(garden)
    words = " ".join(garden.planted.values())
    base = {"trackId": "s.1", "timestamp": 1}
    for event in (
        {"event": "error", **base, "sender": "invite", "error": f"no: {words}"},
        {"event": "reject", **base, "reason": f"486 {words}", "code": 486},
    ):

        def answer(wire: ServerConnection, said: str = json.dumps(event)) -> None:
            wire.recv(timeout=LIMIT_S)
            wire.send(said)
            wire.close(1011, next(iter(garden.planted.values())))

        with serve(answer, "127.0.0.1", 0, logger=SILENT) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            port = server.socket.getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}") as call:
                with pytest.raises(CallError) as raised:
                    await call.invite(option, timeout=5)
                await call.wait_for(notes.Closed, timeout=5, after=call.log[0])
            server.shutdown()
            join(thread)
        told = "".join(traceback.format_exception(raised.value))
        for text in (told, repr(vars(raised.value)), everything_of(call.log)):
            assert garden.found_in(text) == []
        assert garden.found_in(str(call.close_reason)) == []


def test_the_hub_and_its_files_show_no_secret(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    garden = Garden()
    option, sent = every_option(garden), every_command(garden)
    token = garden.plant("our token")
    headers = {"X-Api-Key": garden.plant("our api key")}
    with a_gossip(garden) as (address, gossip), CallHub(logs=tmp_path) as hub:
        url = f"ws://{address}/?token={token}"
        call = hub.start(url, option, headers=headers)
        cursor = call.log.cursor()

        async def answered() -> None:
            with anyio.fail_after(10):
                async for record in cursor:
                    if record.name == "answer":
                        return

        anyio.run(answered)
        for command in sent:
            hub.send(call.id, command).result(5)
        hub.hang_up(call.id)
        shown = [repr(hub), repr(call), call.url, str(call.error), repr(call.option)]
    assert garden.found_in(gossip.heard)
    files = all_files(tmp_path)
    assert "events.jsonl" in files
    for text in (*shown, files, everything_of(call.log), caplog.text):
        assert garden.found_in(text) == []


@contextmanager
def a_file_server() -> Iterator[str]:
    """HTTP on the loopback, without a single file."""

    class Nothing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        join(thread)


ENDING = commands.Hangup | commands.Reject | commands.Refer


@pytest.mark.anyio
async def test_the_stand_in_keeps_and_tells_no_secret(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    garden = Garden()
    option, sent = every_option(garden), every_command(garden)
    option = option.model_copy(
        update={"eou": None, "realtime": None, "media_pass": None}
    )
    stand_in = StandIn(asr="scripted", tts="scripted", dump_dir=tmp_path)
    token = garden.plant("second play.url token")
    with a_file_server() as files, stand_in.in_thread() as server:
        http = server.url.replace("ws://", "http://")
        async with connect(server.url, id="s.planted") as call:
            await call.invite(option, timeout=10)
            for command in sent:
                if not isinstance(command, ENDING):
                    await call.send(command)
            played = await call.play(f"{files}/a.wav?token={token}")
            await call.wait_for("error", timeout=10, after=played)
            await call.custom("mark")
            await call.wait_for("custom", timeout=10, where=lambda e: e.data == "mark")
            async with httpx.AsyncClient() as client:
                listed = (await client.get(f"{http}/list")).text
                got = await client.post(
                    f"{http}/command/s.planted",
                    json=sent[0].to_wire(reveal=True) | {"text": 5},
                )
    assert "s.planted" in listed
    dumped = all_files(tmp_path)
    assert '"type":"command"' in dumped
    for text in (listed, got.text, dumped, everything_of(call.log), caplog.text):
        assert garden.found_in(text) == []


def test_a_validation_error_shows_no_secret():
    garden = Garden()
    for model in (options.TranscriptionOption, options.SipOption, options.VADOption):
        name = "password" if model is options.SipOption else "secret_key"
        value = garden.plant(model.__name__, ODD)
        with pytest.raises(ValidationError) as raised:
            model(**{name: value, "no_such": value, "endpoint": [value]})
        told = "".join(traceback.format_exception(raised.value))
        assert garden.found_in(told + repr(raised.value)) == []


def test_a_connect_error_is_one_line_without_a_cause():
    with pytest.raises(ConnectError) as raised:
        anyio.run(_connect, "ws://me:pa55word@127.0.0.1:9/?token=t0p-secret")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


async def _connect(url: str) -> None:
    async with connect(url):
        pass
