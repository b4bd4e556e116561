"""Screenshots of the lanes, saved by the browser."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.browser.scripts import script
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.plots.wall_clock import local_time


class Picture(JSComponent):
    """Saves the lanes as PNG in the browser, with the call and the time in its title.

    Args:
        said: Called with a line and its severity.
    """

    _esm = script("screenshot")

    def __init__(self, said: Callable[[str, str], None], **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
        self._said = said
        on_message(self, self._on_message)

    def take(
        self, view: CallView | None, figures: Sequence[Any], part: tuple[float, float]
    ) -> None:
        """Have the browser save what it shows.

        Args:
            view: The call; None: there is none, and nothing is saved.
            figures: The lanes, from above.
            part: First and last call time that is shown, milliseconds.
        """
        if view is None:
            self._said("there is no call to take a picture of", "warning")
            return
        start, end = (view.clock(at, 1) for at in part)
        self._send_msg(
            {
                "figures": [figure.id for figure in figures],
                "name": file_name(view.call.id, part[0]),
                "title": f"{view.call.id}   {start} to {end}",
                "about": f"{_began(view)} · {view.call.url}",
            }
        )

    def _on_message(self, message: Mapping[str, Any]) -> None:
        if "failed" in message:
            why = str(message["failed"])[:200]
            self._said(f"the browser could not save a picture: {why}", "error")
        elif "saved" in message:
            self._said(f"saved {str(message['saved'])[:200]}", "info")


def file_name(call_id: str, start_ms: float) -> str:
    """Return a name that any file system takes, with the second it begins at."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", call_id)[:80]
    return f"{name}-{round(start_ms / 1000)}s.png"


def _began(view: CallView) -> str:
    wall = view.log.clock.to_wall(0)
    at = None if wall is None else local_time(wall)
    return f"began {at:%Y-%m-%d %H:%M:%S %z}" if at else "began at an unknown time"
