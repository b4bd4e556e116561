"""How long a page takes to open: navigation → outline, document, first lane, first row.

A server process (``steady.py``) keeps a call talking, another (``page_host.py``) serves
the page. The first opening is cold: a new process, and a browser without a cache. The
others are warm. Meanwhile the loop that serves all pages is asked how late it wakes,
since that is what every other page sees of an opening.
"""

from typing import Any

from measure import arguments, report, spread
from page import ARGUMENTS, CHROMIUM, Child, child, quantiles
from playwright.sync_api import BrowserContext, sync_playwright

RATE = 50
OPENINGS = 4
DOCUMENT_BYTES = 100_000
"""A message of the server's that is longer is the document."""
WATCH = f"""() => {{
  const seen = window.__seen = {{}}
  const mark = (name) => {{ seen[name] ??= performance.now() }}
  const Socket = window.WebSocket
  window.WebSocket = class extends Socket {{
    constructor(...words) {{
      super(...words)
      this.addEventListener('open', () => mark('socket'))
      this.addEventListener('message', ({{data}}) => {{
        if ((data.length ?? data.byteLength) < {DOCUMENT_BYTES} || seen.document) return
        seen.document_bytes = data.length ?? data.byteLength
        mark('document')
      }})
    }}
  }}
  const find = (root, wanted) => {{
    for (const node of root.querySelectorAll('*')) {{
      if (wanted(node)) return node
      const inner = node.shadowRoot && find(node.shadowRoot, wanted)
      if (inner) return inner
    }}
  }}
  const look = () => {{
    if (document.querySelector('.lab-skeleton')) mark('outline')
    if (window.Bokeh?.documents?.length) mark('models')
    if (!seen.lane && document.body &&
        find(document.body, (node) => node.tagName === 'CANVAS' && node.width > 500))
      mark('lane')
    if (seen.lane && find(document.body, (node) => node.matches('.row.ev'))) mark('row')
    if (!seen.row) requestAnimationFrame(look)
  }}
  look()
  seen.busy = 0
  new PerformanceObserver((list) => {{
    for (const task of list.getEntries())
      if (!seen.lane) seen.busy += task.duration
  }}).observe({{type: 'longtask', buffered: true}})
}}"""
TAKE = """() => {
  const [page] = performance.getEntriesByType('navigation')
  const loaded = performance.getEntriesByType('resource')
  return {...window.__seen, page: page.responseEnd,
          loaded_bytes: loaded.reduce((sum, each) => sum + each.transferSize, 0)}
}"""


def opening(context: BrowserContext, host: Child, url: str) -> dict[str, Any]:
    """Open the page and close it; return when what was there, milliseconds."""
    page = context.new_page()
    page.add_init_script(f"({WATCH})()")
    host.ask()
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => window.__seen?.row", timeout=0)
    lag, seen = host.ask()["lag_ms"], page.evaluate(TAKE)
    page.close()
    shares = {
        # to its end, and what the socket waits for, is the server; it was busy or not
        "server": seen["page"] + seen["document"] - seen["socket"],
        "network_and_scripts": seen["socket"] - seen["page"],
        "browser": seen["lane"] - seen["document"],
    }
    times = {name: round(value) for name, value in seen.items()}
    return {
        **times,
        "shares": {name: round(value) for name, value in shares.items()},
        "loop_lag_ms": quantiles(lag),
    }


def main() -> None:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--openings", type=int, default=OPENINGS, help="warm ones")
    options = parser.parse_args()
    with (
        child("steady.py", RATE, "--before", 0) as server,
        child("page_host.py", f"ws://127.0.0.1:{server.line()}") as host,
        sync_playwright() as driver,
    ):
        url = host.line()
        path = CHROMIUM if CHROMIUM.exists() else None
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1600, "height": 1000})
        cold = opening(context, host, url)
        warm = [opening(context, host, url) for _ in range(options.openings)]
        browser.close()
    found = {
        "cold": cold,
        "warm": warm,
        "warm_lane_ms": spread([each["lane"] for each in warm]),
        "warm_lag_p99_ms": spread([each["loop_lag_ms"]["p99"] for each in warm]),
    }
    report("open_page", found, options.json)


if __name__ == "__main__":
    main()
