"""A small HTTP file server for ``play``."""

import io
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
import soundfile  # pyright: ignore[reportMissingTypeStubs]
from anyio.abc import SocketAttribute, SocketStream

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.client.task_groups import plain_task_group


class MediaServer:
    """Serves WAV files from memory at the address the server under test sees us at."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._files: dict[str, bytes] = {}
        self.fetched: Counter[str] = Counter()
        """How often each address was fetched."""

    def put(self, name: str, samples: Samples, rate_hz: int = 16000) -> str:
        """Take a file and return its address."""
        wav = io.BytesIO()
        soundfile.write(wav, samples, rate_hz, subtype="PCM_16", format="WAV")
        self._files["/" + name] = wav.getvalue()
        return f"http://{self._host}:{self._port}/{name}"

    async def answer(self, stream: SocketStream) -> None:
        """Answer one request."""
        async with stream:
            request = b""
            while b"\r\n\r\n" not in request:
                try:
                    request += await stream.receive()
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    return
            path = request.split(b" ", 2)[1].decode("ascii", "replace")
            self.fetched[f"http://{self._host}:{self._port}{path}"] += 1
            body = self._files.get(path, b"")
            status = "200 OK" if path in self._files else "404 Not Found"
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: audio/wav\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            await stream.send(head.encode() + body)


@asynccontextmanager
async def media_server(url: str) -> AsyncGenerator[MediaServer]:
    """Serve files where the server at ``url`` can reach us.

    Raises:
        OSError: If nobody listens at ``url``.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme in ("wss", "https") else 80)
    async with await anyio.connect_tcp(parts.hostname or "127.0.0.1", port) as probe:
        ours = probe.extra(SocketAttribute.local_address)
    host = str(ours[0])
    listener = await anyio.create_tcp_listener(local_host=host, local_port=0)
    bound = listener.extra(SocketAttribute.local_address)
    served = MediaServer(host, int(bound[1]))
    async with listener, plain_task_group() as tasks:
        tasks.start_soon(listener.serve, served.answer)
        yield served
        tasks.cancel_scope.cancel()
