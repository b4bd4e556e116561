"""The bot on our side of the call."""

from rustpbx_lab.participants.front_desk import BargeIn, FrontDesk

__all__ = ["BargeIn", "FrontDesk"]
