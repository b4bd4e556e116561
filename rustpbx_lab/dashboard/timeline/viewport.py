"""The part of a call that is in view: zooming, panning, following."""

import time

from rustpbx_lab.dashboard.browser.document_lock import callback, locked
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.plots.time_axis import TimeAxis

from .toolbar import FIRST_SPAN, FIT, OWN_SPAN, SPANS, TimelineBar

AHEAD = 0.025
"""How much empty time stands right of now."""
LEAST_MS = 400
STILL_S = 1.0
"""Between two steps for someone who wants things not to move."""


class Viewport:
    """Moves the axis of all lanes; a user's hand ends the following of a live call.

    Args:
        axis: The axis.
        bar: Where one chooses how much is shown, and whether to follow.
    """

    def __init__(self, axis: TimeAxis, bar: TimelineBar) -> None:
        self._axis, self._bar = axis, bar
        self._view: CallView | None = None
        self._moves_itself = False
        self._sets_span = False
        self._stepped_s = 0.0
        self.is_still = False
        """Whether a followed call moves in steps of a second, not all the time."""
        bar.span.param.watch(self._on_span, "value")
        bar.zoom_in.on_click(callback(lambda: self.zoom(0.5)))
        bar.zoom_out.on_click(callback(lambda: self.zoom(2.0)))
        bar.follow.param.watch(callback(self.say_behind), "value")
        bar.box_zoom.param.watch(
            lambda event: locked(lambda: axis.use_box_zoom(event.new)), "value"
        )
        axis.range.on_change("start", self._moved)
        axis.range.on_change("end", self._moved)

    def show_call(self, view: CallView | None) -> None:
        """Follow another call; one that begins again is looked at as before."""
        before, self._view = self._view, view
        if before is not None and view is not None and before.call is view.call:
            return
        self._stepped_s = 0.0
        self._bar.follow.value = True
        is_whole = view is not None and view.call.is_whole
        self.choose_span(FIT if is_whole else FIRST_SPAN)
        if view is None:
            self._move(0, 20_000)

    # ------------------------------------------------------------------ where it is

    @property
    def visible(self) -> tuple[float, float]:
        """First and last call time that is shown, milliseconds."""
        return self._axis.visible

    @property
    def middle_ms(self) -> float:
        """The call time in the middle of what is shown."""
        start, end = self.visible
        return (start + end) / 2

    @property
    def chosen_part(self) -> tuple[int, int] | None:
        """What someone has chosen to look at, call time.

        None while it follows a call; a span of a saved one is a choice, too.
        """
        view, start, end = self._view, *self.visible
        is_saved = view is not None and view.is_over and not view.call.is_live
        is_part = is_saved and SPANS.get(self._bar.span.value)
        follows = self._bar.follow.value and not is_part
        return None if follows else (round(start), round(end))

    # ------------------------------------------------------------------ moving

    def zoom(self, factor: float) -> None:
        """Show ``factor`` times as much time, around the middle or up to now."""
        start, end = self.visible
        span = max((end - start) * factor, LEAST_MS)
        if self._bar.follow.value:
            self._move(end - span, end)
        else:
            middle = (start + end) / 2
            self._move(middle - span / 2, middle + span / 2)
        self._release_span()

    def shift(self, by_ms: float) -> None:
        """Show what is before or after."""
        start, end = self.visible
        self._show(start + by_ms, end + by_ms)

    def centre(self, at_ms: float, span_ms: float | None = None) -> None:
        """Show the surroundings of a call time, and of an ended call no emptiness."""
        start, end = self.visible
        span = span_ms or end - start
        self._show(*self._around(at_ms, span))

    def _around(self, at_ms: float, span: float) -> tuple[float, float]:
        """Return a part with a call time in its middle, if the call goes so far."""
        first, last = self._whole()
        start = at_ms - span / 2
        if self._view is not None and self._view.is_over and span <= last - first:
            start = min(start, last - span)
        start = max(start, min(first, -span * AHEAD))  # nothing is before the call
        return start, start + span

    def _show(self, start_ms: float, end_ms: float) -> None:
        self._bar.stop_following()
        self._move(start_ms, end_ms)
        self._release_span()

    def show_part(self, start_ms: float, end_ms: float | None) -> None:
        """Show a part of the call; without an end, the surroundings of its start."""
        if end_ms is None:
            self.centre(start_ms)
        else:
            self._show(start_ms, end_ms)

    def reveal(self, at_ms: float) -> None:
        """Bring a call time into view; nothing moves if it is there already."""
        start, end = self.visible
        if not start <= at_ms <= end:
            self.centre(at_ms)

    def keep_in_view(self, at_ms: float) -> None:
        """Turn the page when what moves leaves it."""
        start, end = self.visible
        if not start <= at_ms <= end:
            self.centre(at_ms + (end - start) * 0.4)

    def _move(self, start_ms: float, end_ms: float) -> None:
        self._moves_itself = True
        try:
            self._axis.move(start_ms, end_ms)
        finally:
            self._moves_itself = False

    def _moved(self, attr: str, old: float, new: float) -> None:
        if not self._moves_itself:
            locked(self._let_go)

    def _let_go(self) -> None:
        self._bar.stop_following()
        self._release_span()

    def _release_span(self) -> None:
        """Light no span that is not the one in view: pressing it is a change then."""
        span, (start, end) = SPANS.get(self._bar.span.value), self.visible
        if span is None or abs(end - start - span) > 1:
            self._bar.span.value = OWN_SPAN

    def choose_span(self, name: str) -> None:
        """Show so much time, one of `SPANS`."""
        self._sets_span = True
        try:
            self._bar.span.value = name
        finally:
            self._sets_span = False
        self._set_span()  # at once: what an address asks for comes after it

    def _on_span(self, _: object) -> None:
        if not self._sets_span:
            locked(self._set_span)

    def _set_span(self) -> None:
        name = self._bar.span.value
        if name == OWN_SPAN:
            return
        span = SPANS[name]
        if span is None:
            self._move(*self._whole())
            return
        if self._bar.follow.value and self._view is not None:
            end = self._view.now_ms + span * AHEAD
            self._move(end - span, end)
        else:
            self._move(*self._around(self.middle_ms, span))

    def _whole(self) -> tuple[float, float]:
        view = self._view
        start, end = (0, 0) if view is None else (view.facts.first_ms, view.end_ms)
        length = max(end - start, 5000)
        return start - length * 0.01, start + length * (1 + AHEAD)

    # ------------------------------------------------------------------ following

    def follow(self) -> None:
        """Move on to now, if the call is followed."""
        view = self._view
        if view is None or not self._bar.follow.value:
            return
        if self.is_still:
            if time.monotonic() - self._stepped_s < STILL_S:
                return
            self._stepped_s = time.monotonic()
        start, end = self.visible
        span = end - start
        if self._bar.span.value == FIT:
            self._move(*self._whole())
        else:
            # a young call begins at the left: there is nothing before it
            end = max(view.now_ms + span * AHEAD, span * (1 - AHEAD))
            self._move(end - span, end)

    def say_behind(self) -> None:
        """Say how far what is shown lies behind now."""
        view, behind = self._view, None
        if view is not None and not self._bar.follow.value and not view.is_over:
            behind = (view.now_ms - self.visible[1]) / 1000
        self._bar.say_behind(behind)
