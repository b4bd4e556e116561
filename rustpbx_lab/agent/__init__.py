"""The bot on our side of the call."""

from .conversation import BargeIn, FrontDesk

__all__ = ["BargeIn", "FrontDesk"]
