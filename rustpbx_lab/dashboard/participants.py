"""Who takes part in a call that a page makes: callers and agents by name."""

from importlib import import_module

from rustpbx_lab.workbench.hub_call import Participant

CALLERS = ("silence", "scripted caller", "WAV file")
AGENTS = ("none", "front desk")


def make_caller(name: str) -> Participant | None:
    """Return a caller that acts by itself, or None for a plain sound."""
    if name != "scripted caller":
        return None
    return import_module("rustpbx_lab.simulator.caller").demo_caller()


def make_agent(name: str) -> Participant | None:
    """Return the agent of a name, or None for nobody."""
    if name != "front desk":
        return None
    return import_module("rustpbx_lab.agent.conversation").FrontDesk()
