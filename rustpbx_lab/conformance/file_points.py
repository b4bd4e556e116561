"""Points about files the server writes: event logs and recordings."""

import json
from pathlib import Path
from typing import Any

import anyio
import soundfile  # pyright: ignore[reportMissingTypeStubs]

from rustpbx_lab.audio.clip import Clip, level_dbfs

from .bench import TTS, Bench, base64_tone, frames
from .points import Between, OneOf, point
from .wire import MissingError


async def _there(path: Path) -> Path:
    for _ in range(100):
        if await anyio.Path(path).exists():
            return path
        await anyio.sleep(0.05)
    raise MissingError(f"no file {path.name}")


async def recording_of(folder: Path, call_id: str) -> Path:
    """Wait for a call's recording and return where it is."""
    return await _there(folder / f"{call_id}.wav")


async def _logged(bench: Bench) -> list[dict[str, Any]]:
    folder, call_id = bench.needs_folder(), bench.new_id()
    async with bench.connect(f"id={call_id}") as wire:
        await wire.send('{"command":"dance"}')
        option = {"vad": {"type": "silero"}, "tts": {**TTS, "apiKey": "k", "x": 1}}
        await wire.say("invite", option=option)
        await wire.until("answer")
        await wire.say("tts", text=base64_tone(100), base64=True, playId="p")
        await wire.until_end("p")
        await wire.say("hangup")
        await wire.close_code()
    path = await _there(folder / f"{call_id}.events.jsonl")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _named(lines: list[dict[str, Any]]) -> list[str]:
    inner = [json.loads(line["content"]) for line in lines]
    return [each.get("event") or each["command"] for each in inner]


@point("the log: keys of a line, in order", "log 1.2", ["type", "timestamp", "content"])
async def _(bench: Bench) -> list[str]:
    return list((await _logged(bench))[0])


@point("the log: the first ping is in it", "log 1.3", True)
async def _(bench: Bench) -> bool:
    return "ping" in _named(await _logged(bench))


@point(
    "the log: commands that were read, no malformed ones; the last may be lost",
    "log 1.3",
    OneOf(["invite", "tts"], ["invite", "tts", "hangup"]),
)
async def _(bench: Bench) -> list[str]:
    lines = [line for line in await _logged(bench) if line["type"] == "command"]
    return _named(lines)


@point("the log: audio is not in it", "log 1.3", False)
async def _(bench: Bench) -> bool:
    return "binary" in _named(await _logged(bench))


@point(
    "the log: commands as the server has read them",
    "log 1.3",
    {"vad": 100, "speed": 1.0, "model": None, "secretKey": True, "x": False},
)
async def _(bench: Bench) -> dict[str, Any]:
    lines = [line for line in await _logged(bench) if line["type"] == "command"]
    option = json.loads(lines[0]["content"])["option"]
    tts = option["tts"]
    return {
        "vad": option["vad"].get("silencePadding"),
        "speed": tts.get("speed"),
        "model": tts["model"],
        "secretKey": "secretKey" in tts,
        "x": "x" in tts,
    }


@point("the log: lines are written at most 20 ms late", "log 1.2", Between(0, 20))
async def _(bench: Bench) -> int:
    late = 0
    for line in await _logged(bench):
        said = json.loads(line["content"]).get("timestamp", line["timestamp"])
        late = max(late, line["timestamp"] - said)
    return late


@point("dump=false writes no log", "1.2", False)
async def _(bench: Bench) -> bool:
    folder, call_id = bench.needs_folder(), bench.new_id()
    async with bench.call(f"id={call_id}&dump=false") as wire:
        await wire.echo()
    await anyio.sleep(0.3)
    return await anyio.Path(folder / f"{call_id}.events.jsonl").exists()


# ---------------------------------------------------------------------- recordings


async def _recorded(bench: Bench, recorder: dict[str, Any], name: str) -> Path:
    folder, call_id = bench.needs_folder(), bench.new_id()
    async with bench.call(f"id={call_id}", recorder=recorder) as wire:
        await wire.say("tts", text=base64_tone(1000), base64=True, playId="p")
        began = anyio.current_time()
        # the caller speaks for the first half only
        for n, message in enumerate(frames(bench.speech[8000:16000])):
            await anyio.sleep_until(began + n * 0.02)
            await wire.send(message)
        await wire.until_end("p")
        await wire.say("hangup")
        await wire.close_code()
    return await _there(folder / name.replace("{id}", call_id))


@point("the recording: 2 channels, 16 kHz, 16 bit", "log 3", [2, 16000, "PCM_16"])
async def _(bench: Bench) -> list[Any]:
    path = await _recorded(bench, {"samplerate": 8000}, "{id}.wav")
    with soundfile.SoundFile(path) as file:
        return [int(file.channels), int(file.samplerate), str(file.subtype)]


@point(
    "the recording: left the caller, right the server",
    "log 3",
    {"left, 1st half": True, "left, end": False, "right, middle": True},
)
async def _(bench: Bench) -> dict[str, bool]:
    path = await _recorded(bench, {}, "{id}.wav")
    left, right = Clip.read(path, 0).samples, Clip.read(path, 1).samples
    return {
        "left, 1st half": level_dbfs(left[:11000]) > -60,
        "left, end": level_dbfs(left[-3200:]) > -60,
        "right, middle": level_dbfs(right[8000:12000]) > -30,
    }


@point("the recording lasts as long as the audio", "log 3", Between(900, 1500))
async def _(bench: Bench) -> int:
    path = await _recorded(bench, {}, "{id}.wav")
    return Clip.read_channels(path).duration_ms


@point("the recording's name: {id}, .wav, folders", "5.2", True)
async def _(bench: Bench) -> bool:
    recorder = {"recorderFile": "conformance-made/{id}-call"}
    path = await _recorded(bench, recorder, "conformance-made/{id}-call.wav")
    return path.name.endswith("-call.wav")
