const DOTS = [3, 8, 13].flatMap((y) => [3, 8, 13].map((x) => [x, y]))
const SHOWN = 40

export function render({model, el}) {
  const make = (tag, name, text = '') => {
    const made = document.createElement(tag)
    made.className = name
    made.textContent = text
    return made
  }
  const open = make('button', 'open'), pad = make('div', 'pad')
  open.type = 'button'
  open.setAttribute('aria-label', 'Keypad')
  open.setAttribute('aria-haspopup', 'dialog')
  const circles = DOTS.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="1.7"/>`)
  open.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true">${circles.join('')}</svg>`
  pad.popover = 'auto'
  pad.setAttribute('role', 'dialog')
  pad.setAttribute('aria-label', 'Keypad')
  pad.tabIndex = -1
  const sent = make('div', 'sent'), keys = make('div', 'keys')
  const rare = make('div', 'rare'), why = make('div', 'why')
  sent.setAttribute('role', 'status')
  sent.dataset.empty = 'type or click the keys'
  const buttons = new Map()
  const press = (digit) => {
    if (model.disabled || !buttons.has(digit)) return
    sent.textContent = (sent.textContent + digit).slice(-SHOWN)
    model.send_msg({digit})
  }
  for (const digit of model.digits) {
    const key = make('button', '', digit)
    key.type = 'button'
    key.setAttribute('aria-label', {'*': 'star', '#': 'hash'}[digit] ?? digit)
    key.onclick = () => press(digit)
    buttons.set(digit, key);
    (/[A-D]/.test(digit) ? rare : keys).append(key)
  }
  pad.append(sent, keys, rare, why)
  el.append(open, pad)
  const place = () => {  // above the button, within the window
    const at = open.getBoundingClientRect(), size = pad.getBoundingClientRect()
    const left = Math.min(at.left, window.innerWidth - size.width - 8)
    const above = at.top - size.height - 6
    pad.style.left = `${Math.max(8, left)}px`
    pad.style.top = `${above > 8 ? above : Math.min(at.bottom + 6,
      Math.max(8, window.innerHeight - size.height - 8))}px`
  }
  open.onclick = () => pad.togglePopover()
  pad.addEventListener('toggle', (event) => {
    const is_open = event.newState === 'open'
    open.setAttribute('aria-expanded', is_open)
    if (is_open) { place(); pad.focus() }
  })
  pad.addEventListener('keydown', (event) => {  // the page has keys of its own
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const digit = event.key.toUpperCase()
    if (!buttons.has(digit)) return
    event.preventDefault()
    event.stopPropagation()
    if (!event.repeat) press(digit)
  })
  const able = () => {
    open.disabled = model.disabled
    open.title = model.hint
    why.textContent = model.note
    if (model.disabled && pad.matches(':popover-open')) pad.hidePopover()
  }
  able()
  for (const name of ['disabled', 'hint', 'note']) model.on(name, able)
  model.on('call', () => { sent.textContent = '' })
  model.on('msg:custom', (msg) => {
    if ((msg.data ?? msg).open && !model.disabled) pad.showPopover()
  })
}
