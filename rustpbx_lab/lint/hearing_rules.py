"""Lint of detection, recognition and gain control."""

from collections.abc import Callable

from rustpbx_lab.errors import shorten
from rustpbx_lab.models.options import CallOption, ReferOption

from .remark import Remark, Remarks, ineffective

Hearing = CallOption | ReferOption
"""A leg that can be heard: the call's own, or that of a transfer."""

CHUNK_MS = 32
"""The server's VAD counts in chunks of so many milliseconds."""
VAD_TYPES = frozenset({"silero", "nop"})
ASR_PROVIDERS = frozenset({"tencent", "aliyun", "deepgram", "sensevoice"})
SAMPLE_RATE_HZ = 16000
SHORT_ANSWER_MS = 400
"""A "yes" lasts 200 to 400 ms; a `speechPadding` from here on loses it."""
SPLITTING_PAUSE_MS = 200
"""Pauses inside a sentence last this long and longer."""
LATE_END_MS = 2000
ALL_OFF = "denoise, VAD, AGC, ASR and the inactivity watch would all be off, in silence"


def vad_type_unknown(option: Hearing) -> Remarks:
    """Any other detector than the two built in disables every processor.

    Source: vad.md, 1; protocol.md, 3.1 "Silent processor loss".
    """
    if option.vad is not None and option.vad.type not in VAD_TYPES:
        text = f"type {shorten(option.vad.type)} is not in this server: {ALL_OFF}"
        yield Remark("vad.type", "error", text, 'type "silero"')


def vad_type_nop(option: Hearing) -> Remarks:
    """The detector for tests takes any sound for voice.

    Source: vad.md, 1 and 2.
    """
    if option.vad is not None and option.vad.type == "nop":
        text = "type nop takes every non-zero sample for voice, line noise too"
        yield Remark("vad.type", "info", text, 'type "silero", except in tests')


def vad_keys_unused(option: Hearing) -> Remarks:
    """Keys of the VAD that are read and not used.

    Source: vad.md, 1 "Ignored options".
    """
    vad = option.vad
    if vad is None:
        return
    unused = {
        "ratio": "server 0.3.x does not use it",
        "max_buffer_duration_secs": "the detector keeps no buffer",
        "endpoint": "detection is built in",
        "secret_key": "detection is built in",
        "secret_id": "detection is built in",
    }
    yield from ineffective(vad, "vad", unused, "leave it out")
    if vad.samplerate != SAMPLE_RATE_HZ:
        text = f"samplerate has no effect: it is always {SAMPLE_RATE_HZ}"
        yield Remark("vad.samplerate", "info", text, "leave it out")


def silence_timeout_hides_end(option: Hearing) -> Remarks:
    """A timeout tick that comes before the end of speech resets its clock.

    Source: vad.md, 3 "Consequences"; both are counted in whole chunks.
    """
    vad = option.vad
    if vad is None or vad.silence_timeout is None:
        return
    if vad.silence_timeout == 0:
        text = "silenceTimeout 0: an event for each silent chunk, the end of speech is "
        yield Remark(
            "vad.silenceTimeout",
            "error",
            text + "never sent",
            "leave it out to switch it off",
        )
    elif _chunks(vad.silence_timeout) < _chunks(vad.silence_padding):
        text = (
            f"silenceTimeout {vad.silence_timeout} below silencePadding "
            f"{vad.silence_padding} (in chunks of {CHUNK_MS} ms): the end of speech "
            "is never sent, and no second speaking"
        )
        more = f"more than {_chunks(vad.silence_padding) * CHUNK_MS}, usually 5000"
        yield Remark("vad.silenceTimeout", "error", text, more)


def silence_timeout_ambiguous(option: Hearing) -> Remarks:
    """A tick as short as an utterance looks like the end of one.

    Source: vad.md, 3, last paragraph.
    """
    vad = option.vad
    if vad is None or not vad.silence_timeout:
        return
    least = vad.speech_padding + CHUNK_MS
    hidden = _chunks(vad.silence_timeout) < _chunks(vad.silence_padding)
    if vad.silence_timeout < least and not hidden:
        text = (
            f"silenceTimeout {vad.silence_timeout}: its silence events cannot be "
            "distinguished from the end of a short utterance"
        )
        yield Remark("vad.silenceTimeout", "warning", text, f"at least {least}")


def vad_threshold_never_met(option: Hearing) -> Remarks:
    """A probability is never above 1, and nearly always above 0.

    Source: vad.md, 2: ``p > voiceThreshold``, strictly.
    """
    if option.vad is None:
        return
    threshold = option.vad.voice_threshold
    if threshold >= 1:
        text = "a probability is never greater than 1: nothing would count as voice"
        yield Remark("vad.voiceThreshold", "error", text, "0.3 to 0.8")
    elif threshold <= 0:
        text = "every probability is greater than 0: everything would count as voice"
        yield Remark("vad.voiceThreshold", "warning", text, "0.3 to 0.8")


def speech_padding_swallows(option: Hearing) -> Remarks:
    """Speech shorter than `speechPadding` gives no event at all.

    Source: vad.md, 3 "Consequences".
    """
    if option.vad is None or option.vad.speech_padding < SHORT_ANSWER_MS:
        return
    text = (
        f"speechPadding {option.vad.speech_padding}: shorter speech gives no event, so "
        'an answer like "yes" (200 to 400 ms) is lost; speaking comes as much later'
    )
    yield Remark("vad.speechPadding", "warning", text, "150 to 300")


def silence_padding_splits(option: Hearing) -> Remarks:
    """A pause of `silencePadding` ends an utterance, in the middle of a sentence too.

    Source: vad.md, 3: the first silent chunk that starts so much later ends it.
    """
    vad = option.vad
    if vad is None or vad.silence_padding >= SPLITTING_PAUSE_MS:
        return
    ends_ms = (_chunks(vad.silence_padding) + 1) * CHUNK_MS
    text = (
        f"silencePadding {vad.silence_padding}: a pause of {ends_ms} ms ends the "
        "utterance, so sentences arrive in pieces"
    )
    is_set = "silence_padding" in vad.model_fields_set
    severity = "warning" if is_set else "info"  # info: the server's own default
    yield Remark("vad.silencePadding", severity, text, "300 to 700")


def silence_padding_late(option: Hearing) -> Remarks:
    """The end of speech is said `silencePadding` after it, a chunk later at most.

    Source: vad.md, 3 "Consequences".
    """
    if option.vad is not None and option.vad.silence_padding > LATE_END_MS:
        text = (
            f"silencePadding {option.vad.silence_padding}: the end of speech is told "
            "that many milliseconds late, and longer pauses are needed to end it"
        )
        yield Remark("vad.silencePadding", "warning", text, "300 to 700")


def agc_without_vad(option: Hearing) -> Remarks:
    """Gain control needs speech detection.

    Source: protocol.md, 5.1.
    """
    if option.agc is not None and option.vad is None:
        text = "agc without vad: it has nothing to go by"
        yield Remark("agc", "warning", text, "give vad too, or leave agc out")


def asr_provider_unknown(option: Hearing) -> Remarks:
    """Without a recogniser it knows the server disables every processor.

    Source: protocol.md, 3.1 "Silent processor loss" and 5.3; names are case-sensitive.
    """
    if option.asr is None:
        return
    provider, known = option.asr.provider, "one of " + ", ".join(sorted(ASR_PROVIDERS))
    if provider is None:
        text = f"asr without provider: {ALL_OFF}"
        yield Remark("asr.provider", "error", text, known)
    elif provider not in ASR_PROVIDERS:
        text = f"provider {shorten(provider)} is not in this server: {ALL_OFF}"
        exact = provider.lower() if provider.lower() in ASR_PROVIDERS else None
        yield Remark("asr.provider", "error", text, exact or known)


def asr_keys_unused(option: Hearing) -> Remarks:
    """Keys of the recogniser that are read and not used.

    Source: protocol.md, 5.3.
    """
    asr = option.asr
    if asr is None:
        return
    unused = {"buffer_size": "server 0.3.x does not use it"}
    if asr.provider in ("tencent", "sensevoice"):
        unused["endpoint"] = "only aliyun and deepgram use it"
    yield from ineffective(asr, "asr", unused, "leave it out")
    if asr.samplerate not in (None, SAMPLE_RATE_HZ):
        text = f"samplerate has no effect: it is always {SAMPLE_RATE_HZ}"
        yield Remark("asr.samplerate", "info", text, "leave it out")


def _chunks(ms: int) -> int:
    return -(-ms // CHUNK_MS)


HEARING_RULES: tuple[Callable[[Hearing], Remarks], ...] = (
    vad_type_unknown,
    vad_type_nop,
    silence_timeout_hides_end,
    silence_timeout_ambiguous,
    vad_threshold_never_met,
    speech_padding_swallows,
    silence_padding_splits,
    silence_padding_late,
    vad_keys_unused,
    agc_without_vad,
    asr_provider_unknown,
    asr_keys_unused,
)
