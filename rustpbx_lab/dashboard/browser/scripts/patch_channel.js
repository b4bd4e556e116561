export function render({model, view}) {
  const doc = view.model.document
  doc.on_message('rustpbx-lab-patch', ({patch, buffers}) => {
    const {events} = JSON.parse(patch)
    doc.apply_json_patch({events}, new Map(buffers))
  })
  model.send_msg({ready: true})
}
