"""Painting lanes quickly: what Bokeh does at every paint and a lane does not need."""

from typing import Any

import param
from panel.custom import JSComponent

from rustpbx_lab.plots.timeline import LANE_TAG


class Painting(JSComponent):
    """Halves what it takes to paint our lanes; other plots stay as they are.

    At every paint Bokeh moves an invisible element for each renderer by writing a style
    sheet, and reads each colour from the computed style, in case a style sheet gives
    another: the browser works out the style of the page some ninety times a picture.
    Our lanes have no such style sheets, and nobody looks for those elements.

    It also tells everybody which marks are in view; the renderer hears it and makes all
    looks anew, even while its data are being replaced: texts of one, colours of the
    other, an error at each picture from then on. Nobody asks for it in our lanes.

    Source:
        bokeh 3.9, core/visuals/visual.ts, models/renderers/renderer.ts and
        glyph_renderer.ts (_update_masked_indices); see
        docs/decisions/0004-lanes-are-painted-without-style-sheets.md.
    """

    _esm = """
const FRAMES = 1800  // a page that shows no lane in half a minute shows none

function owner(object, name) {
  let found = Object.getPrototypeOf(object)
  while (found && !Object.hasOwn(found, name)) found = Object.getPrototypeOf(found)
  return found
}

function replace(object, name, make) {
  const holder = owner(object, name), mark = Symbol.for('rustpbx-lab ' + name)
  if (!holder || Object.hasOwn(holder, mark)) return
  holder[mark] = true
  const found = Object.getOwnPropertyDescriptor(holder, name)
  Object.defineProperty(holder, name, {...found, ...make(found.value ?? found.get)})
}

function* views(view) {
  yield view
  for (const child of view.children_views?.() ?? []) yield* views(child)
}

export function render({model}) {
  const lanes = new WeakMap()
  const isLane = (view) => {
    const plot = view.plot_view ?? view
    if (!lanes.has(plot))
      lanes.set(plot, plot.model?.tags?.includes(model.tag) ?? false)
    return lanes.get(plot)
  }
  const spare = (plot) => {
    replace(plot, 'base_font_size', (read) => {
      const sizes = new WeakMap()
      return {get() {
        if (!isLane(this)) return read.call(this)
        if (!sizes.has(this)) sizes.set(this, read.call(this))
        return sizes.get(this)
      }}
    })
    for (const view of plot.computed_renderer_views ?? []) {
      replace(view, 'update_position', (move) => {
        const placed = new WeakSet()
        return {value() {
          if (placed.has(this) && isLane(this) && !this.model.editable) return
          placed.add(this)
          move.call(this)
        }}
      })
      replace(view, '_update_masked_indices', (update) => ({value() {
        return isLane(this) ? this.glyph.mask_data() : update.call(this)
      }}))
      for (const visual of view.visuals ?? [])
        replace(visual, '_get_css_value', (read) => ({value(name) {
          return isLane(this.obj) ? '' : read.call(this, name)
        }}))
    }
  }
  const look = (left) => {
    for (const root of window.Bokeh?.index?.roots ?? [])
      for (const view of views(root))
        if (view.model?.type === 'Figure' && isLane(view)) return spare(view)
    if (left) requestAnimationFrame(() => look(left - 1))
  }
  look(FRAMES)
}
"""

    tag = param.String(default=LANE_TAG)
    """What a lane's figure is tagged with."""

    def __init__(self, **params: Any) -> None:
        super().__init__(width=0, height=0, margin=0, **params)
