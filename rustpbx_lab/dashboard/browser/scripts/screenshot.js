const TITLE_PX = 26, EDGE_PX = 8

function deep(root, kind, found = []) {
  for (const node of root.querySelectorAll('*')) {
    if (node.matches(kind)) found.push(node)
    if (node.shadowRoot) deep(node.shadowRoot, kind, found)
  }
  return found
}

// what stands left of a lane is HTML: its texts and coloured boxes are painted again
function repaint(pen, head) {
  for (const box of head.querySelectorAll('.bar, .sw, .lv, .lv i')) {
    const {left, top, width, height} = box.getBoundingClientRect()
    const style = getComputedStyle(box)
    pen.fillStyle = style.backgroundColor
    pen.fillRect(left, top, width, height)
    if (style.borderTopStyle === 'none') continue
    pen.strokeStyle = style.borderTopColor
    pen.setLineDash(style.borderTopStyle === 'dashed' ? [3, 2] : [])
    pen.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1)
  }
  const walker = document.createTreeWalker(head, NodeFilter.SHOW_TEXT)
  const range = document.createRange()
  for (let node; (node = walker.nextNode());) {
    if (!node.textContent.trim()) continue
    const style = getComputedStyle(node.parentElement)
    range.selectNodeContents(node)
    const {left, top, height} = range.getBoundingClientRect()
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`
    pen.fillStyle = style.color
    pen.fillText(node.textContent.replace(/\s+/g, ' '), left, top + height / 2)
  }
}

async function take({figures, title, about}) {
  const views = figures.map((id) => Bokeh.index.find_one_by_id(id))
  const lanes = deep(document, '.lane-head').map((head, at) => [head, views[at]])
    .filter(([head, view]) => view && head.offsetHeight > 0)
  const heads = lanes.map(([head]) => head.getBoundingClientRect())
  const plots = lanes.map(([, view]) => view.el.getBoundingClientRect())
  const left = Math.min(...heads.map((at) => at.left)) - EDGE_PX
  const top = Math.min(...heads.map((at) => at.top)) - TITLE_PX
  const right = Math.max(...plots.map((at) => at.right)) + EDGE_PX
  const bottom = Math.max(...heads.map((at) => at.bottom)) + EDGE_PX
  const scale = Math.max(devicePixelRatio, 1)
  const sheet = document.createElement('canvas')
  sheet.width = Math.round((right - left) * scale)
  sheet.height = Math.round((bottom - top) * scale)
  const pen = sheet.getContext('2d')
  const colour = (role) => getComputedStyle(lanes[0][0]).getPropertyValue(role).trim()
  pen.fillStyle = colour('--lab-surface')
  pen.fillRect(0, 0, sheet.width, sheet.height)
  pen.setTransform(scale, 0, 0, scale, -left * scale, -top * scale)
  pen.textBaseline = 'middle'
  lanes.forEach(([head, view], at) => {
    const {left, top, width, height} = plots[at]
    pen.drawImage(view.export('png').canvas, left, top, width, height)
    pen.save()
    pen.beginPath()
    pen.rect(heads[at].left, heads[at].top, heads[at].width, heads[at].height)
    pen.clip()
    repaint(pen, head)
    pen.restore()
    pen.fillStyle = colour('--lab-hair')
    pen.fillRect(heads[at].left, heads[at].bottom - 1, right - left - 2 * EDGE_PX, 1)
  })
  const font = getComputedStyle(lanes[0][0]).fontFamily
  pen.font = `700 12.5px ${font}`
  pen.fillStyle = colour('--lab-text')
  const room = right - left - 3 * EDGE_PX
  pen.fillText(title, left + EDGE_PX, top + TITLE_PX / 2, 0.6 * room)
  pen.font = `400 11px ${font}`
  pen.fillStyle = colour('--lab-muted')
  pen.textAlign = 'right'
  pen.fillText(about, right - EDGE_PX, top + TITLE_PX / 2, 0.4 * room)
  return await new Promise((done) => sheet.toBlob(done, 'image/png'))
}

export function render({model}) {
  model.on('msg:custom', async (msg) => {
    const asked = msg.data ?? msg
    try {
      const link = document.createElement('a')
      link.href = URL.createObjectURL(await take(asked))
      link.download = asked.name
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
      model.send_msg({saved: asked.name})
    } catch (failure) {
      model.send_msg({failed: String(failure)})
    }
  })
}
