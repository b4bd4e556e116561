"""Registry of lanes, from above."""

import logging
from collections.abc import Callable
from functools import cache
from typing import TypeVar

from rustpbx_lab.plugins import installed

from .agent import AgentLane
from .asr import AsrLane
from .caller import CallerLane
from .commands import CommandsLane
from .lane import Lane
from .metrics import MetricsLane
from .sip import SipLane
from .turn_latency import LatencyLane

logger = logging.getLogger(__name__)
T = TypeVar("T")

OWN_LANES: tuple[type[Lane], ...] = (
    CallerLane,
    AsrLane,
    AgentLane,
    LatencyLane,
    MetricsLane,
    CommandsLane,
    SipLane,
)


@cache
def all_lanes() -> tuple[type[Lane], ...]:
    """Return our lanes, then those of installed packages (``rustpbx_lab.lanes``)."""
    known = {lane.name: lane for lane in OWN_LANES}
    for lane in installed("rustpbx_lab.lanes", is_lane, "a subclass of Lane"):
        assert isinstance(lane, type)
        known.setdefault(lane.name, lane)
    return tuple(known.values())


def is_lane(found: object) -> bool:
    """Return whether an object is a lane's class with what it must have."""
    return (
        isinstance(found, type)
        and issubclass(found, Lane)
        and isinstance(getattr(found, "name", None), str)
        and isinstance(getattr(found, "height_px", None), int)
    )


class Guard:
    """Keeps a lane of another package from stopping the lanes beside it.

    What fails is logged once a lane. Failures of our own lanes are raised.
    """

    def __init__(self) -> None:
        self._failed: set[Lane] = set()

    def run(self, lane: Lane, what: Callable[[], T], otherwise: T) -> T:
        """Return what a lane's method returns; ``otherwise`` if it fails."""
        if type(lane) in OWN_LANES:
            return what()
        try:
            return what()
        except Exception as exc:
            if lane not in self._failed:
                self._failed.add(lane)
                logger.warning("cannot draw the lane %s", lane.name, exc_info=exc)
            return otherwise
