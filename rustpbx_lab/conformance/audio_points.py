"""Points about codecs, sample rates and both directions of the audio."""

import io
from typing import Any

import numpy as np

from rustpbx_lab.audio.codecs import CODECS, encode

from .bench import Bench, base64_tone, frames, tone
from .points import Between, point

# ---------------------------------------------------------------------- out

SIZES = {"pcm": 320, "pcmu": 160, "pcma": 160, "g722": 160, "PCMU": 160, "opus": 320}


def _size_point(codec: str, size: int) -> None:
    @point(f"frames in {codec}: 20 ms each", "1.6", {"frames": 20, "last 15": [size]})
    async def _(bench: Bench) -> Any:
        async with bench.call(codec=codec) as wire:
            await wire.say("tts", text=base64_tone(400), base64=True, playId="p")
            await wire.until_end("p")
            sizes = [len(frame) for frame in wire.audio]
            return {"frames": len(sizes), "last 15": sorted(set(sizes[5:]))}


for _codec, _size in SIZES.items():
    _size_point(_codec, _size)


@point("pcm goes out at 8 kHz", "1.6", Between(425, 455))
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        await wire.say("tts", text=base64_tone(800), base64=True, playId="p")
        await wire.until_end("p")
        heard = np.frombuffer(b"".join(wire.audio), "<i2")
        spectrum = np.abs(np.fft.rfft(heard))
        return round(int(np.argmax(spectrum)) * 8000 / len(heard))


RATES = {8000: 20, 24000: 20, 48000: 20}


def _rate_point(rate: int, n_frames: int) -> None:
    promised = Between(n_frames - 1, n_frames + 1)

    @point(f"base64 speech at {rate} Hz lasts as long", "5.6", promised)
    async def _(bench: Bench) -> int:
        option = {"provider": "aliyun", "samplerate": rate}
        async with bench.call(tts=option) as wire:
            text = base64_tone(400, rate)
            await wire.say("tts", text=text, base64=True, playId="p")
            await wire.until_end("p")
            return len(wire.audio)


for _rate, _n in RATES.items():
    _rate_point(_rate, _n)


@point("per-command option resets the sample rate", "5.6", Between(9, 11))
async def _(bench: Bench) -> int:
    option = {"provider": "aliyun", "samplerate": 8000}
    async with bench.call(tts=option) as wire:
        own = {"speaker": "x"}
        text = base64_tone(400, 8000)
        await wire.say("tts", text=text, base64=True, playId="p", option=own)
        await wire.until_end("p")
        return len(wire.audio)


@point("per-command null inherits the sample rate", "5.6", Between(19, 21))
async def _(bench: Bench) -> int:
    option = {"provider": "aliyun", "samplerate": 8000}
    async with bench.call(tts=option) as wire:
        own = {"speaker": "x", "samplerate": None}
        text = base64_tone(400, 8000)
        await wire.say("tts", text=text, base64=True, playId="p", option=own)
        await wire.until_end("p")
        return len(wire.audio)


@point("nothing is sent while nothing plays", "1.6", 0)
async def _(bench: Bench) -> int:
    async with bench.call() as wire:
        for message in frames(tone(1000)):
            await wire.send(message)
        await wire.echo()
        return len(wire.audio)


# ---------------------------------------------------------------------- in

VAD = {"type": "silero", "speechPadding": 100}


async def _speech_events(bench: Bench, codec: str, messages: list[bytes]) -> int:
    async with bench.call(codec=codec, vad=VAD) as wire:
        for message in messages:
            await wire.send(message)
        await wire.until("silence", timeout=12)
        return len(wire.events("speaking"))


def _heard_point(codec: str) -> None:
    @point(f"speech in {codec} is heard", "1.6", Between(1, 20))
    async def _(bench: Bench) -> int:
        rate = CODECS[codec].sample_rate_hz
        step = rate // 16000 if rate > 16000 else 16000 // rate
        data = encode(np.ascontiguousarray(bench.speech[::step]), codec)
        size = len(data) * 320 // len(bench.speech)
        pieces = io.BytesIO(data)
        return await _speech_events(
            bench, codec, list(iter(lambda: pieces.read(size), b""))
        )


for _codec in ("pcm", "pcmu", "pcma", "g722"):
    _heard_point(_codec)


@point("messages of any length are taken", "1.6", Between(1, 20))
async def _(bench: Bench) -> int:
    # an odd last byte of a message is dropped, so only the very last one is odd
    data = frames(bench.speech, 9998)
    return await _speech_events(bench, "pcm", [*data, b"\1"])


@point("audio before invite is processed when the track starts", "1.6", Between(1, 20))
async def _(bench: Bench) -> int:
    async with bench.connect() as wire:
        await wire.send(*frames(bench.speech))
        await wire.say("invite", option={"vad": VAD})
        await wire.until("silence", timeout=12)
        return len(wire.events("speaking"))
