"""How late the page is: frame sent by the server → visible in headless Chromium.

A server process (``steady.py``) sends events at a steady rate over a real socket into
the hub of another (``page_host.py``); every tenth carries the time it was sent. The
page stamps each of them in the events list and in the metrics lane, after the browser
has painted. With ``--rows`` that many rows came before.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from measure import arguments, report
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]
RATES = (50, 500, 2000)
SETTLE_S = 6
OBSERVE = r"""() => {
  const probe = /probe\.(\d+)\.(\d+)/g
  const found = window.probes = {listed: new Map(), drawn: new Map()}
  const stamp = (where, texts) => {
    const news = []
    for (const text of texts)
      for (const [, number, sent] of text.matchAll(probe))
        if (!where.has(number)) {
          where.set(number, null)
          news.push([number, +sent])
        }
    if (news.length)
      requestAnimationFrame(() => setTimeout(() => {
        const now = performance.timeOrigin + performance.now()
        for (const [number, sent] of news) where.set(number, now - sent / 1000)
      }, 0))
  }
  const find = (root, wanted) => {
    const here = root.querySelector(wanted)
    if (here) return here
    for (const node of root.querySelectorAll('*')) {
      const inner = node.shadowRoot && find(node.shadowRoot, wanted)
      if (inner) return inner
    }
  }
  new MutationObserver((changes) => stamp(found.listed, changes.flatMap(
    (change) => [...change.addedNodes].map((node) => node.textContent))
  )).observe(find(document, '[aria-label^="Events,"]'), {childList: true})
  const columns = ({data}) => data instanceof Map ? Object.fromEntries(data) : data
  for (const doc of Bokeh.documents)
    for (const model of doc._all_models.values()) {
      if (model.type !== 'ColumnDataSource') continue
      if (columns(model).shape)  // the marks of a lane
        model.properties.data.change.connect(
          () => stamp(found.drawn, Array.from(columns(model).tip)))
    }
}"""
TAKE = """() => {
  const taken = {}
  for (const [name, where] of Object.entries(window.probes))
    taken[name] = [...where.entries()].filter(([, late]) => late !== null)
  return taken
}"""
FORGET = """() => {
  for (const where of Object.values(window.probes))
    for (const number of where.keys()) where.set(number, null)
}"""


class Child:
    """A helper process that is spoken to in lines."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def line(self) -> str:
        """Return the next line it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def tell(self, line: object) -> None:
        """Write a line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def ask(self) -> dict[str, Any]:
        """Return what it tells when asked."""
        self.tell("")
        return json.loads(self.line())


@contextmanager
def child(program: str, *words: object) -> Iterator[Child]:
    """Run one of the helpers of this folder."""
    command = [sys.executable, str(HERE / program), *map(str, words)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Child(process)
        finally:
            process.terminate()


def quantiles(values: Sequence[float]) -> dict[str, float | int | None]:
    """Return p50, p95, p99 and n."""
    if not len(values):
        return {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    shown = {"p50": p50, "p95": p95, "p99": p99, "max": max(values)}
    return {**{k: round(float(v), 1) for k, v in shown.items()}, "n": len(values)}


def measured(page: Any, host: Child, seconds: float) -> dict[str, Any]:
    """Watch the page for a while."""
    page.evaluate(FORGET)
    before = host.ask()
    page.wait_for_timeout(seconds * 1000)
    after, taken = host.ask(), page.evaluate(TAKE)
    late = {name: [float(ms) for _, ms in pairs] for name, pairs in taken.items()}
    for name, values in late.items():
        if not values:
            sys.exit(f"no probe was {name}: the page has changed, or does not draw")
    came = after["rows"] - before["rows"]
    return {
        "events_per_second": round(came / after["seconds"], 1),
        "rows": after["rows"],
        "listed_ms": quantiles(late["listed"]),
        "drawn_ms": quantiles(late["drawn"]),
        "server_cpu_percent": round(100 * after["cpu_s"] / after["seconds"], 1),
        "loop_lag_ms": quantiles(after["lag_ms"]),
        "machine_load": [round(load, 2) for load in os.getloadavg()],
    }


def wait_for_rows(host: Child, rows: int) -> float:
    """Wait until that many rows are in the log; return how long it took."""
    began = time.monotonic()
    while host.ask()["rows"] < rows:
        time.sleep(0.5)
    return time.monotonic() - began


def watch(
    rates: Sequence[int], rows: int, seconds: float, settle_s: float
) -> dict[str, Any]:
    """Open a page on a call with ``rows`` rows and measure each rate in turn."""
    with (
        child("steady.py", rates[0], "--before", rows) as server,
        child("page_host.py", f"ws://127.0.0.1:{server.line()}") as host,
        sync_playwright() as driver,
    ):
        url = host.line()
        filled_s = wait_for_rows(host, rows)
        path = CHROMIUM if CHROMIUM.exists() else None
        browser = driver.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        began = time.monotonic()
        page.goto(url)
        page.locator(".row.ev", has_text="probe").first.wait_for(timeout=0)
        opened_s = time.monotonic() - began
        page.evaluate(OBSERVE)
        results = {}
        for rate in rates:
            server.tell(rate)
            page.wait_for_timeout(settle_s * 1000)
            results[str(rate)] = measured(page, host, seconds)
        browser.close()
    return {
        "rows_before": rows,
        "filled_s": round(filled_s, 1),
        "opened_s": round(opened_s, 1),
        "rates": results,
    }


def main() -> None:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rows", type=int, default=0, help="rows that came before")
    parser.add_argument("--rates", type=int, nargs="*", default=RATES)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--settle", type=float, default=SETTLE_S, help="s before each")
    options = parser.parse_args()
    how = (options.rates, options.rows, options.seconds, options.settle)
    report("page", watch(*how), options.json)


if __name__ == "__main__":
    main()
