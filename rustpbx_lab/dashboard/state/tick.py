"""The period of a page's tick."""

TICK_MS = 20


def ticks(milliseconds: float) -> int:
    """Return how many ticks a time takes."""
    return max(round(milliseconds / TICK_MS), 1)
