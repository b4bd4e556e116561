export function render({model, el}) {
  const part = (role, label) => {
    const made = document.createElement('div')
    made.setAttribute('role', role)
    made.setAttribute('aria-label', label)
    el.append(made)
    return made
  }
  const news = part('status', 'News of the call')
  const summary = part('note', 'Summary of the timeline')
  news.setAttribute('aria-live', 'polite')
  let last = 0
  const say = () => {
    for (const [number, text] of model.news) {
      if (number <= last) continue
      last = number
      const line = document.createElement('p')
      line.textContent = text
      news.append(line)
      if (news.children.length > 5) news.firstChild.remove()
    }
  }
  const sum = () => { summary.textContent = model.summary }
  model.on('news', say)
  model.on('summary', sum)
  say()
  sum()
  const still = matchMedia('(prefers-reduced-motion: reduce)')
  const tell = () => model.send_msg({still: still.matches})
  still.addEventListener('change', tell)
  if (still.matches) tell()
  model.on('remove', () => still.removeEventListener('change', tell))
}
