"""Saved call options: files and texts."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.file_picker import OptionFiles
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models.option_settings import read_option
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.views.call_digest import digest_of

from .copy_as import as_go, as_json, as_python, without_masks

FILE_NAME = "call-option.json"
REFUSED = "a field is wrong: see the marks above"


class Presets(Viewer):
    """The row under the options.

    Args:
        option: Returns the option as it is filled in; None if a field is wrong.
        load: Fills the form in.
        place: Returns endpoint, kind of call, and the server's release if known.
    """

    def __init__(
        self,
        option: Callable[[], CallOption | None],
        load: Callable[[CallOption], None],
        place: Callable[[], tuple[str, str, str | None]],
    ) -> None:
        super().__init__()
        self._option, self._load, self._place = option, load, place
        self.shown: HubCall | None = None
        """The call that the page shows."""
        self._adopted: HubCall | None = None
        self._filled = option()
        self.files = OptionFiles(
            self._on_message, sizing_mode="stretch_width", margin=(6, 0, 6, 0)
        )

    def __panel__(self) -> Viewable:
        return self.files

    def show_call(self, call: HubCall | None) -> None:
        """Begin at what a call of ours was made with, unless someone has chosen.

        The page would show a call beside options that are not its own. One with
        secrets is left alone: the next call would lack them.
        """
        self.shown = call
        if call is None or call is self._adopted or not call.is_ours:
            return
        asked = call.option or digest_of(call).facts.option
        if asked is None:
            return  # it has not said yet
        self._adopted = call
        if self.chosen() is None:
            option, n_masked = parse_preset(as_json(asked), call.id)
            if not n_masked:
                self._load(option)
                self._filled = self._option()

    def chosen(self) -> CallOption | None:
        """Return the option if someone has chosen it; None if it began so."""
        option = self._option()
        return None if option == self._filled else option

    def _on_message(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"save": True}:
                self._give(lambda option: self._offer(option))
            case {"copy": str(kind)}:
                self._give(lambda option: self.files.copy_text(self.text(option, kind)))
            case {"load": str(text), "name": str(name)}:
                self._take(text, name)
            case {"of_call": True}:
                self._take_of_call()
            case _:
                return

    def _give(self, give: Callable[[CallOption], None]) -> None:
        option = self._option()
        if option is None:
            self.files.tell(REFUSED, is_bad=True)
        else:
            give(option)

    def _offer(self, option: CallOption) -> None:
        self.files.offer(FILE_NAME, as_json(option) + "\n")

    def text(self, option: CallOption, kind: str) -> str:
        """Return the option as ``JSON``, ``Python`` or ``Go``; secrets are masked."""
        match kind:
            case "Python":
                return as_python(option, *self._place())
            case "Go":
                return as_go(option)
            case _:
                return as_json(option)

    def _take_of_call(self) -> None:
        """Fill in what the call that is shown was made with."""
        option = None if self.shown is None else digest_of(self.shown).facts.option
        if option is None:
            self.files.tell("no call is shown that tells its options", is_bad=True)
        else:
            self._take(as_json(option), "this call's options")

    def _take(self, text: str, name: str) -> None:
        try:
            option, n_masked = parse_preset(text, name)
        except InvalidOptionError as exc:
            self.files.tell(str(exc), is_bad=True)
            return
        self._load(option)
        secrets = "secret" if n_masked == 1 else f"{n_masked} secrets"
        rest = f"; type the {secrets}, no file has them" if n_masked else ""
        self.files.tell(f"loaded {name[:60]}{rest}")


def parse_preset(text: str, name: str) -> tuple[CallOption, int]:
    """Return the option of a file, and how many masked secrets it lacks.

    Raises:
        InvalidOptionError: If it is not a call option.
    """
    try:
        wire = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidOptionError(
            f"cannot read {name!r}: it is not valid JSON ({exc}); "
            "choose a file that Save… wrote, or an option of --option"
        ) from exc
    if not isinstance(wire, dict):
        raise InvalidOptionError(f"cannot read {name!r}: it is not a JSON object")
    kept, n_masked = without_masks(wire)
    return read_option(CallOption, kept, repr(name)), n_masked
