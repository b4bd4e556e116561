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
