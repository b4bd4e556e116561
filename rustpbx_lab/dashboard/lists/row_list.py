"""Row lists in the browser that take rows in batches.

Their scripts write every text of a call with ``textContent``: it is shown, never run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import locked

LIST_CSS = """
:host{display:block;overflow:hidden;font-family:var(--lab-font);font-size:12px;
  color:var(--lab-text) !important}
.list{height:100%;overflow-y:auto;overflow-x:hidden;outline:none;
  scrollbar-width:thin;scrollbar-color:var(--lab-border) transparent}
.list:focus-visible{box-shadow:inset 0 0 0 2px var(--lab-accent)}
.row{cursor:default;border-bottom:1px solid var(--lab-hair)}
.row:hover{background:var(--lab-raised)}
.row.sel{background:var(--lab-accent-tint);box-shadow:inset 3px 0 0 var(--lab-accent)}
.mono{font-family:var(--lab-mono);font-size:11px;color:var(--lab-muted);
  letter-spacing:-.02em}
.empty{padding:14px 12px;color:var(--lab-muted);margin-bottom:auto}
"""

EVENTS_CSS = """
.head,.ev{display:grid;align-items:center;
  grid-template-columns:var(--time,90px) 76px 26px 128px 58px minmax(0,1fr)}
.head{height:24px;color:var(--lab-muted);font-size:11px;
  border-bottom:1px solid var(--lab-border)}
.head>span,.ev>span{padding:0 8px;white-space:nowrap;overflow:hidden;
  text-overflow:ellipsis}
.list{height:calc(100% - 25px);overflow-anchor:none}
.ev{height:24px;line-height:22px;contain:strict}
.r{text-align:right}
.chip{display:inline-flex;align-items:center;gap:6px}
.chip i{width:8px;height:8px;border-radius:2px;flex:none}
.ev .d{padding:0;text-align:center;color:var(--lab-muted)}
"""

TRANSCRIPT_CSS = """
.list{display:flex;flex-direction:column-reverse}
.row:first-child{margin-bottom:auto}
.row{display:grid;grid-template-columns:var(--time,62px) 14px minmax(0,1fr) auto;
  gap:0 6px;padding:4px 12px;align-items:start;font-size:12.5px;line-height:17px;
  border:0;content-visibility:auto;contain-intrinsic-size:auto 25px;flex:none}
.row .mono{line-height:17px}
.row i{width:8px;height:8px;margin-top:5px;border-radius:50%;
  background:var(--lab-caller)}
.row i.agent{border-radius:1px;background:var(--lab-agent)}
.words{overflow-wrap:anywhere}
.words s{color:var(--lab-muted)}
.words.live{font-style:italic;color:var(--lab-muted)}
.badge{font-size:10.5px;line-height:15px;margin-top:1px;padding:0 5px;
  white-space:nowrap;border-radius:3px;color:var(--lab-muted);
  background:var(--lab-raised);border:1px solid var(--lab-hair)}
.badge.cut{color:var(--lab-agent-ink);background:var(--lab-agent-tint);
  border-color:transparent}
"""

_CELL_ESM = """
const change = (msg) => {
  const {change, ...rest} = msg.data ?? msg
  return change ? JSON.parse(change) : rest
}
function cell(kind, text, name) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  return made
}
function widen(model, el, room, tell) {
  const show = () => {
    if (model.is_wall) el.style.setProperty('--time', room)
    else el.style.removeProperty('--time')
    tell?.(model.is_wall ? 'Time of day' : 'Call time')
  }
  model.on('is_wall', show)
  show()
}
"""

_GROWING_ESM = (
    _CELL_ESM
    + """
function listen(model, list, fill) {
  // the newest stands first and the list runs upwards: its end stays in view by itself,
  // and nobody has to ask for its height, which would lay out all rows
  const mark = () => {
    for (const row of list.children)
      row.classList.toggle('sel', row.seqs?.includes(model.selected) ?? false)
  }
  const show = () => {
    const row = [...list.children].find((r) => r.classList.contains('sel'))
    row?.scrollIntoView({block: 'nearest'})
  }
  const make = (data) => {
    const row = fill(data)
    row.seqs = data.seqs
    row.tabIndex = -1
    row.onclick = () => model.send_msg({select: data.seqs[0]})
    return row
  }
  model.on('msg:custom', (msg) => {
    const {drop, add, reset, keep, empty} = change(msg)
    const at = reset && keep ? list.scrollTop : 0  // it costs a layout of all
    if (reset) list.replaceChildren()
    if (list.firstChild?.className === 'empty') list.firstChild.remove()
    for (let i = 0; i < (drop ?? 0); i++) list.firstChild?.remove()
    list.prepend(...(add ?? []).map(make).reverse())
    while (list.children.length > model.limit) list.lastChild.remove()
    if (reset) list.scrollTop = at
    if (!list.children.length) list.append(cell('div', empty ?? '', 'empty'))
    if (model.selected !== null) mark()
  })
  model.on('selected', () => { mark(); show() })
  model.send_msg({ready: true})
}
"""
)

_WINDOWED_ESM = (
    _CELL_ESM
    + """
const ROW_PX = 24, AROUND = 12

function listen(model, list, fill) {
  // only what is in view is in the page; places are counted, never measured, since
  // asking the browser for them would lay out everything at once
  const above = cell('div'), below = cell('div'), nodes = new Map()
  let rows = [], top = 0, height = 480, sentence = ''
  const mark = (node, data) => {
    const isSelected = data.seqs.includes(model.selected)
    node.classList.toggle('sel', isSelected)
    node.id = `row-${data.seqs[0]}`
    node.setAttribute('aria-selected', isSelected)
    if (isSelected) list.setAttribute('aria-activedescendant', node.id)
  }
  const make = (data) => {
    const row = fill(data)
    row.tabIndex = -1
    row.onclick = () => model.send_msg({select: data.seqs[0]})
    mark(row, data)
    nodes.set(data, row)
    return row
  }
  const draw = () => {
    const first = Math.max(Math.floor(top / ROW_PX) - AROUND, 0)
    const last = Math.min(Math.ceil((top + height) / ROW_PX) + AROUND, rows.length)
    const wanted = new Set(rows.slice(first, last))
    for (const [data, node] of nodes)
      if (!wanted.has(data)) {
        node.remove()
        nodes.delete(data)
      }
    if (!rows.length) {
      list.replaceChildren(cell('div', sentence, 'empty'))
      return
    }
    if (above.parentNode !== list) list.replaceChildren(above, below)
    above.style.height = `${first * ROW_PX}px`
    below.style.height = `${(rows.length - last) * ROW_PX}px`
    let next = above.nextSibling
    for (const data of wanted) {
      const node = nodes.get(data)
      if (node === next) next = next.nextSibling
      else list.insertBefore(node ?? make(data), next)
    }
  }
  const scroll = (to) => {
    top = Math.max(to, 0)
    draw()
    list.scrollTop = top
  }
  model.on('msg:custom', (msg) => {
    const {drop, add, reset, keep, empty} = change(msg)
    if (reset) rows = []
    if (empty !== undefined) sentence = empty
    const news = (add ?? []).reverse()
    rows = [...news, ...rows.slice(drop ?? 0)].slice(0, model.limit)
    if (reset) scroll(keep ? top : 0)
    else if (top > 4) scroll(top + (news.length - (drop ?? 0)) * ROW_PX)
    else draw()
  })
  model.on('selected', () => {
    for (const [data, node] of nodes) mark(node, data)
    const place = rows.findIndex((data) => data.seqs.includes(model.selected)) * ROW_PX
    if (place < 0) return
    if (place < top) scroll(place)
    else if (place + ROW_PX > top + height) scroll(place + ROW_PX - height)
  })
  list.addEventListener('keydown', (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key]
    if (!step) return
    event.preventDefault()
    const at = rows.findIndex((data) => data.seqs.includes(model.selected))
    const next = rows[at < 0 ? 0 : at + step]
    if (next) model.send_msg({select: next.seqs[0]})
  })
  list.addEventListener('scroll', () => { top = list.scrollTop; draw() })
  new ResizeObserver(([entry]) => { height = entry.contentRect.height; draw() })
    .observe(list)
  model.send_msg({ready: true})
}
"""
)


class RowList(JSComponent):
    """A bounded list of rows; a batch of changes is one message."""

    selected = param.Integer(default=None, allow_None=True)
    """The selected log row."""
    limit = param.Integer(default=500)
    """Rows kept in the page."""
    is_wall = param.Boolean(default=False)
    """Whether the times are those of the day, which need more room."""

    __abstract = True

    def __init__(self, on_select: Callable[[int], None], **params: Any) -> None:
        super().__init__(**params)
        self._on_select = on_select
        self._on_ready: Callable[[], None] | None = None
        self.is_ready = False
        self.on_msg(self._on_message)

    def when_ready(self, draw: Callable[[], None]) -> None:
        """Call ``draw`` whenever the browser has (re)built the list."""
        self._on_ready = draw

    def change(
        self,
        add: Sequence[Mapping[str, Any]],
        drop: int = 0,
        *,
        reset: bool = False,
        keep: bool = False,
    ) -> None:
        """Drop some of the newest rows and add others, oldest first.

        Args:
            add: The rows.
            drop: How many of the newest go before.
            reset: All go before.
            keep: The new rows are the old ones in other words: what is in view stays.
        """
        if self.is_ready and (add or drop or reset):
            change = {"add": list(add), "drop": drop, "reset": reset, "keep": keep}
            # as one text: to send ten cells a row as values takes ten times as long
            self._send_msg({"change": orjson.dumps(change).decode()})

    def clear(self, sentence: str) -> None:
        """Show a sentence in the place of rows."""
        if self.is_ready:
            self._send_msg({"reset": True, "empty": sentence})

    def _on_message(self, event: Any) -> None:
        message = getattr(event, "data", event)
        if message.get("ready"):
            self.is_ready = True
            if self._on_ready is not None:
                self._on_ready()
        elif isinstance(message.get("select"), int):
            row = message["select"]
            locked(lambda: self._on_select(row))


class EventList(RowList):
    """The events, newest on top; any number of rows costs the same."""

    _stylesheets = [LIST_CSS, EVENTS_CSS]  # noqa: RUF012
    _esm = (
        _WINDOWED_ESM
        + """
export function render({model, el}) {
  const head = cell('div', undefined, 'head')
  for (const [text, name] of [['Call time'], ['Δ ms', 'r'], [''], ['Event'], ['Track'],
                              ['Summary']])
    head.append(cell('span', text, name))
  const list = cell('div', undefined, 'list')
  list.tabIndex = 0
  list.setAttribute('role', 'listbox')
  list.setAttribute('aria-label', 'Events, newest on top')
  el.append(head, list)
  el.style.height = '100%'
  widen(model, el, '100px', (name) => { head.firstChild.textContent = name })
  listen(model, list, (data) => {
    const row = cell('div', undefined, 'row ev')
    row.setAttribute('role', 'option')
    const chip = cell('span')
    const inner = cell('span', undefined, 'chip')
    const dot = cell('i')
    dot.style.background = `var(--lab-${data.role})`
    inner.append(dot, cell('span', data.event))
    chip.append(inner)
    const summary = cell('span', data.summary)
    summary.title = data.summary
    row.append(cell('span', data.time, 'mono'), cell('span', data.delta, 'mono r'),
               cell('span', data.direction, 'd'), chip, cell('span', data.track),
               summary)
    return row
  })
}
"""
    )


class TranscriptList(RowList):
    """What was said, oldest first, the end in view."""

    _stylesheets = [LIST_CSS, TRANSCRIPT_CSS]  # noqa: RUF012
    _esm = (
        _GROWING_ESM
        + """
export function render({model, el}) {
  const list = cell('div', undefined, 'list')
  list.tabIndex = 0
  list.setAttribute('role', 'log')
  list.setAttribute('aria-label', 'Transcript')
  el.append(list)
  el.style.height = '100%'
  widen(model, el, '68px')
  listen(model, list, (data) => {
    const row = cell('div', undefined, 'row')
    const sign = cell('i', undefined, data.who)
    sign.title = data.who
    const words = cell('span', data.heard, data.live ? 'words live' : 'words')
    if (data.unheard) words.append(cell('s', data.unheard))
    row.append(cell('span', data.time, 'mono'), sign, words)
    const badge = cell('span', data.badge, data.badge && 'badge ' + data.badge_kind)
    badge.title = data.badge_title
    row.append(badge)
    return row
  })
}
"""
    )
