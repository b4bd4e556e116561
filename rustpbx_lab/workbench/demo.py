"""The demo: stand-in server, scripted callers, an agent."""

import itertools
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import anyio
from anyio.from_thread import start_blocking_portal

from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.models.options import (
    CallOption,
    SynthesisOption,
    TranscriptionOption,
    VADOption,
)
from rustpbx_lab.participants.demo_scripts import SCRIPTS
from rustpbx_lab.participants.front_desk import FrontDesk
from rustpbx_lab.participants.scripted_caller import ScriptedCaller, Step
from rustpbx_lab.simulator.server.stand_in import StandIn
from rustpbx_lab.speech.synthesis import synthesiser

PAUSE_S = 6.0
"""Quiet between two calls."""

logger = logging.getLogger(__name__)


def demo_option() -> CallOption:
    """Return the option of the demo's calls; the stand-in needs no credentials."""
    return CallOption(
        # the server's own 100 ms would end a sentence at every breath
        vad=VADOption(type="silero", silence_padding=400),
        asr=TranscriptionOption(provider="deepgram", language="en"),
        tts=SynthesisOption(provider="deepgram"),
    )


class Demo:
    """Conversations on this machine, one after the other, while the block lasts.

    ::

        with Demo() as demo:
            serve(demo.hub, endpoint=demo.url)

    Args:
        port: Port of the stand-in; 0 takes a free one.
        asr: The stand-in's recogniser.
        tts: The stand-in's synthesiser.
        logs: Where the calls are saved; None saves nothing.
        pause_s: Quiet between two calls, seconds.
        scripts: What the callers say, in turns.

    Raises:
        MissingExtraError: If there are no speech engines for it.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        asr: str = "auto",
        tts: str = "auto",
        logs: Path | None = None,
        pause_s: float = PAUSE_S,
        scripts: Sequence[Sequence[Step]] = SCRIPTS,
    ) -> None:
        self._stand_in = StandIn(port=port, asr=asr, tts=tts)
        self._synthesiser = synthesiser(tts)
        self._pause_s = pause_s
        self._scripts = scripts
        self.hub = CallHub(logs=logs)
        """The hub that has the demo's calls; start others in it as you like."""
        self._exit = ExitStack()

    @property
    def url(self) -> str:
        """Address of the stand-in."""
        return self._stand_in.url

    def __enter__(self) -> Self:
        """Start the server and the first call.

        Raises:
            ServerStartError: If the port is taken.
        """
        with ExitStack() as stack:
            stack.enter_context(self._stand_in.in_thread())
            stack.callback(self.hub.close)
            portal = stack.enter_context(start_blocking_portal(name="demo"))
            talking = portal.start_task_soon(self._talk)
            stack.callback(talking.cancel)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the calls, then the server."""
        self._exit.close()

    async def _talk(self) -> None:
        bot = FrontDesk()
        for seed, script in enumerate(itertools.cycle(self._scripts)):
            caller = ScriptedCaller(script, self._synthesiser, seed)
            await caller.prepare()
            call = self.hub.start(self.url, demo_option(), caller=caller, agent=bot)
            async for _ in call.log.cursor():
                continue  # it ends with the call
            if call.error is not None:
                logger.warning("a call of the demo failed: %s", call.error)
            await anyio.sleep(self._pause_s)
