"""Wording of times and numbers."""

from functools import lru_cache

UNKNOWN = "\u2013"
"""What is shown for a value that is not known."""
MINUS = "\u2212"


def about(quality: str) -> str:
    """Return what stands before a value that is not measured: ``~``, or nothing."""
    return "~" if quality == "inferred" else ""


@lru_cache(maxsize=10_000)  # the same times again at every redraw
def clock(time_ms: float | None, digits: int = 3) -> str:
    """Return a call time as ``02:03.624``; unknown is a dash."""
    if time_ms is None:
        return UNKNOWN
    sign = MINUS if time_ms < 0 else ""
    seconds, ms = divmod(abs(int(time_ms)), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    rest = f".{ms:03d}"[: digits + 1] if digits else ""
    shown = f"{hours}:{minutes:02d}" if hours else f"{minutes:02d}"
    return f"{sign}{shown}:{seconds:02d}{rest}"


@lru_cache(maxsize=10_000)
def thousands(number: float | None) -> str:
    """Return a whole number with thin spaces; unknown is a dash."""
    if number is None:
        return UNKNOWN
    return f"{round(number):,}".replace(",", "\u2009").replace("-", MINUS)
