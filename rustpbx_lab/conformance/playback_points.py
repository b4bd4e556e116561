"""Points about playback: state machine, traps, clock."""

from typing import Any

import anyio

from .bench import Bench, base64_tone
from .points import Between, InAnyOrder, OneOf, point
from .wire import Wire


async def speak(wire: Wire, ms: int, play_id: str | None = "p", **keys: Any) -> None:
    """Say a tone of a length with base64 speech."""
    named = {} if play_id is None else {"playId": play_id}
    await wire.say("tts", text=base64_tone(ms), base64=True, **named, **keys)


# ---------------------------------------------------------------------- one track


@point("base64 speech: start, frames, end", "4.3", [["trackStart p", "trackEnd p"], 10])
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await speak(wire, 200)
        await wire.until_end("p")
        return [wire.story(), len(wire.audio)]


@point("base64 speech of N frames ends at 20 N", "4.3", Between(595, 640))
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        await speak(wire, 600)
        return (await wire.until_end("p"))["duration"]


@point("frames of speech come every 20 ms", "4.3", Between(520, 640))
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        await speak(wire, 600)
        await wire.until_end("p")
        times = wire.arrivals("audio")
        return round(times[-1] - times[0])


@point("the first frame comes with the start", "4.3", Between(-5, 90))
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        await speak(wire, 600)
        await wire.until_end("p")
        start = next(s for s in wire.new if s.kind == "event")
        return round(wire.arrivals("audio")[0] - start.at_ms)


@point("the last frame of speech is filled up", "4.3", [320, 320, 320])
async def _(bench: Bench) -> list[int]:
    async with bench.call() as wire:
        await speak(wire, 50)
        await wire.until_end("p")
        return [len(frame) for frame in wire.audio]


@point(
    "keys of trackStart and trackEnd, in order",
    "6.3",
    [
        ["event", "trackId", "timestamp", "playId"],
        ["event", "trackId", "timestamp", "duration", "ssrc", "playId"],
    ],
)
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await speak(wire, 40)
        await wire.until_end("p")
        return [list(event) for event in wire.events()]


@point("without a playId there is no such key", "6.3", [False, False])
async def _(bench: Bench) -> list[bool]:
    async with bench.call() as wire:
        await speak(wire, 40, None)
        await wire.until("trackEnd")
        return ["playId" in event for event in wire.events()]


async def _spoken(bench: Bench, text: str, **keys: Any) -> Any:
    async with bench.call() as wire:
        await wire.say("tts", text=text, playId="p", **keys)
        end = await wire.until_end("p")
        return [wire.story(), len(wire.audio), end["duration"]]


AT_ONCE = [["trackStart p", "trackEnd p"], 0, Between(0, 40)]


@point("an empty text ends at once", "4.3", AT_ONCE)
async def _(bench: Bench) -> Any:
    return await _spoken(bench, "")


@point("invalid base64 gives no audio and no error", "3.5", AT_ONCE)
async def _(bench: Bench) -> Any:
    return await _spoken(bench, "!!! no base64 !!!", base64=True)


@point("an emoji alone is an empty text", "4.3", AT_ONCE)
async def _(bench: Bench) -> Any:
    return await _spoken(bench, "\N{GRINNING FACE}")


@point("base64 speech has no metrics", "7.1", [])
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await speak(wire, 40)
        await wire.until_end("p")
        await wire.echo()
        return wire.events("metrics")


# ---------------------------------------------------------------------- replacing


REPLACED = InAnyOrder(
    ["trackStart new", "interruption old", "trackEnd old", "trackEnd new"]
)


async def _replace(bench: Bench) -> Wire:
    async with bench.call() as wire:
        await speak(wire, 3000, "old")
        await wire.until_audio(10)
        wire.mark()
        await speak(wire, 100, "new")
        await wire.until_end("new")
        return wire


@point("another playId replaces", "4.2", REPLACED)
async def _(bench: Bench) -> list[str]:
    return (await _replace(bench)).story()


@point("the old track is interrupted before its end", "4.2", True)
async def _(bench: Bench) -> bool:
    story = (await _replace(bench)).story()
    return story.index("interruption old") < story.index("trackEnd old")


@point("the new track starts before the old one has ended", "4.2", OneOf(True, False))
async def _(bench: Bench) -> bool:
    story = (await _replace(bench)).story()
    return story.index("trackStart new") < story.index("trackEnd old")


@point(
    "fields of an interruption of base64 speech",
    "4.5",
    {
        "subtitle": True,
        "totalDuration": 0,
        "current": Between(180, 400),
        "position": None,
    },
)
async def _(bench: Bench) -> Any:
    said = (await _replace(bench)).first_event("interruption")
    return {
        "subtitle": said["subtitle"] == base64_tone(3000),
        "totalDuration": said["totalDuration"],
        "current": said["current"],
        "position": said.get("position"),
    }


async def _twice(bench: Bench, play_id: str | None) -> Any:
    async with bench.call() as wire:
        await speak(wire, 400, play_id)
        await wire.until_audio(2)
        await speak(wire, 400, play_id)
        await wire.until("trackEnd")
        await anyio.sleep(0.3)
        return [len(wire.events()), len(wire.audio)]


@point("a second tts with the same playId is never spoken", "4.2", [2, 20])
async def _(bench: Bench) -> Any:
    return await _twice(bench, "p")


@point("a second tts without playId is never spoken", "4.2", [2, 20])
async def _(bench: Bench) -> Any:
    return await _twice(bench, None)


@point(
    "after the end the same playId starts anew",
    "4.2",
    ["trackStart p", "trackEnd p", "trackStart p", "trackEnd p"],
)
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        await speak(wire, 40)
        await wire.until_end("p")
        await speak(wire, 40)
        await wire.until(
            "trackEnd",
            lambda event: event is wire.events()[-1] and len(wire.story()) > 3,
        )
        return wire.story()


@point(
    "a tts that fails has interrupted already",
    "3.5",
    InAnyOrder(
        [
            "interruption p",
            "trackEnd p",
            "error command: TTS type not found: voiceapi",
        ]
    ),
)
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        await speak(wire, 2000)
        await wire.until_audio(5)
        wire.mark()
        await wire.say("tts", text="x", playId="other", option={"provider": "voiceapi"})
        await wire.until("error")
        await wire.until_end("p")
        return wire.story()


# ---------------------------------------------------------------------- interrupt


async def _interrupt(bench: Bench, ms: int, **keys: Any) -> Wire:
    async with bench.call() as wire:
        await speak(wire, ms)
        await wire.until_audio(10)
        wire.mark()
        await wire.say("interrupt", **keys)
        await wire.until_end("p")
        return wire


@point("interrupt: interruption, then the end", "3.7", ["interruption p", "trackEnd p"])
async def _(bench: Bench) -> list[str]:
    return (await _interrupt(bench, 3000)).story()


@point(
    "speech stopped in the burst that began it",
    "4.5",
    OneOf(
        ["trackStart p", "trackEnd p"],
        ["trackStart p", "interruption p", "trackEnd p"],
    ),
)
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        text = base64_tone(400)
        await wire.send(
            {"command": "tts", "text": text, "base64": True, "playId": "p"},
            {"command": "interrupt"},
        )
        await wire.until_end("p")
        return wire.story()


@point("interrupt: nothing is played after it", "4.5", Between(0, 2))
async def _(bench: Bench) -> int:
    return len((await _interrupt(bench, 3000)).audio)


@point(
    "graceful: the sentence is finished",
    "3.7",
    [["interruption p", "trackEnd p"], Between(18, 22)],
)
async def _(bench: Bench) -> Any:
    wire = await _interrupt(bench, 600, graceful=True)
    return [wire.story(), len(wire.audio)]


@point("fadeOutMs has no effect", "3.7", Between(0, 2))
async def _(bench: Bench) -> int:
    return len((await _interrupt(bench, 3000, fadeOutMs=500)).audio)


@point(
    "graceful stops streamed speech at once",
    "3.7",
    [["interruption p", "trackEnd p"], Between(0, 2)],
)
async def _(bench: Bench) -> Any:
    async with bench.call(tts=_streamable(bench)) as wire:
        text = "This is a rather long sentence that takes its time to be said."
        await wire.say("tts", text=text, playId="p", streaming=True, endOfStream=True)
        await wire.until_audio(10, timeout=15)
        wire.mark()
        await wire.say("interrupt", graceful=True)
        await wire.until_end("p")
        return [wire.story(), len(wire.audio)]


def _streamable(bench: Bench) -> dict[str, Any]:
    gateway = bench.needs_gateway()
    endpoint = gateway + "/api-ws/v1/inference"
    return {"provider": "aliyun", "endpoint": endpoint, "secretKey": "local"}


# ---------------------------------------------------------------------- pause


@point("pause: no frames, then on from the same sample", "3.8", [Between(0, 1), 30])
async def _(bench: Bench) -> list[int]:
    async with bench.call() as wire:
        await speak(wire, 600)
        await wire.until_audio(5)
        await wire.say("pause")
        await anyio.sleep(0.1)
        before = len(wire.audio)
        await anyio.sleep(0.4)
        during = len(wire.audio) - before
        await wire.say("resume")
        await wire.until_end("p")
        return [during, len(wire.audio)]


@point("a pause counts into the duration", "4.3", Between(1080, 1250))
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        await speak(wire, 600)
        await wire.until_audio(5)
        await wire.say("pause")
        await anyio.sleep(0.5)
        await wire.say("resume")
        return (await wire.until_end("p"))["duration"]


@point("pause of a track that has ended is not an error", "3.8", [])
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        await speak(wire, 40)
        await wire.until_end("p")
        wire.mark()
        await wire.say("pause")
        await wire.echo()
        return wire.story()


@point(
    "pause after an interrupt finds no track",
    "3.8",
    ["error command: track not found: server-side-track"],
)
async def _(bench: Bench) -> list[str]:
    wire_story: list[str]
    async with bench.call() as wire:
        await speak(wire, 2000)
        await wire.until_audio(3)
        await wire.say("interrupt")
        await wire.until_end("p")
        wire.mark()
        await wire.say("pause")
        await wire.echo()
        wire_story = wire.story()
    return wire_story
