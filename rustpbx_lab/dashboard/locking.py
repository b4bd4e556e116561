"""Acting on what a browser says, with the document locked and the page loaded."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import panel as pn
from panel.custom import JSComponent

from .sending import together


def locked(action: Callable[[], None]) -> None:
    """Do something that may touch Bokeh models, as soon as the document is locked.

    What browser parts and widgets say may come without the lock; a change of a model
    meets "_pending_writes should be non-None" then, and is lost. So is what changes
    before the page is loaded: who clicks so early is heard when it is.
    """
    document = pn.state.curdoc
    if document is None or document.session_context is None:
        action()
        return

    def soon() -> None:
        document.add_next_tick_callback(partial(_act, action))

    if pn.state.loaded:
        soon()
    else:
        pn.state.onload(soon)


def _act(action: Callable[[], None]) -> None:
    with together():
        action()


def then(action: Callable[[], None]) -> Callable[[Any], None]:
    """Return a listener that does something, locked, whatever it is told."""
    return lambda _: locked(action)


def hear(part: JSComponent, heard: Callable[[Mapping[str, Any]], None]) -> None:
    """Give what a browser part says to a function, with the document locked."""
    part.on_msg(lambda event: locked(partial(heard, getattr(event, "data", event))))
