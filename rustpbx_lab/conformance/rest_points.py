"""Points about REST and the event stream."""

import json
from typing import Any

import anyio
import httpx
from httpx_sse import aconnect_sse

from .bench import Bench, base64_tone, quoted
from .points import Matching, OneOf, point

ECHO = {"command": "custom", "data": "through REST"}


@point(
    "/list: keys of a call",
    "9.1",
    ["callType", "cs.option", "id", "ringTime", "startTime"],
)
async def _(bench: Bench) -> list[str]:
    return sorted(await _listed(bench))


async def _listed(bench: Bench, *, is_invited: bool = True) -> dict[str, Any]:
    call_id = bench.new_id()
    async with bench.connect(f"id={call_id}") as wire:
        if is_invited:
            await wire.say("invite", option={"vad": {}, "tts": {"provider": "aliyun"}})
            await wire.until("answer")
        await wire.echo()
        calls = (await bench.http.get("/list")).json()["active_calls"]
        return next(call for call in calls if call["id"] == call_id)


@point("/list: the option before invite", "9.1", ["webSocket", None, None])
async def _(bench: Bench) -> list[Any]:
    call = await _listed(bench, is_invited=False)
    return [call["callType"], call["cs.option"], call["startTime"]]


@point(
    "/list: the option is filled in",
    "9.1",
    {"silencePadding": 100, "tts.speed": 1.0, "tts.model": None},
)
async def _(bench: Bench) -> dict[str, Any]:
    option = (await _listed(bench))["cs.option"]
    return {
        "silencePadding": option["vad"].get("silencePadding"),
        "tts.speed": option["tts"].get("speed"),
        "tts.model": option["tts"]["model"],
    }


@point("/list: startTime ends in Z", "9.1", Matching(r"\d{4}-.*T.*Z"))
async def _(bench: Bench) -> str:
    return (await _listed(bench))["startTime"]


@point("/kill of nobody", "9.2", [404, {"id": "no body", "status": "not_found"}])
async def _(bench: Bench) -> Any:
    answer = await bench.http.get("/kill/" + quoted("no body"))
    return [answer.status_code, answer.json()]


@point("/kill: keys of the answer, in order", "9.2", ["id", "status"])
async def _(bench: Bench) -> list[str]:
    return list((await bench.http.get("/kill/nobody")).json())


@point("/kill ends the call", "9.2", [200, "killed", 1005])
async def _(bench: Bench) -> Any:
    call_id = bench.new_id()
    async with bench.call(f"id={call_id}") as wire:
        answer = await bench.http.get(f"/kill/{call_id}")
        code = await wire.close_code()
        return [answer.status_code, answer.json()["status"], code]


@point("/command: is queued and done", "9.3", [200, "sent", "through REST"])
async def _(bench: Bench) -> Any:
    call_id = bench.new_id()
    async with bench.connect(f"id={call_id}") as wire:
        await wire.echo()
        answer = await bench.http.post(f"/command/{call_id}", json=ECHO)
        said = await wire.until("custom")
        return [answer.status_code, answer.json()["status"], said["data"]]


POSTED: dict[str, tuple[dict[str, Any], int]] = {
    "of nobody": ({"json": ECHO}, 404),
    "no JSON": (
        {"content": "{", "headers": {"Content-Type": "application/json"}},
        400,
    ),
    "of the wrong shape": ({"json": {"command": "dance"}}, 422),
    "with a missing key": ({"json": {"command": "history", "speaker": "a"}}, 422),
    "as plain text": (
        {"content": json.dumps(ECHO), "headers": {"Content-Type": "text/plain"}},
        415,
    ),
}


def _posted_point(name: str, request: dict[str, Any], status: int) -> None:
    @point(f"/command: {name}", "9.3", status)
    async def _(bench: Bench) -> int:
        return (await bench.http.post("/command/nobody", **request)).status_code


for _name, (_request, _status) in POSTED.items():
    _posted_point(_name, _request, _status)


# ---------------------------------------------------------------------- events


@point("/events of nobody", "9.4", [404, "track not active"])
async def _(bench: Bench) -> Any:
    answer = await bench.http.get("/events/nobody")
    return [answer.status_code, answer.text]


async def _streamed(bench: Bench, query: str, wanted: str) -> list[tuple[str, Any]]:
    """Return name and data of what is streamed, up to an event or command."""
    call_id, seen = bench.new_id(), list[tuple[str, Any]]()
    async with (
        bench.call(f"id={call_id}{query}") as wire,
        aconnect_sse(bench.http, "GET", f"/events/{call_id}") as stream,
    ):
        stream.response.raise_for_status()
        await wire.say("custom", data="streamed")
        await wire.say("tts", text=base64_tone(60), base64=True, playId="p")
        with anyio.move_on_after(5):
            async for sent in stream.aiter_sse():
                data = json.loads(sent.data)
                seen.append((sent.event, data))
                if wanted in (data.get("event"), data.get("command")):
                    break
    return seen


async def _stream(bench: Bench, query: str, wanted: str) -> list[tuple[str, Any]]:
    try:
        return await _streamed(bench, query, wanted)
    except httpx.HTTPStatusError as exc:
        return [("refused", {"status": exc.response.status_code})]


@point("/events: events and commands", "9.4", [True, True])
async def _(bench: Bench) -> list[bool]:
    seen = await _stream(bench, "", "trackEnd")
    commands = [data["command"] for kind, data in seen if kind == "command"]
    events = [data["event"] for kind, data in seen if kind == "event"]
    return ["custom" in commands, "custom" in events]


@point(
    "/events: audio comes as lists of bytes, with the session as its track",
    "9.4",
    [Matching("conformance-.*"), 320],
)
async def _(bench: Bench) -> Any:
    seen = await _stream(bench, "", "binary")
    binary = next((d for _, d in seen if d.get("event") == "binary"), None)
    return None if binary is None else [binary["trackId"], len(binary["data"])]


@point("/events: pings come as JSON", "9.4", ["event", "timestamp", "payload"])
async def _(bench: Bench) -> Any:
    seen = await _stream(bench, "&ping=1", "ping")
    return next((list(d) for _, d in seen if d.get("event") == "ping"), None)


# ---------------------------------------------------------------------- the rest


@point("/iceservers: a list of servers", "9.6", [200, True])
async def _(bench: Bench) -> Any:
    answer = await bench.http.get("/iceservers")
    return [answer.status_code, isinstance(_json(answer), list)]


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


def _object(answer: httpx.Response) -> dict[str, Any]:
    read = _json(answer)
    return read if isinstance(read, dict) else {}  # pyright: ignore[reportUnknownVariableType]


@point("/api/playbooks: a list", "9.7", [200, True])
async def _(bench: Bench) -> Any:
    answer = await bench.http.get("/api/playbooks")
    return [answer.status_code, isinstance(_json(answer), list)]


@point("/api/playbooks: one that is not there", "9.7", [404, "Playbook not found"])
async def _(bench: Bench) -> Any:
    answer = await bench.http.get("/api/playbooks/nobody-wrote-this.md")
    return [answer.status_code, answer.text]


@point("/api/playbooks: a name that climbs", "9.7", [400, "Invalid filename"])
async def _(bench: Bench) -> Any:
    answer = await bench.http.get("/api/playbooks/..%2Fsecret.md")
    return [answer.status_code, answer.text]


@point("/api/playbook/run: neither playbook nor content", "9.7", 422)
async def _(bench: Bench) -> int:
    answer = await bench.http.post("/api/playbook/run", json={"type": "x"})
    return answer.status_code


@point("/api/records: a list", "9.7", [200, True])
async def _(bench: Bench) -> Any:
    answer = await bench.http.get("/api/records")
    return [answer.status_code, isinstance(_json(answer), list)]


@point(
    "/precache: another command",
    "9.5",
    [400, {"status": "error", "error": "precache only accepts tts commands"}],
)
async def _(bench: Bench) -> Any:
    answer = await bench.http.post("/precache", json={"command": "interrupt"})
    return [answer.status_code, _json(answer)]


@point("/precache: without an option", "9.5", [500, "error"])
async def _(bench: Bench) -> Any:
    answer = await bench.http.post("/precache", json={"command": "tts", "text": "hi"})
    return [answer.status_code, _object(answer).get("status")]


@point(
    "/precache: makes it once", "9.5", [[200, "cached", True], [200, "exists", False]]
)
async def _(bench: Bench) -> Any:
    endpoint = bench.needs_gateway() + "/api-ws/v1/inference"
    option = {"provider": "aliyun", "endpoint": endpoint, "secretKey": "local"}
    key, said = bench.new_id(), list[Any]()
    for _ in range(2):
        command = {"command": "tts", "text": "Hello.", "option": option}
        answer = await bench.http.post("/precache", json={**command, "cacheKey": key})
        made = _object(answer)
        said.append([answer.status_code, made.get("status"), bool(made.get("bytes"))])
    return said


@point("another path", "9", OneOf(404, 405))
async def _(bench: Bench) -> int:
    return (await bench.http.get("/no/such/path")).status_code
