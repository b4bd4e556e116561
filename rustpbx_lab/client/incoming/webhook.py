"""Incoming SIP calls: the server's webhook, and accepting the call."""

import logging
import secrets
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Any

from tornado.web import Application, RequestHandler
from typing_extensions import override

from rustpbx_lab.client.connect import connect
from rustpbx_lab.client.protocol import ends_set_up
from rustpbx_lab.client.session import CallSession
from rustpbx_lab.errors import (
    CallFailedError,
    CallRejectedError,
    UnreadableFrameError,
)
from rustpbx_lab.models import events, options
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.models.rest import IncomingCall, read

from .receiver import Receiver, bearer, do_not_log, is_same
from .serving import CallHandler, FailureHandler, serve_calls

MAX_WAITING = 32
"""Calls that may wait to be taken; for a further one the server hears 503."""
MAX_AT_ONCE = 256
"""Calls that ``serve`` holds at the same time."""
BODY_BYTES = 1024 * 1024
"""An INVITE is some kilobytes; SIP over UDP cannot be larger than 64 KiB."""
KEPT_DIALOGS = 10_000
"""Notified calls that are remembered, so that a repeated notification is one call."""

logger = logging.getLogger(__name__)


class IncomingCalls(Receiver[IncomingCall]):
    """Receives incoming calls from a server's webhook and serves them.

    ::

        async def answer(call):
            async with accept_call("ws://127.0.0.1:8080", call, OPTION) as session:
                await session.tts(f"Hello {call.caller}, what can I do for you?")
                async for event in session:
                    print(event)


        async with IncomingCalls(port=8090) as incoming:
            print(incoming.url)  # active-call --handler URL
            await incoming.serve(answer)

    ``serve`` runs the function once for each call, many at the same time. A caller who
    gives up, or a bug in the function, ends that call only: it is logged and counted.
    Iterating over the receiver yields the calls instead, one after the other.

    Runs on asyncio only (it is Tornado's server). Each notification is answered with
    200 at once; the caller then hears ringing until ``accept`` or, after some 50 s, a
    408 of the server.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        names: Collection[str] = (),
        max_waiting: int = MAX_WAITING,
        public_url: str | None = None,
    ) -> None:
        """Prepare a receiver; nothing listens yet.

        Args:
            port: Port to listen on; 0 takes a free one.
            host: Address to listen on.
            token: What the server must know: the last part of the path, or
                ``Authorization: Bearer TOKEN``. None makes one up.
            names: Further host names under which the server may ask, such as
                ``host.docker.internal``; ``*`` is any. An IP address needs no entry
                if ``host`` is every interface.
            max_waiting: Calls that may wait to be taken; a further one is refused with
                503, and its caller hears that the service is unavailable.
            public_url: Where the server reaches this receiver, ``http://HOST[:PORT]``,
                if that is not where it listens: from a container, through a tunnel.
                Its host needs no entry in ``names``.

        Raises:
            ServerStartError: If ``names`` or ``public_url`` is malformed.
        """
        super().__init__(
            port,
            host=host,
            names=names,
            public_url=public_url,
            schemes=("http", "https"),
            what="incoming calls",
            server="the webhook receiver",
            remedy="pass names=['{name}'] to IncomingCalls",
        )
        self._token = secrets.token_urlsafe(16) if token is None else token
        self._max_waiting = max_waiting
        self._dialogs: dict[str, None] = {}  # a set that keeps its order
        self.refused = 0
        """Calls that found the queue full."""
        self.repeated = 0
        """Notifications of a call that had been notified before."""
        self.failed = 0
        """Calls whose function in ``serve`` raised."""

    @property
    def url(self) -> str:
        """The webhook to configure in the server; its last part is secret."""
        return f"{self.base_url}/incoming/{self._token}"

    @override
    def _application(self) -> Application:
        shared = {"calls": self}
        return Application(
            [("/incoming/([^/]+)/?", _Webhook, shared)],
            default_handler_class=_Webhook,
            default_handler_args=shared,
            log_function=do_not_log,
        )

    @override
    def _limits(self) -> dict[str, Any]:
        return {"max_body_size": BODY_BYTES}

    async def serve(
        self,
        handler: CallHandler,
        *,
        max_at_once: int = MAX_AT_ONCE,
        on_failure: FailureHandler | None = None,
    ) -> None:
        """Run a function for each incoming call until ``stop``.

        What the function raises is the failure of its call alone: it is logged, counted
        in ``failed``, and the other calls go on. To end all calls at once, cancel
        ``serve``.

        Args:
            handler: An async function of the ``IncomingCall``, typically with an
                ``accept_call`` block in it.
            max_at_once: Calls that are served at the same time. Further ones wait,
                ringing, and those beyond ``max_waiting`` are refused with 503.
            on_failure: Gets each failed call and what was raised.
        """

        def failed(call: IncomingCall, error: BaseException) -> None:
            self.failed += 1
            if on_failure is not None:
                on_failure(call, error)

        await serve_calls(self, handler, max_at_once=max_at_once, on_failure=failed)

    def knows(self, token: str | None) -> bool:
        """Return whether the token is ours, in a time that tells nothing."""
        return is_same(token, self._token)

    def offer(self, call: IncomingCall) -> bool:
        """Queue a call; False if there is no room or nobody to take it.

        A server or a proxy that got no answer sends a notification again: it is the
        same call, and is answered as before.
        """
        if call.dialog_id in self._dialogs:
            self.repeated += 1
            logger.info("a notification of call %r came again", call.dialog_id)
            return True
        if not self.is_open or self._came.qsize() >= self._max_waiting:
            self.refused += 1
            return False
        if len(self._dialogs) >= KEPT_DIALOGS:
            del self._dialogs[next(iter(self._dialogs))]
        self._dialogs[call.dialog_id] = None
        self._came.put_nowait(call)
        return True


class _Webhook(RequestHandler):
    """``POST /incoming/TOKEN``."""

    def initialize(self, calls: IncomingCalls) -> None:
        self._calls = calls

    @override
    def prepare(self) -> None:
        if not self._calls.knows(self._given_token()):
            self._answer(404, "")  # as if there were nothing here

    def _given_token(self) -> str | None:
        if self.path_args:
            return self.path_args[0]
        return bearer(self.request.headers.get("Authorization", ""))

    def post(self, _: str | None = None) -> None:
        """Take a call; what the server is told decides what its caller hears."""
        try:
            call = read(IncomingCall, self.request.body)
        except UnreadableFrameError as exc:
            self._answer(422, exc.why)
            return
        if self._calls.offer(call):
            self._answer(200, "")
        else:
            self._answer(503, "too many calls wait to be taken")

    def _answer(self, status: int, why: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(why)  # pyright: ignore[reportUnknownMemberType]

    @override
    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self._answer(status_code, "")


@asynccontextmanager
async def accept_call(
    url: str,
    incoming: IncomingCall,
    option: options.CallOption | None = None,
    *,
    timeout: float = 30,
    **connecting: Any,
) -> AsyncGenerator[CallSession, None]:
    """Connect to the server for an incoming call and accept it.

    Args:
        url: Address of the server, ``ws://HOST:PORT``.
        incoming: What the webhook brought.
        option: What the call is to be.
        timeout: Seconds to wait until the call is up.
        connecting: As for ``connect``: ``log``, ``audio``, ``headers`` …

    Raises:
        ConnectError: If no connection could be opened.
        CallRejectedError: If the caller has gone, or someone else took the call.
        CallFailedError: If the server could not set the call up.
        CallClosedError: If the connection closed before.
        CallTimeoutError: If it was not up in time.
    """
    async with connect(url, "sip", id=incoming.dialog_id, **connecting) as session:
        sent = await session.accept(option)

        def decides(event: BaseEvent) -> bool:
            is_answer = isinstance(event, events.Answer) and not event.refer
            return is_answer or ends_set_up(event)

        event = await session.wait_for(
            BaseEvent, timeout=timeout, after=sent, where=decides
        )
        if isinstance(event, events.Reject):
            raise CallRejectedError(event.reason, event.code)
        if isinstance(event, events.Error):
            raise CallFailedError(event.sender, event.error)
        yield session
