"""Lint of single commands: what the server makes of each, given the call's option."""

from collections.abc import Callable
from typing import Any

from rustpbx_lab.errors import shorten
from rustpbx_lab.models import commands
from rustpbx_lab.models.base import BaseCommand
from rustpbx_lab.models.options import CallOption, SynthesisOption

from .hearing_rules import HEARING_RULES
from .remark import Remark, Remarks
from .setup_rules import TTS_PROVIDERS, synthesis_keys_unused, synthesis_scale
from .sip_rules import refer_callee_not_an_address, sip_command_breaks_message

FEW_MS = 100
"""A timeout below this was probably meant as seconds."""
RESETS: dict[str, Any] = {
    name: SynthesisOption.model_fields[name].default
    for name in ("speed", "volume", "samplerate", "codec")
}
"""Keys that a command's tts option resets when they are missing."""
NEVER_MATCHED = frozenset(
    {"noanswer", "nobalance", "answermachine", "serverunavailable"}
)


def tts_option_resets(command: BaseCommand, call: CallOption | None) -> Remarks:
    """A command's option is filled with defaults before it is merged.

    Source: protocol.md, 5.6 "Merge trap".
    """
    if not isinstance(command, commands.Tts) or command.option is None:
        return
    base = call.tts if call else None
    if base is None:
        return
    for name, reset in RESETS.items():
        had: Any = getattr(base, name)
        if name not in command.option.model_fields_set and had != reset:
            shown = "the provider's default" if had is None else had
            text = f"option without {name} resets it to {reset}; the call has {shown}"
            yield Remark(
                f"option.{name}", "warning", text, f'"{name}": null keeps the call\'s'
            )


def tts_option_of_its_own(command: BaseCommand, call: CallOption | None) -> Remarks:
    """What is wrong with the option of one tts command.

    Source: protocol.md, 5.6.
    """
    if not isinstance(command, commands.Tts) or command.option is None:
        return
    option, base = command.option, call.tts if call else None
    provider = option.provider
    if provider is not None and provider not in TTS_PROVIDERS:
        text = f"provider {shorten(provider)} is not in this server: the command "
        text += "fails, after interrupting what plays"
        known = "one of " + ", ".join(sorted(TTS_PROVIDERS))
        yield Remark("option.provider", "error", text, known)
    elif (
        base is not None
        and provider not in (None, base.provider, "aliyun", "supertonic")
        and option.secret_key is None
    ):
        text = f"{provider} finds no keys: the server's environment serves the call's "
        text += "provider only"
        yield Remark("option.provider", "warning", text, "give its keys here too")
    if provider is not None:
        yield from synthesis_scale(option, "option")
    yield from synthesis_keys_unused(option, "option")


def tts_speaker_ignored(command: BaseCommand, call: CallOption | None) -> Remarks:
    """The speaker beside the text is only logged.

    Source: protocol.md, 3.5.
    """
    if not isinstance(command, commands.Tts) or command.speaker is None:
        return
    voices = (command.option, call.tts if call else None)
    voice = next((one.speaker for one in voices if one and one.speaker), None)
    if voice != command.speaker:
        text = "speaker has no effect on the voice"
        keys = "speed, volume, samplerate and codec null"
        yield Remark("speaker", "warning", text, f"option.speaker, with {keys}")


def end_of_stream_forced(command: BaseCommand, call: CallOption | None) -> Remarks:
    """What is not streamed ends with itself.

    Source: protocol.md, 3.5.
    """
    if not isinstance(command, commands.Tts) or command.streaming:
        return
    if "end_of_stream" in command.model_fields_set and not command.end_of_stream:
        text = "endOfStream false is taken as true: the command does not stream"
        yield Remark("endOfStream", "warning", text, "streaming true")


def wait_input_in_ms(command: BaseCommand, call: CallOption | None) -> Remarks:
    """The no-input timeout is in milliseconds, whatever manuals say.

    Source: protocol.md, 4.6 and 8.
    """
    if isinstance(command, commands.Tts | commands.Play):
        timeout = command.wait_input_timeout
        if timeout is not None and 0 < timeout < FEW_MS:
            text = f"waitInputTimeout is in milliseconds: {timeout} is over at once"
            yield Remark("waitInputTimeout", "warning", text, str(timeout * 1000))


def cache_key_cut(command: BaseCommand, call: CallOption | None) -> Remarks:
    """A cache file's name loses what follows the last dot.

    Source: protocol.md, 4.4.
    """
    if not isinstance(command, commands.Tts) or command.cache_key is None:
        return
    key = command.cache_key
    if command.streaming:
        text = "cacheKey has no effect: streamed speech is not cached"
        yield Remark("cacheKey", "info", text, "leave it out")
    elif "." in key:
        text = "cacheKey with a dot: what follows the last one does not count, so "
        text += "different keys share one audio"
        yield Remark("cacheKey", "warning", text, key.replace(".", "_")[:80])


def interrupt_fade_ignored(command: BaseCommand, call: CallOption | None) -> Remarks:
    """Nothing fades.

    Source: protocol.md, 3.7.
    """
    if isinstance(command, commands.Interrupt) and command.fade_out_ms is not None:
        text = "fadeOutMs has no effect: playback stops at once"
        yield Remark("fadeOutMs", "info", text, "leave it out")


def hangup_reason_lost(command: BaseCommand, call: CallOption | None) -> Remarks:
    """Not every reason is recorded as it is given.

    Source: protocol.md, 3.9.
    """
    if not isinstance(command, commands.Hangup) or command.reason is None:
        return
    if command.initiator in ("caller", "callee", "system"):
        text = f"reason has no effect: initiator {command.initiator} overrides it"
        yield Remark("reason", "info", text, "leave initiator out")
    elif command.reason.lower() in NEVER_MATCHED:
        text = f"reason {shorten(command.reason)} is recorded as any other text"
        yield Remark("reason", "info", text, "one of the reasons the server knows")


def refer_ends_the_call(command: BaseCommand, call: CallOption | None) -> Remarks:
    """The end of a transfer ends the call, and so does a watch nobody asked for.

    Source: protocol.md, 3.10.
    """
    if not isinstance(command, commands.Refer):
        return
    option = command.options
    said = option is not None and "auto_hangup" in option.model_fields_set
    if option is None or option.auto_hangup is None or not said:
        text = "autoHangup is true when left out: the call ends with the transfer, "
        text += "with a failed one too"
        yield Remark("options.autoHangup", "warning", text, "say true or false")
    elif option.auto_hangup is False:
        text = (
            "50 s after the transfer's last packet the server ends the call in spite "
            "of autoHangup false (inactivity)"
        )
        yield Remark("options.autoHangup", "info", text)


def refer_keys(command: BaseCommand, call: CallOption | None) -> Remarks:
    """Music that ends, and a pause that does not happen.

    Source: protocol.md, 3.10, steps 2 and 3.
    """
    if not isinstance(command, commands.Refer) or command.options is None:
        return
    if command.options.moh:
        text = "moh is played once: a ring longer than the file is silent"
        yield Remark("options.moh", "info", text, "a file longer than timeout")
    if command.options.pause_parent_asr:
        text = "pauseParentAsr has no effect: the caller is still recognised"
        yield Remark("options.pauseParentAsr", "warning", text, "ignore those events")


def refer_hearing(command: BaseCommand, call: CallOption | None) -> Remarks:
    """The transfer's own detection and recognition.

    Source: protocol.md, 5.8.
    """
    if isinstance(command, commands.Refer) and command.options is not None:
        for rule in HEARING_RULES:
            for remark in rule(command.options):
                yield remark._replace(path=f"options.{remark.path}", rule=rule.__name__)


CommandRule = Callable[[BaseCommand, CallOption | None], Remarks]
"""Looks at a command and at the option of its call, if that is known."""

COMMAND_RULES: tuple[CommandRule, ...] = (
    tts_option_resets,
    tts_option_of_its_own,
    tts_speaker_ignored,
    end_of_stream_forced,
    wait_input_in_ms,
    cache_key_cut,
    interrupt_fade_ignored,
    hangup_reason_lost,
    refer_ends_the_call,
    refer_keys,
    refer_hearing,
    sip_command_breaks_message,
    refer_callee_not_an_address,
)
