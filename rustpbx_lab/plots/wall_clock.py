"""Ticks of a time axis in the time of day."""

from datetime import datetime

from bokeh.models import CustomJSTicker, CustomJSTickFormatter

_TICKS = """
const seconds = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30,
                 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200]
const {start, end} = cb_data
const step = 1000 * (seconds.find((one) => (end - start) / 1000 / one <= 10) ?? 86400)
const ticks = []
for (let at = Math.ceil((start + began) / step) * step; at <= end + began; at += step)
  ticks.push(at - began)
return ticks
"""
_LABEL = """
const two = (number) => String(number).padStart(2, '0')
const ms = Math.round(tick + began), s = Math.floor(ms / 1000)
const isWhole = ticks.every((one) => Math.round(one + began) % 1000 === 0)
const rest = isWhole ? '' : '.' + String(ms - 1000 * s).padStart(3, '0')
return [Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60].map(two).join(':')
  + rest
"""


def wall_ticker(began_ms: int) -> CustomJSTicker:
    """Return a ticker at round times of day; ``began_ms``: see `since_midnight`."""
    return CustomJSTicker(major_code=_TICKS, args={"began": began_ms})


def wall_formatter(began_ms: int) -> CustomJSTickFormatter:
    """Return a formatter of ``14:03:07``, with milliseconds where there are any."""
    return CustomJSTickFormatter(code=_LABEL, args={"began": began_ms})


def since_midnight(wall_ms: int) -> int | None:
    """Return how long a moment (Unix ms) is after midnight here, milliseconds.

    None if no calendar has that moment.
    """
    at = local_time(wall_ms)
    if at is None:
        return None
    seconds = at.hour * 3600 + at.minute * 60 + at.second
    return seconds * 1000 + wall_ms % 1000


def local_time(wall_ms: int) -> datetime | None:
    """Return a moment (Unix ms) as people here write it; None if nobody could."""
    try:
        return datetime.fromtimestamp(wall_ms / 1000).astimezone()
    except (ValueError, OverflowError, OSError):
        return None


def wall_time(began_ms: int, at_ms: float, digits: int = 3) -> str:
    """Return the time of day of a call time as ``14:03:07.250``."""
    seconds, ms = divmod(round(at_ms) + began_ms, 1000)
    hours, minutes = divmod(seconds // 60, 60)
    rest = f".{ms:03d}"[: digits + 1] if digits else ""
    return f"{hours % 24:02d}:{minutes:02d}:{seconds % 60:02d}{rest}"
