"""Files in the browser: options saved and loaded, logs opened, texts copied."""

from collections.abc import Callable, Mapping
from typing import Any

from panel.custom import JSComponent

from .clipboard import COPY_JS
from .document_lock import on_message

CSS = """
:host{display:block;font-family:var(--lab-font);font-size:12px;
  color:var(--lab-text) !important}
.f{display:flex;gap:6px;padding:0 10px;flex-wrap:wrap;align-items:center}
button,select{height:26px;padding:0 8px;border:1px solid var(--lab-border);font:inherit;
  border-radius:4px;background:var(--lab-surface);color:inherit;cursor:pointer}
select{width:80px}
button:hover{background:var(--lab-raised)}
.say{color:var(--lab-muted);font-size:11px;flex-basis:100%;overflow-wrap:anywhere}
.say:empty{display:none}
.say.bad{color:var(--lab-error-ink)}
"""

_COMMON = (
    COPY_JS
    + r"""
function part(kind, text, label) {
  const made = document.createElement(kind)
  if (text) made.textContent = text
  if (label) made.title = label
  if (label && !text) made.setAttribute('aria-label', label)
  return made
}
function teller(say) {
  say.className = 'say'
  return (text, bad) => {
    say.textContent = text
    say.className = bad ? 'say bad' : 'say'
  }
}
function picker(accept, multiple, took) {
  const input = part('input')
  Object.assign(input, {type: 'file', accept, multiple, hidden: true})
  input.onchange = () => { took([...input.files]); input.value = '' }
  return input
}
"""
)

_OPTION_ESM = (
    _COMMON
    + r"""
const MOST = 1e6
export function render({model, el}) {
  const box = part('div'), say = part('span')
  box.className = 'f'
  const tell = teller(say)
  const input = picker('.json,application/json', false, async ([file]) => {
    if (file.size > MOST) tell(`${file.name} is too large for an option`, true)
    else model.send_msg({load: await file.text(), name: file.name})
  })
  const save = part('button', 'Save…', 'Save these options as JSON, without secrets')
  save.onclick = () => model.send_msg({save: true})
  const load = part('select', '', 'Load options')
  for (const name of ['Load…', 'a JSON file', 'this call\'s options'])
    load.append(part('option', name))
  load.onchange = () => {
    if (load.selectedIndex === 1) input.click()
    else model.send_msg({of_call: true})
    load.selectedIndex = 0
  }
  const copy = part('select', '', 'Copy these options, without secrets')
  for (const name of ['Copy as…', 'JSON', 'Python', 'Go'])
    copy.append(part('option', name))
  copy.onchange = () => { model.send_msg({copy: copy.value}); copy.selectedIndex = 0 }
  box.append(save, load, copy, input, say)
  el.append(box)
  model.on('msg:custom', (msg) => {
    const data = msg.data ?? msg
    if (data.file !== undefined) {
      const link = part('a')
      link.href = URL.createObjectURL(new Blob([data.file], {type: 'application/json'}))
      link.download = data.name
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 1000)
    }
    if (data.clip !== undefined)
      copyText(data.clip).then((copied) =>
        copied ? tell('copied') : tell('the browser refused to copy', true))
    if (data.say !== undefined) tell(data.say, data.bad)
  })
}
"""
)

_OPEN_ESM = (
    _COMMON
    + r"""
export function render({model, el}) {
  const box = part('div'), say = part('span')
  box.className = 'f'
  const tell = teller(say)
  const isLog = (file) => /\.jsonl?(\.gz)?$/.test(file.name)
  async function open(files) {
    // a plain http page of another machine has no crypto.randomUUID
    const random = crypto.getRandomValues(new Uint32Array(4))
    const logs = files.filter(isLog), batch = [...random].join('-')
    if (!logs.length) throw new Error('choose an event log (*.jsonl) and its WAV files')
    for (const file of [...files.filter((f) => !isLog(f)), ...logs]) {
      tell(`opening ${file.name} …`)
      const query = new URLSearchParams({batch, name: file.name})
      const answer = await fetch(`open?${query}`, {
        method: 'POST', body: file, headers: {'X-Rustpbx-Lab': 'open'}})
      if (!answer.ok) throw new Error(answer.status === 404
        ? 'opening files needs rustpbx-lab serve; elsewhere use hub.replay(path)'
        : answer.status === 403 ? 'only the operators may open files'
        : `the file was refused (HTTP ${answer.status})`)
      const {id, error} = await answer.json()
      if (error) throw new Error(error)
      if (id) model.send_msg({opened: id})
    }
    tell('')
  }
  const input = picker('.jsonl,.json,.gz,.wav,audio/wav', true,
    (files) => open(files).catch((error) => tell(error.message, true)))
  const button = part('button', 'Open files…',
                      'Replay a saved call: its event log, and its WAV files')
  button.onclick = () => input.click()
  box.append(button, input, say)
  el.append(box)
}
"""
)


class OptionFiles(JSComponent):
    """Save, load and copy the options.

    Args:
        heard: Gets what was pressed: ``save``, ``load`` and a file's text, ``copy``.
    """

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = _OPTION_ESM

    def __init__(
        self, heard: Callable[[Mapping[str, Any]], None], **params: Any
    ) -> None:
        super().__init__(**params)
        on_message(self, heard)

    def tell(self, text: str, *, is_bad: bool = False) -> None:
        """Show a line."""
        self._send_msg({"say": text, "bad": is_bad})

    def offer(self, name: str, text: str) -> None:
        """Let the browser save a file."""
        self._send_msg({"file": text, "name": name})

    def copy_text(self, text: str) -> None:
        """Put a text on the clipboard."""
        self._send_msg({"clip": text})


class FileOpener(JSComponent):
    """Sends files to the server over HTTP and says which call came of them."""

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = _OPEN_ESM

    def __init__(self, opened: Callable[[str], None], **params: Any) -> None:
        super().__init__(**params)
        self._opened = opened
        on_message(self, self._on_message)

    def _on_message(self, message: Mapping[str, Any]) -> None:
        call_id = message.get("opened")
        if isinstance(call_id, str):
            self._opened(call_id)
