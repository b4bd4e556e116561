const KEPT = 'lab-lanes', STEP = 24
const root = document.documentElement
const store = (use) => {
  try { return use(localStorage) } catch { return null }  // a frame may have none
}
export function render({model, el}) {
  const bar = document.createElement('div')
  bar.className = 's'
  bar.tabIndex = 0
  bar.title = 'Drag: more room for the lists or the lanes; double click: all lanes'
  for (const [name, value] of [['role', 'separator'], ['aria-label', 'Height of lanes'],
                               ['aria-orientation', 'horizontal']])
    bar.setAttribute(name, value)
  el.style.height = '100%'
  el.append(bar)
  const lanes = () => el.getRootNode().host.previousElementSibling
  const say = () => {
    const box = lanes()
    if (!box) return
    const most = Math.max(box.scrollHeight, 1)
    bar.setAttribute('aria-valuenow', Math.round(100 * box.clientHeight / most))
  }
  function give(px) {  // null: as high as they are
    const box = lanes(), most = box.scrollHeight + box.offsetHeight - box.clientHeight
    const isAll = px === null || px >= most
    const height = isAll ? null : Math.max(px, model.least)
    if (height === null) root.style.removeProperty('--lab-lanes')
    else root.style.setProperty('--lab-lanes', `${height}px`)
    store((kept) => height === null ? kept.removeItem(KEPT)
                                    : kept.setItem(KEPT, height))
    say()
  }
  const kept = Number(store((each) => each.getItem(KEPT)))
  if (kept >= model.least) root.style.setProperty('--lab-lanes', `${kept}px`)
  let from = null
  bar.onpointerdown = (event) => {
    from = lanes().offsetHeight - event.clientY
    bar.setPointerCapture(event.pointerId)
    bar.classList.add('held')
  }
  bar.onpointermove = (event) => { if (from !== null) give(from + event.clientY) }
  bar.onpointerup = bar.onpointercancel = () => {
    from = null
    bar.classList.remove('held')
  }
  bar.ondblclick = () => give(null)
  bar.onkeydown = (event) => {
    const by = {ArrowUp: -STEP, ArrowDown: STEP}[event.key]
    if (by) give(lanes().offsetHeight + by)
    else if (event.key === 'Home') give(model.least)
    else if (event.key === 'End') give(null)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  requestAnimationFrame(say)
}
