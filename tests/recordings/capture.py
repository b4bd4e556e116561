"""Record sessions with the real server; the tests read them without it.

    RUSTPBX_LAB_REAL_SERVER=…/active-call PYTHONPATH=tests \
        python tests/recordings/capture.py [NAME …]

Each session leaves NAME.log.jsonl (what we sent and received, with arrival times),
NAME.events.jsonl (the server's own log, secrets masked), NAME.json (how it was made)
and for some NAME.wav (the server's recording).
"""

import datetime
import json
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from anyio.to_thread import run_sync
from real_server import RealServer, real_server_binary, running_real_server

from rustpbx_lab import CallSession, connect, events, options
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource
from rustpbx_lab.conformance.bench import base64_tone
from rustpbx_lab.masking import mask_text
from rustpbx_lab.simulator.gateway.gateway import KEY, Gateway

HERE = Path(__file__).parent
AUDIO = HERE.parent / "speech" / "audio"
COMMAND = "python tests/recordings/capture.py"
Script = Callable[[CallSession, Gateway], Awaitable[Any]]
SILERO = options.VADOption(type="silero")
# base64 speech needs no provider; at 8 kHz it makes short lines
NO_PROVIDER = options.SynthesisOption(provider="aliyun", samplerate=8000, volume=50)


def beep(ms: int) -> str:
    """Return a tone as base64 speech."""
    return base64_tone(ms, 8000)


def caller_audio(parts: list[str | int]) -> Clip:
    """Return what a caller says: files of speech, and milliseconds of silence."""
    pieces = [
        np.zeros(16 * part, np.int16)
        if isinstance(part, int)
        else Clip.read(AUDIO / part).samples
        for part in parts
    ]
    return Clip(np.concatenate(pieces), 16000)


# ---------------------------------------------------------------------- sessions


async def conversation(call: CallSession, gateway: Gateway) -> None:
    """A greeting that is interrupted, an answer in pieces, speech recognised."""
    await call.invite(
        options.CallOption(
            vad=options.VADOption(type="silero", silence_timeout=2000),
            asr=gateway.asr_option(),
            tts=gateway.tts_option(),
        )
    )
    greeting = "Welcome to the front desk. Please tell me how I can help you today."
    sent = await call.tts(greeting, play_id="greeting")
    await call.wait_for(events.Speaking, timeout=10, after=sent)
    await call.interrupt()
    await call.wait_for(events.AsrFinal, timeout=20, after=sent)
    await call.stream_tts("I see. ", play_id="answer")
    asked = await call.stream_tts("Let me look.", play_id="answer", end_of_stream=True)
    await call.wait_for(events.TrackEnd, timeout=20, after=asked)
    said = await call.tts("Good bye.", play_id="bye", auto_hangup=True)
    await call.wait_for("*", timeout=20, after=said, where=_is_bye)
    await _until_closed(call)


def _is_bye(event: Any) -> bool:
    return isinstance(event, events.TrackEnd) and event.play_id == "bye"


async def playback(call: CallSession, _: Gateway) -> None:
    """Every way a playback can go: replaced, paused, interrupted, never spoken."""
    await call.invite(options.CallOption(tts=NO_PROVIDER))
    await call.tts(beep(800), play_id="replaced", base64=True)
    await anyio.sleep(0.4)
    await _end(call, await call.tts(beep(100), play_id="new", base64=True))
    paused = await call.tts(beep(200), play_id="paused", base64=True)
    await anyio.sleep(0.1)
    await call.pause()
    await anyio.sleep(0.3)
    await call.resume()
    await _end(call, paused)
    await call.tts(beep(100), play_id="twice", base64=True)
    await _end(call, await call.tts(beep(100), play_id="twice", base64=True))
    graceful = await call.tts(beep(300), play_id="graceful", base64=True)
    await anyio.sleep(0.15)
    await call.interrupt(graceful=True)
    await _end(call, graceful)
    await _end(call, await call.play("/nowhere/at-all.wav", play_id="missing"))
    waits = await call.tts(
        beep(60), play_id="asks", base64=True, wait_input_timeout=500
    )
    await call.wait_for(events.Silence, timeout=5, after=waits)
    await call.tts(beep(600), play_id="cut off", base64=True)
    await anyio.sleep(0.3)
    await call.hangup(reason="system")
    await _until_closed(call)


async def _end(call: CallSession, after: Any) -> None:
    # of a replaced track the end comes too, and first
    name = json.loads(after.raw).get("playId")
    await call.wait_for(
        events.TrackEnd, timeout=10, after=after, where=lambda e: e.play_id == name
    )


async def recorded(call: CallSession, _: Gateway) -> None:
    """A short call with the server's recorder on."""
    option = options.CallOption(
        tts=NO_PROVIDER, vad=SILERO, recorder=options.RecorderOption()
    )
    await call.invite(option)
    await anyio.sleep(0.5)
    await _end(call, await call.tts(beep(500), play_id="beep", base64=True))
    await anyio.sleep(1.3)
    await call.hangup()
    await _until_closed(call)


async def mistakes(call: CallSession, _: Gateway) -> None:
    """Commands that fail, and what is said of them."""
    await call.history("user", "früh: 早上好")
    await call.custom({"marker": [1, None, "é"]}, sender="capture")
    await call.invite(options.CallOption())
    await call.tts("nobody can say it", play_id="p")
    await call.pause()
    await call.message("hello")
    await call.bridge("nobody")
    await call.tts("x", option=options.SynthesisOption(provider="voiceapi"))
    await call.mute("nobody")
    await call.add_ice_candidate("candidate:1 1 UDP 1 127.0.0.1 9 typ host")
    last = await call.custom("the last but one")
    await call.wait_for(events.Custom, timeout=5, after=last)
    await call.accept()
    await _until_closed(call)


async def narrow(call: CallSession, _: Gateway) -> None:
    """Speech over G.711, in and out."""
    option = options.CallOption(codec="pcmu", vad=SILERO, tts=NO_PROVIDER)
    await call.invite(option)
    await _end(call, await call.tts(beep(100), play_id="beep", base64=True))
    await call.wait_for(events.Silence, timeout=15)
    await anyio.sleep(0.5)
    await call.hangup()
    await _until_closed(call)


async def _until_closed(call: CallSession) -> None:
    with anyio.fail_after(40):
        async for _ in call:
            pass


SESSIONS: dict[str, tuple[Script, list[str | int]]] = {
    "conversation": (conversation, [800, "sense_0880.flac", 9000]),
    "playback": (playback, []),
    "recorded": (recorded, ["sense_0930.flac"]),
    "mistakes": (mistakes, []),
    "narrow": (narrow, [300, "sense_0890.flac", 900]),
}


# ---------------------------------------------------------------------- recording


async def capture(name: str, server: RealServer, gateway: Gateway) -> None:
    """Run a session and keep what it left."""
    script, parts = SESSIONS[name]
    source = ClipSource(caller_audio(parts)) if parts else None
    call_id = f"capture-{name}"
    async with connect(server.url, id=call_id, audio=source) as call:
        await script(call, gateway)
    says = (script.__doc__ or "").strip()
    await keep(name, call, server, says, f"{COMMAND} {name}", parts)


async def keep(
    name: str,
    call: CallSession,
    server: RealServer,
    says: str,
    command: str,
    parts: list[str | int],
) -> None:
    """Keep what a session left: our log, the server's, its WAV, how it was made."""
    call.log.save(HERE / f"{name}.log.jsonl")
    left = anyio.Path(server.recorders / f"{call.id}.events.jsonl")
    text = mask_text(await left.read_text("utf-8"), [KEY])
    await anyio.Path(HERE / f"{name}.events.jsonl").write_text(text, "utf-8")
    wav = server.recorders / f"{call.id}.wav"
    if wav.exists():
        shutil.copyfile(wav, HERE / f"{name}.wav")
    made = {
        "server": await run_sync(_version),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": command,
        "says": says,
        "caller": parts,
    }
    about = json.dumps(made, ensure_ascii=False, indent=2)
    await anyio.Path(HERE / f"{name}.json").write_text(about + "\n", "utf-8")


def _version() -> str:
    binary = str(real_server_binary())
    answer = subprocess.run(
        [binary, "--version"], capture_output=True, text=True, timeout=60
    )
    return answer.stdout.strip()


async def main(names: list[str]) -> None:
    """Capture the sessions of these names, or all."""
    with running_real_server() as server, Gateway().in_thread() as gateway:
        for name in names or SESSIONS:
            await capture(name, server, gateway)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1:])
