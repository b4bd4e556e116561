"""What the server will really do with an option: remarks, each with its place."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from rustpbx_lab.models.options import (
    CallOption,
    SynthesisOption,
    TranscriptionOption,
    VADOption,
)

CHUNK_MS = 32
"""The server's VAD counts in chunks of so many milliseconds."""
VAD_TYPES = frozenset({"silero", "nop"})
ASR_PROVIDERS = frozenset({"tencent", "aliyun", "deepgram", "sensevoice"})
TTS_PROVIDERS = frozenset(
    {"tencent", "tencent_basic", "aliyun", "deepgram", "supertonic"}
)
CODECS = frozenset({"pcm", "pcmu", "pcma", "g722"})

Severity = Literal["info", "warning", "error"]


class Remark(NamedTuple):
    """One thing about an option that is worth knowing before a call."""

    path: str
    """Place in the option, wire names joined by dots: ``"vad.ratio"``."""
    severity: Severity
    """``info``: no effect; ``warning``: will surprise you; ``error``: it breaks."""
    text: str


Remarks = Iterator[Remark]
Rule = Callable[[CallOption], Remarks]


def remarks(option: CallOption) -> list[Remark]:
    """Return what the server ignores, changes or breaks of an option.

    Returns:
        By rule, in the order of ``RULES``; a field may have several.
    """
    return [remark for rule in RULES for remark in rule(option)]


def vad_type_unknown(option: CallOption) -> Remarks:
    """Any other detector than the two built in disables every processor."""
    if option.vad is not None and option.vad.type not in VAD_TYPES:
        yield Remark(
            "vad.type",
            "error",
            f"type {option.vad.type} is not in this server: VAD, ASR, AGC and denoise "
            "would all be off",
        )


def vad_keys_unused(option: CallOption) -> Remarks:
    """Keys of the VAD that are read and not used."""
    if option.vad is None:
        return
    unused = {
        "ratio": "ratio has no effect on server 0.3.x",
        "samplerate": "samplerate has no effect: it is always 16000",
        "max_buffer_duration_secs": "maxBufferDurationSecs has no effect on the "
        "detector",
        "endpoint": "endpoint has no effect: detection is built in",
        "secret_key": "secretKey has no effect: detection is built in",
        "secret_id": "secretId has no effect: detection is built in",
    }
    for name, text in unused.items():
        if name in option.vad.model_fields_set:
            yield Remark(f"vad.{_wire(VADOption, name)}", "info", text)


def silence_timeout_hides_end(option: CallOption) -> Remarks:
    """A timeout tick that comes before the end of speech resets its clock."""
    vad = option.vad
    if vad is None or vad.silence_timeout is None:
        return
    if vad.silence_timeout == 0:
        yield Remark(
            "vad.silenceTimeout",
            "error",
            "silenceTimeout 0: an event for each silent chunk, "
            "the end of speech is never sent",
        )
    elif _chunks(vad.silence_timeout) < _chunks(vad.silence_padding):
        yield Remark(
            "vad.silenceTimeout",
            "error",
            "silenceTimeout below silencePadding: the end of speech is never sent",
        )


def vad_threshold_never_met(option: CallOption) -> Remarks:
    """A probability is never above 1, and nearly always above 0."""
    if option.vad is None:
        return
    threshold = option.vad.voice_threshold
    if threshold >= 1:
        text = "a probability is never greater than 1: nothing would count as voice"
        yield Remark("vad.voiceThreshold", "error", text)
    elif threshold <= 0:
        text = "every probability is greater than 0: everything would count as voice"
        yield Remark("vad.voiceThreshold", "warning", text)


def agc_without_vad(option: CallOption) -> Remarks:
    """Gain control needs speech detection."""
    if option.agc is not None and option.vad is None:
        yield Remark("agc", "warning", "agc without vad: it has nothing to go by")


def eou_disables_everything(option: CallOption) -> Remarks:
    """No engine is built in, and one that fails takes the others with it."""
    if option.eou is not None:
        yield Remark(
            "eou",
            "error",
            "no eou engine is built in: VAD, ASR, AGC and denoise would all be off",
        )


def realtime_replaces(option: CallOption) -> Remarks:
    """A speech-to-speech service takes the place of the processors."""
    if option.realtime is not None:
        yield Remark(
            "realtime",
            "warning",
            "realtime replaces denoise, vad, agc, asr and inactivityTimeout; "
            "server 0.3.83 most likely cannot connect to the service",
        )


def asr_provider_unknown(option: CallOption) -> Remarks:
    """Without a recogniser it knows the server disables every processor."""
    if option.asr is None:
        return
    provider = option.asr.provider
    if provider is None:
        text = "asr without provider: VAD, ASR, AGC and denoise would all be off"
        yield Remark("asr.provider", "error", text)
    elif provider not in ASR_PROVIDERS:
        text = f"provider {provider} is not in this server: all processors would be off"
        yield Remark("asr.provider", "error", text)


def asr_keys_unused(option: CallOption) -> Remarks:
    """Keys of the recogniser that are read and not used."""
    if option.asr is None:
        return
    unused = {
        "buffer_size": "bufferSize has no effect",
        "samplerate": "samplerate has no effect: it is always 16000",
    }
    for name, text in unused.items():
        if name in option.asr.model_fields_set:
            yield Remark(f"asr.{_wire(TranscriptionOption, name)}", "info", text)


def tts_provider_unknown(option: CallOption) -> Remarks:
    """Without a voice service it knows every tts command fails."""
    if option.tts is None:
        return
    provider = option.tts.provider
    if provider is None:
        text = "tts without provider: every tts command fails with 'TTS type not found'"
        yield Remark("tts.provider", "error", text)
    elif provider not in TTS_PROVIDERS:
        text = f"provider {provider} is not in this server: every tts command fails"
        yield Remark("tts.provider", "error", text)


def tts_keys_unused(option: CallOption) -> Remarks:
    """Keys of the synthesis that are read and not used."""
    if option.tts is None:
        return
    for name in ("subtitle", "language", "emotion"):
        if name in option.tts.model_fields_set:
            text = f"{name} has no effect"
            yield Remark(f"tts.{_wire(SynthesisOption, name)}", "info", text)


def codec_unknown(option: CallOption) -> Remarks:
    """The server takes any other word for pcm."""
    if option.codec is not None and option.codec.lower() not in CODECS:
        text = f"codec {option.codec} is taken as pcm; choose pcm, pcmu, pcma or g722"
        yield Remark("codec", "warning", text)


def recorder_keys_unused(option: CallOption) -> Remarks:
    """The recording is always a 16-bit WAV at 16 kHz."""
    if option.recorder is None:
        return
    if option.recorder.samplerate != 16000:
        text = "samplerate has no effect: recordings are always 16000 Hz"
        yield Remark("recorder.samplerate", "info", text)
    if option.recorder.format not in (None, "wav"):
        text = "format has no effect: recordings are always 16-bit PCM WAV"
        yield Remark("recorder.format", "info", text)


def handshake_timeout_unused(option: CallOption) -> Remarks:
    """It is read and not used."""
    if option.handshake_timeout is not None:
        yield Remark("handshakeTimeout", "info", "handshakeTimeout has no effect")


RULES: tuple[Rule, ...] = (
    vad_type_unknown,
    silence_timeout_hides_end,
    vad_threshold_never_met,
    vad_keys_unused,
    agc_without_vad,
    eou_disables_everything,
    realtime_replaces,
    asr_provider_unknown,
    asr_keys_unused,
    tts_provider_unknown,
    tts_keys_unused,
    codec_unknown,
    recorder_keys_unused,
    handshake_timeout_unused,
)


def _chunks(ms: int) -> int:
    return -(-ms // CHUNK_MS)


def _wire(
    model: type[VADOption | TranscriptionOption | SynthesisOption], name: str
) -> str:
    return model.model_fields[name].alias or name
