"""Registry of callers and agents by name."""

from itertools import cycle

from rustpbx_lab.hub.hub_call import Participant
from rustpbx_lab.participants.demo_scripts import SCRIPTS

from .front_desk import FrontDesk
from .scripted_caller import ScriptedCaller

SILENCE, SCRIPTED, SOUND_FILE = "silence", "scripted caller", "sound file"
CALLERS = (SILENCE, SCRIPTED, SOUND_FILE)
AGENTS = ("none", "front desk")

_scripts = cycle(SCRIPTS)


def make_caller(name: str) -> Participant | None:
    """Return a caller that acts by itself, or None for a plain sound."""
    return ScriptedCaller(next(_scripts)) if name == SCRIPTED else None


def make_agent(name: str) -> Participant | None:
    """Return the agent of a name, or None for nobody."""
    return FrontDesk() if name == "front desk" else None
