"""Announces errors and changes of state: as toasts, and to screen readers."""

from collections.abc import Callable
from functools import partial

from rustpbx_lab.dashboard.browser.connection_watch import ConnectionWatch
from rustpbx_lab.dashboard.browser.screen_reader import Spoken
from rustpbx_lab.dashboard.browser.toast import Toast
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.state.tick import ticks

from .header import state_words

MAX_SPOKEN = 400


class Announcer:
    """Announces errors, refusals and changes of state, each once.

    Args:
        show: Called with a call and its log row when someone wants to see an error.
        on_still: Called with whether nothing is to move by itself.
    """

    def __init__(
        self, show: Callable[[CallView, int], None], on_still: Callable[[bool], None]
    ) -> None:
        self._show = show
        self._state = ""
        self.toast = Toast(ticks(6000))
        self.screen_reader = Spoken(on_still)
        self.watch = ConnectionWatch()
        self.parts = (self.screen_reader, self.toast.pane, self.watch)
        """What the page has to hold."""

    def tick(self) -> None:
        """Let lines fade, and say that the page is alive."""
        self.toast.fade()
        self.watch.beat()

    def say(
        self, text: str, severity: str, go: Callable[[], None] | None = None
    ) -> None:
        """Show a line and read it out; ``go`` shows what it is about."""
        self.toast.say(text, severity, go)
        self.screen_reader.say(text[:MAX_SPOKEN])

    def announce_errors(self, view: CallView) -> None:
        """Announce the errors among a call's new records, unless they are history."""
        for record in view.new_records:
            if record.name == "error" and view.is_fresh(record):
                text = getattr(record.message, "error", record.name)
                go = partial(self._show, view, record.seq)
                self.say(f"the server reported: {text}", "error", go)

    def announce_state(self, view: CallView | None) -> None:
        """Read out the state of a call when it is another."""
        state = state_words(view)
        if state != self._state:
            self._state = state
            self.screen_reader.say(state[:MAX_SPOKEN])
