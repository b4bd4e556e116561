"""Points about connecting: parameters, ids, pings, refusals, closing."""

import json
from itertools import pairwise
from typing import Any

import anyio

from .bench import Bench, base64_tone, quoted
from .points import Between, Matching, SomeOf, point
from .wire import RefusedError

UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00"


async def _answered_id(bench: Bench, query: str) -> str:
    async with bench.connect(query) as wire:
        await wire.say("invite", option={})
        return (await wire.until("answer"))["trackId"]


async def _refusal(bench: Bench, query: str, path: str = "/call") -> Any:
    try:
        async with bench.connect(query, path) as wire:
            await wire.echo()
            return "accepted"
    except RefusedError as refused:
        return refused.status


@point("the server chooses an id", "1.3", Matching(r"s\." + UUID))
async def _(bench: Bench) -> str:
    return await _answered_id(bench, "")


@point("an id is taken as it is", "1.3", True)
async def _(bench: Bench) -> bool:
    wanted = f"a b+c&d%e#f@g-{bench.new_id()}"
    return await _answered_id(bench, "id=" + quoted(wanted)) == wanted


@point("an empty id is an id", "1.2", "")
async def _(bench: Bench) -> str:
    return await _answered_id(bench, "id=")


@point("a slash behind the path", "1.1", 404)
async def _(bench: Bench) -> Any:
    return await _refusal(bench, "", "/call/")


@point("a plain GET of the path", "1.1", 400)
async def _(bench: Bench) -> int:
    return (await bench.http.get("/call")).status_code


@point("a plain GET says what is missing", "1.1", Matching(".*upgrade.*"))
async def _(bench: Bench) -> str:
    return (await bench.http.get("/call")).text


REFUSED = {
    "dump must be a word": ("dump=1", 400),
    "an empty dump": ("dump=", 400),
    "a negative ping": ("ping=-1", 400),
    "a ping that is not a number": ("ping=soon", 400),
    "a key given twice": ("ping=5&ping=6", 400),
    "forward=true with an unknown id": ("forward=true&id=nobody-has-this", 404),
    "forward=false with an unknown id": ("forward=false&id=nobody-has-it", "accepted"),
    "unknown keys": ("dump_events=maybe&ping_interval=x&visited=y", "accepted"),
}


def _refused_point(name: str, query: str, promised: Any) -> None:
    @point(f"query: {name}", "1.2", promised)
    async def _(bench: Bench) -> Any:
        return await _refusal(bench, query)


for _name, (_query, _promised) in REFUSED.items():
    _refused_point(_name, _query, _promised)


@point("serverSideTrack names the playing track", "1.2", ["mine", "mine"])
async def _(bench: Bench) -> list[str]:
    async with bench.call("serverSideTrack=mine") as wire:
        await wire.say("tts", text=base64_tone(40), base64=True, playId="p")
        await wire.until_end("p")
        return [event["trackId"] for event in wire.events()]


@point("the first ping comes at once", "1.5", [Between(0, 500), Matching(RFC3339)])
async def _(bench: Bench) -> Any:
    async with bench.connect() as wire:
        ping = await wire.first("ping")
        return [round(ping.at_ms), ping.value.decode()]


@point("ping=1 pings every second", "1.5", [Between(850, 1150), Between(850, 1150)])
async def _(bench: Bench) -> list[int]:
    async with bench.connect("ping=1") as wire:
        await anyio.sleep(2.7)
        times = wire.arrivals("ping")[:3]
        return [round(b - a) for a, b in pairwise(times)]


@point("ping=0 never pings", "1.5", 0)
async def _(bench: Bench) -> int:
    async with bench.connect("ping=0") as wire:
        await anyio.sleep(1.5)
        return len(wire.arrivals("ping"))


@point("our ping gets its pong", "1.5", "are you there")
async def _(bench: Bench) -> str:
    async with bench.connect() as wire:
        await wire.ping(b"are you there")
        return (await wire.first("pong")).value.decode()


@point("a ping is not JSON on the socket", "1.5", [])
async def _(bench: Bench) -> list[str]:
    async with bench.connect("ping=1") as wire:
        await anyio.sleep(1.3)
        return wire.story()


@point(
    "two connections with one id",
    "1.4",
    {"both answered": True, "after one closed": [404, 404]},
)
async def _(bench: Bench) -> Any:
    call_id = bench.new_id()
    async with bench.call(f"id={call_id}") as first:
        async with bench.call(f"id={call_id}") as second:
            both = bool(first.frames and second.frames)
        for _ in range(60):
            if call_id not in (await bench.http.get("/list")).text:
                break
            await anyio.sleep(0.05)
        gone = [
            (await bench.http.get(f"/kill/{call_id}")).status_code,
            (await bench.http.get(f"/events/{call_id}")).status_code,
        ]
        await first.echo()
    return {"both answered": both, "after one closed": gone}


@point("the close has no status code", "1.9", 1005)
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        await wire.say("hangup")
        return await wire.close_code()


@point("a websocket call ends without a hangup event", "1.9", True)
async def _(bench: Bench) -> bool:
    async with bench.call() as wire:
        await wire.say("hangup")
        await wire.close_code()
        return "hangup" not in wire.story()


@point("a hangup while nothing plays", "1.9", [SomeOf("trackEnd caller"), "close"])
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await wire.say("hangup")
        await wire.close_code()
        *before, last = wire.story()
        return [before, last]


@point(
    "a hangup while speech plays: how much of the end arrives is a race",
    "1.9",
    [SomeOf("trackEnd caller", "interruption p", "trackEnd p"), "close"],
)
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await wire.say("tts", text=base64_tone(2000), base64=True, playId="p")
        await wire.until_audio(5)
        wire.mark()
        await wire.say("hangup")
        await wire.close_code()
        *before, last = wire.story()
        return [before, last]


@point(
    "a recorder that never gets a frame delays the close by 30 s",
    "1.9",
    Between(29_000, 33_000),
    is_slow=True,
)
async def _(bench: Bench) -> int:
    async with bench.call(recorder={}) as wire:
        began = wire.now_ms
        await wire.say("hangup")
        await wire.close_code(timeout=40)
        return round(wire.now_ms - began)


@point("a closed call leaves the list", "1.9", [True, False])
async def _(bench: Bench) -> list[bool]:
    call_id = bench.new_id()

    async def is_listed() -> bool:
        calls = json.loads((await bench.http.get("/list")).text)["active_calls"]
        return any(call["id"] == call_id for call in calls)

    async with bench.call(f"id={call_id}"):
        listed = await is_listed()
    await anyio.sleep(0.5)
    return [listed, await is_listed()]
