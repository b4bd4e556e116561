"""Browser parts: lists that take rows in batches, and the keyboard.

Their scripts write every text of a call with ``textContent``: it is shown, never run.
A part says ``ready`` when it is drawn, since what is sent before that is lost.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import param
from panel.custom import JSComponent

LIST_CSS = """
:host{display:block;overflow:hidden;font-family:var(--lab-font);font-size:12px;
  color:var(--lab-text)}
.list{height:100%;overflow-y:auto;overflow-x:hidden;outline:none;
  scrollbar-width:thin;scrollbar-color:var(--lab-border) transparent}
.list:focus-visible{box-shadow:inset 0 0 0 2px var(--lab-accent)}
.row{cursor:default;border-bottom:1px solid var(--lab-hair)}
.row:hover{background:var(--lab-raised)}
.row.sel{background:var(--lab-accent-tint);box-shadow:inset 3px 0 0 var(--lab-accent)}
.mono{font-family:var(--lab-mono);font-size:11px;color:var(--lab-muted);
  letter-spacing:-.02em}
.empty{padding:14px 12px;color:var(--lab-muted)}
"""

EVENTS_CSS = """
.head,.ev{display:grid;align-items:center;
  grid-template-columns:82px 54px 26px 128px 58px minmax(0,1fr)}
.head{height:24px;color:var(--lab-muted);font-size:11px;
  border-bottom:1px solid var(--lab-border)}
.head>span,.ev>span{padding:0 8px;white-space:nowrap;overflow:hidden;
  text-overflow:ellipsis}
.list{height:calc(100% - 25px)}
.ev{min-height:23px;line-height:22px}
.r{text-align:right}
.chip{display:inline-flex;align-items:center;gap:6px}
.chip i{width:8px;height:8px;border-radius:2px;flex:none}
.ev .d{padding:0;text-align:center;color:var(--lab-muted)}
"""

TRANSCRIPT_CSS = """
.row{display:grid;grid-template-columns:54px 14px minmax(0,1fr) auto;gap:0 6px;
  padding:4px 12px;align-items:start;font-size:12.5px;line-height:17px;border:0}
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

_LIST_ESM = """
function cell(kind, text, name) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  return made
}

function listen(model, list, fill) {
  let rows = []
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
    const {drop, add, reset, empty} = msg.data ?? msg
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 24
    if (reset) list.replaceChildren()
    list.querySelector('.empty')?.remove()
    const nodes = (add ?? []).map(make)
    if (model.newest_first) {
      const before = list.scrollHeight
      for (let i = 0; i < (drop ?? 0); i++) list.firstChild?.remove()
      list.prepend(...nodes.reverse())
      while (list.children.length > model.limit) list.lastChild.remove()
      if (list.scrollTop > 4) list.scrollTop += list.scrollHeight - before
    } else {
      for (let i = 0; i < (drop ?? 0); i++) list.lastChild?.remove()
      list.append(...nodes)
      while (list.children.length > model.limit) list.firstChild.remove()
      if (atEnd || reset) list.scrollTop = list.scrollHeight
    }
    if (!list.children.length) list.append(cell('div', empty ?? '', 'empty'))
    mark()
  })
  model.on('selected', () => { mark(); show() })
  model.send_msg({ready: true})
}
"""


class RowList(JSComponent):
    """A bounded list of rows; a batch of changes is one message."""

    selected = param.Integer(default=None, allow_None=True)
    """The selected log row."""
    limit = param.Integer(default=500)
    """Rows kept in the page."""
    newest_first = param.Boolean(default=False)

    __abstract = True

    def __init__(self, on_select: Callable[[int], None], **params: Any) -> None:
        super().__init__(**params)
        self._on_select = on_select
        self._on_ready: Callable[[], None] | None = None
        self.is_ready = False
        self.on_msg(self._hear)

    def when_ready(self, draw: Callable[[], None]) -> None:
        """Call ``draw`` whenever the browser has (re)built the list."""
        self._on_ready = draw

    def change(
        self, add: Sequence[Mapping[str, Any]], drop: int = 0, reset: bool = False
    ) -> None:
        """Drop some of the newest rows and add others, oldest first."""
        if self.is_ready and (add or drop or reset):
            self._send_msg({"add": list(add), "drop": drop, "reset": reset})

    def clear(self, sentence: str) -> None:
        """Show a sentence in the place of rows."""
        if self.is_ready:
            self._send_msg({"reset": True, "empty": sentence})

    def _hear(self, event: Any) -> None:
        message = getattr(event, "data", event)
        if message.get("ready"):
            self.is_ready = True
            if self._on_ready is not None:
                self._on_ready()
        elif isinstance(message.get("select"), int):
            self._on_select(message["select"])


class EventList(RowList):
    """The events, newest on top."""

    _stylesheets = [LIST_CSS, EVENTS_CSS]  # noqa: RUF012
    _esm = (
        _LIST_ESM
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
        _LIST_ESM
        + """
export function render({model, el}) {
  const list = cell('div', undefined, 'list')
  list.tabIndex = 0
  list.setAttribute('role', 'log')
  list.setAttribute('aria-label', 'Transcript')
  el.append(list)
  el.style.height = '100%'
  listen(model, list, (data) => {
    const row = cell('div', undefined, 'row')
    const sign = cell('i', undefined, data.who)
    sign.title = data.who
    const words = cell('span', data.heard, data.live ? 'words live' : 'words')
    if (data.unheard) words.append(cell('s', data.unheard))
    row.append(cell('span', data.time, 'mono'), sign, words)
    row.append(data.badge ? cell('span', data.badge, 'badge ' + data.badge_kind)
                          : cell('span'))
    return row
  })
}
"""
    )


class Pulse(JSComponent):
    """Asks the browser whether it has drawn what it was sent.

    A slow browser gets fewer pictures that way, never late ones.
    """

    _esm = """
export function render({model}) {
  model.on('msg:custom', (msg) => {
    const {beat} = msg.data ?? msg
    requestAnimationFrame(() => setTimeout(() => model.send_msg({beat}), 0))
  })
  model.send_msg({beat: 0})
}
"""

    patience_s = 2.0
    """After so long it is asked again: a hidden tab draws nothing and says nothing."""

    def __init__(self, **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
        self._n_sent = 0
        self._n_drawn = 0
        self._sent_s = 0.0
        self.on_msg(self._hear)

    @property
    def is_free(self) -> bool:
        """Whether the last picture is drawn, or long overdue."""
        is_overdue = time.monotonic() - self._sent_s > self.patience_s
        return self._n_drawn >= self._n_sent or is_overdue

    def beat(self) -> None:
        """Ask about everything that was sent so far."""
        self._n_sent += 1
        self._sent_s = time.monotonic()
        self._send_msg({"beat": self._n_sent})

    def _hear(self, event: Any) -> None:
        beat = getattr(event, "data", event).get("beat")
        if isinstance(beat, int):
            self._n_drawn = max(self._n_drawn, min(beat, self._n_sent))


class Keys(JSComponent):
    """The keyboard of a page: says which key was pressed, silent while typing."""

    _esm = """
export function render({model}) {
  const typing = (event) => event.composedPath().some((node) =>
    node.tagName === 'INPUT' || node.tagName === 'TEXTAREA' ||
    node.tagName === 'SELECT' || node.isContentEditable || node.role === 'dialog' ||
    node.role === 'combobox' || node.role === 'slider')
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Escape' && typing(event)) {
      event.composedPath()[0]?.blur?.()
      return
    }
    if (typing(event) || !model.keys.includes(event.key)) return
    event.preventDefault()
    model.send_msg({key: event.key, shift: event.shiftKey})
  }
  const find = (root, name) => {
    const all = root.querySelectorAll('*')
    for (const node of all) {
      if (node.classList?.contains(name)) return node
      const inner = node.shadowRoot && find(node.shadowRoot, name)
      if (inner) return inner
    }
  }
  model.on('msg:custom', (msg) => {
    const {focus, copy} = msg.data ?? msg
    if (focus) {
      const host = find(document, focus)
      const input = host && (host.querySelector('input') ??
                             host.shadowRoot?.querySelector('input'))
      input?.focus()
    }
    if (copy !== undefined) navigator.clipboard?.writeText(copy)
  })
  document.addEventListener('keydown', press)
  // not before the page itself is drawn, or it opens the sidebar again
  if (window.innerWidth < 1280)
    setTimeout(() => model.send_msg({narrow: true}), 1500)
  model.on('remove', () => document.removeEventListener('keydown', press))
}
"""

    keys = param.List(default=[])
    """The keys that are taken."""

    def __init__(
        self,
        on_key: Callable[[str, bool], None],
        on_narrow: Callable[[], None],
        **params: Any,
    ) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
        self._on_key = on_key
        self._on_narrow = on_narrow
        self.on_msg(self._hear)

    def focus(self, css_class: str) -> None:
        """Put the cursor into the input of a widget."""
        self._send_msg({"focus": css_class})

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        self._send_msg({"copy": text})

    def _hear(self, event: Any) -> None:
        message = getattr(event, "data", event)
        if isinstance(message.get("key"), str):
            self._on_key(message["key"], bool(message.get("shift")))
        elif message.get("narrow"):
            self._on_narrow()
