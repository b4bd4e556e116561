"""Hit testing: the mark under the pointer."""

from collections.abc import Sequence
from dataclasses import dataclass

from .time_axis import Window


@dataclass(frozen=True)
class Target:
    """A mark that can be tapped."""

    left: float
    right: float
    bottom: float
    top: float
    seq: int
    """The log row behind it."""
    at_ms: float | None = None
    """The moment that it marks, call time; None: the one that was tapped."""


def pick(
    targets: Sequence[Target], x: float, y: float, window: Window, slack_px: float = 6
) -> int | None:
    """Return the log row of the mark at a point, the nearest if several are."""
    found = hit(targets, x, y, window, slack_px)
    return None if found is None else found.seq


def hit(
    targets: Sequence[Target], x: float, y: float, window: Window, slack_px: float = 6
) -> Target | None:
    """Return the mark at a point, the nearest if several are.

    Args:
        targets: The marks.
        x: Call time, ms.
        y: In the units of the targets.
        window: What is visible.
        slack_px: How far beside a mark still counts.
    """
    slack_ms = slack_px * window.ms_per_px
    best: tuple[float, Target] | None = None
    for target in targets:
        aside = max(target.left - x, x - target.right, 0.0)
        above = max(target.bottom - y, y - target.top, 0.0)
        if aside > slack_ms or above > slack_px:
            continue
        distance = aside / window.ms_per_px + above
        width = (target.right - target.left) / window.ms_per_px
        score = distance * 1000 + width
        if best is None or score < best[0]:
            best = (score, target)
    return None if best is None else best[1]
