const KEPT = 'lab-lanes', STEP = 24
const root = document.documentElement
const store = (use) => {
  try { return use(localStorage) } catch { return null }  // a frame may have none
}
export function render({model, el}) {
  const bar = document.createElement('div')
  bar.className = 's'
  bar.tabIndex = 0
  bar.title = 'Drag: room for the lists or the lanes; double click: as the window allows'
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
  // a number of pixels; 'all': as high as they are; null: what the window has room for
  function show(height) {
    const isChosen = height !== null
    const most = height === 'all' ? 'none' : `${height}px`
    root.style.setProperty('--lab-lanes', isChosen ? most : 'none')
    root.style.setProperty('--lab-lanes-shrink', isChosen ? '0' : '1')
  }
  function give(px) {
    const box = lanes(), most = box.scrollHeight + box.offsetHeight - box.clientHeight
    const height = px >= most ? 'all' : Math.max(px, model.least)
    show(height)
    store((kept) => kept.setItem(KEPT, height))
    say()
  }
  function release() {
    show(null)
    store((kept) => kept.removeItem(KEPT))
    say()
  }
  const kept = store((each) => each.getItem(KEPT))
  show(kept === 'all' ? kept : Number(kept) >= model.least ? Number(kept) : null)
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
  bar.ondblclick = release
  bar.onkeydown = (event) => {
    const by = {ArrowUp: -STEP, ArrowDown: STEP}[event.key]
    if (by) give(lanes().offsetHeight + by)
    else if (event.key === 'Home') give(model.least)
    else if (event.key === 'End') give(Infinity)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  requestAnimationFrame(say)
}
