"""Who takes part in a call that a page makes: callers and agents by name."""

from itertools import cycle

from rustpbx_lab.agent.conversation import FrontDesk
from rustpbx_lab.simulator.caller import ScriptedCaller
from rustpbx_lab.workbench.demo import SCRIPTS
from rustpbx_lab.workbench.hub_call import Participant

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
