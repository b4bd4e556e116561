"""Points about speech detection, silence timers and inactivity."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import anyio
import numpy as np
from anyio.to_thread import run_sync

from rustpbx_lab.models.options import VADOption
from rustpbx_lab.speech.vad import VadParams, decide, marginal
from rustpbx_lab.speech.vad_engines import CHUNK_MS, Probabilities, SileroEngine

from .bench import RATE_HZ, Bench, frames, tone
from .points import Between, Matching, point
from .wire import Wire

Spoken = tuple[str, int, int | None]
"""Name, start and duration of ``speaking`` or ``silence``."""
MOST_FLIPPED = 3
"""Marginal chunks that may be decided otherwise to explain a difference."""


async def _pour(wire: Wire, samples: Any) -> None:
    for message in frames(samples):
        await wire.send(message)
    await wire.echo()
    # the processing of the last message may still be on its way
    await anyio.sleep(0.4)


def relative(events: Sequence[Spoken]) -> list[list[Any]]:
    """Return events with their starts counted from that of the first."""
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


def flipped_chunks(
    probabilities: Probabilities, params: VadParams, said: Sequence[Spoken]
) -> tuple[int, ...] | None:
    """Return which marginal chunks the server decided otherwise than our arithmetic.

    Args:
        probabilities: Of all chunks, shape (n,).
        params: The thresholds of the call.
        said: What the server said, in order; our replay may go on after it.

    Returns:
        Start of each chunk in milliseconds, as few as possible, none if all agree.
        None if no choice of marginal chunks explains what was said.
    """
    near = [at for at, _ in marginal(probabilities, params.voice_threshold)]
    for n_flipped in range(min(len(near), MOST_FLIPPED) + 1):
        for chosen in combinations(near, n_flipped):
            tried = probabilities.copy()
            for at in chosen:
                was_voice = tried[at // CHUNK_MS] > np.float32(params.voice_threshold)
                tried[at // CHUNK_MS] = 0.0 if was_voice else 1.0
            events = decide(tried, params)
            ours = [(e.event, e.start_time, e.duration) for e in events]
            if relative(ours[: len(said)]) == relative(said):
                return chosen
    return None


def _replay_point(name: str, keys: dict[str, Any]) -> None:
    @point(
        f"known audio, {name}: events as in our replay",
        "vad 3",
        Matching(r"equal.*"),
    )
    async def _(bench: Bench) -> str:
        option = {"type": "silero", **keys}
        params = VadParams.from_option(VADOption.model_validate(option))
        heard = await run_sync(SileroEngine().probabilities, bench.speech)
        async with bench.call(vad=option) as wire:
            await _pour(wire, bench.speech)
            said = _said(wire)
        ours = [(e.event, e.start_time, e.duration) for e in decide(heard, params)]
        flipped = flipped_chunks(heard, params, said)
        if flipped is None or len(said) < len(ours) - 1:
            return f"server {relative(said)}, our replay {relative(ours)}"
        n = len(marginal(heard, params.voice_threshold))
        return (
            f"equal: {len(said)} events, {n} marginal chunks, decided otherwise: "
            + (", ".join(map(str, flipped)) or "none")
        )


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
        first = wire.first_event("silence")["startTime"]
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
