"""Running actions on the loop with the document locked and loaded."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import panel as pn
from panel.custom import JSComponent
from panel.io.state import set_curdoc

from .patch_batching import single_patch


def locked(action: Callable[[], None]) -> None:
    """Do something that may touch Bokeh models, as soon as the document is locked.

    What browser parts and widgets say may come without the lock; a change of a model
    meets "_pending_writes should be non-None" then, and is lost. So is what changes
    before the page is loaded: who clicks so early is heard when it is.
    """
    document: Any = pn.state.curdoc
    if document is None or document.session_context is None:
        action()
        return

    async def act() -> None:
        # a coroutine, since Bokeh 3.10 runs plain functions in a thread of their own:
        # all that a page does stays on the loop, which its ticks run on
        with set_curdoc(document), single_patch():
            action()

    def soon() -> None:
        document.add_next_tick_callback(act)

    if pn.state.loaded:
        soon()
    else:
        pn.state.onload(soon)


def is_watched(document: Any) -> bool:
    """Return whether a browser is connected to the session of a document.

    True if that cannot be known. A session outlives its page for some seconds, since
    the browser may come back.
    """
    context = None if document is None else document.session_context
    session = getattr(context, "session", None)
    return session is None or session.connection_count > 0


def callback(action: Callable[[], None]) -> Callable[[Any], None]:
    """Return a listener that does something, locked, whatever it is told."""
    return lambda _: locked(action)


def coalesced(action: Callable[[], None]) -> Callable[[], None]:
    """Return a request to do something, locked; many at once are one."""
    is_due = False

    def act() -> None:
        nonlocal is_due
        is_due = False
        action()

    def request() -> None:
        nonlocal is_due
        if not is_due:
            is_due = True
            locked(act)

    return request


def on_message(part: JSComponent, on_data: Callable[[Mapping[str, Any]], None]) -> None:
    """Give what a browser part says to a function, with the document locked."""
    part.on_msg(lambda event: locked(partial(on_data, getattr(event, "data", event))))
