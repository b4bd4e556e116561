"""``/simulate/incoming``: an incoming call on request; not part of the real server.

``POST`` with ``{"caller": URI, "callee": URI, "headers": {…}, "acceptTimeout": s}``,
all optional, answers with the webhook's notification; without ``--webhook`` this answer
is the only one. What the caller does stands in its URI (sip_script.py).
``GET /simulate/incoming/{dialogId}`` says what the caller has heard so far.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError
from pydantic.alias_generators import to_camel

from rustpbx_lab.models.parsing import reasons
from rustpbx_lab.simulator.telephone.incoming import ACCEPT_TIMEOUT_S
from rustpbx_lab.simulator.telephone.sip_script import ScriptError, read_script

from .handlers import Guarded


class WantedCall(BaseModel):
    """Who calls whom."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", hide_input_in_errors=True
    )

    caller: StrictStr = "sip:alice@example.com"
    callee: StrictStr = "sip:1000@127.0.0.1"
    headers: dict[StrictStr, StrictStr] = Field(default_factory=dict[str, str])
    accept_timeout: float = Field(default=ACCEPT_TIMEOUT_S, gt=0, allow_inf_nan=False)


class StartIncoming(Guarded):
    """``POST /simulate/incoming``."""

    def post(self) -> None:
        """Begin a call."""
        body: tuple[Any] | None = self.json_body()
        if body is None:
            return
        try:
            wanted = WantedCall.model_validate(body[0])
            script = read_script(wanted.caller)
        except ValidationError as exc:
            self.refuse(422, f"cannot start a call: {reasons(exc)}")
            return
        except ScriptError as exc:
            self.refuse(422, str(exc))
            return
        incoming = self.state.services.incoming
        call = incoming.call(
            wanted.caller,
            wanted.callee,
            script,
            wanted.headers,
            wanted.accept_timeout,
        )
        self.answer(incoming.notification(call))


class IncomingState(Guarded):
    """``GET /simulate/incoming/{dialogId}``."""

    def get(self, dialog_id: str) -> None:
        """Answer with what the caller has heard."""
        call = self.state.services.incoming.find(dialog_id)
        if call is None:
            self.refuse(404, "no such incoming call")
        else:
            self.answer(call.told())
