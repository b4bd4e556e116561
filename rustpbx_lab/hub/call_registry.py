"""Registry of the calls that a hub keeps."""

import itertools
import threading
from collections.abc import Hashable

from rustpbx_lab.errors import UnknownCallError

from .hub_call import HubCall


class KeptCalls:
    """Calls by id; any thread may look at any time."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._calls: dict[str, HubCall] = {}
        self._revisions = itertools.count(1)
        self._revision = 0

    @property
    def calls(self) -> list[HubCall]:
        """The calls, newest first."""
        with self._lock:
            return list(reversed(self._calls.values()))

    def _free_id(self, name: str) -> str:
        """Return a name that no call has: with a number, if it is taken."""
        found, number = name, 1
        while found in self._calls:
            number += 1
            found = f"{name}.{number}"
        return found

    @property
    def revision(self) -> int:
        """A number that grows when a call comes, changes its state or goes."""
        return self._revision

    def get(self, call_id: str) -> HubCall:
        """Return a call.

        Raises:
            UnknownCallError: If there is none of this id, or it was forgotten.
        """
        with self._lock:
            if call_id not in self._calls:
                raise UnknownCallError(call_id)
            return self._calls[call_id]

    def attach(self, call_id: str, watcher: Hashable) -> None:
        """Count someone who watches a call."""
        self.get(call_id).attach(watcher)

    def detach(self, call_id: str, watcher: Hashable) -> None:
        """Count someone no longer; a call that was forgotten meanwhile is fine."""
        with self._lock:
            call = self._calls.get(call_id)
        if call is not None:
            call.detach(watcher)

    def _changed(self) -> None:
        self._revision = next(self._revisions)
