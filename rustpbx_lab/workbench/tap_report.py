"""Reports of a tap: the calls that it hears, as they come and go."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.hub.tapped_call import HubTap
from rustpbx_lab.models import notes


@dataclass(frozen=True)
class TapNews:
    """Something that happened at a tap."""

    what: str
    """``heard``, ``ended`` or ``refused``."""
    id: str
    """The session id; shortened if it was refused."""
    why: str | None = None
    """Why it ended or was refused."""
    has_events: bool | None = None
    """Whether the server's events are joined."""
    caller_ms: int | None = None
    """Audio of the caller, milliseconds."""
    agent_ms: int | None = None
    """Audio of the agent, milliseconds."""
    lost_ms: int | None = None
    """Audio that the server dropped because we read too slowly, both legs, about."""
    log: str | None = None
    """The event log; the recording is beside it."""

    def to_dict(self) -> dict[str, Any]:
        """Return what is known, by name."""
        return {k: v for k, v in asdict(self).items() if v is not None}

    def told(self) -> str:
        """Return it as a line."""
        match self.what:
            case "heard":
                joined = "with its events" if self.has_events else "audio only"
                return f"{self.id}: heard, {joined}"
            case "ended":
                lost = f", about {self.lost_ms} ms lost" if self.lost_ms else ""
                sound = f"caller {self.caller_ms} ms, agent {self.agent_ms} ms{lost}"
                return f"{self.id}: {self.why}; {sound}; {self.log}"
            case _:
                return f"refused {self.id}: {self.why}"


class TapReport:
    """What is new at a tap since one last asked.

    Args:
        hub: Keeps the calls.
        tap: Hears them.
    """

    def __init__(self, hub: CallHub, tap: HubTap) -> None:
        self._hub, self._tap = hub, tap
        self._told: dict[int, bool] = {}
        """Calls that were told, by identity, and whether their end was."""
        self._n_refused = 0

    def news(self) -> Iterator[TapNews]:
        """Yield what has happened, oldest first."""
        n_refused, refused = self._tap.n_refused, self._tap.refused
        new = min(n_refused - self._n_refused, len(refused))
        for refusal in refused[len(refused) - new :]:
            yield TapNews("refused", refusal.session_id, refusal.why)
        self._n_refused = n_refused
        for call in reversed(self._hub.calls):
            if id(call) not in self._told and _is_heard(call):
                self._told[id(call)] = False
                yield TapNews("heard", call.id, has_events=call.takes_commands)
            if call.is_over and self._told.get(id(call)) is False:
                self._told[id(call)] = True
                yield self._ended(call)

    def _ended(self, call: HubCall) -> TapNews:
        lost = [record.message for record in call.log if record.name == "audioLost"]
        return TapNews(
            "ended",
            call.id,
            call.error or call.close_reason,
            has_events=call.takes_commands,
            caller_ms=call.recording.caller.duration_ms,
            agent_ms=call.recording.server.duration_ms,
            lost_ms=sum(n.lost_ms for n in lost if isinstance(n, notes.AudioLost)),
            log=None if call.saved_as is None else str(call.saved_as),
        )


def _is_heard(call: HubCall) -> bool:
    return any(record.name == "tapped" for record in call.log.records(0, 50))
