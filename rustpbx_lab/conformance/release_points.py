"""Points that changed between releases: what waits, queues, transfers, recordings."""

from contextlib import suppress
from typing import Any

import anyio
import numpy as np

from rustpbx_lab.audio.clip import Clip, level_dbfs

from .bench import TTS, Bench, base64_tone, frames, tone
from .file_points import recording_of
from .points import Between, InAnyOrder, OneOf, SomeOf, point
from .wire import MissingError, Wire

SIP, NOBODY = "/call/sip", "sip:nobody@127.0.0.1:9"
BLOCKING_INVITE, INVITE_BESIDE = "0.3.84", "0.3.85"
BEFORE_ONE_LOOP, ONE_LOOP = "0.3.83", "0.3.84"
FAILED_REFER_ENDS, FAILED_REFER_STAYS = "0.3.95", "0.3.96"
INVITE: dict[str, Any] = {"command": "invite", "option": {"tts": TTS}}
ECHO: dict[str, Any] = {"command": "custom", "data": 1}

# ---------------------------------------------------------------------- an invite


async def _ringing(bench: Bench, **command: Any) -> list[str]:
    """Send a command while the callee is rung; return what comes within 2 s."""
    async with bench.connect(path=SIP) as wire:
        callee = {"callee": NOBODY, "caller": "sip:desk@127.0.0.1"}
        await wire.say("invite", option=callee)
        await wire.until("trackStart")
        wire.mark()
        await wire.send(command)
        with suppress(MissingError):
            await wire.close_code(timeout=2)
        return wire.story()


@point(
    "/call/sip: hangup waits behind an invite that rings",
    "1.8",
    [],
    until=BLOCKING_INVITE,
)
async def _(bench: Bench) -> list[str]:
    return await _ringing(bench, command="hangup")


@point(
    "/call/sip: hangup ends an invite that rings",
    "1.8",
    [SomeOf("trackEnd caller", "hangup"), "close"],
    since=INVITE_BESIDE,
)
async def _(bench: Bench) -> list[Any]:
    story = await _ringing(bench, command="hangup")
    return [[line for line in story if line != "close"], *story[-1:]]


@point(
    "/call/sip: a command waits behind an invite that rings",
    "1.8",
    [],
    until=BLOCKING_INVITE,
)
async def _(bench: Bench) -> list[str]:
    return await _ringing(bench, **ECHO)


@point(
    "/call/sip: a command is done while an invite rings",
    "1.8",
    ["custom"],
    since=INVITE_BESIDE,
)
async def _(bench: Bench) -> list[str]:
    return await _ringing(bench, **ECHO)


async def _burst(bench: Bench, *commands: dict[str, Any]) -> list[str]:
    async with bench.connect() as wire:
        await wire.send(INVITE, *commands)
        await wire.until("answer")
        await wire.echo()
        return wire.story()


ANSWERED = ["trackStart caller", "answer"]


@point(
    "a command sent with the invite is done after it",
    "1.8",
    [*ANSWERED, "custom"],
    until=BLOCKING_INVITE,
)
async def _(bench: Bench) -> list[str]:
    return await _burst(bench, ECHO)


@point(
    "a command sent with the invite may overtake it",
    "1.8",
    OneOf(
        [*ANSWERED, "custom"],
        ["custom", *ANSWERED],
        ["trackStart caller", "custom", "answer"],
    ),
    since=INVITE_BESIDE,
)
async def _(bench: Bench) -> list[str]:
    return await _burst(bench, ECHO)


NO_OPTION = "error command: no tts option available"


@point(
    "speech sent with the invite may find no tts option",
    "1.8",
    OneOf(
        [*ANSWERED, "trackStart p"],
        [NO_OPTION, *ANSWERED],
        ["trackStart caller", NO_OPTION, "answer"],
        ["trackStart p", *ANSWERED],
        ["trackStart caller", "trackStart p", "answer"],
    ),
    since=INVITE_BESIDE,
)
async def _(bench: Bench) -> list[str]:
    text = base64_tone(2000)
    return await _burst(
        bench, {"command": "tts", "text": text, "base64": True, "playId": "p"}
    )


# ---------------------------------------------------------------------- the queue


async def _behind_refer(bench: Bench, n_commands: int) -> list[Any]:
    async with bench.call() as wire:
        options = {"timeout": 2, "autoHangup": False}
        await wire.say("refer", caller="", callee=NOBODY, options=options)
        await wire.until("trackStart")
        began = wire.now_ms
        for n in range(n_commands):
            await wire.say("custom", data=n)
            await anyio.sleep(0.01)
        await wire.until("error")
        with suppress(MissingError):
            last = n_commands - 1
            await wire.until("custom", lambda event: event["data"] == last, timeout=2)
        ended = [round(at - began) for at in wire.arrivals("close")]
        return [len(wire.events("custom")), ended]


@point("32 commands behind a refer are all done", "1.8", [32, []])
async def _(bench: Bench) -> list[Any]:
    return await _behind_refer(bench, 32)


@point(
    "33 are all lost, and the call ends when that one is done",
    "1.8",
    [0, [Between(1800, 2800)]],
    until=BEFORE_ONE_LOOP,
)
async def _(bench: Bench) -> list[Any]:
    return await _behind_refer(bench, 33)


@point("33 commands behind a refer are all done", "1.8", [33, []], since=ONE_LOOP)
async def _(bench: Bench) -> list[Any]:
    return await _behind_refer(bench, 33)


@point(
    "200 commands in a burst: the oldest may be lost, the call goes on",
    "1.8",
    [199, True],
    since=ONE_LOOP,
)
async def _(bench: Bench) -> list[Any]:
    async with bench.connect() as wire:
        await wire.send(*({"command": "custom", "data": n} for n in range(200)))
        await wire.until("custom", lambda event: event["data"] == 199)
        heard = [event["data"] for event in wire.events("custom")]
        return [heard[-1], heard == sorted(heard)]


@point("what was said before a hangup arrives", "1.9", [list(range(5)), "close"])
async def _(bench: Bench) -> list[Any]:
    async with bench.call() as wire:
        said = ({"command": "custom", "data": n} for n in range(5))
        await wire.send(*said, {"command": "hangup"})
        await wire.close_code()
        heard = [event["data"] for event in wire.events("custom")]
        return [heard, wire.story()[-1]]


# ---------------------------------------------------------------------- a transfer


async def _transferred(bench: Bench, **options: Any) -> Wire:
    """Transfer to nobody; gives up after 2 s."""
    async with bench.call() as wire:
        options = {"timeout": 2, **options}
        await wire.say("refer", caller="", callee=NOBODY, options=options)
        await wire.until("hangup", timeout=8)
        with suppress(MissingError):
            await wire.close_code(timeout=1.5)
        return wire


def _short(wire: Wire) -> list[str]:
    return [line.split(":")[0] for line in wire.story()]


@point(
    "a refer that nobody answers ends the call",
    "3.10",
    [
        InAnyOrder(["trackStart server", "reject", "trackEnd server", "error command"]),
        "close",
    ],
    is_slow=True,
    until=FAILED_REFER_ENDS,
)
async def _(bench: Bench) -> Any:
    # the track of the leg may be told twice: when it ends, and when the call does
    story = _short(await _transferred(bench))
    others = ("close", "hangup", "trackEnd caller")
    first = [line for n, line in enumerate(story) if line not in story[:n]]
    return [[line for line in first if line not in others], story[-1]]


@point(
    "a refer that nobody answers leaves the call",
    "3.10",
    InAnyOrder(
        ["trackStart server", "reject", "trackEnd server", "hangup", "error command"]
    ),
    is_slow=True,
    since=FAILED_REFER_STAYS,
)
async def _(bench: Bench) -> list[str]:
    return _short(await _transferred(bench))


async def _refused(bench: Bench) -> list[Any]:
    wire = await _transferred(bench, autoHangup=False)
    hangup = wire.first_event("hangup")
    why = wire.first_event("error")["error"]
    said = [hangup["reason"], hangup["initiator"], hangup["refer"]]
    return [*said, hangup.get("extra"), why]


TOO_LONG = "refer sip track creation timed out"


@point(
    "a transfer that failed: Some around the reason, no extra",
    "6.1",
    ["Some(Canceled)", "caller", True, None, TOO_LONG],
    until=BEFORE_ONE_LOOP,
)
async def _(bench: Bench) -> list[Any]:
    return await _refused(bench)


@point(
    "a transfer that failed: the plain reason, an empty extra",
    "6.1",
    ["Canceled", "caller", True, {}, f"Error: {TOO_LONG}"],
    since=ONE_LOOP,
)
async def _(bench: Bench) -> list[Any]:
    return await _refused(bench)


async def _music(bench: Bench) -> int:
    url = bench.media.put("music.wav", tone(300))
    wire = await _transferred(bench, moh=url, autoHangup=False)
    starts = wire.events("trackStart")
    return sum(event.get("playId") == url for event in starts)


@point("music on hold is played once", "3.10", 1, until=BEFORE_ONE_LOOP)
async def _(bench: Bench) -> int:
    return await _music(bench)


@point("music on hold is repeated", "3.10", Between(4, 9), since=ONE_LOOP)
async def _(bench: Bench) -> int:
    return await _music(bench)


# ---------------------------------------------------------------------- recordings


async def _recorded(
    bench: Bench, codec: str, *, is_silent: bool = False
) -> tuple[int, int]:
    """Return rate and length in frames of a recording at the native rate."""
    folder, call_id = bench.needs_folder(), bench.new_id()
    recorder = {"nativeSamplerate": True}
    async with bench.call(f"id={call_id}", codec=codec, recorder=recorder) as wire:
        size = 640 if codec == "pcm" else 160
        await wire.say("tts", text=base64_tone(500), base64=True, playId="p")
        for _ in range(0 if is_silent else 20):
            await wire.send(bytes(size))
            await anyio.sleep(0.02)
        await wire.until_end("p")
        await wire.say("hangup")
        await wire.close_code()
    clip = Clip.read_channels(await recording_of(folder, call_id))
    return clip.sample_rate_hz, len(clip.samples)


def _native_point(codec: str, rate_hz: int) -> None:
    name = f"the recording of {codec} at the caller's rate"

    @point(name, "5.2", rate_hz, since="0.3.89")
    async def _(bench: Bench) -> int:
        return (await _recorded(bench, codec))[0]


for _codec, _rate_hz in (("pcm", 16000), ("pcmu", 8000), ("g722", 16000)):
    _native_point(_codec, _rate_hz)


@point("nativeSamplerate is ignored", "5.2", 16000, until="0.3.88")
async def _(bench: Bench) -> int:
    return (await _recorded(bench, "pcmu"))[0]


@point(
    "the recording at the rate of a caller that says nothing is empty",
    "5.2",
    [16000, 0],
    since="0.3.89",
)
async def _(bench: Bench) -> list[int]:
    return list(await _recorded(bench, "pcmu", is_silent=True))


async def _background(bench: Bench) -> bool:
    """Return whether the background sound is in the recording's right channel."""
    folder, call_id = bench.needs_folder(), bench.new_id()
    url = bench.media.put("background.wav", tone(2000))
    option = {"recorder": {}, "ambiance": {"path": url, "normalLevel": 0.5}}
    async with bench.call(f"id={call_id}", **option) as wire:
        for message in frames(np.zeros(16000, np.int16)):
            await wire.send(message)
            await anyio.sleep(0.02)
        await wire.say("hangup")
        await wire.close_code()
    right = Clip.read(await recording_of(folder, call_id), 1).samples
    return bool(level_dbfs(right) > -60)


@point("background sound alone is not recorded", "5.11", False, until=BEFORE_ONE_LOOP)
async def _(bench: Bench) -> bool:
    return await _background(bench)


@point("background sound alone is recorded", "5.11", True, since=ONE_LOOP)
async def _(bench: Bench) -> bool:
    return await _background(bench)
