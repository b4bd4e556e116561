"""The monitor of a call: both legs' audio, sent to a WebSocket of the user's.

Source:
    active-call 0.3.113, ``media/monitor.rs``: one attempt; a reader that is slower than
    the audio loses what is older than 200 frames, and nobody is told.
"""

import json
import logging
from collections import deque
from typing import Any
from urllib.parse import quote

import anyio
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidURI, WebSocketException

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import shorten
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models.options import MonitorOption
from rustpbx_lab.models.tap import FORMAT, SAMPLE_RATE_HZ

AGENT, CALLER = 0, 1
QUEUED_FRAMES = 200

logger = logging.getLogger(__name__)


class Monitor:
    """Takes the frames of both legs, and sends them as fast as they are read."""

    def __init__(self, option: MonitorOption, call_id: str) -> None:
        self._option, self._call_id = option, call_id
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=QUEUED_FRAMES)
        self._parts: dict[int, bytearray] = {AGENT: bytearray(), CALLER: bytearray()}
        self._came = anyio.Event()
        self._is_open = self._is_over = False

    def caller(self, samples: Samples) -> None:
        """Take the caller's audio."""
        self._take(CALLER, samples)

    def server(self, samples: Samples) -> None:
        """Take what the server plays."""
        self._take(AGENT, samples)

    def _take(self, leg: int, samples: Samples) -> None:
        if not self._is_open or not len(samples):
            return
        self._frames.append((leg, np.ascontiguousarray(samples, "<i2").tobytes()))
        self._came.set()

    def open(self) -> None:
        """Keep what comes from now on: the call is answered."""
        self._is_open = True

    def close(self) -> None:
        """End the connection: the call is over."""
        self._is_open, self._is_over = False, True
        self._came.set()

    async def run(self, started: dict[str, Any]) -> None:
        """Connect once and send until the call or the connection ends; never raises.

        Args:
            started: What is said of the call first.
        """
        url = self._option.url
        address = f"{url}{'&' if '?' in url else '?'}session_id={quote(self._call_id)}"
        headers = dict(self._option.headers or {})
        try:
            async with connect(address, additional_headers=headers) as connection:
                await connection.send(json.dumps(started))
                async with anyio.create_task_group() as tasks:
                    if self._option.ptime:
                        tasks.start_soon(self._flush, connection, self._option.ptime)
                    await self._forward(connection)
                    tasks.cancel_scope.cancel()
        except* (OSError, WebSocketException, InvalidURI, TimeoutError) as group:
            why = shorten(str(group.exceptions[0]))
            logger.warning("monitor %s: given up for the call: %s", mask_url(url), why)

    async def _forward(self, connection: ClientConnection) -> None:
        size = self._option.buffer_size or 0
        while not self._is_over:
            while self._frames:
                leg, pcm = self._frames.popleft()
                part = self._parts[leg]
                part += pcm
                while size and len(part) >= size:
                    whole = bytes(part[:size])
                    del part[:size]
                    await connection.send(bytes([leg]) + whole)
                if not size and not self._option.ptime:
                    await self._send_rest(connection, leg)
            self._came = anyio.Event()
            if not self._is_over:
                await self._came.wait()

    async def _flush(self, connection: ClientConnection, period_ms: int) -> None:
        while True:
            await anyio.sleep(period_ms / 1000)
            for leg in (AGENT, CALLER):
                await self._send_rest(connection, leg)

    async def _send_rest(self, connection: ClientConnection, leg: int) -> None:
        part = self._parts[leg]
        if part:
            data = bytes(part)
            part.clear()
            await connection.send(bytes([leg]) + data)


def monitor_start(call_id: str, call_type: str, started_at: str) -> dict[str, Any]:
    """Return the first frame of a monitor."""
    legs = [
        {"leg": leg, "direction": name, "sampleRate": SAMPLE_RATE_HZ}
        for leg, name in ((AGENT, "agent"), (CALLER, "caller"))
    ]
    return {
        "event": "monitor_start",
        "sessionId": call_id,
        "callType": call_type,
        "startedAt": started_at,
        "format": FORMAT,
        "sampleRate": SAMPLE_RATE_HZ,
        "legs": legs,
        "extras": None,
    }
