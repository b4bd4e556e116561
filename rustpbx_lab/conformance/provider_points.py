"""Points that need providers: synthesis and recognition through the gateway."""

from typing import Any

import anyio
import numpy as np

from .bench import RATE_HZ, Bench, frames
from .points import Between, Matching, point
from .wire import Wire

REFUSING = "ws://127.0.0.1:9/nobody-listens-here"
TEXT = "Hello there."


def _tts(bench: Bench, **keys: Any) -> dict[str, Any]:
    endpoint = bench.needs_gateway() + "/api-ws/v1/inference"
    return {"provider": "aliyun", "endpoint": endpoint, "secretKey": "local", **keys}


def _asr(bench: Bench, provider: str) -> dict[str, Any]:
    path = "/v1/listen" if provider == "deepgram" else "/api-ws/v1/inference"
    endpoint = bench.needs_gateway() + path
    return {"provider": provider, "endpoint": endpoint, "secretKey": "local"}


async def _speak(wire: Wire, **keys: Any) -> None:
    await wire.say("tts", **{"text": TEXT, "playId": "p", **keys})
    await wire.until_end("p", timeout=20)


# ---------------------------------------------------------------------- synthesis


@point("tts: start, metrics, end", "4.3", ["trackStart p", "metrics", "trackEnd p"])
async def _(bench: Bench) -> list[str]:
    async with bench.call(tts=_tts(bench)) as wire:
        await _speak(wire, cacheKey=bench.new_id())
        return wire.story()


@point(
    "metrics of a synthesis",
    "7.1",
    {
        "key": "completed.tts.aliyun",
        "data": ["cached", "cmdSeq", "duration", "length", "playId", "ttfb"],
        "cached": False,
        "cmdSeq": 0,
    },
)
async def _(bench: Bench) -> dict[str, Any]:
    async with bench.call(tts=_tts(bench)) as wire:
        await _speak(wire, cacheKey=bench.new_id())
        return _metrics(wire)


def _metrics(wire: Wire) -> dict[str, Any]:
    wire.first_event("metrics")  # says what came instead, if there is none
    metrics = wire.events("metrics")[-1]
    details = metrics["data"]
    return {
        "key": metrics["key"],
        "data": sorted(details),
        "cached": details["cached"],
        "cmdSeq": details["cmdSeq"],
    }


@point(
    "a second time comes from the cache",
    "4.4",
    {
        "key": "completed.tts.aliyun",
        "data": ["cached", "cmdSeq", "duration", "length", "playId", "speaker", "ttfb"],
        "cached": True,
        "cmdSeq": 0,
    },
)
async def _(bench: Bench) -> dict[str, Any]:
    key = bench.new_id()
    async with bench.call(tts=_tts(bench)) as wire:
        await _speak(wire, cacheKey=key, playId="p")
        await wire.say("tts", text=TEXT, playId="q", cacheKey=key)
        await wire.until_end("q")
        return _metrics(wire)


@point("cache keys that differ behind the last dot are one", "4.4", True)
async def _(bench: Bench) -> bool:
    key = bench.new_id()
    async with bench.call(tts=_tts(bench)) as wire:
        await _speak(wire, cacheKey=key + ".v1")
        await wire.say("tts", text=TEXT, playId="q", cacheKey=key + ".v2")
        await wire.until_end("q")
        return _metrics(wire)["cached"]


@point(
    "streamed pieces are one track and one metric",
    "4.3",
    [["trackStart p", "metrics", "trackEnd p"], None],
)
async def _(bench: Bench) -> Any:
    async with bench.call(tts=_tts(bench)) as wire:
        await wire.say("tts", text="One, ", playId="p", streaming=True)
        await wire.say("tts", text="two. ", playId="p", streaming=True)
        await wire.say(
            "tts", text="Three.", playId="p", streaming=True, endOfStream=True
        )
        await wire.until_end("p", timeout=20)
        return [wire.story(), _metrics(wire)["cmdSeq"]]


@point("the subtitle of streamed speech is its last piece", "4.5", "and the last one.")
async def _(bench: Bench) -> str:
    async with bench.call(tts=_tts(bench)) as wire:
        first = "This is the first piece of a text. "
        await wire.say("tts", text=first, playId="p", streaming=True)
        await wire.say(
            "tts",
            text="and the last one.",
            playId="p",
            streaming=True,
            endOfStream=True,
        )
        await wire.until_audio(10, timeout=20)
        await wire.say("interrupt")
        return (await wire.until("interruption"))["subtitle"]


@point(
    "an interruption of a synthesis knows what was made",
    "4.5",
    [Between(150, 600), Between(500, 3000)],
)
async def _(bench: Bench) -> list[int]:
    async with bench.call(tts=_tts(bench)) as wire:
        await wire.say("tts", text=TEXT * 2, playId="p", cacheKey=bench.new_id())
        await wire.until("metrics", timeout=20)
        await wire.until_audio(10)
        await wire.say("interrupt")
        said = await wire.until("interruption")
        return [said["current"], said["totalDuration"]]


@point(
    "a synthesis that fails",
    "4.3",
    ["trackStart p", "error tts", "trackEnd p", 500, "server-side-track"],
)
async def _(bench: Bench) -> list[Any]:
    option = {"provider": "aliyun", "endpoint": REFUSING, "secretKey": "x"}
    async with bench.call(tts=option) as wire:
        await _speak(wire, cacheKey=bench.new_id())
        error = wire.first_event("error")
        story = [line.split(":")[0] for line in wire.story()]
        return [*story, error["code"], error["trackId"]]


@point(
    "a streaming provider that refuses: only the end",
    "4.3",
    ["trackStart p", "trackEnd p"],
)
async def _(bench: Bench) -> list[str]:
    option = {"provider": "aliyun", "endpoint": REFUSING, "secretKey": "x"}
    async with bench.call(tts=option) as wire:
        await _speak(wire, streaming=True, endOfStream=True)
        return wire.story()


# ---------------------------------------------------------------------- recognition


async def _heard(bench: Bench, provider: str) -> Wire:
    async with bench.call(asr=_asr(bench, provider)) as wire:
        silence = np.zeros(RATE_HZ * 2, np.int16)
        for message in frames(np.concatenate([bench.speech, silence])):
            await wire.send(message)
            await anyio.sleep(0.004)
        await wire.until("asrFinal", timeout=30)
        await wire.until("metrics", lambda e: e["key"].startswith("completed"))
        return wire


TIMES = ["startTime", "endTime", "text"]


def _keys_point(provider: str, promised: list[str]) -> None:
    @point(f"asrFinal of {provider}: its keys, in order", "6.2", promised)
    async def _(bench: Bench) -> list[str]:
        final = (await _heard(bench, provider)).first_event("asrFinal")
        return list(final)


_FINAL = ["event", "trackId", "timestamp", "index", *TIMES]
_keys_point("deepgram", [*_FINAL, "confidence", "taskId"])
_keys_point("aliyun", _FINAL)


@point("the first index: deepgram 0, aliyun 1", "6.2", [0, 1])
async def _(bench: Bench) -> list[int]:
    return [
        (await _heard(bench, provider)).first_event("asrFinal")["index"]
        for provider in ("deepgram", "aliyun")
    ]


@point(
    "a metric follows each text",
    "7.1",
    ["asrFinal", "completed.asr.deepgram", ["index"]],
)
async def _(bench: Bench) -> Any:
    wire = await _heard(bench, "deepgram")
    events = wire.events()
    n = next(n for n, event in enumerate(events) if event["event"] == "asrFinal")
    follows = events[n + 1]
    return [events[n]["event"], follows.get("key"), sorted(follows.get("data", {}))]


@point(
    "a recogniser that refuses",
    "7.2",
    ["DeepgramAsrClient", 500, Matching("Failed to connect.*"), "open"],
)
async def _(bench: Bench) -> list[Any]:
    asr = {"provider": "deepgram", "endpoint": REFUSING, "secretKey": "x"}
    async with bench.connect() as wire:
        await wire.say("invite", option={"asr": asr})
        error = await wire.until("error")
        await wire.echo()
        return [error["sender"], error.get("code"), error["error"], "open"]
