"""Delays between attempts to connect."""

from dataclasses import dataclass

import anyio


@dataclass(frozen=True)
class Backoff:
    """Waits that grow. Nothing that was missed comes back: the server has no resume."""

    first_s: float = 0.25
    """The first wait; each further one is twice as long."""
    most_s: float = 10.0
    """The longest wait."""
    give_up_s: float = 120.0
    """How long to try; 0 never tries again."""

    def attempts(self) -> "Attempts":
        """Iterate before each attempt, after its wait: whether it is the last one."""
        return Attempts(self)


class Attempts:
    """The attempts of one trial; begins with the first iteration."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._wait_s: float | None = None
        self._deadline = 0.0

    def __aiter__(self) -> "Attempts":
        return self

    async def __anext__(self) -> bool:
        if self._wait_s is None:
            self._wait_s = self._backoff.first_s
            self._deadline = anyio.current_time() + self._backoff.give_up_s
        else:
            await anyio.sleep(self._wait_s)
            self._wait_s = min(2 * self._wait_s, self._backoff.most_s)
        return anyio.current_time() + self._wait_s > self._deadline
