"""Incoming SIP calls: scripted callers, and the webhook.

Source:
    active-call 0.3.83, app.rs and useragent/webhook.rs; protocol.md, 10.
"""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rustpbx_lab.simulator.core.runtime import Runtime, Timer
from rustpbx_lab.simulator.core.times import rfc3339

from .sip_script import Script
from .telephone import SDP

logger = logging.getLogger(__name__)

ACCEPT_TIMEOUT_S = 50
WEBHOOK_TIMEOUT_S = 30
KEPT_CALLS = 1000


class Taker(Protocol):
    """The connection that has taken an incoming call."""

    def caller_gone(self, reason: str, initiator: str) -> None:
        """The call ended before it was answered."""
        ...


@dataclass
class IncomingSip:
    """One incoming call, as its caller sees it."""

    dialog_id: str
    caller: str
    callee: str
    headers: Mapping[str, str]
    script: Script
    created_ms: int
    """When it came, milliseconds since the Unix epoch."""
    state: str = "waiting"
    """``waiting``, ``ringing``, ``answered``, ``refused``, ``gone`` or ``over``."""
    code: int | None = None
    """SIP status that the caller got last."""
    reason: str | None = None
    """Of a refusal."""
    taker: Taker | None = None
    timers: list[Timer] = field(default_factory=list[Timer])

    @property
    def is_pending(self) -> bool:
        """Whether it can still be answered or refused."""
        return self.state in ("waiting", "ringing")

    def hears(self, state: str, code: int, reason: str | None = None) -> None:
        """Tell the caller how the call stands."""
        self.state, self.code, self.reason = state, code, reason
        if not self.is_pending:
            for timer in self.timers:
                timer.cancel()

    def told(self) -> dict[str, Any]:
        """Return how the caller sees it, as JSON data."""
        keys = ("dialogId", "caller", "callee", "state", "code", "reason")
        values = (self.dialog_id, self.caller, self.callee, self.state, self.code)
        return dict(zip(keys, (*values, self.reason), strict=True))


class IncomingCalls:
    """The incoming calls of a stand-in, by dialog id."""

    def __init__(self, runtime: Runtime, webhook: str | None) -> None:
        """Prepare.

        Args:
            runtime: Time and threads.
            webhook: What is told of each call; None tells nobody, the call waits.
        """
        self._runtime, self._webhook = runtime, webhook
        self._calls: dict[str, IncomingSip] = {}

    def find(self, dialog_id: str) -> IncomingSip | None:
        """Return a call, pending or not."""
        return self._calls.get(dialog_id)

    def take(self, dialog_id: str, taker: Taker) -> IncomingSip | None:
        """Return a pending call that nobody else has taken."""
        call = self._calls.get(dialog_id)
        if call is None or not call.is_pending or call.taker is not None:
            return None
        call.taker = taker
        return call

    def call(
        self,
        caller: str,
        callee: str,
        script: Script,
        headers: Mapping[str, str],
        accept_timeout_s: float = ACCEPT_TIMEOUT_S,
    ) -> IncomingSip:
        """Let someone call; the webhook is told in the background."""
        name = uuid.uuid4().hex
        dialog_id = f"{name[:14]}@127.0.0.1-{name[14:22]}-{name[22:]}"
        began_ms = self._runtime.now_ms()
        call = IncomingSip(dialog_id, caller, callee, dict(headers), script, began_ms)
        while len(self._calls) >= KEPT_CALLS:
            del self._calls[next(iter(self._calls))]
        self._calls[dialog_id] = call
        self._after(call, 1000 * accept_timeout_s, self._time_out)
        if script.cancel_ms is not None:
            self._after(call, script.cancel_ms, self._give_up)
        if self._webhook is not None:
            url, body = self._webhook, self.notification(call)
            self._runtime.in_worker(lambda: self._notify(url, body, call))
        return call

    def notification(self, call: IncomingSip) -> dict[str, Any]:
        """Return what the webhook is sent."""
        said = {"From": f"<{call.caller}>", "To": f"<{call.callee}>", **call.headers}
        return {
            "dialogId": call.dialog_id,
            "createdAt": rfc3339(call.created_ms),
            "caller": call.caller,
            "callee": call.callee,
            "event": "invite",
            "headers": [f"{name}: {value}" for name, value in said.items()],
            "offer": SDP,
        }

    def _notify(self, url: str, body: Mapping[str, Any], call: IncomingSip) -> None:
        import httpx  # only a stand-in with a webhook needs it

        try:
            answer = httpx.post(
                url, json=body, timeout=WEBHOOK_TIMEOUT_S, trust_env=False
            )
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            logger.warning("the webhook did not answer: %s", exc)
        else:
            if answer.is_success:
                return
            logger.warning("the webhook refused with HTTP %s", answer.status_code)
        self._runtime.soon(lambda: self._unavailable(call))

    def _unavailable(self, call: IncomingSip) -> None:
        if call.is_pending and call.taker is None:
            call.hears("refused", 503, "503 Service Unavailable")

    def _time_out(self, call: IncomingSip) -> None:
        if call.is_pending:
            call.hears("refused", 408, "408 Request Timeout")
            if call.taker is not None:
                call.taker.caller_gone("byCallee", "callee")

    def _give_up(self, call: IncomingSip) -> None:
        if call.is_pending:
            call.hears("gone", 487, "487 Request Terminated")
            if call.taker is not None:
                call.taker.caller_gone("canceled", "caller")

    def _after(
        self, call: IncomingSip, wait_ms: float, then: Callable[[IncomingSip], None]
    ) -> None:
        at_ms = self._runtime.monotonic_ms() + wait_ms
        call.timers.append(self._runtime.call_at(at_ms, lambda: then(call)))
