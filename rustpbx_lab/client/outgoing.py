"""Outgoing text of one call, made valid Unicode before it is logged and sent."""

from typing import NamedTuple, TypeGuard

from rustpbx_lab.models import commands, notes
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.models.surrogates import split_high, well_formed_model

RULE = "half_character"
WHOLE = "texts that are cut between characters, not inside a surrogate pair"
ENDS_PIECE = (commands.Tts, commands.Play, commands.Interrupt)
"""Commands that continue a streamed playback or end it."""


class HeldHalf(NamedTuple):
    """The first half of a character, kept back until its other half is sent."""

    play_id: str | None
    """The streamed playback whose last piece ended in it."""
    half: str


class Outgoing(NamedTuple):
    """A command as it will be sent."""

    command: BaseCommand
    """The command; every text in it is valid Unicode."""
    advice: list[notes.Advice]
    """What was changed."""
    held: HeldHalf | None
    """The half that still waits once the command is sent."""


class OutgoingTexts:
    """Repairs the texts of a call's commands.

    A streamed piece of speech may end in the first half of a character, as chunks of a
    language model do: that half is sent with the next piece of the same play id. Each
    other half is replaced by U+FFFD, with a note.
    """

    def __init__(self) -> None:
        self._held: HeldHalf | None = None

    def prepare(self, command: BaseCommand) -> Outgoing:
        """Return the command to send; nothing changes before ``commit``."""
        held = self._held
        advice: list[notes.Advice] = []
        if held is not None and isinstance(command, ENDS_PIECE):
            if _is_piece(command) and command.play_id == held.play_id:
                command = _with_text(command, held.half + command.text)
            else:
                advice.append(_dropped("its playback is over"))
            held = None
        if _is_piece(command) and not command.end_of_stream:
            text, half = split_high(command.text)
            if half:
                command = _with_text(command, text)
                held = HeldHalf(command.play_id, half)
        whole, replaced = well_formed_model(command)
        advice += [_replaced(place) for place in replaced]
        return Outgoing(whole, advice, held)

    def commit(self, outgoing: Outgoing) -> None:
        """Remember what still waits after a command that is sent."""
        self._held = outgoing.held

    def close(self) -> list[notes.Advice]:
        """Return what is to be noted when the call closes."""
        held, self._held = self._held, None
        return [_dropped("the call is closed")] if held is not None else []


def _is_piece(command: BaseCommand) -> TypeGuard[commands.Tts]:
    if not isinstance(command, commands.Tts) or command.base64:
        return False
    return bool(command.streaming)


def _with_text(command: commands.Tts, text: str) -> commands.Tts:
    return command.model_copy(update={"text": text})


def _replaced(place: str) -> notes.Advice:
    text = f"{place}: half a surrogate pair is not a character; U+FFFD is sent instead"
    return notes.Advice(rule=RULE, severity="warning", text=text, instead=WHOLE)


def _dropped(why: str) -> notes.Advice:
    text = f"text: the half character that ended a streamed piece is dropped: {why}"
    return notes.Advice(rule=RULE, severity="info", text=text, instead=WHOLE)
