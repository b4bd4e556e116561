"""The draggable splitter between lanes and lists."""

from typing import Any

from panel.custom import JSComponent

HEIGHT_PX = 8
LEAST_PX = 180
"""So much of the lanes is always left."""
CSS = """
:host{display:block}
.s{height:100%;cursor:row-resize;touch-action:none;position:relative;border-radius:3px}
.s::after{content:'';position:absolute;left:calc(50% - 18px);top:3px;width:36px;
  height:2px;border-radius:1px;background:var(--lab-border)}
.s:hover::after,.s:focus-visible::after,.s.held::after{background:var(--lab-accent);
  box-shadow:0 0 0 1px var(--lab-accent)}
.s:focus-visible{outline:2px solid var(--lab-accent)}
@media (max-width:899px){:host{display:none !important}}
"""
LANES_CSS = (
    "@media (min-width:900px){:host{max-height:var(--lab-lanes,none) !important;"
    "overflow-y:auto !important;scrollbar-width:thin}}"
)
"""For what stands over the handle: it is as high as was dragged, and scrolls."""

_ESM = """
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
"""


class Splitter(JSComponent):
    """A handle between what stands over it in a column and the rest.

    What is over it has `LANES_CSS`; the browser remembers the height. The arrow keys
    move it, too.
    """

    _stylesheets = [CSS]  # noqa: RUF012
    _esm = _ESM.replace("model.least", str(LEAST_PX))

    def __init__(self, **params: Any) -> None:
        options = {"height": HEIGHT_PX, "margin": (0, 8), **params}
        super().__init__(sizing_mode="stretch_width", **options)
