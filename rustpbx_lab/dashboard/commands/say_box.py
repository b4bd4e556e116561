"""The text input for what the agent is to say."""

from collections.abc import Callable, Mapping
from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.dashboard.browser.document_lock import on_message

CSS = """
:host{display:block;font-family:var(--lab-font)}
input{width:100%;height:32px;padding:0 9px;border:1px solid var(--lab-border);
  border-radius:5px;background:var(--lab-surface);color:var(--lab-text);
  font:12.5px var(--lab-font)}
input::placeholder{color:var(--lab-muted);opacity:1}
input:hover:enabled{border-color:var(--lab-text)}
input:focus{outline:2px solid var(--lab-accent);outline-offset:-1px}
input:disabled{opacity:.5}
"""


class SayBox(JSComponent):
    """A text field that is emptied in the browser, in the moment a text is sent.

    A field that the server empties may be emptied too late: what was typed meanwhile
    would be lost, or the old text spoken once more. Up and Down bring back what was
    said before.

    Args:
        on_text: Called with each text, without the spaces around it; never empty.
    """

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = """
const KEPT = 50

export function render({model, el}) {
  const input = document.createElement('input')
  input.type = 'text'
  input.placeholder = model.placeholder
  input.setAttribute('aria-label', model.placeholder)
  input.autocomplete = 'off'
  el.append(input)
  const said = []
  let place = 0, draft = ''  // place counts back from the newest; 0 is the draft
  const send = () => {
    const text = input.value.trim()
    if (!text || model.disabled) return
    if (said[0] !== text) said.unshift(text)
    said.length = Math.min(said.length, KEPT)
    place = 0
    input.value = ''
    model.send_msg({text})
  }
  input.onkeydown = (event) => {
    if (event.isComposing) return  // Enter chooses a word there
    if (event.key === 'Enter') {
      event.preventDefault()
      send()
      return
    }
    const step = {ArrowUp: 1, ArrowDown: -1}[event.key]
    const next = place + step
    if (!step || next < 0 || next > said.length) return
    event.preventDefault()
    if (place === 0) draft = input.value
    place = next
    input.value = place ? said[place - 1] : draft
    input.setSelectionRange(input.value.length, input.value.length)
  }
  const able = () => { input.disabled = model.disabled }
  able()
  model.on('disabled', able)
  model.on('msg:custom', (msg) => { if ((msg.data ?? msg).send) send() })
}
"""

    disabled = param.Boolean(default=False)
    """Whether nothing can be said; a text that was typed stays."""

    placeholder = param.String(default="Say to the caller…")

    def __init__(self, on_text: Callable[[str], None], **params: Any) -> None:
        super().__init__(**params)
        self._on_text = on_text
        on_message(self, self._on_message)

    def send(self) -> None:
        """Have the browser send what stands in the field."""
        self._send_msg({"send": True})

    def _on_message(self, message: Mapping[str, Any]) -> None:
        text = message.get("text")
        if isinstance(text, str) and text.strip():
            self._on_text(text.strip())
