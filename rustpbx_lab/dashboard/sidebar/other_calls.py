"""Other calls of the server, in the sidebar."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message
from rustpbx_lab.dashboard.state.server_calls import (
    ServerCalls,
    age_of_call,
    kind_of_call,
    state_of_call,
)
from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.rest import ActiveCall

MOST = 50
"""So many are listed; the wall has them all."""
CSS = """
:host{display:block;font-family:var(--lab-font);font-size:11.5px;
  color:var(--lab-text) !important}
.c{display:grid;grid-template-columns:10px minmax(0,1fr) auto auto;gap:8px;
  align-items:center;padding:2px 6px 2px 12px;min-height:26px}
.c:hover{background:var(--lab-raised)}
i{width:8px;height:8px;border-radius:50%;background:var(--lab-accent)}
i.up{background:var(--lab-vad)}
.id{font-family:var(--lab-mono);font-size:11px;overflow:hidden;
  text-overflow:ellipsis;white-space:nowrap}
.mu{color:var(--lab-muted);white-space:nowrap}
button{min-height:24px;padding:0 6px;border:0;background:none;font:inherit;
  color:var(--lab-accent);cursor:pointer;border-radius:3px}
button:hover{background:var(--lab-accent-tint)}
"""


class OtherCalls(JSComponent):
    """Lists what the server runs besides our calls; ids are text, whatever is in them.

    Args:
        server: The calls of the server.
        on_open: Called with the call that is watched from now on.
        on_text: Called with what went wrong.
    """

    rows = param.List(default=[])
    """A call each: id, kind and age, whether it is answered."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = """
function part(kind, name, text) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  return made
}
export function render({model, el}) {
  const rows = new Map()  // kept, or a keyboard would lose its place with each answer
  const make = (id) => {
    const row = part('div', 'c'), name = part('span', 'id', id)
    name.title = id
    const watch = part('button', '', 'Watch')
    watch.setAttribute('aria-label', `Watch ${id}`)
    watch.onclick = () => model.send_msg({watch: id})
    row.append(part('i'), name, part('span', 'mu'), watch)
    rows.set(id, row)
    return row
  }
  const draw = () => {
    const wanted = new Set(model.rows.map(({id}) => id))
    for (const [id, row] of rows)
      if (!wanted.has(id)) { row.remove(); rows.delete(id) }
    for (const {id, about, state, up} of model.rows) {
      const row = rows.get(id) ?? make(id), [dot, , words] = row.children
      dot.className = up ? 'up' : ''
      dot.title = state
      words.textContent = about
      if (!row.parentNode) el.append(row)
    }
  }
  model.on('rows', draw)
  draw()
}
"""

    def __init__(
        self,
        server: ServerCalls,
        on_open: Callable[[HubCall], None],
        on_text: Callable[[str], None],
        **params: Any,
    ) -> None:
        super().__init__(**params)
        self._server, self._on_open, self._on_text = server, on_open, on_text
        self._shown: tuple[str, int] | None = None
        on_message(self, self._on_message)

    def poll(self) -> bool:
        """Ask the server, and list its last answer; return whether it has calls."""
        listing = self._server.ask()
        state = listing.url, listing.n_answers
        if state != self._shown:
            self._shown = state
            self._list(self._server.others)
        return bool(self.rows)

    def _list(self, others: Sequence[ActiveCall]) -> None:
        rows = [
            {
                "id": call.id,
                "about": f"{kind_of_call(call)} {age_of_call(call)}".strip(),
                "state": state_of_call(call),
                "up": call.start_time is not None,
            }
            for call in sorted(others, key=lambda call: call.id)[:MOST]
        ]
        if rows != self.rows:
            self.rows = rows

    def _on_message(self, message: Mapping[str, Any]) -> None:
        call_id = message.get("watch")
        if not isinstance(call_id, str):
            return
        try:
            self._on_open(self._server.watch(call_id))
        except RustpbxLabError as exc:
            self._on_text(str(exc))
