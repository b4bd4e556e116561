"""The tabs of the app bar."""

from collections.abc import Callable, Mapping
from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message

LOGO = (
    '<svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true"><g '
    'stroke="var(--lab-accent)" stroke-width="2" stroke-linecap="round">'
    '<path d="M3 8v4M6.5 5v10M10 2.5v15"/><path d="M13.5 6v8M17 8.5v3" '
    'stroke="var(--lab-agent)"/></g></svg>'
)
LOGO_PX, TAB_PX = 150, 85
"""Width of the name, and room for each tab."""

CSS = """
:host{font-family:var(--lab-font);color:var(--lab-text) !important}
.nav{display:flex;align-items:stretch;height:44px;gap:2px}
.logo{display:flex;align-items:center;gap:8px;font-size:15px;margin-right:14px;
  letter-spacing:-.1px;white-space:nowrap;font-weight:700}
button{display:flex;align-items:center;gap:6px;padding:0 11px;font:inherit;
  font-size:13px;color:var(--lab-muted);border:0;border-bottom:2px solid transparent;
  border-top:2px solid transparent;background:none;cursor:pointer;white-space:nowrap}
button:hover{color:var(--lab-text)}
button[aria-current=page]{color:var(--lab-accent);font-weight:700;
  border-bottom-color:var(--lab-accent)}
button i{font-style:normal;font-family:'Material Icons Outlined';font-weight:400;
  font-feature-settings:'liga';font-size:16px;line-height:1}
@media (max-width:599px){:host{width:auto !important;flex:0 0 auto !important}
  .nav{width:auto !important}
  .logo{font-size:0;margin-right:0}
  button{padding:0 8px}}
"""

_ESM = (
    "const LOGO = `"
    + LOGO
    + """`

export function render({model, el}) {
  const nav = document.createElement('nav')
  nav.className = 'nav'
  nav.setAttribute('aria-label', 'Pages')
  const logo = document.createElement('span')
  logo.className = 'logo'
  logo.innerHTML = LOGO
  logo.append('rustpbx lab')
  nav.append(logo)
  const tabs = model.tabs.map(([name, symbol]) => {
    const tab = document.createElement('button')
    const icon = document.createElement('i')
    icon.textContent = symbol
    icon.setAttribute('aria-hidden', 'true')
    tab.append(icon, name)
    tab.onclick = () => model.send_msg({tab: name})
    nav.append(tab)
    return tab
  })
  const mark = () => tabs.forEach((tab, at) => {
    if (model.tabs[at][0] === model.at) tab.setAttribute('aria-current', 'page')
    else tab.removeAttribute('aria-current')
  })
  model.on('at', mark)
  mark()
  el.append(nav)
}
"""
)


class Nav(JSComponent):
    """The tabs; ``at`` is the one that is shown.

    Args:
        on_choice: Called with the tab that was pressed.
    """

    at = param.String(default="")
    tabs = param.List(default=[], item_type=tuple)
    """Title and icon of each."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = _ESM

    def __init__(self, on_choice: Callable[[str], None], **params: Any) -> None:
        width = LOGO_PX + TAB_PX * len(params.get("tabs", ()))
        super().__init__(width=width, height=44, margin=0, **params)
        self._on_choice = on_choice
        on_message(self, self._on_message)

    def _on_message(self, message: Mapping[str, Any]) -> None:
        title = message.get("tab")
        if any(title == known for known, _ in self.tabs):
            self._on_choice(str(title))
