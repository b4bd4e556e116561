"""Receiver: a small server that queues what servers send, to be taken one by one."""

import asyncio
import hmac
from abc import abstractmethod
from collections.abc import Collection
from typing import Any, Generic, Self, TypeVar

import anyio
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from rustpbx_lab.errors import ServerStartError

from .gate import Gate
from .host_policy import HostPolicy, public_host
from .listening_socket import listening_socket, reachable

T = TypeVar("T")
CLOSE_LIMIT_S = 2


class Receiver(Generic[T]):
    """Listens while its ``async with`` block lasts; iterating yields what came.

    Runs on asyncio only (it is Tornado's server). Every request passes the check of
    `Gate` first.

    Args:
        port: Port to listen on; 0 takes a free one.
        host: Address to listen on.
        names: Further host names under which a server may ask; ``*`` is any.
        public_url: Where a server reaches it, if that is not where it listens.
        schemes: Those of ``public_url``, the plain one first.
        what: What is received, for messages: ``incoming calls``.
        server: What this is, for the log of refusals.
        remedy: How to allow a name, ``{name}`` in it.

    Raises:
        ServerStartError: If ``names`` or ``public_url`` is malformed.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str,
        names: Collection[str],
        public_url: str | None,
        schemes: tuple[str, str],
        what: str,
        server: str,
        remedy: str,
    ) -> None:
        self.host = host
        self._what, self._scheme = what, schemes[0]
        self._public_url = None if public_url is None else public_url.rstrip("/")
        if public_url is not None:
            names = [*names, public_host(public_url, schemes)]
        self._policy = HostPolicy(host, names, server=server, remedy=remedy)
        self._wanted_port, self._port = port, 0
        self._server: HTTPServer | None = None
        self._came: asyncio.Queue[T | None] = asyncio.Queue()
        self.is_open = False
        """Whether it takes what comes."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self.host}:{self._port}>"

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it has started."""
        return self._port

    @property
    def base_url(self) -> str:
        """Where a server reaches it, without a path."""
        return self._public_url or (
            f"{self._scheme}://{reachable(self.host)}:{self._port}"
        )

    @abstractmethod
    def _application(self) -> Application:
        """Return what answers."""

    async def __aenter__(self) -> Self:
        try:
            asyncio.get_running_loop()
        except RuntimeError as exc:
            raise ServerStartError(
                f"cannot receive {self._what}: this is not an asyncio loop; "
                "anyio.run(main) runs one, without backend='trio'"
            ) from exc
        bound = listening_socket(self.host, self._wanted_port)
        self._port = int(bound.getsockname()[1])
        gate = Gate(self._policy, self._application())
        server = HTTPServer(gate, **self._limits())
        server.add_socket(bound)
        self._server, self.is_open = server, True
        return self

    def _limits(self) -> dict[str, Any]:
        """Return further arguments of the HTTP server."""
        return {}

    async def __aexit__(self, *exc: object) -> None:
        self.stop()
        if self._server is not None:
            self._server.stop()
            with anyio.move_on_after(CLOSE_LIMIT_S, shield=True):
                await self._server.close_all_connections()

    def stop(self) -> None:
        """Take nothing further: iteration and `serve` end after what has come."""
        self.is_open = False
        self._came.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """Return the next that came, waiting for it; ends when this is closed."""
        one = await self._came.get()
        if one is None:
            self._came.put_nowait(None)  # for whoever waits beside us
            raise StopAsyncIteration
        return one


def is_same(given: str | None, secret: str) -> bool:
    """Return whether a token is the right one, in a time that tells nothing."""
    return hmac.compare_digest(
        (given or "").encode("utf-8", "replace"), secret.encode()
    )


def bearer(authorization: str) -> str | None:
    """Return the token of an ``Authorization`` header; None if it has none."""
    kind, _, token = authorization.partition(" ")
    return token if kind.lower() == "bearer" else None


def do_not_log(_: RequestHandler) -> None:
    """Leave tornado's access log out: an address may have a token in it."""
