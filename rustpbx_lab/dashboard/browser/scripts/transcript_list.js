export function render({model, el}) {
  const list = cell('div', undefined, 'list')
  list.tabIndex = 0
  list.setAttribute('role', 'log')
  list.setAttribute('aria-label', 'Transcript')
  el.append(list)
  el.style.height = '100%'
  widen(model, el, '68px')
  listen(model, list, (data) => {
    const row = cell('div', undefined, 'row')
    const sign = cell('i', undefined, data.who)
    sign.title = data.who
    const words = cell('span', data.heard, data.live ? 'words live' : 'words')
    if (data.unheard) words.append(cell('s', data.unheard))
    row.append(cell('span', data.time, 'mono'), sign, words)
    const badge = cell('span', data.badge, data.badge && 'badge ' + data.badge_kind)
    badge.title = data.badge_title
    row.append(badge)
    return row
  })
}
