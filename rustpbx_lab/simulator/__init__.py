"""The stand-in: a local server that speaks the Active Call protocol."""

from .server import StandIn

__all__ = ["StandIn"]
