"""What the page uses of Bokeh's private parts, and what it does without them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bokeh.document import Document
from browser import Page
from waiting import until

import rustpbx_lab
from rustpbx_lab.dashboard.browser import fast_paint as bokeh_internals
from rustpbx_lab.dashboard.browser.fast_paint import (
    SWITCH,
    FastPaint,
    can_take_held_events,
)

from .site import Site, sent

PACKAGE = Path(rustpbx_lab.__file__).parent
DOCUMENTED = {"_esm", "_importmap", "_replace", "_send_msg", "_stylesheets"}
"""Names with an underscore that are public: Panel's for components, named tuples'."""
ALLOWED = {"dashboard/browser/fast_paint.py"}
SCRIPTS = PACKAGE / "dashboard" / "browser" / "scripts"


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """The capability test runs again, before and after."""
    can_take_held_events.cache_clear()
    yield
    can_take_held_events.cache_clear()


def test_the_capability_test_passes_on_this_version():
    assert can_take_held_events()


class Hiding:
    """The callbacks of a document, but for what it held back."""

    def __init__(self, callbacks: Any) -> None:
        self.shown = callbacks

    def __getattr__(self, name: str) -> Any:
        if name == "_held_events":
            raise AttributeError(name)
        return getattr(self.shown, name)


class OtherwiseNamed(Document):
    """A version of Bokeh that keeps held changes under another name."""

    def __init__(self) -> None:
        super().__init__()
        self.callbacks: Any = Hiding(self.callbacks)


class OtherwiseKept(Document):
    """A version that keeps something else under that name."""

    def __init__(self) -> None:
        super().__init__()
        self.callbacks: Any = Hiding(self.callbacks)
        self.callbacks._held_events = ()


@pytest.mark.parametrize("version", [OtherwiseNamed, OtherwiseKept])
def test_a_version_without_the_private_names_is_noticed_and_said_once(
    version: type[Document],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(bokeh_internals, "Document", version)
    assert not can_take_held_events()
    assert not can_take_held_events()
    (record,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert "is slower" in record.getMessage()


def test_the_environment_switches_them_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SWITCH, "off")
    assert not can_take_held_events()
    assert not FastPaint().enabled


def test_private_names_of_bokeh_and_panel_stand_in_one_file():
    trees = {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8"))
        for room in ("dashboard", "plots")
        for path in sorted((PACKAGE / room).rglob("*.py"))
    }
    ours = {name for tree in trees.values() for name in _private_names_of(tree)}
    found = [
        f"{place}:{node.lineno} {node.attr}"
        for place, tree in trees.items()
        if place not in ALLOWED
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_foreign(node, ours)
    ]
    assert found == []


def _private_names_of(tree: ast.Module) -> Iterator[str]:
    """Names with an underscore that a module defines, as methods or attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def _is_foreign(node: ast.Attribute, ours: set[str]) -> bool:
    """Whether an attribute is private to a library, inherited or not."""
    if not node.attr.startswith("_") or node.attr.startswith("__"):
        return False
    base = ast.unparse(node.value)
    is_own = base in ("self", "cls", "super()") and node.attr in ours
    return not is_own and node.attr not in DOCUMENTED


def test_browser_parts_use_no_private_names_of_bokehjs():
    private = re.compile(r"[\w)\]]\??\._[a-z]\w*|\['_[a-z]\w*'\]")
    scripts = sorted(SCRIPTS.glob("*.js"))
    assert len(scripts) > 10
    found = [
        f"{path.name}: {match.group()}"
        for path in scripts
        if path.name != "fast_paint.js"
        for match in private.finditer(path.read_text("utf-8"))
    ]
    assert found == []


REPORT = """async ([esm, tag, rename]) => {
  class Visual {
    constructor(obj) { this.obj = obj }
    _get_css_value(name) { return 'css ' + name }
  }
  class Glyph { mask_data() { return 'mask' } }
  class Renderer {
    constructor(plot) {
      this.plot_view = plot
      this.model = {editable: false}
      this.visuals = [new Visual(plot)]
      this.glyph = new Glyph()
      this.n_moved = 0
    }
    update_position() { this.n_moved++ }
    _update_masked_indices() { return 'announced' }
    async set_data(indices) { await null }
    _paint(ctx) { this.n_painted = (this.n_painted ?? 0) + 1 }
  }
  class Figure {
    constructor() {
      this.model = {type: 'Figure', tags: [tag]}
      this.computed_renderer_views = [new Renderer(this)]
      this.plot_view = this
    }
    get base_font_size() { return 13 }
  }
  if (rename) {
    const moved = [[Visual, '_get_css_value'], [Renderer, '_update_masked_indices'],
                   [Renderer, 'update_position'], [Figure, 'base_font_size'],
                   [Renderer, 'set_data'], [Renderer, '_paint']]
    for (const [holder, name] of moved) {
      const found = Object.getOwnPropertyDescriptor(holder.prototype, name)
      delete holder.prototype[name]
      Object.defineProperty(holder.prototype, name + '_of_another_version', found)
    }
  }
  const figure = new Figure()
  window.Bokeh = {index: {roots: [null, {children_views: () => [null, figure]}]}}
  const url = URL.createObjectURL(new Blob([esm], {type: 'text/javascript'}))
  const {render} = await import(url)
  const report = await new Promise((resolve) =>
    render({model: {enabled: true, tag, send_msg: resolve}}))
  const renderer = figure.computed_renderer_views[0]
  renderer.update_position?.()
  renderer.update_position?.()
  const taken = renderer.set_data?.(null)
  renderer._paint?.(null)  // while the data are being taken: later
  await taken
  renderer._paint?.(null)
  return {...report, moved: renderer.n_moved, painted: renderer.n_painted ?? 0,
          css: renderer.visuals[0]._get_css_value?.('fill-color') ?? null,
          mask: renderer._update_masked_indices?.() ?? null}
}"""


@pytest.fixture
def blank(chromium: Any) -> Iterator[Page]:
    """An empty tab."""
    page = Page(chromium.new_page(), "about:blank")
    yield page
    page.page.close()


@pytest.mark.browser
def test_lanes_are_painted_without_style_sheets(blank: Page):
    told = blank.page.evaluate(REPORT, [FastPaint._esm, "lane", False])
    told_of_it = {"moved": 1, "painted": 1, "css": "", "mask": "mask"}
    assert told == {"missing": [], **told_of_it}


@pytest.mark.browser
def test_methods_that_the_browser_does_not_have_are_left_alone_and_named(blank: Page):
    told = blank.page.evaluate(REPORT, [FastPaint._esm, "lane", True])
    assert sorted(told["missing"]) == [
        "_get_css_value",
        "_paint",
        "_update_masked_indices",
        "base_font_size",
        "set_data",
        "update_position",
    ]
    assert told["moved"] == 0


PAINT_WHILE_DATA_COME = """() => {
  const deep = (view) => [view, ...[...view.children_views?.() ?? []].filter(Boolean)
    .flatMap(deep)]
  const all = Bokeh.index.roots.flatMap(deep)
  const glyphs = all.filter((view) => view.glyph && view.model.data_source &&
    view.plot_view.model.tags.includes('rustpbx-lab-lane'))
  let n = 0
  for (const view of glyphs) {
    const source = view.model.data_source, before = source.data, more = {}
    for (const [name, column] of Object.entries(before))
      more[name] = [...column, ...column, ...column]
    if (!Object.values(more).some((column) => column.length)) continue
    source.data = more
    const canvas = view.plot_view.canvas_view ?? view.plot_view.canvas
    view.paint(canvas.primary.ctx)
    source.data = before
    n++
  }
  return n
}"""


@pytest.mark.browser
def test_a_paint_while_data_come_reads_no_colours_past_their_end(
    kept: Page, site: Site
):
    tab = kept.page
    tab.locator(".row.ev").first.wait_for()
    assert tab.evaluate(PAINT_WHILE_DATA_COME) > 5


def test_what_the_browser_misses_is_said_once(caplog: pytest.LogCaptureFixture):
    for _ in range(2):
        FastPaint().on_report({"missing": ["_get_css_value"]})
    (record,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert "_get_css_value" in record.getMessage()
    FastPaint().on_report({"missing": []})
    assert len(caplog.records) == 1


@pytest.mark.browser
def test_a_page_without_private_parts_shows_and_obeys(
    opened: Page, site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(SWITCH, "off")
    call = site.call()
    tab = opened.page
    tab.goto(site.page_of(call))
    tab.locator(".row.ev", has_text="answer").first.wait_for()
    tab.get_by_placeholder("Say to the caller…").fill("Slower, never wrong")
    tab.locator("button:has-text('Say')").last.click()
    tab.locator(".row.ev", has_text="Slower, never wrong").first.wait_for()
    until(lambda: "tts" in sent(call))
    tab.locator("button:has-text('Hang up')").last.click()
    until(lambda: call.is_over)
    tab.get_by_text("Disconnected", exact=False).first.wait_for()
