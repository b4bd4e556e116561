const MOST = 1e6
export function render({model, el}) {
  const box = part('div'), say = part('span')
  box.className = 'f'
  const tell = teller(say)
  const input = picker('.json,application/json', false, async ([file]) => {
    if (file.size > MOST) tell(`${file.name} is too large for an option`, true)
    else model.send_msg({load: await file.text(), name: file.name})
  })
  const save = part('button', 'Save…', 'Save these options as JSON, without secrets')
  save.onclick = () => model.send_msg({save: true})
  const load = part('select', '', 'Load options')
  for (const name of ['Load…', 'a JSON file', 'this call\'s options'])
    load.append(part('option', name))
  load.onchange = () => {
    if (load.selectedIndex === 1) input.click()
    else model.send_msg({of_call: true})
    load.selectedIndex = 0
  }
  const copy = part('select', '', 'Copy these options, without secrets')
  for (const name of ['Copy as…', 'JSON', 'Python', 'Go'])
    copy.append(part('option', name))
  copy.onchange = () => { model.send_msg({copy: copy.value}); copy.selectedIndex = 0 }
  box.append(save, load, copy, input, say)
  el.append(box)
  model.on('msg:custom', (msg) => {
    const data = msg.data ?? msg
    if (data.file !== undefined) {
      const link = part('a')
      link.href = URL.createObjectURL(new Blob([data.file], {type: 'application/json'}))
      link.download = data.name
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 1000)
    }
    if (data.clip !== undefined)
      copyText(data.clip).then((copied) =>
        copied ? tell('copied') : tell('the browser refused to copy', true))
    if (data.say !== undefined) tell(data.say, data.bad)
  })
}
