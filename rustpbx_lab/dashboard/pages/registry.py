"""Registry of pages, in the order of the tabs."""

import logging
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import panel as pn
from panel.viewable import Viewable

from rustpbx_lab.plugins import installed

from .calls import CallsPage
from .live import LivePage
from .page import Page, PageHost

logger = logging.getLogger(__name__)
HOOKS = (
    *("show_call", "learn", "catch_up", "select", "draw", "tick", "show_state"),
    *("sync_address", "use_palette", "keep_still", "press"),
)

OWN_PAGES: tuple[type[Page], ...] = (LivePage, CallsPage)


@cache
def all_pages() -> tuple[type[Page], ...]:
    """Return our pages, then those of installed packages (``rustpbx_lab.pages``)."""
    known = {page.title: page for page in OWN_PAGES}
    for page in installed("rustpbx_lab.pages", is_page, "a subclass of Page"):
        assert isinstance(page, type)
        known.setdefault(page.title, page)
    return tuple(known.values())


def is_page(found: object) -> bool:
    """Return whether an object is a page's class with a title."""
    return (
        isinstance(found, type)
        and issubclass(found, Page)
        and isinstance(getattr(found, "title", None), str)
    )


def make_page(kind: type[Page], host: PageHost) -> Page:
    """Return a new page; one of another package never stops the shell.

    If it cannot be made, the page says so. A method of it that fails is logged and
    not called again. Failures of our own pages are raised.
    """
    if kind in OWN_PAGES:
        return kind(host)
    try:
        page = kind(host)
        for name in HOOKS:
            setattr(page, name, _guarded(getattr(page, name), f"{kind.title}.{name}"))
    except Exception as exc:
        logger.warning("cannot make the page %s", kind.title, exc_info=exc)
        return FailedPage(host, f"The page {kind.title} could not be made: {exc}")
    return page


def _guarded(hook: Callable[..., Any], name: str) -> Callable[..., Any]:
    has_failed = False

    @wraps(hook)
    def run(*args: Any) -> Any:
        nonlocal has_failed
        if has_failed:
            return None
        try:
            return hook(*args)
        except Exception as exc:
            has_failed = True
            logger.warning("%s failed; it is not called again", name, exc_info=exc)
            return None

    return run


class FailedPage(Page):
    """Says why a page is not there."""

    title = "Failed"

    def __init__(self, host: PageHost, why: str) -> None:
        super().__init__(host)
        self._layout = pn.Column(pn.pane.Str(why), margin=16)

    @property
    def body(self) -> Viewable:
        """The reason."""
        return self._layout
