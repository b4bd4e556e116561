"""Controls of a replay."""

from collections.abc import Sequence
from typing import Protocol


class ReplayControls(Protocol):
    """Plays a saved call once more, or shows all of it; any thread may call."""

    @property
    def speed(self) -> float:
        """Seconds of call a second, 0.5 to 20."""
        ...

    @speed.setter
    def speed(self, speed: float) -> None: ...

    @property
    def is_whole(self) -> bool:
        """Whether all of the call is there to look at."""
        ...

    @property
    def is_paused(self) -> bool:
        """Whether it stands still."""
        ...

    @property
    def position_ms(self) -> float:
        """Where it is, call time."""
        ...

    @property
    def end_ms(self) -> float:
        """Where it ends, call time."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """What one should know of the file, one sentence each."""
        ...

    def begin(self) -> None:
        """Play, unless it has begun before."""
        ...

    def play(self) -> None:
        """Go on."""
        ...

    def pause(self) -> None:
        """Stand still."""
        ...

    def seek(self, at_ms: float) -> None:
        """Go to a call time."""
        ...

    def play_from(self, at_ms: float) -> None:
        """Let the call happen once more from a call time on."""
        ...

    def show_whole(self) -> None:
        """Show all of it."""
        ...
