export function render({model, el}) {
  const box = part('div'), say = part('span')
  box.className = 'f'
  const tell = teller(say)
  const isLog = (file) => /\.jsonl?(\.gz)?$/.test(file.name) &&
    !/\.sipflow\.jsonl(\.gz)?$/.test(file.name)
  async function open(files) {
    // a plain http page of another machine has no crypto.randomUUID
    const random = crypto.getRandomValues(new Uint32Array(4))
    const logs = files.filter(isLog), batch = [...random].join('-')
    if (!logs.length) throw new Error('choose an event log (*.jsonl), and its WAV files')
    for (const file of [...files.filter((f) => !isLog(f)), ...logs]) {
      tell(`opening ${file.name} …`)
      const query = new URLSearchParams({batch, name: file.name})
      const answer = await fetch(`open?${query}`, {
        method: 'POST', body: file, headers: {'X-Rustpbx-Lab': 'open'}})
      if (!answer.ok) throw new Error(answer.status === 404
        ? 'opening files needs rustpbx-lab serve; elsewhere use hub.replay(path)'
        : answer.status === 403 ? 'only the operators may open files'
        : `the file was refused (HTTP ${answer.status})`)
      const {id, error} = await answer.json()
      if (error) throw new Error(error)
      if (id) model.send_msg({opened: id})
    }
    tell('')
  }
  const input = picker('.jsonl,.json,.gz,.wav,audio/wav', true,
    (files) => open(files).catch((error) => tell(error.message, true)))
  const button = part('button', 'Open files…',
                      'Replay a saved call: its event log, and its WAV and sipflow files')
  button.onclick = () => input.click()
  box.append(button, input, say)
  el.append(box)
}
