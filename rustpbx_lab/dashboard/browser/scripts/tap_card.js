function part(kind, name, text) {
  const made = document.createElement(kind)
  if (name) made.className = name
  if (text !== undefined) made.textContent = text
  return made
}
export function render({model, el}) {
  const draw = () => {
    el.replaceChildren(...model.taps.map(({url, heard, refused, why}, place) => {
      const card = part('div', 't'), line = part('div', 'l'), copy = part('button', '')
      copy.textContent = 'Copy option'
      copy.title = 'Copy the monitor option that a call must have to be heard here'
      copy.onclick = () => model.send_msg({copy: place})
      line.append(part('code', '', url), copy)
      card.append(line, part('div', 'mu', heard))
      if (refused) {
        const bad = part('div', 'bad', refused)
        bad.title = why
        card.append(bad)
      }
      return card
    }), say)
  }
  const say = part('div', 'say')
  say.setAttribute('role', 'status')
  model.on('taps', draw)
  draw()
  model.on('msg:custom', (msg) => {
    const {clip, tell} = msg.data ?? msg
    if (tell !== undefined) say.textContent = tell
    if (clip === undefined) return
    copyText(clip).then((copied) => {
      say.textContent = copied ? 'copied' : 'the browser refused to copy'
    })
  })
}
