"""Tuning of the garbage collector for processes that take calls."""

import gc
import sys

NEW_OBJECTS = 20_000
"""New objects that start a collection; Python's own 700 is some hundred events."""
SWITCH_S = 0.001
"""After so long one thread gives way to the other: the calls to the pages and back."""


def settle_collector() -> None:
    """Let the collector look less often, and never at what is imported.

    A message of a call is some objects that die with their page of the log, without
    the collector's help. Looking at them in between costs a quarter of the rate at
    which events are taken in. For processes of our own, once everything is imported.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
    sys.setswitchinterval(SWITCH_S)
