"""The speech gateway: our engines as the providers of a real server.

A server without cloud keys can speak and listen through it: its ``asr`` and ``tts``
options take an ``endpoint``, and the gateway answers there as the cloud would.

::

    with Gateway().in_thread() as gateway:
        option = CallOption(asr=gateway.asr_option(), tts=gateway.tts_option())
"""

import errno
import http
import logging
from collections.abc import AsyncGenerator, Collection, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal
from urllib.parse import urlsplit

from anyio.to_thread import run_sync
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from rustpbx_lab.client.at_exit import thread_of
from rustpbx_lab.client.incoming.host_policy import HostPolicy, public_host
from rustpbx_lab.client.incoming.listening_socket import reachable
from rustpbx_lab.errors import ServerStartError
from rustpbx_lab.models.options import SynthesisOption, TranscriptionOption
from rustpbx_lab.speech.recognition import recogniser
from rustpbx_lab.speech.synthesis import synthesiser

from . import dashscope, deepgram

logger = logging.getLogger(__name__)

KEY = "local"
"""The server sends no request without a key; any will do here."""


class Gateway:
    """A local provider: Deepgram's and DashScope's sockets over our engines."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        asr: str = "auto",
        tts: str = "auto",
        allow_hosts: Collection[str] = (),
        public_url: str | None = None,
    ) -> None:
        """Prepare a gateway; nothing starts yet.

        Args:
            host: Address to listen on. It asks for no credentials: loopback only.
            port: Port to listen on; 0 takes a free one.
            asr: Name of the recogniser.
            tts: Name of the synthesiser.
            allow_hosts: Further names the server may reach it by.
            public_url: Where the server reaches it, ``ws://HOST:PORT``, if that is not
                where it listens: from a container, through a tunnel.

        Raises:
            MissingExtraError: If an engine is not installed.
            SpeechEngineError: If there is no engine of a name.
            ServerStartError: If one of ``allow_hosts`` or ``public_url`` is malformed.
        """
        self.host, self.port = host, port
        self._public_url = None if public_url is None else public_url.rstrip("/")
        if public_url is not None:
            allow_hosts = [*allow_hosts, public_host(public_url, ("ws", "wss"))]
        self._policy = HostPolicy(host, allow_hosts, server="the speech gateway")
        self._recogniser, self._synthesiser = recogniser(asr), synthesiser(tts)

    @property
    def url(self) -> str:
        """Where servers reach it: ``ws://127.0.0.1:PORT``, or its public URL."""
        return self._public_url or f"ws://{reachable(self.host)}:{self.port}"

    def tts_option(self) -> SynthesisOption:
        """Return the ``tts`` option with which a server speaks through it."""
        return tts_option(self.url)

    def asr_option(
        self, provider: Literal["deepgram", "aliyun"] = "deepgram"
    ) -> TranscriptionOption:
        """Return the ``asr`` option with which a server listens through it."""
        return asr_option(self.url, provider)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["Gateway"]:
        """Serve for the time of a block, on an asyncio loop."""
        await run_sync(self._synthesiser.warm_up)
        await run_sync(self._recogniser.warm_up)
        server = await self._listen()
        async with server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self

    @contextmanager
    def in_thread(self) -> Generator["Gateway"]:
        """Run in a thread of its own, with its own event loop.

        Left open, it is closed at the end of the script.
        """
        with thread_of(self.running(), "gateway"):
            yield self

    async def _listen(self) -> Server:
        try:
            return await serve(
                self._serve,
                self.host,
                self.port,
                compression=None,
                process_request=self._check,
            )
        except OSError as exc:
            why = exc.strerror or str(exc)
            taken = exc.errno == errno.EADDRINUSE
            hint = "port=0, which takes a free one," if taken else "another address"
            raise ServerStartError(
                f"cannot listen on {self.host}:{self.port}: {why}; {hint} works"
            ) from exc

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse what is not a server of ours, before the handshake."""
        why = self._policy.refusal(request.path, request.headers.get_all)
        if why is not None:
            return connection.respond(http.HTTPStatus.FORBIDDEN, f"{why}\n")
        return _check_path(connection, request)

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            if _path(connection.request) == deepgram.PATH:
                await deepgram.serve_listen(connection, self._recogniser)
            else:
                await dashscope.serve_tasks(
                    connection, self._recogniser, self._synthesiser
                )
        except ConnectionClosed:
            logger.debug("a server went away")


def tts_option(url: str) -> SynthesisOption:
    """Return the ``tts`` option for the gateway at an address."""
    return SynthesisOption(
        provider="aliyun",
        endpoint=url + dashscope.PATH,
        secret_key=KEY,  # pyright: ignore[reportArgumentType]
        volume=dashscope.USUAL_VOLUME,
    )


def asr_option(
    url: str, provider: Literal["deepgram", "aliyun"] = "deepgram"
) -> TranscriptionOption:
    """Return the ``asr`` option for the gateway at an address."""
    path = deepgram.PATH if provider == "deepgram" else dashscope.PATH
    return TranscriptionOption(
        provider=provider,
        endpoint=url + path,
        secret_key=KEY,  # pyright: ignore[reportArgumentType]
    )


def _path(request: Request | None) -> str:
    return "" if request is None else urlsplit(request.path).path


def _check_path(connection: ServerConnection, request: Request) -> Response | None:
    if _path(request) in (deepgram.PATH, dashscope.PATH):
        return None
    return connection.respond(
        http.HTTPStatus.NOT_FOUND,
        f"nothing here: {deepgram.PATH} and {dashscope.PATH} are served\n",
    )
