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
