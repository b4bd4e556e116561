"""How often a page looks at its call."""

TICK_MS = 20


def ticks(milliseconds: float) -> int:
    """Return how many ticks a time takes."""
    return max(round(milliseconds / TICK_MS), 1)
