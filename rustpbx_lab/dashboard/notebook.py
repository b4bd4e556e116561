"""The page in a cell of a notebook: served by the kernel, shown in a frame.

The channel between a kernel and its notebook doubles and reorders what a live page
sends, so the page comes by the way it is made for; nothing comes from another host.
"""

import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from rustpbx_lab.hub.hub import CallHub

HEIGHT_PX = 1000


def is_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class Cells:
    """The dashboards that cells show: one server a hub, as long as there is the hub."""

    def __init__(self) -> None:
        self._urls: WeakKeyDictionary[CallHub, str] = WeakKeyDictionary()

    def frame(self, hub: CallHub, serve: Callable[[Callable[[str], None]], Any]) -> Any:
        """Return what a cell shows.

        Args:
            hub: The calls.
            serve: Serves them in a thread, and calls back with the page's address.
        """
        from IPython.display import IFrame

        if hub not in self._urls:
            addresses: list[str] = []
            serve(addresses.append)
            self._urls[hub] = addresses[0]
        return IFrame(f"{self._urls[hub]}/live", "100%", HEIGHT_PX)
