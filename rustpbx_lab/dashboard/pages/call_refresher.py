"""What comes in of a call, and its way to the browser, at the browser's pace."""

import time
from collections.abc import Callable

from rustpbx_lab.dashboard.browser.components import Pulse
from rustpbx_lab.dashboard.browser.patch_batching import single_patch
from rustpbx_lab.dashboard.lists.events import EventsBox
from rustpbx_lab.dashboard.lists.transcript import TranscriptBox
from rustpbx_lab.dashboard.playback.replay_bar import ReplayBar
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox

LEARN_S = 0.008
"""How long a tick takes in what is new; more waits for the next, so that a long log
does not block the page."""
BEFORE_PICTURE_S = 0.001
"""The same for a tick that also draws what earlier ticks have taken in."""


class Feed:
    """Reads what is new of a call and has it drawn.

    Args:
        timeline: Draws it on the time axis, while ``is_seen``.
        transcript: Lists what was said.
        events: Lists what was on the wire.
        replay: Moves with it.
        is_seen: Whether the lanes are on the screen.
        on_news: Told of each piece that was read.
    """

    def __init__(
        self,
        timeline: TimelineBox,
        transcript: TranscriptBox,
        events: EventsBox,
        replay: ReplayBar,
        is_seen: Callable[[], bool],
        on_news: Callable[[CallView], None],
    ) -> None:
        self.pulse = Pulse(self._go_on)
        self._timeline, self._replay = timeline, replay
        self._transcript, self._events = transcript, events
        self._is_seen, self._on_news = is_seen, on_news
        self._view: CallView | None = None
        self._has_news = False
        self._has_changed = True
        self.is_open = True
        """Whether the browser takes changes yet: Panel loses what comes before."""

    def show_call(self, view: CallView | None) -> None:
        """Read another call from now on."""
        self._view = view
        self._has_news = False

    def touch(self) -> None:
        """Have the lanes drawn again, whatever came."""
        self._has_changed = True

    def refresh(self) -> bool:
        """Read and show what is new; tell whether the lanes were drawn."""
        if self._view is None:
            return False
        self._learn(self._view, self._patience_s)
        return self._show(self._view)

    def _go_on(self) -> None:
        """Send what came while the browser drew."""
        if self._view is not None and self.is_open:
            with single_patch():
                self._learn(self._view, self._patience_s)
                if self._has_news:
                    self._show(self._view)

    @property
    def _patience_s(self) -> float:
        """How long to read: not long where a picture is drawn in the same turn."""
        return BEFORE_PICTURE_S if self._has_news and self.pulse.is_free else LEARN_S

    def _learn(self, view: CallView, patience_s: float) -> None:
        """Take in what is new, for a moment; nothing of it is sent yet."""
        if view.is_far_behind:
            self._catch_up(view)
            return
        until = time.monotonic() + patience_s
        while True:
            self._has_changed = view.refresh() or self._has_changed
            if not view.new_records:
                return
            self._has_news = True
            self._events.learn(view.new_records)
            self._transcript.learn()
            self._on_news(view)
            if time.monotonic() > until:
                return

    def _catch_up(self, view: CallView) -> None:
        """Read what is long past; the lists begin where it ends."""
        until = time.monotonic() + 2 * LEARN_S
        while view.is_far_behind and time.monotonic() < until:
            view.catch_up()
        if not view.is_far_behind:
            self._transcript.show_call(view)
            self._events.show_call(view)

    def _show(self, view: CallView) -> bool:
        """Send what is new; a browser that is busy gets it all together later."""
        if not self.pulse.is_free or view.is_far_behind:
            return False
        has_news, self._has_news = self._has_news, False
        self._replay.refresh(looks_back=not self._timeline.bar.follow.value)
        self._events.refresh()
        self._transcript.refresh()
        is_due = has_news or self.pulse.is_rested
        is_drawn = (
            self._is_seen() and is_due and self._timeline.refresh(self._has_changed)
        )
        if is_drawn:
            self._has_changed = False
        if is_drawn or has_news:
            self.pulse.beat()
        return is_drawn
