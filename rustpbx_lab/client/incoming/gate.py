"""The Host and Origin check in front of a Tornado application."""

from typing import Any

from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.routing import Router
from tornado.web import Application, RequestHandler, stream_request_body
from typing_extensions import override

from .host_policy import HostPolicy


class Gate(Router):
    """Passes on what a policy lets through; to be given to an ``HTTPServer``.

    It stands before the routes, so that no handler can be reached without it: neither
    one of a library nor one that is added later.
    """

    def __init__(self, policy: HostPolicy, application: Application) -> None:
        """Put a policy in front of an application."""
        self._policy, self._application = policy, application
        self._refusing = Application(log_function=_do_not_log)

    @override
    def find_handler(
        self, request: HTTPServerRequest, **kwargs: Any
    ) -> HTTPMessageDelegate | None:
        headers = request.headers
        why = self._policy.refusal(request.uri or "", headers.get_list)
        if why is not None:
            return self._refusing.get_handler_delegate(request, _Refused, {"why": why})
        # the policy has decided: a library's own check knows neither our options nor
        # a proxy in front, and would refuse what was let through
        headers.pop("Origin", None)
        headers.pop("Sec-Fetch-Site", None)
        return self._application.find_handler(request, **kwargs)


@stream_request_body
class _Refused(RequestHandler):
    """Answers at once, whatever the method, without reading a body."""

    def initialize(self, why: str) -> None:
        self._why = why

    @override
    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Connection", "close")
        self.finish(f"{self._why}\n")  # pyright: ignore[reportUnknownMemberType]

    @override
    def data_received(self, chunk: bytes) -> None:
        """A body that comes all the same is dropped."""


def _do_not_log(_: RequestHandler) -> None:
    """A refusal is logged by the policy, once a name."""
