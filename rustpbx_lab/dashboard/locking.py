"""Acting on what a browser part says, with the document locked."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import panel as pn
from panel.custom import JSComponent


def locked(action: Callable[[], None]) -> None:
    """Do something that may touch Bokeh models, as soon as the document is locked.

    Messages of browser parts come without the lock; a change of a model meets
    "_pending_writes should be non-None" then, and is lost.
    """
    document = pn.state.curdoc
    if document is None or document.session_context is None:
        action()
    else:
        document.add_next_tick_callback(action)


def hear(part: JSComponent, heard: Callable[[Mapping[str, Any]], None]) -> None:
    """Give what a browser part says to a function, with the document locked."""
    part.on_msg(lambda event: locked(partial(heard, getattr(event, "data", event))))
