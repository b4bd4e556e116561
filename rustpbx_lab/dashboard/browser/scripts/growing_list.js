function listen(model, list, fill) {
  // the newest stands first and the list runs upwards: its end stays in view by itself,
  // and nobody has to ask for its height, which would lay out all rows
  const mark = () => {
    for (const row of list.children)
      row.classList.toggle('sel', row.seqs?.includes(model.selected) ?? false)
  }
  const show = () => {
    const row = [...list.children].find((r) => r.classList.contains('sel'))
    row?.scrollIntoView({block: 'nearest'})
  }
  const make = (data) => {
    const row = fill(data)
    row.seqs = data.seqs
    row.tabIndex = -1
    row.onclick = () => model.send_msg({select: data.seqs[0]})
    return row
  }
  model.on('msg:custom', (msg) => {
    const {drop, add, reset, keep, empty} = change(msg)
    const at = reset && keep ? list.scrollTop : 0  // it costs a layout of all
    if (reset) list.replaceChildren()
    if (list.firstChild?.className === 'empty') list.firstChild.remove()
    for (let i = 0; i < (drop ?? 0); i++) list.firstChild?.remove()
    list.prepend(...(add ?? []).map(make).reverse())
    while (list.children.length > model.limit) list.lastChild.remove()
    if (reset) list.scrollTop = at
    if (!list.children.length) list.append(cell('div', empty ?? '', 'empty'))
    if (model.selected !== null) mark()
  })
  model.on('selected', () => { mark(); show() })
  model.send_msg({ready: true})
}
