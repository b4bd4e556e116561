"""The stand-in's REST addresses; the WebSocket ones are in endpoints.py."""

import asyncio
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from typing_extensions import override

from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import RustpbxLabError, UnreadableFrameError
from rustpbx_lab.models import commands
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.simulator.call.playbooks import FileNameError
from rustpbx_lab.simulator.call.services import Services
from rustpbx_lab.simulator.core.strict import read_command
from rustpbx_lab.simulator.core.times import rfc3339
from rustpbx_lab.simulator.tracks.voice import TTS_PROVIDERS, Speech, Voice, spoken_text

from .handlers import Guarded

WRONG_SHAPE = "Failed to deserialize the JSON body into the target type"
STUN = {
    "urls": ["stun:stun.l.google.com:19302"],
    "username": None,
    "credential": None,
    "credential_type": "password",
}
"""The server's default."""


class NothingHere(Guarded):
    """Every other path."""

    @override
    def prepare(self) -> None:
        super().prepare()
        if not self._finished:
            self.refuse(404, "")


class ListCalls(Guarded):
    """``GET /list``."""

    def get(self) -> None:
        """Answer with the running calls."""
        calls = [call.listing() for call in self.state.services.registry.values()]
        self.answer({"active_calls": calls})


class KillCall(Guarded):
    """``GET /kill/{id}``."""

    def get(self, call_id: str) -> None:
        """End a call."""
        call = self.state.services.registry.get(call_id)
        status = "not_found" if call is None else "killed"
        if call is not None:
            call.end("canceled")
        self.answer({"id": call_id, "status": status}, 404 if call is None else 200)


class CommandBody(Guarded):
    """A handler that is sent a command."""

    def command(self) -> BaseCommand | None:
        """Return the command; None if the request is refused for it."""
        if self.json_body() is None:
            return None
        try:
            text = self.request.body.decode("utf-8", "replace")
            return read_command(text, self.state.services.dialect)
        except UnreadableFrameError as exc:
            self.refuse(422, f"{WRONG_SHAPE}: {exc.why}")
            return None


class SendCommand(CommandBody):
    """``POST /command/{id}``: the only place where a malformed command is reported."""

    def post(self, call_id: str) -> None:
        """Queue a command of a call."""
        command = self.command()
        if command is None:
            return
        call = self.state.services.registry.get(call_id)
        if call is not None:
            call.take(command)
        status = "not_found" if call is None else "sent"
        self.answer({"id": call_id, "status": status}, 404 if call is None else 200)


class Precache(CommandBody):
    """``POST /precache``: a text is spoken into the cache."""

    async def post(self) -> None:
        """Answer when it is spoken."""
        command = self.command()
        if command is None:
            return
        if not isinstance(command, commands.Tts):
            self._fail(400, "precache only accepts tts commands")
            return
        try:
            self.answer(await _cached(self.state.services, command))
        except PrecacheError as exc:
            self._fail(500, str(exc))

    def _fail(self, status: int, why: str) -> None:
        self.answer({"error": why, "status": "error"}, status)


class PrecacheError(RustpbxLabError):
    """A text that cannot be spoken into the cache."""


class _Whole:
    """Takes a whole synthesis."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = [np.zeros(0, np.int16)]
        self.done: asyncio.Future[Samples] = asyncio.get_running_loop().create_future()

    def audio(self, samples: Samples) -> None:
        """Take the next audio."""
        self._pieces.append(samples)

    def spoken(self) -> None:
        """Take note that the text is spoken."""
        if not self.done.done():
            self.done.set_result(np.concatenate(self._pieces))

    def failed(self, error: str) -> None:
        """Take note that it cannot be spoken."""
        if not self.done.done():
            self.done.set_exception(PrecacheError(error))

    def refused(self, error: str) -> None:
        """Take note that the provider cannot be reached."""
        self.failed(error)


async def _cached(services: Services, command: commands.Tts) -> dict[str, object]:
    option = command.option
    if option is None:
        raise PrecacheError("tts precache requires an option")
    if option.provider not in TTS_PROVIDERS:
        raise PrecacheError(f"TTS type not found: {option.provider}")
    if command.base64:
        raise PrecacheError("the stand-in does not cache base64 audio")
    text = spoken_text(command.text)
    key = Voice.cache_key(text, option, command.cache_key)
    if services.voice.cached(key) is not None:
        return {"bytes": 0, "cacheKey": key, "status": "exists"}
    whole = _Whole()
    services.voice.speak(Speech(text, option), whole)
    samples = await whole.done
    services.voice.keep(key, samples)
    return {"bytes": samples.nbytes, "cacheKey": key, "status": "cached"}


class IceServers(Guarded):
    """``GET /iceservers``."""

    def get(self) -> None:
        """Answer with the server's default."""
        self.answer([STUN])


class ListRecords(Guarded):
    """``GET /api/records``: the calls that have an event log, newest first."""

    def get(self) -> None:
        """Answer with the logs in the dump folder."""
        folder = self.state.services.dump_dir
        files = [] if folder is None else _logs(folder)
        self.answer(
            [
                {
                    "id": unquote(name.removesuffix(".events")),
                    "date": rfc3339(written_ms),
                    "duration": "0s",
                    "status": "completed",
                }
                for written_ms, name in sorted(files, reverse=True)
            ]
        )


def _logs(folder: Path) -> list[tuple[int, str]]:
    return [
        (path.stat().st_mtime_ns // 1_000_000, path.stem)
        for path in folder.glob("*.jsonl")
    ]


class ListPlaybooks(Guarded):
    """``GET /api/playbooks``."""

    def get(self) -> None:
        """Answer with the names."""
        self.answer(self.state.services.playbooks.listing())


class PlaybookFile(Guarded):
    """``/api/playbooks/{name}``."""

    def get(self, name: str) -> None:
        """Answer with a playbook."""
        try:
            text = self.state.services.playbooks.text(name)
        except FileNameError as exc:
            self.refuse(400, str(exc))
            return
        if text is None:
            self.refuse(404, "Playbook not found")
        else:
            self.answer_text(text)

    def post(self, name: str) -> None:
        """Keep a playbook."""
        try:
            self.state.services.playbooks.save(name, self.request.body.decode())
        except FileNameError as exc:
            self.refuse(400, str(exc))
        except UnicodeDecodeError as exc:
            self.refuse(400, f"Request body didn't contain valid UTF-8: {exc}")
        else:
            self.answer_text("")


class RunPlaybook(Guarded):
    """``POST /api/playbook/run``."""

    def post(self) -> None:
        """Prepare a call and answer with its id."""
        body = self.json_body()
        if body is None:
            return
        call_id = self.state.services.playbooks.prepare(body[0])
        if call_id is None:
            why = "data did not match any variant of untagged enum PlaybookSource"
            self.refuse(422, f"{WRONG_SHAPE}: {why}")
        else:
            self.answer({"session_id": call_id})
