"""Rows of the hub's calls in the sidebar, each a link to its live page."""

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from rustpbx_lab.hub.hub_call import HubCall

LIST_CSS = """
.c{display:grid;grid-template-columns:10px minmax(0,1fr) auto;gap:8px;
  align-items:center;padding:4px 12px;font-size:11.5px;color:inherit;
  text-decoration:none}
.c:hover{background:var(--lab-raised)}
.c.sel{background:var(--lab-accent-tint);box-shadow:inset 3px 0 0 var(--lab-accent)}
.c i{width:8px;height:8px;border-radius:50%}
.c .m{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.none{padding:4px 12px;color:var(--lab-muted);font-size:11.5px}
"""
MARKS = {"in call": "vad", "ended": "llm", "failed": "error"}


def call_rows(calls: Iterable[HubCall], shown: HubCall | None) -> str:
    """Return the list as HTML.

    Args:
        calls: Newest first.
        shown: The one that the page shows.
    """
    rows = "".join(_call_row(call, call is shown) for call in calls)
    return rows or '<div class="none">None yet.</div>'


def _call_row(call: HubCall, is_shown: bool) -> str:
    link, role = quote(call.id, safe=""), MARKS.get(call.state, "accent")
    return (
        f'<a class="c {"sel" if is_shown else ""}" href="?call={link}" '
        f'title="{escape(call.id)}"><i style="background:var(--lab-{role})"></i>'
        f'<span class="m">{escape(call.id)}</span>'
        f'<span class="mu">{escape(call.state)}</span></a>'
    )
