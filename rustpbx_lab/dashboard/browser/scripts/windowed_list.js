const ROW_PX = 24, AROUND = 12

function listen(model, list, fill) {
  // only what is in view is in the page; places are counted, never measured, since
  // asking the browser for them would lay out everything at once
  const above = cell('div'), below = cell('div'), nodes = new Map()
  let rows = [], top = 0, height = 480, sentence = ''
  const mark = (node, data) => {
    const isSelected = data.seqs.includes(model.selected)
    node.classList.toggle('sel', isSelected)
    node.id = `row-${data.seqs[0]}`
    node.setAttribute('aria-selected', isSelected)
    if (isSelected) list.setAttribute('aria-activedescendant', node.id)
  }
  const make = (data) => {
    const row = fill(data)
    row.tabIndex = -1
    row.onclick = () => model.send_msg({select: data.seqs[0]})
    mark(row, data)
    nodes.set(data, row)
    return row
  }
  const draw = () => {
    const first = Math.max(Math.floor(top / ROW_PX) - AROUND, 0)
    const last = Math.min(Math.ceil((top + height) / ROW_PX) + AROUND, rows.length)
    const wanted = new Set(rows.slice(first, last))
    for (const [data, node] of nodes)
      if (!wanted.has(data)) {
        node.remove()
        nodes.delete(data)
      }
    if (!rows.length) {
      list.replaceChildren(cell('div', sentence, 'empty'))
      return
    }
    if (above.parentNode !== list) list.replaceChildren(above, below)
    above.style.height = `${first * ROW_PX}px`
    below.style.height = `${(rows.length - last) * ROW_PX}px`
    let next = above.nextSibling
    for (const data of wanted) {
      const node = nodes.get(data)
      if (node === next) next = next.nextSibling
      else list.insertBefore(node ?? make(data), next)
    }
  }
  const scroll = (to) => {
    top = Math.max(to, 0)
    draw()
    list.scrollTop = top
  }
  model.on('msg:custom', (msg) => {
    const {drop, add, reset, keep, empty} = change(msg)
    if (reset) rows = []
    if (empty !== undefined) sentence = empty
    const news = (add ?? []).reverse()
    rows = [...news, ...rows.slice(drop ?? 0)].slice(0, model.limit)
    if (reset) scroll(keep ? top : 0)
    else if (top > 4) scroll(top + (news.length - (drop ?? 0)) * ROW_PX)
    else draw()
  })
  const reveal = () => {
    const place = rows.findIndex((data) => data.seqs.includes(model.selected)) * ROW_PX
    if (place < 0) return
    if (place < top) scroll(place)
    else if (place + ROW_PX > top + height) scroll(place + ROW_PX - height)
  }
  model.on('selected', () => {
    for (const [data, node] of nodes) mark(node, data)
    reveal()
  })
  list.addEventListener('keydown', (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key]
    if (!step) return
    event.preventDefault()
    const at = rows.findIndex((data) => data.seqs.includes(model.selected))
    const next = rows[at < 0 ? 0 : at + step]
    if (next) model.send_msg({select: next.seqs[0]})
  })
  list.addEventListener('scroll', () => { top = list.scrollTop; draw() })
  new ResizeObserver(([entry]) => {
    const wasHidden = height < ROW_PX
    height = entry.contentRect.height
    if (wasHidden) reveal()  // what was selected meanwhile could not be shown
    draw()
  }).observe(list)
  model.send_msg({ready: true})
}
