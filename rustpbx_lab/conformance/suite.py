"""The conformance suite: runs the points against a server."""

import datetime
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx
from anyio.to_thread import run_sync

from rustpbx_lab.client.call_address import parse_address
from rustpbx_lab.errors import ConnectError
from rustpbx_lab.masking import mask_url
from rustpbx_lab.models.server_versions import ServerVersion

from .bench import Bench, NotTestableError
from .media import media_server
from .points import POINTS, Point
from .wire import MissingError, RefusedError

AT_ONCE = 6
"""Points asked at the same time: more would disturb their timing."""
POINT_LIMIT_S = 60
LONGEST_SEEN = 300
"""Characters of an answer in a list of differences."""
GATEWAY_VARIABLE = "RUSTPBX_LAB_GATEWAY"
UNEXPECTED = (LookupError, TypeError, ValueError, AssertionError, RuntimeError)
"""What a scenario runs into when an event lacks a key or a list is too short."""
Verdict = Literal["same", "different", "not testable"]


@dataclass(frozen=True)
class Result:
    """What one point gave."""

    point: Point
    verdict: Verdict
    seen: Any
    """What was seen; for a point that cannot be tested, why."""
    took_ms: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        return {
            "point": self.point.name,
            "section": self.point.section,
            "promised": repr(self.point.promised),
            "result": self.verdict,
            "seen": self.seen,
            "tookMs": self.took_ms,
        }


@dataclass(frozen=True)
class Report:
    """What a server answered to the suite."""

    url: str
    date: str
    results: Sequence[Result]

    def count(self, verdict: Verdict) -> int:
        """Return how many points have a verdict."""
        return sum(result.verdict == verdict for result in self.results)

    @property
    def is_conformant(self) -> bool:
        """Whether nothing differs."""
        return not self.count("different")

    def told(self) -> str:
        """Return the counts, and what is not the same, a line each."""
        lines = [
            f"{result.verdict}: {result.point.name} (§ {result.point.section}): "
            f"promised {result.point.promised!r}, seen {result.seen}"
            for result in self.results
            if result.verdict == "different"
        ]
        counts = [f"{self.count(v)} {v}" for v in ("same", "different", "not testable")]
        return "\n".join([*lines, ", ".join(counts)])

    def to_dict(self) -> dict[str, Any]:
        """Return what ``rustpbx-lab conformance --json`` prints."""
        return {
            "url": self.url,
            "date": self.date,
            "same": self.count("same"),
            "different": self.count("different"),
            "notTestable": self.count("not testable"),
            "points": [result.to_dict() for result in self.results],
        }


async def check_server(
    url: str,
    *,
    gateway: str | None = None,
    recorder_dir: Path | None = None,
    wav: Path | None = None,
    only: str = "",
    server_version: str | ServerVersion | None = None,
    asks_all: bool = False,
    told: Callable[[str], object] = lambda _: None,
) -> Report:
    """Ask a server every point, several at once; those that differ once more, alone.

    Args:
        url: Address of the server, ``ws://HOST:PORT``.
        gateway: Address of a speech gateway the server can reach; None takes the one
            that ``RUSTPBX_LAB_GATEWAY`` names.
        recorder_dir: The server's folder of recordings and event logs.
        wav: Speech to use; without it it is synthesised.
        only: Ask only the points whose name or section contains it.
        server_version: The server's release: asks what that promises; None asks what
            every release does.
        asks_all: Whether to ask also what only some releases promise.
        told: Told of each point that is done.

    Raises:
        InvalidOptionError: If ``server_version`` is malformed.
        ConnectError: If nobody listens at ``url``, or an address is malformed.
    """
    version = None if server_version is None else ServerVersion.parse(server_version)
    asked = [
        one
        for one in POINTS
        if asks_all or one.holds_for(version)
        if only in one.name or only in one.section
    ]
    answers: dict[str, Result] = {}
    limit = anyio.Semaphore(AT_ONCE)
    address = parse_address(url)
    url, http_url = address.url(""), address.url("", http=True)
    gateway = gateway or os.environ.get(GATEWAY_VARIABLE)
    if gateway is not None:
        parse_address(gateway)
    try:
        async with (
            media_server(url) as media,
            httpx.AsyncClient(base_url=http_url, trust_env=False, timeout=20) as http,
        ):
            bench = Bench(url, http, media, gateway, recorder_dir, wav)
            await run_sync(bench.prepare)

            async def answer(one: Point) -> None:
                async with limit:
                    answers[one.name] = result = await _ask(one, bench)
                told(f"{len(answers)}/{len(asked)} {result.verdict}: {one.name}")

            async with anyio.create_task_group() as tasks:
                for one in sorted(asked, key=lambda one: not one.is_slow):
                    tasks.start_soon(answer, one)
            # once more, alone: beside each other they disturb each other's timing
            for one in asked:
                if answers[one.name].verdict == "different" and not asks_all:
                    await answer(one)
    except OSError as exc:
        raise ConnectError(
            mask_url(url), f"{exc}; start the server there, or check host and port"
        ) from exc
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return Report(mask_url(url), date, [answers[one.name] for one in asked])


async def _ask(one: Point, bench: Bench) -> Result:
    began = time.monotonic()
    verdict: Verdict = "different"
    try:
        with anyio.fail_after(POINT_LIMIT_S):
            seen = await one.ask(bench)
        if one.promised == seen:
            verdict = "same"
    except NotTestableError as why:
        verdict, seen = "not testable", str(why)
    except MissingError as missing:
        seen = str(missing)
    except RefusedError as refused:
        seen = f"refused with {refused}"
    except TimeoutError:
        seen = f"nothing within {POINT_LIMIT_S} s"
    except (OSError, httpx.HTTPError, *UNEXPECTED) as exc:
        seen = f"{type(exc).__name__}: {exc}"
    took_ms = round((time.monotonic() - began) * 1000)
    return Result(one, verdict, seen, took_ms)


def differences(one: Report, other: Report) -> list[str]:
    """Return what two servers answered differently, a line each.

    Only what no promise leaves open counts: where both keep it, they are the same.
    """
    lines: list[str] = []
    for first, second in zip(one.results, other.results, strict=True):
        answers = [_shown(result) for result in (first, second)]
        if answers[0] != answers[1]:
            point = first.point
            lines.append(
                f"{point.name} (§ {point.section}): {one.url} {answers[0]}, "
                f"{other.url} {answers[1]}"
            )
    return lines


def _shown(result: Result) -> str:
    if result.verdict == "different":
        seen = f"{result.seen}"
        return seen if len(seen) <= LONGEST_SEEN else f"{seen[: LONGEST_SEEN - 1]}…"
    is_kept = result.verdict == "same"
    return f"{result.point.promised!r}" if is_kept else result.verdict


def markdown(columns: Mapping[str, Sequence[Report]], reasons: dict[str, str]) -> str:
    """Return the table of several servers, a row a point in the order of the suite.

    Args:
        columns: Its title → the reports that share a column, such as one of each
            release; a point that none of them was asked is a ``-``.
        reasons: Known differences: name of the point → why it differs.
    """
    answers = {
        title: _by_point(report.results for report in reports)
        for title, reports in columns.items()
    }
    points = {
        name: found[0].point
        for column in answers.values()
        for name, found in column.items()
    }
    order = {point.name: n for n, point in enumerate(POINTS)}
    lines = [
        f"| Point | § | Holds | Promised | {' | '.join(columns)} |",
        "|---|---|---|---|" + "---|" * len(columns),
    ]
    for name in sorted(points, key=lambda name: order.get(name, len(order))):
        one = points[name]
        row = [name.replace("|", "\\|"), one.section, _holds(one)]
        row.append(_cell(repr(one.promised)))
        row += [
            _verdict(column.get(name, []), reasons.get(name, ""))
            for column in answers.values()
        ]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _by_point(reports: Iterable[Sequence[Result]]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for results in reports:
        for result in results:
            found.setdefault(result.point.name, []).append(result)
    return found


def _holds(one: Point) -> str:
    since = "" if one.since is None else f"since {one.since}"
    until = "" if one.until is None else f"until {one.until}"
    return ", ".join(part for part in (since, until) if part)


def _verdict(answers: Sequence[Result], why: str) -> str:
    if not answers:
        return "-"
    others = [answer for answer in answers if answer.verdict != "same"]
    if not others:
        return "same"
    shown: list[str] = []
    for answer in others:
        seen = answer.seen if isinstance(answer.seen, str) else json.dumps(answer.seen)
        reason = f" *{why}*" if why and answer.verdict == "different" else ""
        shown.append(f"**{answer.verdict}**: {_cell(seen)}{reason}")
    return "; ".join(shown)


def _cell(text: str, limit: int = 160) -> str:
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "`" + cut.replace("|", "\\|").replace("`", "'").replace("\n", " ") + "`"
