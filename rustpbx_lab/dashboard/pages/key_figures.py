"""The strip of key figures over the timeline."""

from collections.abc import Sequence
from html import escape

import panel as pn
from panel.viewable import Viewable, Viewer

from rustpbx_lab.analysis.key_figures import KEY_FIGURES, Numbers
from rustpbx_lab.analysis.talk_ratio import DEAD_AIR_MS, Talk
from rustpbx_lab.dashboard.browser.styles import BOX, html
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.wording import UNKNOWN, about, clock, thousands

FIGURES = {figure.name: figure for figure in KEY_FIGURES}
P50_MS, P95_MS, FIRST_WORD_MS = (800, 1500), (1500, 3000), (800, 1500)
"""Amber over the first, red over the second, milliseconds."""
SHOWN = (
    *("turn_latency_p50_ms", "turn_latency_p95_ms", "first_word_ms"),
    *("n_interruptions", "n_cut_offs", "n_dead_air"),
)
"""Figures with a cell of their own; the shares have one together."""
CUT_OFF_BUDGET = 0.05
MIN_FOR_A_NARROW_BAND = 20
CSS = """
.k{display:grid;grid-template-columns:1.15fr 1.1fr 1fr 1fr 1fr 1fr 1.45fr;height:60px}
.k>div{padding:5px 12px 0;border-right:1px solid var(--lab-hair);overflow:hidden;
  white-space:nowrap;position:relative}
.k>div:last-child{border:0}
.l,.h{font-size:10.5px;color:var(--lab-muted);line-height:14px;overflow:hidden;
  text-overflow:ellipsis}
.v{font-size:12px;line-height:25px;color:var(--lab-muted);height:24px}
.v b{font-size:19px;color:var(--lab-text);font-variant-numeric:tabular-nums}
.v .amber{color:var(--lab-warning-ink)}.v .red{color:var(--lab-error-ink)}
svg{position:absolute;right:12px;top:22px}
.bar{display:flex;height:9px;margin:8px 0 7px;border-radius:2px;overflow:hidden;
  background:var(--lab-hair)}
.bar i{display:block;height:100%}
@media (max-width:1279px){.k{grid-template-columns:1.1fr 1.1fr 1.1fr 1fr 1fr 1.75fr}
  .k .first{display:none}}
@media (max-width:899px){.k{grid-template-columns:repeat(3,1fr);height:120px}
  .k>div:nth-child(n+5){border-top:1px solid var(--lab-hair)}
  :host{height:120px !important}}
@media (max-width:1399px){svg{display:none}.k>div{padding:5px 9px 0}}
"""
TWO_LINES_CSS = (
    "@media (max-width:899px){:host{height:122px !important;flex:0 0 122px !important}}"
)


class KpiStrip(Viewer):
    """Seven numbers; "–" where nobody can know."""  # noqa: RUF002

    def __init__(self) -> None:
        super().__init__()
        self._view: CallView | None = None
        self.words = ""
        """The numbers in a sentence, for who does not see them."""
        self._pane = html("", CSS, height=60, sizing_mode="stretch_width")
        self._layout = pn.Row(
            self._pane,
            height=62,
            margin=(8, 8, 0, 8),
            sizing_mode="stretch_width",
            styles=BOX,
            stylesheets=[TWO_LINES_CSS],
        )
        self.show_call(None)

    def __panel__(self) -> Viewable:
        return self._layout

    def show_call(self, view: CallView | None) -> None:
        """Show the numbers of another call."""
        self._view = view
        self.refresh()

    def refresh(self) -> None:
        """Show what has changed."""
        view = self._view
        numbers = None if view is None else view.numbers.now(view.duration_ms)
        self.words = in_words(numbers)
        text = strip(numbers)
        if self._pane.object != text:
            self._pane.object = text


def in_words(numbers: Numbers | None) -> str:
    """Return what a listener wants to know of a call: ``10 turns, P50 995 ms, …``."""
    if numbers is None:
        return "no call"
    found, n_cut_off = numbers.latency, numbers.n_cut_off
    told = [
        _count(numbers.n_turns, "turn"),
        f"P50 {thousands(found.p50)} ms" if found.p50 is not None else "",
        f"P95 {thousands(found.p95)} ms" if found.p95 is not None else "",
        _count(n_cut_off, "cut-off"),
        _count(numbers.n_interruptions, "interruption"),
    ]
    return ", ".join(part for part in told if part)


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def strip(numbers: Numbers | None) -> str:
    """Return the strip as HTML; without a call every number is unknown."""
    if numbers is None:
        titles = [FIGURES[name].title for name in SHOWN]
        cells = [_cell(title, UNKNOWN) for title in (*titles, "Talk ratio")]
        cells[2] = cells[2].replace("<div", '<div class="first"', 1)
    else:
        cells = [
            _p50(numbers),
            _p95(numbers),
            _first_word(numbers),
            _interruptions(numbers),
            _cut_offs(numbers),
            _dead_air(numbers),
            _ratio(numbers.talk),
        ]
    return (
        f'<div class="k" role="group" aria-label="Key figures">{"".join(cells)}</div>'
    )


def _cell(
    name: str, value: str, unit: str = "", hint: str = "", tip: str = "", role: str = ""
) -> str:
    number = f'<b class="{role}">{value}</b> {"" if value == UNKNOWN else unit}'
    return (
        f'<div title="{escape(tip)}"><div class="l">{name}</div>'
        f'<div class="v">{number}</div><div class="h">{hint}</div></div>'
    )


def _figure(
    name: str,
    numbers: Numbers,
    *,
    unit: str | None = None,
    hint: str = "",
    tip: str = "",
    role: str = "",
    quality: str = "measured",
) -> str:
    """Return the cell of a key figure: its own title, value and definition."""
    figure = FIGURES[name]
    value = figure.of(numbers)
    told = f"{figure.about} {tip}".rstrip()
    shown = figure.unit if unit is None else unit
    sign = "" if value is None else about(quality)
    return _cell(figure.title, sign + thousands(value), shown, hint, told, role)


def _p50(numbers: Numbers) -> str:
    found = numbers.latency
    hint = f"n = {found.n}, target {P50_MS[0]}"
    apart = numbers.interrupted
    if apart.n:
        hint = f"n = {found.n}, {apart.n} interrupted left out"
    tip = (
        f"Quality: {numbers.latency_quality}. Replies heard out: n = {found.n}. "
        f"Interrupted: n = {apart.n}, P50 {thousands(apart.p50)} ms. "
        f"Cut-offs: {numbers.n_cut_off}."
    )
    role = _colour(found.p50, P50_MS)
    quality = numbers.latency_quality
    cell = _figure(
        "turn_latency_p50_ms", numbers, hint=hint, tip=tip, role=role, quality=quality
    )
    return cell.replace("</div></div>", f"</div>{_sparkline(numbers.recent)}</div>", 1)


def _p95(numbers: Numbers) -> str:
    found = numbers.latency
    hint = f"target {thousands(P95_MS[0])}"
    if found.p95 is None:
        hint = f"n = {found.n}: too few turns"
    elif found.n < MIN_FOR_A_NARROW_BAND:
        hint += f", n &lt; {MIN_FOR_A_NARROW_BAND}: wide band"
    role = _colour(found.p95, P95_MS)
    tip = f"P90 {thousands(found.p90)} ms."
    quality = numbers.latency_quality
    return _figure(
        "turn_latency_p95_ms", numbers, hint=hint, tip=tip, role=role, quality=quality
    )


def _first_word(numbers: Numbers) -> str:
    what = "first sound" if numbers.first_word_is_audible else "first audio"
    hint = f"answer → {what}" if numbers.first_word_ms is not None else "no audio"
    if numbers.first_word_quality == "inferred":
        hint += ", inferred"
    whose = numbers.first_word_id or "the agent"
    tip = f"{what.capitalize()} of {whose}."
    if not numbers.first_word_is_audible and numbers.first_word_quality == "measured":
        tip += " The first audio that came; it may begin with silence."
    role = _colour(numbers.first_word_ms, FIRST_WORD_MS)
    quality = numbers.first_word_quality
    cell = _figure(
        "first_word_ms", numbers, hint=hint, tip=tip, role=role, quality=quality
    )
    return cell.replace("<div", '<div class="first"', 1)


def _interruptions(numbers: Numbers) -> str:
    stop = numbers.stop_latency
    hint = f"stop P50 {thousands(stop.p50)} ms" if stop.n else "none so far"
    false = f"{numbers.n_false} without words" if numbers.n_false else ""
    tip = (
        f"Stop latency, n = {stop.n}: {FIGURES['stop_latency_p50_ms'].about} "
        f"False, no words in 2 s: {numbers.n_false}."
    )
    unit = false or "by caller"
    return _figure("n_interruptions", numbers, unit=unit, hint=hint, tip=tip)


def _cut_offs(numbers: Numbers) -> str:
    n, turns = numbers.n_cut_off, numbers.n_turns
    figure = FIGURES["n_cut_offs"]
    if not turns:
        return _cell(figure.title, UNKNOWN, hint="no turn yet", tip=figure.about)
    share = n / turns
    role = "red" if share > CUT_OFF_BUDGET else ""
    hint = f"{_percent(share, 1)}, budget {_percent(CUT_OFF_BUDGET)}"
    unit = f"of {turns} turns"
    return _figure("n_cut_offs", numbers, unit=unit, hint=hint, role=role)


def _dead_air(numbers: Numbers) -> str:
    talk, limit = numbers.talk, DEAD_AIR_MS / 1000
    figure = FIGURES["n_dead_air"]
    if not talk.total_ms:
        return _cell(figure.title, UNKNOWN, tip=figure.about)
    if not talk.gaps:
        hint = f"none over {limit:g} s"
        return _cell(figure.title, "0", "gaps", hint, figure.about)
    lasted = [gap.end_ms - gap.start_ms for gap in talk.gaps]
    longest = talk.gaps[lasted.index(max(lasted))]
    share = sum(lasted) / talk.total_ms
    hint = f"at {clock(longest.start_ms, 0)}, {_percent(share, 1)} of call"
    gaps = "gap of" if len(lasted) == 1 else "gaps, longest"
    value = f"{gaps} <b>{max(lasted) / 1000:.1f}</b> s"
    return _figure("n_dead_air", numbers, unit=value, hint=hint, role="amber")


def _ratio(talk: Talk) -> str:
    total = talk.total_ms
    if not total:
        return _cell("Talk ratio", UNKNOWN)
    shares = {
        "caller": talk.caller_ms - talk.both_ms,
        "both": talk.both_ms,
        "agent": talk.agent_ms - talk.both_ms,
    }
    roles = {"caller": "caller", "both": "error", "agent": "agent"}
    bar = "".join(
        f'<i style="width:{part / total:.2%};background:var(--lab-{roles[name]})"></i>'
        for name, part in shares.items()
    )
    agent = (
        "The agent talks while it can be heard (louder than -50 dBFS)."
        if talk.is_audible
        else "The agent talks while something is played, silence included."
    )
    nobody = f"nobody {_percent(talk.none_ms / total)}"
    words = " · ".join(
        f"{name} {_percent(part / total)}"
        for name, part in (
            ("caller", talk.caller_ms),
            ("agent", talk.agent_ms),
            ("both", talk.both_ms),
        )
    )
    return (
        f'<div title="{words} · {nobody}. Shares of call time since the answer; while '
        f'both talk it counts for each. {agent}">'
        f'<div class="l">Talk ratio · {nobody}</div>'
        f'<div class="bar">{bar}</div>'
        f'<div class="h">{words}</div></div>'
    )


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f}\u2009%"


def _colour(value: int | None, limits: tuple[int, int]) -> str:
    if value is None or value <= limits[0]:
        return ""
    return "amber" if value <= limits[1] else "red"


def _sparkline(values: Sequence[int]) -> str:
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    step = 60 / (len(values) - 1)
    points = [
        (index * step, 12 - 10 * (value - low) / max(high - low, 1))
        for index, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return (
        '<svg width="66" height="16" aria-hidden="true">'
        f'<polyline points="{line}" fill="none" stroke="var(--lab-agent)"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="var(--lab-agent)"/></svg>'
    )
