"""Points about speech detection, silence timers and inactivity."""

from typing import Any

import anyio
import numpy as np

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.models.options import VADOption
from rustpbx_lab.speech.replay import replay_vad

from .bench import RATE_HZ, Bench, frames, tone
from .points import Between, Matching, point
from .wire import Wire

Spoken = tuple[str, int, int | None]
"""Name, start after the first event's start, duration."""


async def _pour(wire: Wire, samples: Any) -> None:
    for message in frames(samples):
        await wire.send(message)
    await wire.echo()
    # the processing of the last message may still be on its way
    await anyio.sleep(0.4)


def _relative(events: list[Spoken]) -> list[list[Any]]:
    first = events[0][1] if events else 0
    return [[name, start - first, duration] for name, start, duration in events]


def _said(wire: Wire) -> list[Spoken]:
    return [
        (event["event"], event["startTime"], event.get("duration"))
        for event in wire.events()
        if event["event"] in ("speaking", "silence")
    ]


VARIANTS: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "longer paddings": {"speechPadding": 400, "silencePadding": 500},
    "no paddings": {"speechPadding": 0, "silencePadding": 0},
    "a high threshold": {"voiceThreshold": 0.9},
    "a silence timeout": {"silenceTimeout": 300},
    "a timeout below the padding": {"silenceTimeout": 50},
}


def _replay_point(name: str, keys: dict[str, Any]) -> None:
    @point(
        f"known audio, {name}: events as in our replay",
        "vad 3",
        Matching(r"equal( except around marginal chunks at .*)?"),
    )
    async def _(bench: Bench) -> str:
        option = {"type": "silero", **keys}
        replay = replay_vad(
            Clip(bench.speech, RATE_HZ), VADOption.model_validate(option)
        )
        ours = _relative([(e.event, e.start_time, e.duration) for e in replay.events])
        async with bench.call(vad=option) as wire:
            await _pour(wire, bench.speech)
            theirs = _relative(_said(wire))
        if theirs == ours:
            return "equal"
        # one chunk decides an event that begins or ends there, 32 ms to either side
        near = [at for at, _ in replay.marginal]
        verdict = "equal except around" if near else "different without"
        return f"{verdict} marginal chunks at {near}: server {theirs}, replay {ours}"


for _name, _keys in VARIANTS.items():
    _replay_point(_name, _keys)


@point(
    "keys of speaking, in order",
    "6.2",
    [["event", "trackId", "timestamp", "startTime", "confidence"], 1.0],
)
async def _(bench: Bench) -> Any:
    async with bench.call(vad={}) as wire:
        await _pour(wire, bench.speech)
        said = await wire.until("speaking")
        return [list(said), said["confidence"]]


@point(
    "keys of silence, in order",
    "6.2",
    ["event", "trackId", "timestamp", "startTime", "duration"],
)
async def _(bench: Bench) -> Any:
    async with bench.call(vad={}) as wire:
        await _pour(wire, bench.speech)
        return list(await wire.until("silence"))


async def _events_of(bench: Bench, **option: Any) -> list[str]:
    async with bench.call(**option) as wire:
        await _pour(wire, bench.speech)
        return sorted({event["event"] for event in wire.events()})


@point("without a vad option nothing is detected", "vad 1", [])
async def _(bench: Bench) -> list[str]:
    return await _events_of(bench)


for _type in ("webrtc", "ten"):

    @point(f"vad type {_type} removes all processors in silence", "vad 1", [])
    async def _(bench: Bench, vad_type: str = _type) -> list[str]:
        return await _events_of(bench, vad={"type": vad_type})


@point("eou removes all processors in silence", "3.1", [])
async def _(bench: Bench) -> list[str]:
    return await _events_of(bench, vad={"type": "silero"}, eou={"type": "any"})


@point("an unknown recogniser removes all processors in silence", "3.1", [])
async def _(bench: Bench) -> list[str]:
    return await _events_of(bench, vad={"type": "silero"}, asr={"provider": "nobody"})


@point("a muted caller is not heard", "3.13", [])
async def _(bench: Bench) -> list[str]:
    call_id = bench.new_id()
    async with bench.call(f"id={call_id}", vad={}) as wire:
        await wire.say("mute", trackId=call_id)
        await wire.echo()
        await _pour(wire, bench.speech)
        return [event["event"] for event in wire.events()]


@point("unmute lets the caller be heard again", "3.13", True)
async def _(bench: Bench) -> bool:
    async with bench.call(vad={}) as wire:
        await wire.say("mute")
        await wire.say("unmute")
        await wire.echo()
        await _pour(wire, bench.speech)
        return bool(wire.events("speaking"))


@point(
    "silenceTimeout ticks from the start, in whole chunks",
    "vad 3",
    [[0, 1024], [1024, 1024]],
)
async def _(bench: Bench) -> list[list[int]]:
    async with bench.call(vad={"silenceTimeout": 1000}) as wire:
        await _pour(wire, np.zeros(RATE_HZ * 5 // 2, np.int16))
        said = wire.events("silence")
        first = said[0]["startTime"]
        return [[event["startTime"] - first, event["duration"]] for event in said]


@point(
    "nop: any sample is voice, on the arrival clock",
    "vad 2",
    ["speaking", "silence", Between(560, 660)],
)
async def _(bench: Bench) -> list[Any]:
    async with bench.call(vad={"type": "nop"}) as wire:
        began = anyio.current_time()
        messages = frames(np.concatenate([tone(600) | 1, np.zeros(6400, np.int16)]))
        for n, message in enumerate(messages):
            await anyio.sleep_until(began + n * 0.02)
            await wire.send(message)
        said = await wire.until("silence")
        return [
            "speaking" if wire.events("speaking") else "",
            "silence",
            said["duration"],
        ]


@point(
    "inactivity: N to N+1 s after the last message, then the close",
    "6.1",
    [Between(950, 2300), 1005],
)
async def _(bench: Bench) -> Any:
    async with bench.call(inactivityTimeout=1) as wire:
        await wire.send(bytes(640))
        last = wire.now_ms
        await wire.until("inactivity")
        took = wire.now_ms - last
        return [round(took), await wire.close_code()]


@point("inactivityTimeout 0 is off", "5.1", "open")
async def _(bench: Bench) -> str:
    async with bench.call(inactivityTimeout=0) as wire:
        await anyio.sleep(2.5)
        await wire.echo()
        return "open"
