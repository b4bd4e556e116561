"""Agents and scripted callers: who takes part in a call."""

from rustpbx_lab.participants.front_desk import BargeIn, FrontDesk

__all__ = ["BargeIn", "FrontDesk"]
