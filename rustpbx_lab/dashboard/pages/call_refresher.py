"""Reading new records of a call, and drawing them at the browser's pace."""

import time
from collections.abc import Callable, Sequence

from rustpbx_lab.dashboard.browser.components import Pulse
from rustpbx_lab.dashboard.browser.patch_batching import single_patch
from rustpbx_lab.dashboard.state.call_view import CallView

from .page import DrawRequest, Page

READ_S = 0.008
"""How long a tick takes in what is new; more waits for the next, so that a long log
does not block the page."""
BEFORE_PICTURE_S = 0.001
"""The same for a tick that also draws what earlier ticks have taken in."""


class CallRefresher:
    """Reads what is new of a call and has the page that is shown draw it.

    Args:
        pages: Returns the pages that are made, the one that is shown first.
        on_news: Called with the call after each piece that was read.
    """

    def __init__(
        self,
        pages: Callable[[], Sequence[Page]],
        on_news: Callable[[CallView], None],
    ) -> None:
        self.pulse = Pulse(self._go_on)
        self._pages, self._on_news = pages, on_news
        self._view: CallView | None = None
        self._has_news = False
        self._has_changed = True
        self.is_open = True
        """Whether the browser takes changes yet: Panel loses what comes before."""

    def show_call(self, view: CallView | None) -> None:
        """Read another call from now on."""
        self._view = view
        self._has_news = False

    def request_redraw(self) -> None:
        """Have the page drawn again, whatever came."""
        self._has_changed = True

    def refresh(self) -> bool:
        """Read and draw what is new; return whether pictures were drawn."""
        if self._view is None:
            return False
        self._read(self._view, self._patience_s)
        return self._show(self._view)

    def _go_on(self) -> None:
        """Send what came while the browser drew."""
        if self._view is not None and self.is_open:
            with single_patch():
                self._read(self._view, self._patience_s)
                if self._has_news:
                    self._show(self._view)

    @property
    def _patience_s(self) -> float:
        """How long to read: not long where a picture is drawn in the same turn."""
        return BEFORE_PICTURE_S if self._has_news and self.pulse.is_free else READ_S

    def _read(self, view: CallView, patience_s: float) -> None:
        """Process what is new, for a moment; nothing of it is sent yet."""
        if view.is_far_behind:
            self._catch_up(view)
            return
        until = time.monotonic() + patience_s
        while True:
            self._has_changed = view.refresh() or self._has_changed
            if not view.new_records:
                return
            self._has_news = True
            for page in self._pages():
                page.learn(view)
            self._on_news(view)
            if time.monotonic() > until:
                return

    def _catch_up(self, view: CallView) -> None:
        """Read what is long past; the pages begin where it ends."""
        until = time.monotonic() + 2 * READ_S
        while view.is_far_behind and time.monotonic() < until:
            view.catch_up()
        if not view.is_far_behind:
            for page in self._pages():
                page.catch_up(view)

    def _show(self, view: CallView) -> bool:
        """Send what is new; a browser that is busy gets it all together later."""
        if not self.pulse.is_free or view.is_far_behind:
            return False
        has_news, self._has_news = self._has_news, False
        request = DrawRequest(has_news, self._has_changed, self.pulse.is_rested)
        is_drawn = self._pages()[0].draw(view, request)
        if is_drawn:
            self._has_changed = False
        if is_drawn or has_news:
            self.pulse.beat()
        return is_drawn
