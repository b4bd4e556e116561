"""The stand-in: a local server that speaks the Active Call protocol."""

from rustpbx_lab.simulator.call.faults import Faults
from rustpbx_lab.simulator.server.stand_in import StandIn

__all__ = ["Faults", "StandIn"]
