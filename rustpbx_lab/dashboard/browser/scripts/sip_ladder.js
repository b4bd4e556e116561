const EDGE = 9  // per cent, left and right of the outer columns

function place(column, columns) {
  return columns < 2 ? 50 : EDGE + (100 - 2 * EDGE) * column / (columns - 1)
}

function arrow(step, columns) {
  const lane = cell('span', undefined, 'lane')
  for (let at = 0; at < columns; at++) {
    const pole = cell('i', undefined, 'pole')
    pole.style.left = `${place(at, columns)}%`
    lane.append(pole)
  }
  const [from, to] = [place(step.from, columns), place(step.to, columns)]
  const way = to > from ? 'right' : to < from ? 'left' : 'self'
  const line = cell('i', undefined, step.again ? `line ${way} again` : `line ${way}`)
  line.style.left = `${Math.min(from, to)}%`
  line.style.width = `${Math.abs(to - from)}%`
  const ink = step.role === 'command' ? 'command' : `${step.role}-ink`
  line.style.setProperty('--line', `var(--lab-${ink})`)
  const words = cell('span', undefined, 'words')
  const title = cell('b', step.title)
  title.style.color = `var(--lab-${ink})`
  words.append(title)
  if (step.delay) words.append(cell('span', step.delay, 'delay'))
  lane.append(line, words)
  return lane
}

export function render({model, el}) {
  const list = cell('div', undefined, 'list')
  list.tabIndex = 0
  list.setAttribute('role', 'listbox')
  list.setAttribute('aria-label', 'SIP ladder, oldest on top')
  el.append(list)
  el.className = 'box'
  let wanted = null  // what was asked for and is not selected yet
  const select = (seq) => {
    wanted = seq
    model.send_msg({select: seq})
  }
  const reveal = (row) => {  // scrollIntoView would scroll the page, too
    const above = row.offsetTop - list.firstChild.offsetHeight
    const below = row.offsetTop + row.offsetHeight - list.clientHeight
    if (list.scrollTop > above) list.scrollTop = above
    else if (list.scrollTop < below) list.scrollTop = below
  }
  const mark = () => {
    for (const row of list.querySelectorAll('.step')) {
      const isSelected = row.dataset.seq === String(model.selected)
      row.classList.toggle('sel', isSelected)
      row.setAttribute('aria-selected', isSelected)
      if (!isSelected) continue
      list.setAttribute('aria-activedescendant', row.id)
      reveal(row)
    }
  }
  const draw = () => {
    const {parties, steps, left_out} = JSON.parse(model.ladder)
    list.style.setProperty('--columns', parties.length)
    const heads = cell('div', undefined, 'heads'), names = cell('span', undefined, 'lane')
    parties.forEach(({name, address}, at) => {
      const head = cell('span', name, 'party')
      head.title = address
      head.style.left = `${place(at, parties.length)}%`
      names.append(head)
    })
    heads.append(cell('span', '', 'time'), names)
    const note = (n, where) => n ? [cell('div', `${n} messages ${where}`, 'note')] : []
    const rows = steps.map((step) => {
      const row = cell('div', undefined, 'row step')
      row.id = `sip-${step.seq}`
      row.dataset.seq = step.seq
      row.setAttribute('role', 'option')
      row.setAttribute('aria-label', step.words)
      row.title = step.words
      const time = cell('span', step.time, 'mono time')
      if (step.leg) time.append(cell('span', step.leg, 'leg'))
      row.append(time, arrow(step, parties.length))
      row.onclick = () => select(step.seq)
      return row
    })
    list.replaceChildren(heads, ...note(left_out[0], 'before'), ...rows,
                         ...note(left_out[1], 'after'))
    mark()
  }
  list.addEventListener('keydown', (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key]
    if (!step) return
    event.preventDefault()
    event.stopPropagation()
    const rows = [...list.querySelectorAll('.step')]
    const from = String(wanted ?? model.selected)
    const at = rows.findIndex((row) => row.dataset.seq === from)
    const next = rows[at < 0 ? 0 : at + step]
    if (next) select(Number(next.dataset.seq))
  })
  new ResizeObserver(mark).observe(list)
  model.on('ladder', draw)
  model.on('selected', () => {
    if (model.selected === wanted || model.selected === null) wanted = null
    mark()
  })
  draw()
}
