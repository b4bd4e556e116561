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
