"""The contract between a page of the dashboard and the shell around it."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from panel.viewable import Viewable, Viewer

from rustpbx_lab.dashboard.browser.components import Keys
from rustpbx_lab.dashboard.sidebar.connection import ConnectionPanel
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.state.command_sender import CommandSender
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.plots.lanes.lane import Lane
from rustpbx_lab.plots.theme import Palette

from .announcer import Announcer
from .deep_link import Address
from .draft import DraftKeeper
from .preferences import PreferenceKeeper


class KeyHelp(NamedTuple):
    """A line of the list of keys."""

    label: str
    words: str
    keys: Sequence[str]
    """As the browser names them: ``KeyboardEvent.key``."""


class PageHost(Protocol):
    """What a page may ask of the shell."""

    hub: CallHub
    user: str | None
    """Who looks; None: nobody had to log in."""
    palette: Palette
    """The colours to begin with."""
    lanes: Sequence[type[Lane]] | None
    """The lanes of timelines; None: every lane there is."""
    keys: Keys
    connection: ConnectionPanel
    """The sidebar."""
    sender: CommandSender
    announcer: Announcer
    preferences: PreferenceKeeper
    draft: DraftKeeper

    @property
    def view(self) -> CallView | None:
        """The call that is shown."""
        ...

    def say(self, text: str, severity: str) -> None:
        """Show a line for some seconds, and read it out."""
        ...

    def open_call(self, call: HubCall) -> None:
        """Show a call that someone has chosen."""
        ...

    def connect(self) -> None:
        """Press the button of the connection form."""
        ...


class Page(Viewer):
    """One tab of the dashboard; a subclass in a file or folder of its own.

    It is made when it is first shown, unless ``is_built_early``. To add one to every
    dashboard of an installation, name its class in the entry point group
    ``rustpbx_lab.pages``.

    Args:
        host: The shell.
    """

    title: ClassVar[str]
    """Name in the tabs; in lower case, ``?view=`` of the address."""
    icon: ClassVar[str] = "tab"
    """Name of a Material icon."""
    keys: ClassVar[Sequence[KeyHelp]] = ()
    """The keys it takes while it is shown and nobody types."""
    is_built_early: ClassVar[bool] = False
    """Whether it is made with the document, beside the loop that serves all pages."""
    shows_call: ClassVar[bool] = False
    """Whether it is where a call is opened; the first such page is."""

    parts: Sequence[Viewable | Viewer] = ()
    """Dialogs and parts without a place, which the document has to hold."""

    def __init__(self, host: PageHost) -> None:
        super().__init__()
        self.host = host

    @property
    def body(self) -> Any:
        """What stands under the tabs."""
        raise NotImplementedError

    def __panel__(self) -> Viewable:
        return self.body

    # ------------------------------------------------------------------ the call

    def show_call(self, view: CallView | None) -> None:
        """Show another call; None: there is none."""

    def learn(self, view: CallView) -> None:
        """Process ``view.new_records``; nothing is to be sent yet."""

    def catch_up(self, view: CallView) -> None:
        """Begin at the end of what was read, since a long log was passed over."""

    def select(self, seq: int | None, at_ms: float | None = None) -> None:
        """Select a row of the call's log; None selects none."""

    @property
    def is_read(self) -> bool:
        """Whether someone reads it, so that no new call may take its place."""
        return False

    # ------------------------------------------------------------------ drawing

    def draw(self, view: CallView, request: "DrawRequest") -> bool:
        """Draw the call while the page is shown; return whether pictures changed."""
        return False

    def tick(self, has_drawn: bool) -> None:
        """Do what is due, every tick while it is shown; see ``state.tick``."""

    def show_state(self, view: CallView | None) -> None:
        """Show what changes with the call's state; twice a second."""

    def sync_address(self, address: Address) -> None:
        """Go where the address says, or say in it where someone went."""

    def use_palette(self, palette: Palette) -> None:
        """Repaint in another palette."""

    def keep_still(self, is_still: bool) -> None:
        """Let nothing move by itself, or let it move again."""

    def press(self, key: str, shift: bool) -> None:
        """Do what a key stands for."""


class DrawRequest(NamedTuple):
    """Why a page is asked to draw."""

    has_news: bool
    """Whether records came since it was drawn."""
    has_changed: bool
    """Whether what pictures show has changed."""
    is_rested: bool
    """Whether the browser has rested: pictures may be drawn without news."""
