"""The stand-in: a local server that speaks the Active Call protocol."""

from .faults import Faults
from .server import StandIn

__all__ = ["Faults", "StandIn"]
