"""The keyboard of the live page: what each key stands for."""

from typing import Any

from rustpbx_lab.dashboard.timeline.toolbar import FIT

KEYS = (
    *("+", "=", "-", "f", "End", "ArrowLeft", "ArrowRight", "j", "k", "n", "p"),
    *("t", "i", "m", "h", "Enter", "Escape", "/", " "),
    *("w", "z", "c", "[", "]", "?"),
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
                self._page.hang_up()
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
            case "?":
                self._page.key_list.open()
            case "t":
                self._page.keys.focus("lab-say")
            case "/":
                self._page.keys.focus("lab-filter")
            case "i" if not self._page.bar.interrupt.disabled:
                self._page.bar.interrupt.clicks += 1
            case "m" if not self._page.bar.mute.disabled:
                self._page.bar.toggle_mute()
            case "h" if not self._page.bar.hang_up.disabled:
                self._awaits_enter = True
                self._page.say("press Enter to hang up", "warning")
            case _:
                return

    @staticmethod
    def _flip(switch: Any) -> None:
        switch.value = not switch.value

    def _go_to_turn(self, *, forward: bool) -> None:
        """Centre the turn before or after the middle of what is shown."""
        view = self._page.view
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
            if key in ("n", "p") and self._page.view is not None:
                self._page.say("there is no error among the rows of the list", "info")
            return
        at = self._page.events.list.selected
        forward = key in ("j", "n")  # the newest is on top: next is older
        if at is None:
            self._page.select(rows[-1])
            return
        beside = [seq for seq in rows if (seq < at if forward else seq > at)]
        if beside:
            self._page.select(beside[-1] if forward else beside[0])
