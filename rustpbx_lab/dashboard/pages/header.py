"""The app bar: state of the call and a few facts."""

import re
import time
from html import escape
from typing import NamedTuple

from rustpbx_lab.dashboard.browser.styles import html
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.wording import clock, thousands

CSS = """
.hd{display:flex;align-items:center;height:44px;width:100%;overflow:hidden}
.q{display:flex;flex-direction:column;padding:0 12px;line-height:15px;
  border-left:1px solid var(--lab-hair);white-space:nowrap}
.q em{font-style:normal;font-size:10.5px;color:var(--lab-muted)}
.q span{font-size:12.5px;font-variant-numeric:tabular-nums;max-width:340px;
  overflow:hidden;text-overflow:ellipsis}
.q .warning{color:var(--lab-warning-ink)}
.q .error{color:var(--lab-error-ink)}
.st{display:flex;align-items:center;gap:7px;border-radius:12px;font-size:12px;
  padding:3px 11px 3px 9px;font-weight:700;margin-right:12px;min-width:120px}
.st span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.q,.sp{flex-shrink:0}
.st i{width:8px;height:8px;border-radius:50%;flex:none}
.st.live{background:var(--lab-vad-tint);color:var(--lab-vad-ink)}
.st.live i{background:var(--lab-vad);
  box-shadow:0 0 0 3px color-mix(in srgb,var(--lab-vad) 25%,transparent)}
.st.wait{background:var(--lab-accent-tint);color:var(--lab-accent)}
.st.wait i{border:2px solid var(--lab-accent);width:10px;height:10px}
.st.over{background:var(--lab-llm-tint);color:var(--lab-llm-ink)}
.st.over i{background:var(--lab-llm)}
.st.bad{background:var(--lab-error-tint);color:var(--lab-error-ink)}
.st.bad i{background:var(--lab-error)}
@media (max-width:1450px){.wide{display:none !important}}
@media (max-width:899px){.rate,.lag{display:none !important}}
@media (max-width:599px){.q{display:none}.st{margin-right:0}}
"""
AMBER_LAG_MS, RED_LAG_MS = 50, 200


class StateChip(NamedTuple):
    """The state of a call: its look and its words."""

    look: str
    words: str


class Header:
    """One pane, redrawn when its text changes."""

    def __init__(self) -> None:
        self.pane = html("", CSS, sizing_mode="stretch_width", height=44)
        self.show(None, None)

    def show(self, view: CallView | None, lag_ms: float | None) -> None:
        """Redraw the state and the facts."""
        chip = state_chip(view)
        facts = "" if view is None else _facts(view, lag_ms)
        text = (
            '<div class="hd"><span class="sp"></span>'
            f'<span class="st {chip.look}" data-live><i></i>'
            f'<span title="{escape(chip.words)}">{escape(chip.words)}</span></span>'
            f"{facts}</div>"
        )
        if self.pane.object != text:
            self.pane.object = text


def state_chip(view: CallView | None) -> StateChip:
    """Return the state of a call in words."""
    if view is None:
        return StateChip("over", "No call")
    call, state = view.call, view.call.state
    seconds = max(round(time.time() - call.started_ms / 1000), 0)
    match state:
        case "connecting" | "inviting" | "ringing":
            return StateChip("wait", f"{state.capitalize()} · {seconds} s")
        case "failed":
            return StateChip("bad", f"Failed: {call.error or 'unknown reason'}")
        case "ended":
            return _ended(view)
        case "connected":
            return StateChip("wait", "Connected")
        case "replay" if call.is_whole:
            return _saved(view)
        case "replay":
            return StateChip("wait", f"Replay · {clock(view.now_ms, 1)}")
        case _ if view.facts.is_media_lost:
            where = "In call" if call.is_ours else "Watching"
            return StateChip("wait", f"{where} · no audio arrives")
        case _:
            who = "caller speaking" if view.is_speaking else ""
            playing = view.is_agent_heard
            agent = "agent paused" if view.facts.is_paused else "agent speaking"
            who = who or (agent if playing else "quiet")
            where = "In call" if call.is_ours else "Watching"
            return StateChip("live", f"{where} · {who}")


def _ended(view: CallView) -> StateChip:
    """Return who ended a call or what broke it, and when."""
    at, reason = clock(view.duration_ms, 1), view.call.close_reason
    if view.facts.ending.is_broken:
        return StateChip("bad", f"Connection lost {at} ({reason or 'no reason given'})")
    reason = view.facts.ending.words or reason
    return StateChip("over", f"Disconnected {at}" + (f" ({reason})" if reason else ""))


def _saved(view: CallView) -> StateChip:
    """Return that a call lies on disk, and how it ended."""
    ending = view.facts.ending
    how = "connection lost" if ending.is_broken else ending.words
    if how is None and ending.is_missing:
        how = "its log has no end"
    return StateChip("over", "Saved call" + (f" · {how}" if how else ""))


def state_words(view: CallView | None) -> str:
    """Return the state of a call without what changes all the time."""
    if view is not None and view.call.state == "ended":
        at = f" {clock(view.duration_ms, 1)}"
        return state_chip(view).words.replace(at, "", 1)
    return state_chip(view).words.split(" · ")[0]


def tab_title(view: CallView | None) -> str:
    """Return what the browser's tab is called: in our own words, but for the id."""
    if view is None:
        return "rustpbx lab"
    state = re.split(r" \(|: | · ", state_words(view))[0]
    return f"{state} · {shortened(view.call.id)} · rustpbx lab"


def _facts(view: CallView, lag_ms: float | None) -> str:
    call = view.call
    late = (
        "error"
        if (lag_ms or 0) > RED_LAG_MS
        else ("warning" if (lag_ms or 0) > AMBER_LAG_MS else "")
    )
    lag = f'<b class="{late}">{thousands(lag_ms)}</b> ms'
    rate = f"<b>{view.facts.events_per_s:.0f}</b> /s · {thousands(view.seen)}"
    about = "events in the last 5 s per second, log rows in all"
    if view.is_over:
        rate, about = f"<b>{thousands(view.seen)}</b>", "log rows"
    if view.n_lost:
        rate += f' · <b class="error">{view.n_lost} lost</b>'
    if view.is_far_behind:
        share = f"{100 * view.seen / len(view.log):.0f}\u2009%"
        rate = f"reading {share} of <b>{thousands(len(view.log))}</b>"
    place, shown, kind = call.url, call.url, "endpoint"
    if call.file is not None:
        place, shown, kind = str(call.file), call.file.name, "file"
    return (
        _fact("call", f'<span class="m">{escape(shortened(call.id))}</span>', call.id)
        + _fact("duration", f"<b>{clock(view.duration_ms, 1)}</b>")
        + _fact(
            kind,
            f'<span class="m">{escape(shown)}</span>',
            place,
            "wide",
        )
        + _fact("events", rate, about + _about_lost(view), "rate")
        + _fact("loop lag P95", lag, "how late this page's own ticks run", "lag")
    )


def _about_lost(view: CallView) -> str:
    if not view.n_lost:
        return ""
    return (
        f"; {view.n_lost} times the server reported that the caller speaks and "
        "never that it ended: events were lost on the way"
    )


def _fact(name: str, value: str, title: str = "", css_class: str = "") -> str:
    return (
        f'<div class="q {css_class}" title="{escape(title)}"><em>{name}</em>'
        f"<span>{value}</span></div>"
    )


def shortened(call_id: str) -> str:
    """Return an id with its middle left out."""
    return call_id if len(call_id) <= 18 else f"{call_id[:10]}…{call_id[-4:]}"
