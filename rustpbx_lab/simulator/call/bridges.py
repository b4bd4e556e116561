"""Bridges between two calls of one stand-in: each party hears the other."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.models import events
from rustpbx_lab.models.base import BaseEvent
from rustpbx_lab.simulator.core.runtime import Runtime
from rustpbx_lab.simulator.tracks.playback import CommandError

from .caller_leg import CallerLeg


class BridgedCall(Protocol):
    """What a bridge needs of a call."""

    id: str
    runtime: Runtime
    caller: CallerLeg | None
    bridges: "Bridges"

    def emit(self, event: BaseEvent) -> None:
        """Send an event."""
        ...

    def hear_bridge(self, source: str, samples: Samples) -> None:
        """Send and record what another call's party says."""
        ...


class Bridges:
    """The bridges of one call, by the id of the other one."""

    def __init__(self, call: BridgedCall, registry: Mapping[str, BridgedCall]) -> None:
        self._call, self._registry = call, registry
        self._others: dict[str, tuple[BridgedCall, Callable[[Samples], None]]] = {}

    def connect(self, other_id: str) -> None:
        """Let the parties of two calls hear each other.

        Raises:
            CommandError: If there is no such call, or it is this one.
        """
        if other_id == self._call.id:
            raise CommandError("cannot bridge a call to itself")
        other = self._registry.get(other_id)
        if other is None:
            raise CommandError(f"bridge target session not found: {other_id}")
        self._open(other)
        other.bridges._open(self._call)

    def disconnect(self, other_id: str) -> None:
        """End a bridge, at both ends; without one nothing happens."""
        other = self._close(other_id)
        if other is not None:
            other.bridges._close(self._call.id)

    def close(self) -> None:
        """End all bridges: the call is over."""
        for other_id in list(self._others):
            self.disconnect(other_id)

    def _open(self, other: BridgedCall) -> None:
        self._close(other.id)
        tap = partial(other.hear_bridge, f"bridge:{self._call.id}")
        self._others[other.id] = (other, tap)
        if self._call.caller is not None:
            self._call.caller.taps.append(tap)
        self._call.emit(
            events.TrackStart(
                track_id=f"bridge:{self._call.id}:to:{other.id}",
                timestamp=self._call.runtime.now_ms(),
            )
        )

    def _close(self, other_id: str) -> BridgedCall | None:
        if other_id not in self._others:
            return None
        other, tap = self._others.pop(other_id)
        caller = self._call.caller
        if caller is not None and tap in caller.taps:
            caller.taps.remove(tap)
        return other
