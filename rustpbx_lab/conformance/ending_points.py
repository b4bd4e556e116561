"""Points about played files and the end of tracks."""

from typing import Any

import anyio

from .bench import Bench, tone
from .playback_points import speak
from .points import Between, InAnyOrder, point

# ---------------------------------------------------------------------- files


@point("play: start, frames, end", "3.6", [["trackStart p", "trackEnd p"], 30])
async def _(bench: Bench) -> Any:
    url = bench.media.put("a.wav", tone(600))
    async with bench.call() as wire:
        await wire.say("play", url=url, playId="p")
        await wire.until_end("p")
        return [wire.story(), len(wire.audio)]


@point("play: the url is the usual playId", "3.6", True)
async def _(bench: Bench) -> bool:
    url = bench.media.put("b.wav", tone(100))
    async with bench.call() as wire:
        await wire.say("play", url=url)
        return (await wire.until_end(url))["playId"] == url


@point("play: frames 1 and 2 at once, end after (N-1) frames", "3.6", Between(510, 640))
async def _(bench: Bench) -> int:
    url = bench.media.put("c.wav", tone(600))
    async with bench.call() as wire:
        await wire.say("play", url=url, playId="p")
        await wire.until_end("p")
        start = wire.arrivals("audio")[0]
        end = next(s for s in wire.new if s.kind == "event" and "duration" in s.value)
        return round(end.at_ms - start)


@point("play: offsetMs skips", "3.6", Between(14, 16))
async def _(bench: Bench) -> int:
    url = bench.media.put("d.wav", tone(600))
    async with bench.call() as wire:
        await wire.say("play", url=url, playId="p", offsetMs=300)
        await wire.until_end("p")
        return len(wire.audio)


@point("play: beyond the end", "3.6", [["trackStart p", "trackEnd p"], 0])
async def _(bench: Bench) -> Any:
    url = bench.media.put("e.wav", tone(100))
    async with bench.call() as wire:
        await wire.say("play", url=url, playId="p", offsetMs=5000)
        await wire.until_end("p")
        return [wire.story(), len(wire.audio)]


@point("play: the last frame is not filled up", "1.6", 160)
async def _(bench: Bench) -> int:
    url = bench.media.put("f.wav", tone(110))
    async with bench.call() as wire:
        await wire.say("play", url=url, playId="p")
        await wire.until_end("p")
        return len(wire.audio[-1])


@point("play: an address is fetched once", "3.6", 1)
async def _(bench: Bench) -> int:
    url = bench.media.put(f"{bench.new_id()}.wav", tone(60))
    async with bench.call() as wire:
        for play_id in ("one", "two"):
            await wire.say("play", url=url, playId=play_id)
            await wire.until_end(play_id)
        return bench.media.fetched[url]


@point("play: a file that is not there", "3.6", ["trackStart p", "error", "trackEnd p"])
async def _(bench: Bench) -> list[str]:
    async with bench.call() as wire:
        await wire.say("play", url="/nowhere/at-all.wav", playId="p")
        await wire.until_end("p")
        error = wire.first_event("error")
        assert error["sender"] == "filetrack: /nowhere/at-all.wav", error
        assert error["trackId"] == wire.server_track, error
        return [
            line.split(" ")[0] if "error" in line else line for line in wire.story()
        ]


@point("play interrupted: only the end", "3.7", ["trackEnd p"])
async def _(bench: Bench) -> list[str]:
    url = bench.media.put("g.wav", tone(3000))
    async with bench.call() as wire:
        await wire.say("play", url=url, playId="p")
        await wire.until_audio(10)
        wire.mark()
        await wire.say("interrupt", graceful=True)
        await wire.until_end("p")
        return wire.story()


@point(
    "speech replaces a file",
    "3.6",
    InAnyOrder(["trackStart new", "trackEnd old", "trackEnd new"]),
)
async def _(bench: Bench) -> list[str]:
    url = bench.media.put("h.wav", tone(3000))
    async with bench.call() as wire:
        await wire.say("play", url=url, playId="old")
        await wire.until_audio(10)
        wire.mark()
        await speak(wire, 100, "new")
        await wire.until_end("new")
        return wire.story()


# ---------------------------------------------------------------------- the end


@point("autoHangup: the end of the track ends the call", "4.6", 1005)
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        await speak(wire, 100, autoHangup=True)
        return await wire.close_code()


@point("autoHangup: the track's end is still reported", "4.6", True)
async def _(bench: Bench) -> bool:
    async with bench.call() as wire:
        await speak(wire, 100, autoHangup=True)
        await wire.close_code()
        return "trackEnd p" in wire.story()


@point("play with autoHangup", "4.6", 1005)
async def _(bench: Bench) -> int:
    url = bench.media.put("i.wav", tone(100))
    async with bench.call() as wire:
        await wire.say("play", url=url, autoHangup=True)
        return await wire.close_code()


@point("interrupt forgets autoHangup", "4.6", "open")
async def _(bench: Bench) -> str:
    async with bench.call() as wire:
        await speak(wire, 2000, autoHangup=True)
        await wire.until_audio(3)
        await wire.say("interrupt")
        await wire.until_end("p")
        await anyio.sleep(0.2)
        await wire.echo()
        return "open"


NO_INPUT = ["server-side-track", False, 300, Between(295, 460), True]


@point("waitInputTimeout: one silence of the playing track", "4.6", NO_INPUT)
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await speak(wire, 60, waitInputTimeout=300)
        end = await wire.until_end("p")
        said = await wire.until("silence")
        late = said["timestamp"] - end["timestamp"]
        begins = abs(said["startTime"] - end["timestamp"]) <= 20
        return [said["trackId"], said["refer"], said["duration"], late, begins]


@point("waitInputTimeout: a new track disarms it", "4.6", [])
async def _(bench: Bench) -> Any:
    async with bench.call() as wire:
        await speak(wire, 60, waitInputTimeout=200)
        await wire.until_end("p")
        await speak(wire, 60, "other")
        await anyio.sleep(0.6)
        return wire.events("silence")


@point("waitInputTimeout: an interrupted track arms it too", "4.6", 1)
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        await speak(wire, 3000, waitInputTimeout=200)
        await wire.until_audio(3)
        await wire.say("interrupt")
        await wire.until("silence")
        return len(wire.events("silence"))


@point("muted speech is sent as zeros", "3.13", [True, True])
async def _(bench: Bench) -> list[bool]:
    async with bench.call() as wire:
        await speak(wire, 3000)
        await wire.until_audio(5)
        await wire.say("mute", trackId=wire.server_track)
        await wire.echo()
        wire.mark()
        await wire.until_audio(12)
        muted = not any(any(frame) for frame in wire.audio[2:])
        await wire.say("unmute")
        await wire.echo()
        wire.mark()
        await wire.until_audio(6)
        return [muted, any(wire.audio[-1])]
