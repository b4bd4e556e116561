"""Sending commands into the call that is shown."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from rustpbx_lab.client import CallPhase
from rustpbx_lab.errors import RustpbxLabError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models import commands
from rustpbx_lab.models.base import BaseCommand


class CommandSender:
    """Sends commands through the hub, which decides who may, and says what failed.

    Args:
        hub: The calls of this process.
        user: Who sends.
        get_call: Returns the call that is shown.
        on_text: Called with a line and its severity.
    """

    def __init__(
        self,
        hub: CallHub,
        user: str | None,
        get_call: Callable[[], HubCall | None],
        on_text: Callable[[str, str], None],
    ) -> None:
        self._hub, self._user = hub, user
        self._get_call, self._on_text = get_call, on_text
        self._sent: list[Future[Any]] = []
        self._ending: str | None = None

    @property
    def is_allowed(self) -> bool:
        """Whether the call that is shown takes commands from this user."""
        call = self._get_call()
        takes = call is None or call.takes_commands
        return self._hub.may_send(self._user) and takes

    def send(self, command: BaseCommand) -> None:
        """Send a command in the call that is shown."""
        call = self._get_call()
        if call is not None:
            self._try(lambda: self._hub.send(call.id, command, user=self._user))

    def press(self, digit: str) -> None:
        """Press a key in the call that is shown, after those that still sound."""
        call = self._get_call()
        if call is not None:
            self._try(lambda: self._hub.press(call.id, digit, user=self._user))

    def hang_up(self) -> None:
        """End the call: by command once it is answered, else by closing the socket.

        A second press closes the socket, too: the server may be waiting for something.
        """
        call = self._get_call()
        if call is None:
            return
        if call.phase is CallPhase.ANSWERED and self._ending != call.id:
            self._ending = call.id
            self.send(commands.Hangup())
        else:
            self._try(lambda: self._hub.hang_up(call.id, user=self._user))

    def _try(self, action: Callable[[], Future[Any]]) -> None:
        try:
            self._sent.append(action())
        except RustpbxLabError as exc:
            self._on_text(str(exc), "error")

    def check(self) -> None:
        """Say what has become of what was sent, if it failed."""
        waiting: list[Future[Any]] = []
        for sent in self._sent:
            if not sent.done():
                waiting.append(sent)
            elif not sent.cancelled() and sent.exception() is not None:
                self._on_text(str(sent.exception()), "error")
        self._sent = waiting
