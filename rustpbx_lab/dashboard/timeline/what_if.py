"""Sliders of the what-if: VAD decisions under other thresholds, while a call runs."""

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np
import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.analysis.what_if import (
    Effect,
    Ghost,
    GrowingDecision,
    cut_off_pauses,
    effect,
    spans_of,
)
from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.browser.styles import PLAIN_BUTTON_SX
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.models.field_metadata import SliderRange, find_metadata
from rustpbx_lab.models.speech_options import VADOption
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.speech.vad_engines import CHUNK_MS
from rustpbx_lab.wording import MINUS, thousands

SLIDER_SX = {
    "& .MuiFormLabel-root": {"fontSize": "11px"},
    "& .MuiTypography-root": {"fontSize": "11px"},
}
WRAPPED_CSS = (
    "@media (max-width:899px){:host{flex-wrap:wrap;height:140px !important;"
    "flex:0 0 140px !important}div{flex:1 1 38% !important;min-width:130px !important}}"
)
ARROW = "\u2192"


class WhatIf(Viewer):
    """Four sliders, and what they would have changed; they act while moving.

    Args:
        on_change: Called when the ghosts have changed by a slider.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__()
        self._on_change = on_change
        self.on_use: Callable[[VadParams], None] = lambda params: None
        """Called with what the sliders say when the next call is to have it."""
        self._view: CallView | None = None
        self._sets_itself = self._is_touched = False
        self._own: VadParams | None = None  # what the sliders say untouched
        self._before: GrowingDecision | None = None
        self._after = GrowingDecision(VadParams())
        self._spans: list[Ghost] = []
        self.words = ""
        """What would change, in a line."""
        self.threshold = _slider("voice_threshold", "threshold")
        self.speech_padding = _slider("speech_padding", "speechPadding, ms")
        self.silence_padding = _slider("silence_padding", "silencePadding, ms")
        self.silence_timeout = _slider("silence_timeout", "silenceTimeout, ms (0: off)")
        self.sliders = (
            self.threshold,
            self.speech_padding,
            self.silence_padding,
            self.silence_timeout,
        )
        for slider in self.sliders:
            slider.param.watch(callback(self._slid), "value")
        reset = _button("Reset", "Reset the sliders to what the call has")
        reset.on_click(callback(self.reset))
        what = "Use in next call: puts these values into the call options"
        use = _button("Use in next call", what)
        use.on_click(callback(lambda: self.on_use(self.params)))
        self.row = pn.Row(
            *self.sliders,
            reset,
            use,
            visible=False,
            height=48,
            margin=0,
            sizing_mode="stretch_width",
            styles={"border-bottom": "1px solid var(--lab-hair)"},
            stylesheets=[WRAPPED_CSS],
        )

    def __panel__(self) -> Viewable:
        return self.row

    @property
    def is_on(self) -> bool:
        """Whether ghosts are drawn."""
        return self.row.visible

    @property
    def params(self) -> VadParams:
        """What the sliders say."""
        return VadParams(
            speech_padding_ms=self.speech_padding.value,
            silence_padding_ms=self.silence_padding.value,
            voice_threshold=self.threshold.value,
            silence_timeout_ms=self.silence_timeout.value or None,
        )

    @property
    def decision(self) -> GrowingDecision:
        """What the thresholds of the sliders decide; times from the first frame."""
        return self._after

    def _call_ms(self, media_ms: float, times: np.ndarray) -> float:
        """Return the call time of a moment that begins a frame."""
        return float(times[min(int(media_ms) // self._frame_ms, len(times) - 1)])

    def _media_ms(self, at_ms: float, times: np.ndarray) -> float:
        """Return what the sample clock showed at a call time."""
        place = np.searchsorted(times, at_ms, "right") - 1
        frame = int(np.clip(place, 0, len(times) - 1))
        return frame * self._frame_ms + float(at_ms) - float(times[frame])

    @property
    def _frame_ms(self) -> int:
        return CHUNK_MS if self._view is None else self._view.call.frame_ms

    # ------------------------------------------------------------------ the call

    def show_call(self, view: CallView | None) -> None:
        """Begin again with another call, at its own thresholds until they are moved."""
        self._view = view
        self._before = None
        self._restart()

    def turn(self, is_on: bool) -> None:
        """Show the sliders and the ghosts, or put them away."""
        self.row.visible = is_on
        if not is_on:
            self._is_touched, self._before = False, None
        if is_on:
            self._restart()
        self._on_change()

    def reset(self) -> None:
        """Go back to the call's own thresholds."""
        params = None if self._view is None else self._view.vad_params
        self._take_params(params or VadParams())
        self._is_touched = False
        self._restart()
        self._on_change()

    def refresh(self) -> bool:
        """Process new audio; return whether anything changed."""
        view = self._view
        if view is None or not self.is_on:
            return False
        params = view.vad_params
        if params is not None and (
            self._before is None or self._before.params != params
        ):
            if not self._is_touched:  # the call has only now said what it asks for
                self._take_params(params)
                self._after = GrowingDecision(self.params, self._frame_ms)
            self._before = GrowingDecision(params, self._frame_ms)
        probabilities = view.call.probabilities
        grew = self._after.advance(probabilities)
        if self._before is not None:
            grew = self._before.advance(probabilities) or grew
        if grew or not self.words:
            self._spans = spans_of(self._after.events)
            self.words = self._told(view)
        return grew

    def _slid(self) -> None:
        # what was set by ourselves may be told after it was set
        is_own = self.params == self._own and not self._is_touched
        if self._sets_itself or is_own:
            return
        self._is_touched = True
        self._after = GrowingDecision(self.params, self._frame_ms)
        self.words = ""
        self.refresh()
        self._on_change()

    def _restart(self) -> None:
        self._after = GrowingDecision(self.params, self._frame_ms)
        self._spans, self.words = [], ""
        self.refresh()

    def _take_params(self, params: VadParams) -> None:
        self._sets_itself = True
        try:
            for slider, value in (
                (self.threshold, params.voice_threshold),
                (self.speech_padding, params.speech_padding_ms),
                (self.silence_padding, params.silence_padding_ms),
                (self.silence_timeout, params.silence_timeout_ms or 0),
            ):  # a call may have more than the slider is made for
                slider.param.update(end=max(slider.end, value), value=value)
        finally:
            self._sets_itself = False
        self._own = self.params

    # ------------------------------------------------------------------ the ghosts

    def ghosts(self, start_ms: float, end_ms: float) -> Sequence[Ghost]:
        """Return the ghosts that may lie between two call times, in call time."""
        view = self._view
        if view is None or not self.is_on or not self._spans:
            return ()
        times = view.call.frame_times()
        if not len(times):
            return ()
        low, high = self._media_ms(start_ms, times), self._media_ms(end_ms, times)
        first = bisect_left(self._spans, low, key=_over)
        found: list[Ghost] = []
        for span in self._spans[first:]:
            if span.start_ms > high:
                break
            # lengths are the detector's own, whenever its audio arrived
            shift = self._call_ms(span.start_ms, times) - span.start_ms
            end = None if span.end_ms is None else span.end_ms + shift
            said = None if span.said_ms is None else span.said_ms + shift
            found.append(Ghost(span.start_ms + shift, end, said))
        return found

    def _told(self, view: CallView) -> str:
        times = view.call.frame_times()
        if not len(times):
            return "no audio of the caller to try it on"
        if self._before is None:
            return f"{named(self.params)}: the call has no VAD to compare with"
        pauses = [
            (self._media_ms(stop, times), self._media_ms(resumed, times))
            for stop, resumed in cut_off_pauses(view.tables["turns"].rows())
        ]
        if self.params == self._before.params:
            return f"{named(self.params)}: as the call has it; move a slider"
        found = effect(self._before.events, self._after.events, pauses)
        return f"{named(self.params)}: {told(found)}"


def _slider(name: str, label: str) -> pmui.FloatSlider | pmui.IntSlider:
    """Return the slider of a field of `VADOption`."""
    info = VADOption.model_fields[name]
    reach = find_metadata(info, SliderRange)
    if reach is None:
        raise ValueError(f"VADOption.{name} has no SliderRange")
    kind = pmui.FloatSlider if isinstance(info.default, float) else pmui.IntSlider
    return kind(
        label=label,
        start=reach.start,
        end=reach.end,
        step=reach.step,
        value=info.default or 0,
        size="small",
        margin=(2, 14),
        height=42,
        sizing_mode="stretch_width",
        sx=SLIDER_SX,
    )


def _button(label: str, description: str) -> pmui.Button:
    return pmui.Button(
        label=label,
        description=description,
        size="small",
        variant="outlined",
        color="default",
        height=28,
        margin=(10, 4, 0, 0),
        sx=PLAIN_BUTTON_SX | {"fontSize": "11.5px", "padding": "2px 8px"},
    )


def named(params: VadParams) -> str:
    """Return thresholds as ``150 / 500 / 0.50``."""
    return (
        f"{params.speech_padding_ms} / {params.silence_padding_ms} / "
        f"{params.voice_threshold:.2f}"
    )


def told(found: Effect) -> str:
    """Return an effect in words, as HTML of our own."""
    parts: list[str] = []
    if found.cut_offs_before:
        parts.append(_change("cut-offs", found.cut_offs_before, found.cut_offs_after))
    parts.append(_change("splits", found.splits_before, found.splits_after))
    for name, delay in (
        ("end of speech", found.end_delay_ms),
        ("onset", found.onset_delay_ms),
    ):
        if delay:
            sign = "+" if delay > 0 else MINUS
            parts.append(f"{name} <b>{sign}{thousands(abs(delay))} ms</b>")
    for name, count in (("missed", found.n_missed), ("more", found.n_added)):
        if count:
            parts.append(f"<b>{count}</b> {name}")
    return ", ".join(parts)


def _change(name: str, before: int, after: int) -> str:
    if before == after:
        return f"{name} {before}"
    return f"{name} <b>{before} {ARROW} {after}</b>"


def _over(span: Ghost) -> float:
    return np.inf if span.end_ms is None else span.end_ms
