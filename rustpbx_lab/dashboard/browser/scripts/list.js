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
