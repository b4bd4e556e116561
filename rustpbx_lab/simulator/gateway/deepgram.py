"""Deepgram's live transcription, as the server speaks it, over a local recogniser.

The server opens ``…/v1/listen`` with ``encoding=linear16&sample_rate=16000`` in the
query, sends audio as binary messages, ``{"type":"KeepAlive"}`` every 5 s and
``{"type":"CloseStream"}`` at the end, and reads ``Results``.

Source:
    active-call 0.3.83, src/transcription/deepgram.rs.
"""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import numpy as np
from anyio.to_thread import run_sync
from websockets.asyncio.server import ServerConnection

from rustpbx_lab.audio.resampling import Resampler
from rustpbx_lab.client.task_groups import plain_task_group
from rustpbx_lab.speech.recognition import Hypothesis, Recogniser
from rustpbx_lab.speech.vad_engines import SAMPLE_RATE_HZ

PATH = "/v1/listen"


class Ear:
    """A recogniser's stream that is fed as audio comes and takes all that waits."""

    def __init__(self, recogniser: Recogniser, sample_rate_hz: int) -> None:
        self._recogniser = recogniser
        self._rates = Resampler(sample_rate_hz, SAMPLE_RATE_HZ)
        self._waiting = bytearray()
        self._is_over = False
        self._news = anyio.Event()

    def push(self, pcm: bytes) -> None:
        """Take audio, s16le mono; never waits."""
        self._waiting += pcm
        self._news.set()

    def finish(self) -> None:
        """Take note that no more comes."""
        self._is_over = True
        self._news.set()

    async def hypotheses(self) -> AsyncIterator[Hypothesis]:
        """Yield what is heard, until the audio is over and read."""
        stream = await run_sync(self._recogniser.stream)
        while not (self._is_over and not self._waiting):
            await self._news.wait()
            self._news = anyio.Event()
            samples = self._rates.push(self._taken())
            for heard in await run_sync(stream.push, samples):
                yield heard
        for heard in await run_sync(stream.finish):
            yield heard

    def _taken(self) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        whole = len(self._waiting) // 2 * 2
        taken = np.frombuffer(bytes(self._waiting[:whole]), "<i2").astype(np.int16)
        # the odd byte waits for its other half, unless there is none to come
        self._waiting = bytearray() if self._is_over else self._waiting[whole:]
        return taken


async def serve_listen(connection: ServerConnection, recogniser: Recogniser) -> None:
    """Transcribe one connection until its stream is closed."""
    assert connection.request is not None
    query = parse_qs(urlsplit(connection.request.path).query)
    ear = Ear(recogniser, int(query.get("sample_rate", ["16000"])[0]))
    request_id = str(uuid.uuid4())

    async def hear() -> None:
        async for heard in ear.hypotheses():
            await connection.send(json.dumps(_results(heard, request_id)))
        await connection.close()

    async with plain_task_group() as tasks:
        tasks.start_soon(hear)
        async for message in connection:
            if isinstance(message, bytes):
                ear.push(message)
            elif '"CloseStream"' in message:
                break
        ear.finish()


def _results(heard: Hypothesis, request_id: str) -> dict[str, Any]:
    """Return a final as both final and end of speech, as at an endpoint."""
    confidence = 0.0 if heard.confidence is None else heard.confidence
    best: dict[str, Any] = {
        "transcript": heard.text,
        "confidence": confidence,
        "words": [],
    }
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": heard.start_ms / 1000,
        "duration": (heard.end_ms - heard.start_ms) / 1000,
        "is_final": heard.is_final,
        "speech_final": heard.is_final,
        "channel": {"alternatives": [best]},
        "metadata": {"request_id": request_id},
    }
