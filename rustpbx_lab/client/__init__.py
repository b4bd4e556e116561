"""Client of a server: call sessions on asyncio or trio."""

from .connect import connect
from .protocol import CallPhase, CallProtocol
from .session import CallSession

__all__ = ["CallPhase", "CallProtocol", "CallSession", "connect"]
