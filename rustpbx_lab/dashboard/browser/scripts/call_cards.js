const NS = 'http://www.w3.org/2000/svg', SURE_MS = 3000

function part(kind, name, text) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  return made
}

function shape(kind, fields) {
  const made = document.createElementNS(NS, kind)
  for (const [key, value] of Object.entries(fields)) made.setAttribute(key, value)
  return made
}

function spark(seconds) {
  const width = 2 * seconds.length
  const svg = shape('svg', {class: 'spark', viewBox: `0 0 ${width} 46`,
                            preserveAspectRatio: 'none', role: 'img'})
  const most = Math.max(10, ...seconds.map(([n]) => n))
  let caller = 0, agent = 0, total = 0
  svg.append(shape('line', {class: 'base', x1: 0, x2: width, y1: 30, y2: 30}))
  seconds.forEach(([n, who], at) => {
    const x = 2 * at, height = 28 * n / most
    total += n
    const rect = (name, width, y, height) =>
      svg.append(shape('rect', {class: name, x, width, y, height}))
    if (n) rect('bar', 1.5, 30 - height, height)
    if (who & 1) { caller++; rect('caller', 2, 33, 5) }
    if (who & 2) { agent++; rect('agent', 2, 40, 5) }
  })
  svg.setAttribute('aria-label', `last ${seconds.length} s: ${total} events, ` +
    `caller spoke ${caller} s, agent ${agent} s`)
  const title = shape('title', {})
  title.textContent = svg.getAttribute('aria-label')
  svg.append(title)
  return svg
}

export function render({model, el}) {
  const wall = part('div', 'wall')
  el.append(wall)
  el.style.height = '100%'
  const sure = new Map()  // id -> until when a second press ends the call

  function act(kind, id) { model.send_msg({[kind]: id}) }

  function button(name, text, action, why) {
    const made = part('button', name, text)
    if (why) { made.disabled = true; made.title = why }
    made.onclick = (event) => { event.stopPropagation(); action() }
    return made
  }

  function card(data) {
    const box = part('div', data.shown ? 'card shown' : 'card')
    box.dataset.id = data.id
    const main = data.watched === false ? 'watch' : 'open'
    box.onclick = () => act(main, data.id)
    const id = part('span', 'id', data.name)
    id.title = data.id
    box.append(id, part('span', 'chip ' + data.look, data.state))
    const facts = part('div', 'facts')
    for (const fact of data.facts) facts.append(part('span', '', fact))
    if (data.errors) facts.append(part('span', 'errors', `✕ ${data.errors}`))
    box.append(facts)
    box.append(data.spark ? spark(data.spark)
                          : part('div', 'unknown', 'not watched: activity unknown'))
    const words = part('div', 'words')
    if (data.words) {
      words.append(part('i', data.who), document.createTextNode(data.words))
      words.title = data.words
    }
    box.append(words)
    const acts = part('div', 'acts')
    acts.append(button('main', main === 'watch' ? 'Watch' : 'Open',
                       () => act(main, data.id)))
    acts.append(part('span', 'gap', data.watchers ? `${data.watchers} watching` : ''))
    if (data.can_leave) acts.append(button('', 'Stop watching',
                                           () => act('leave', data.id)))
    if (data.can_end) {
      const asked = (sure.get(data.id) ?? 0) > Date.now()
      acts.append(button(
        asked ? 'danger sure' : 'danger', asked ? 'Really?' : 'Hang up', () => {
          if ((sure.get(data.id) ?? 0) > Date.now()) {
            sure.delete(data.id)
            act('hang_up', data.id)
          } else {
            sure.set(data.id, Date.now() + SURE_MS)
            draw(state)
            setTimeout(() => draw(state), SURE_MS + 50)
          }
        }, data.refused))
    }
    box.append(acts)
    return box
  }

  let state = {groups: []}, held = null, pressed = false
  const cards = new Map()  // id -> its card, and the data it was made from
  function kept(data) {
    const made_from = JSON.stringify([data, (sure.get(data.id) ?? 0) > Date.now()])
    if (cards.get(data.id)?.made_from !== made_from)
      cards.set(data.id, {made_from, box: card(data)})
    return cards.get(data.id).box
  }
  function draw(next) {
    if (pressed) { held = next; return }  // a click needs what it was begun on
    state = next
    const scrolled = wall.scrollTop, focused = el.getRootNode().activeElement
    const at = focused?.closest?.('.card')?.dataset.id, what = focused?.textContent
    const shown = state.groups.flatMap((group) => group.cards.map(({id}) => id))
    for (const id of cards.keys()) if (!shown.includes(id)) cards.delete(id)
    const parts = []
    for (const group of state.groups) {
      const head = part('h2', '', group.title)
      head.append(part('span', '', group.note), part('span', 'gap'))
      if (group.watch_all)
        head.append(button('', 'Watch all', () => model.send_msg({watch_all: true})))
      const grid = part('div', 'cards')
      grid.append(...group.cards.map(kept))
      parts.push(head, group.cards.length ? grid : part('div', 'none', group.empty))
    }
    wall.replaceChildren(...parts)
    wall.scrollTop = scrolled
    if (at !== undefined)  // a keyboard must not lose its place once a second
      for (const box of wall.querySelectorAll('.card'))
        if (box.dataset.id === at)
          for (const made of box.querySelectorAll('button'))
            if (made.textContent === what) made.focus()
  }
  function press() { pressed = true }
  function release() {
    if (!pressed) return
    setTimeout(() => {  // after the click that this may be the end of
      pressed = false
      const next = held
      held = null
      if (next) draw(next)
    })
  }
  wall.addEventListener('pointerdown', press)
  for (const end of ['pointerup', 'pointercancel'])
    document.addEventListener(end, release)
  model.on('remove', () => {
    for (const end of ['pointerup', 'pointercancel'])
      document.removeEventListener(end, release)
  })
  model.on('msg:custom', (msg) => draw(msg.data ?? msg))
  model.send_msg({ready: true})
}
