"""Inputs for a new call's caller: silence, a scripted caller, a sound file."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
from panel.viewable import Viewable, Viewer

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource, SilenceSource
from rustpbx_lab.dashboard.browser.document_lock import callback
from rustpbx_lab.dashboard.browser.styles import select_field, text_field
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.participants.registry import CALLERS, SCRIPTED, SILENCE, SOUND_FILE

ENDINGS = ".wav,.flac,.ogg,.mp3,.ulaw,.alaw,.g722,.gsm,.sln,.raw"


class CallerFields(Viewer):
    """Chooses the caller's audio.

    A sound file is named by its path on the machine that serves the page, or chosen in
    the browser, which sends it.

    Args:
        tell: Shows a line, of a severity.
    """

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__()
        self._tell = tell
        self._sent: tuple[str, bytes] | None = None
        self._call_type = "websocket"
        self.audio = select_field("Caller audio", list(CALLERS))
        self.path = text_field("Sound file", "", "/path/to/caller.wav")
        self.browse: pmui.FileInput | None = None
        """The browser's files; made when a sound file is first asked for."""
        self._file = pn.Column(
            self.path, margin=0, sizing_mode="stretch_width", visible=False
        )
        self.audio.param.watch(callback(self._show_file), "value")
        self._layout = pn.Column(
            self.audio, self._file, margin=0, sizing_mode="stretch_width"
        )

    def __panel__(self) -> Viewable:
        return self._layout

    def show_type(self, call_type: str) -> None:
        """Offer what a call of a type can have; a SIP call has a telephone's sound."""
        self._call_type = call_type
        self._layout.visible = call_type != "sip"
        # a scripted caller speaks over the connection, not through a WebRTC peer
        choices = [
            one for one in CALLERS if call_type == "websocket" or one != SCRIPTED
        ]
        if self.audio.options != choices:
            if self.audio.value not in choices:
                self.audio.value = choices[0]
            self.audio.options = choices
        self._show_file()

    def _show_file(self) -> None:
        is_file = self.audio.value == SOUND_FILE
        if is_file and self.browse is None:
            self.browse = _browse_button()
            self.browse.param.watch(callback(self._take), "value")
            self._file.append(self.browse)
        self._file.visible = is_file

    def _take(self) -> None:
        """Keep the file that the browser has sent."""
        if self.browse is not None and self.browse.value:
            name = str(self.browse.filename or "sound.wav")
            self._sent = (name, self.browse.value)
            self.path.value = name

    def source(self) -> ClipSource | SilenceSource | None:
        """Return the sound of the next call; None if a scripted caller speaks.

        Raises:
            InvalidOptionError: If no file was chosen.
            AudioError: If it cannot be read as audio.
        """
        if self.audio.value == SILENCE:
            return SilenceSource()
        if self.audio.value != SOUND_FILE:
            return None
        path = (self.path.value or "").strip()
        if not path:
            raise InvalidOptionError(
                "cannot play a file: none was chosen; type its path or press Browse…"
            )
        clip = Clip.read_channels(self._opened(path))
        if clip.channels > 1:  # the caller is left in what the server records
            name = Path(path).name
            self._tell(
                f"{name} has {clip.channels} channels; the first is sent", "info"
            )
        return ClipSource(clip.channel(0))

    def _opened(self, path: str) -> Any:
        if self._sent is None or self._sent[0] != path:
            return Path(path)
        sound = io.BytesIO(self._sent[1])
        sound.name = path  # its ending tells how a file without a header is encoded
        return sound


def _browse_button() -> pmui.FileInput:
    return pmui.FileInput(
        label="Browse…",
        accept=ENDINGS,
        size="small",
        variant="outlined",
        icon="folder_open",
        sizing_mode="stretch_width",
        margin=(2, 2, 4, 2),
        sx={"height": "30px"},
    )
