export function render({model}) {
  model.on('msg:custom', (msg) => {
    const {beat} = msg.data ?? msg
    requestAnimationFrame(() => setTimeout(() => model.send_msg({beat}), 0))
  })
  model.send_msg({beat: 0})
}
