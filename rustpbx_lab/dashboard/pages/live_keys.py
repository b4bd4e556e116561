"""Keyboard shortcuts of the live page."""

from typing import Any

from rustpbx_lab.dashboard.timeline.toolbar import FIT

from .page import KeyHelp

KEYS = (
    KeyHelp("Space", "play or pause the audio", (" ",)),
    KeyHelp(
        "← →", "one second back or on; with Shift ten", ("ArrowLeft", "ArrowRight")
    ),
    KeyHelp("+ −", "zoom in, zoom out", ("+", "=", "-")),  # noqa: RUF001
    KeyHelp("Z", "drag to zoom, until the next Z", ("z",)),
    KeyHelp("F", "the whole call", ("f",)),
    KeyHelp("End", "follow live", ("End",)),
    KeyHelp("[ ]", "turn before, turn after", ("[", "]")),
    KeyHelp("J K", "next row, row before", ("j", "k")),
    KeyHelp("N P", "next error, error before", ("n", "p")),
    KeyHelp("Enter", "inspector", ("Enter",)),
    KeyHelp("Esc", "select nothing, close the inspector", ("Escape",)),
    KeyHelp("W", "what-if", ("w",)),
    KeyHelp("C", "time of day, or call time", ("c",)),
    KeyHelp("T", "say something to the caller", ("t",)),
    KeyHelp("I", "interrupt", ("i",)),
    KeyHelp("M", "mute or unmute the caller", ("m",)),
    KeyHelp("D", "keypad: digits to the other side", ("d",)),
    KeyHelp("H, Enter", "hang up", ("h",)),
    KeyHelp(
        "/",
        'filter the events: words, "a phrase", /regex/, event:name, track:name, '
        ">500 or <500 (Δ ms); a - before it: all others",
        ("/",),
    ),
)
"""The keys that the page takes while nobody types."""

SWITCHES = {"w": "what_if", "z": "box_zoom", "c": "wall_clock"}


class LiveKeys:
    """Does on a page what its keys stand for.

    Args:
        page: The live page, with its boxes.
    """

    def __init__(self, page: Any) -> None:
        self._page = page
        self._awaits_enter = False

    def press(self, key: str, shift: bool) -> None:
        """Do what a key stands for."""
        awaited, self._awaits_enter = self._awaits_enter, False
        step = 10_000 if shift else 1_000
        match key:
            case "+" | "=":
                self._page.timeline.viewport.zoom(0.5)
            case "-":
                self._page.timeline.viewport.zoom(2)
            case "f":
                self._page.timeline.viewport.choose_span(FIT)
            case "End":
                self._page.timeline.bar.follow.value = True
            case "ArrowLeft" | "ArrowRight":
                self._page.timeline.viewport.shift(
                    -step if key == "ArrowLeft" else step
                )
            case "j" | "k" | "n" | "p":
                self._step(key)
            case " ":
                self._page.replay.toggle()
            case "Enter" if awaited:
                self._page.host.sender.hang_up()
            case "Enter":
                self._page.inspector.toggle()
            case _:
                self._press_command_key(key)

    def _press_command_key(self, key: str) -> None:
        match key:
            case "w" | "z" | "c":
                self._flip(getattr(self._page.timeline.bar, SWITCHES[key]))
            case "[" | "]":
                self._go_to_turn(forward=key == "]")
            case "Escape":
                self._page.select(None)
                self._page.inspector.close()
            case "t":
                self._page.host.keys.focus("lab-say")
            case "/":
                self._page.host.keys.focus("lab-filter")
            case "i" if not self._page.bar.interrupt.disabled:
                self._page.bar.interrupt.clicks += 1
            case "d":
                self._page.bar.keypad.open()
            case "m" if not self._page.bar.mute.disabled:
                self._page.bar.toggle_mute()
            case "h" if not self._page.bar.hang_up.disabled:
                self._awaits_enter = True
                self._page.host.say("press Enter to hang up", "warning")
            case _:
                return

    @staticmethod
    def _flip(switch: Any) -> None:
        switch.value = not switch.value

    def _go_to_turn(self, *, forward: bool) -> None:
        """Centre the turn before or after the middle of what is shown."""
        view = self._page.host.view
        if view is None:
            return
        turns = view.tables["turns"].rows()
        starts = sorted(
            {at: turn.seq for turn in turns if (at := turn.start_ms)}.items()
        )
        middle = self._page.timeline.viewport.middle_ms
        # a turn that is in the middle already is the one to leave
        beside = [
            (at, seq)
            for at, seq in starts
            if (at > middle + 1 if forward else at < middle - 1)
        ]
        if beside:
            at, seq = beside[0] if forward else beside[-1]
            self._page.select(seq)
            self._page.timeline.viewport.centre(at)

    def _step(self, key: str) -> None:
        """Select the next or previous row; N and P stop at errors only."""
        rows = [
            row.seqs[0]
            for row in self._page.events.rows
            if key in ("j", "k") or row.kind == "Errors"
        ]
        if not rows:
            if key in ("n", "p") and self._page.host.view is not None:
                self._page.host.say(
                    "there is no error among the rows of the list", "info"
                )
            return
        at = self._page.events.list.selected
        forward = key in ("j", "n")  # the newest is on top: next is older
        if at is None:
            self._page.select(rows[-1])
            return
        beside = [seq for seq in rows if (seq < at if forward else seq > at)]
        if beside:
            self._page.select(beside[-1] if forward else beside[0])
