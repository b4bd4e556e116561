"""DashScope's task protocol, as the server speaks it, over local speech engines.

One socket carries tasks: ``run-task`` → ``task-started``, then for ``tts``
``continue-task`` with text → binary audio, for ``asr`` binary audio →
``result-generated`` with sentences; ``finish-task`` → ``task-finished``.

Source:
    active-call 0.3.83, src/synthesis/aliyun.rs, src/transcription/aliyun.rs.
"""

import json
from collections.abc import Iterator
from typing import Any

import anyio
import numpy as np
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from anyio.to_thread import run_sync
from websockets.asyncio.server import ServerConnection

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.audio.resampling import Resampler
from rustpbx_lab.client.task_groups import plain_task_group
from rustpbx_lab.errors import SpeechEngineError, shorten
from rustpbx_lab.simulator.tracks.voice import TextPieces
from rustpbx_lab.speech.recognition import Hypothesis, Recogniser
from rustpbx_lab.speech.synthesis import Synthesiser, voice_for

from .deepgram import Ear

PATH = "/api-ws/v1/inference"
WAITING_TEXTS = 1000
"""Sentences that may wait to be spoken."""
USUAL_VOLUME = 50
"""Volume that changes nothing, of 0 to 100."""


class TaskError(SpeechEngineError):
    """A task that cannot be done; the client gets ``task-failed``."""


async def serve_tasks(
    connection: ServerConnection, recogniser: Recogniser, synthesiser: Synthesiser
) -> None:
    """Run the tasks of one connection, one after another, until it closes."""
    async for message in connection:
        if isinstance(message, bytes):
            continue  # audio behind the end of its task
        request = json.loads(message)
        header, payload = request["header"], request["payload"]
        if header["action"] != "run-task":
            continue  # a command of a task that is over
        task = Task(connection, header["task_id"])
        try:
            if payload["task"] == "tts":
                await _speak(task, payload.get("parameters", {}), synthesiser)
            else:
                await _listen(task, payload.get("parameters", {}), recogniser)
        except SpeechEngineError as exc:
            await task.fail(str(exc))


class Task:
    """One task on its socket."""

    def __init__(self, connection: ServerConnection, task_id: str) -> None:
        self.connection, self._id = connection, task_id

    async def say(self, event: str, **payload: Any) -> None:
        """Send an event of the task."""
        await self._send({"task_id": self._id, "event": event}, payload)

    async def fail(self, why: str) -> None:
        """Send the event of a task that failed."""
        header = {
            "task_id": self._id,
            "event": "task-failed",
            "error_code": "InvalidParameter",
            "error_message": why,
        }
        await self._send(header, {})

    async def _send(self, header: dict[str, str], payload: dict[str, Any]) -> None:
        event: dict[str, Any] = {"header": header, "payload": payload}
        await self.connection.send(json.dumps(event))


# ---------------------------------------------------------------------- to speech


class Speaker:
    """The engine's voice with the parameters of a task."""

    def __init__(self, parameters: dict[str, Any], engine: Synthesiser) -> None:
        """Check and take the parameters.

        Raises:
            TaskError: If the audio is wanted in another format than ``pcm``.
        """
        audio_format = parameters.get("format", "pcm")
        if audio_format != "pcm":
            raise TaskError(
                f"cannot speak as {shorten(audio_format)}: this gateway makes raw "
                "samples only; set codec to 'pcm'"
            )
        self._engine = engine
        self._name = voice_for(engine, parameters.get("voice"))
        self._speed = float(parameters.get("rate", 1.0))
        self._gain = float(parameters.get("volume", USUAL_VOLUME)) / USUAL_VOLUME
        rate = int(parameters.get("sample_rate", 16000))
        self._rates = Resampler(engine.sample_rate_hz, rate)

    def pieces(self, text: str) -> Iterator[bytes]:
        """Yield s16le audio as it is made; blocks."""
        for piece in self._engine.stream(text, self._name, self._speed):
            yield self._encoded(self._rates.push(piece))
        yield self._encoded(self._rates.flush())

    def _encoded(self, samples: Samples) -> bytes:
        louder = np.rint(samples * self._gain)
        return np.clip(louder, -32768, 32767).astype("<i2").tobytes()


async def _speak(
    task: Task, parameters: dict[str, Any], synthesiser: Synthesiser
) -> None:
    speaker = Speaker(parameters, synthesiser)
    await task.say("task-started")
    put, texts = anyio.create_memory_object_stream[str](WAITING_TEXTS)
    async with plain_task_group() as tasks:
        tasks.start_soon(_speak_texts, task, speaker, texts)
        await _read_texts(task.connection, put)


async def _read_texts(
    connection: ServerConnection, put: MemoryObjectSendStream[str]
) -> None:
    pieces = TextPieces()
    with put:
        async for message in connection:
            request = json.loads(message)
            is_last = request["header"]["action"] == "finish-task"
            text = "" if is_last else request["payload"]["input"]["text"]
            for sentence in pieces.push(text, is_last=is_last):
                await put.send(sentence)
            if is_last:
                return


async def _speak_texts(
    task: Task, speaker: Speaker, texts: MemoryObjectReceiveStream[str]
) -> None:
    with texts:
        async for text in texts:
            audio = speaker.pieces(text)
            while (piece := await run_sync(next, audio, None)) is not None:
                if piece:
                    await task.connection.send(piece)
    await task.say("task-finished")


# ---------------------------------------------------------------------- to text


async def _listen(
    task: Task, parameters: dict[str, Any], recogniser: Recogniser
) -> None:
    ear = Ear(recogniser, int(parameters.get("sample_rate", 16000)))
    await task.say("task-started")

    async def hear() -> None:
        sentence_id = 1
        async for heard in ear.hypotheses():
            sentence = _sentence(heard, sentence_id)
            await task.say("result-generated", output={"sentence": sentence})
            sentence_id += heard.is_final
        await task.say("task-finished")

    async with plain_task_group() as tasks:
        tasks.start_soon(hear)
        async for message in task.connection:
            if isinstance(message, bytes):
                ear.push(message)
            elif json.loads(message)["header"]["action"] == "finish-task":
                break
        ear.finish()


def _sentence(heard: Hypothesis, sentence_id: int) -> dict[str, Any]:
    return {
        "sentence_id": sentence_id,
        "begin_time": heard.start_ms,
        "end_time": heard.end_ms if heard.is_final else None,
        "text": heard.text,
        "words": [
            {
                "begin_time": heard.start_ms,
                "end_time": heard.end_ms,
                "text": heard.text,
                "punctuation": "",
            }
        ],
        "heartbeat": False,
        "sentence_end": heard.is_final,
    }
