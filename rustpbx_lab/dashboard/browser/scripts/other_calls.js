function part(kind, name, text) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  return made
}
export function render({model, el}) {
  const rows = new Map()  // kept, or a keyboard would lose its place with each answer
  const make = (id) => {
    const row = part('div', 'c'), name = part('span', 'id', id)
    name.title = id
    const watch = part('button', '', 'Watch')
    watch.setAttribute('aria-label', `Watch ${id}`)
    watch.onclick = () => model.send_msg({watch: id})
    row.append(part('i'), name, part('span', 'mu'), watch)
    rows.set(id, row)
    return row
  }
  const draw = () => {
    const wanted = new Set(model.rows.map(({id}) => id))
    for (const [id, row] of rows)
      if (!wanted.has(id)) { row.remove(); rows.delete(id) }
    for (const {id, about, state, up} of model.rows) {
      const row = rows.get(id) ?? make(id), [dot, , words] = row.children
      dot.className = up ? 'up' : ''
      dot.title = state
      words.textContent = about
      if (!row.parentNode) el.append(row)
    }
  }
  model.on('rows', draw)
  draw()
}
