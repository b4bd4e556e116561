"""The bench of a point: a server, connections to it, audio."""

import base64
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
import numpy as np

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import MissingExtraError
from rustpbx_lab.speech.synthesis import spoken, synthesiser

from .media import MediaServer
from .wire import Wire, open_wire

RATE_HZ = 16000
FRAME_BYTES = 640
"""20 ms of the caller's audio."""
SPEECH_TEXT = "Good morning. I would like to change my booking to the second of May."
TTS = {"provider": "aliyun"}
"""Enough for base64 speech: no connection is made."""


class NotTestableError(Exception):
    """A point cannot be asked here; the text says why and what would help."""


@dataclass
class Bench:
    """The server under test and what is at hand."""

    url: str
    http: httpx.AsyncClient
    media: MediaServer
    gateway: str | None = None
    """Address of a speech gateway that the server can reach."""
    recorder_dir: Path | None = None
    """The server's folder of recordings and event logs."""
    wav: Path | None = None
    """Speech to use; without it it is synthesised."""
    _speech: Samples | str = "nothing is prepared"

    # ------------------------------------------------------------------ calls

    def address(self, path: str = "/call", query: str = "") -> str:
        """Return the address of a call path."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))

    @asynccontextmanager
    async def connect(
        self, query: str = "", path: str = "/call"
    ) -> AsyncGenerator[Wire]:
        """Open a connection, no command sent yet."""
        async with open_wire(self.address(path, query)) as wire:
            yield wire

    @asynccontextmanager
    async def call(self, query: str = "", **option: Any) -> AsyncGenerator[Wire]:
        """Open a call that is answered; what comes after is looked at."""
        async with self.connect(query) as wire:
            await wire.say("invite", option={"tts": TTS, **option})
            await wire.until("answer")
            wire.mark()
            yield wire

    @staticmethod
    def new_id() -> str:
        """Return a session id that nobody has."""
        return f"conformance-{uuid.uuid4().hex[:12]}"

    # ------------------------------------------------------------------ at hand

    def needs_gateway(self) -> str:
        """Return the gateway's address.

        Raises:
            NotTestableError: If there is none.
        """
        if self.gateway is None:
            raise NotTestableError(
                "the server needs a provider for it: run rustpbx-lab gateway and "
                "pass --gateway"
            )
        return self.gateway

    def needs_folder(self) -> Path:
        """Return the server's folder of recordings and event logs.

        Raises:
            NotTestableError: If it cannot be read from here.
        """
        if self.recorder_dir is None:
            raise NotTestableError(
                "it shows in the server's files: pass --recorder-dir"
            )
        return self.recorder_dir

    def prepare(self) -> None:
        """Read or make the speech; blocks, so that no scenario has to."""
        try:
            if self.wav is not None:
                clip = Clip.read(self.wav)
            else:
                clip = spoken(synthesiser("auto"), SPEECH_TEXT)
        except MissingExtraError as exc:
            self._speech = f"it needs speech: {exc}, or --wav"
            return
        silence = np.zeros(RATE_HZ // 2, np.int16)
        said = clip.mono().resampled(RATE_HZ).samples
        self._speech = np.concatenate([silence, said, silence, said, silence, silence])

    @property
    def speech(self) -> Samples:
        """Speech with a pause in it and silence behind, 16 kHz.

        Raises:
            NotTestableError: If there is none.
        """
        if isinstance(self._speech, str):
            raise NotTestableError(self._speech)
        return self._speech


def tone(ms: int, rate_hz: int = RATE_HZ) -> Samples:
    """Return a tone of 440 Hz."""
    n = np.arange(ms * rate_hz // 1000)
    return np.rint(8000 * np.sin(2 * np.pi * 440 * n / rate_hz)).astype(np.int16)


def base64_tone(ms: int, rate_hz: int = RATE_HZ) -> str:
    """Return a tone as the ``text`` of base64 speech."""
    return base64.b64encode(tone(ms, rate_hz).astype("<i2").tobytes()).decode()


def frames(samples: Samples, frame_bytes: int = FRAME_BYTES) -> list[bytes]:
    """Return s16le audio cut into messages."""
    data = samples.astype("<i2").tobytes()
    return [data[n : n + frame_bytes] for n in range(0, len(data), frame_bytes)]


def quoted(text: str) -> str:
    """Return a text percent-encoded for a query or a path."""
    return quote(text, safe="")
