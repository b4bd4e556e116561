"""Lint of call set-up and synthesis."""

from collections.abc import Callable

from rustpbx_lab.errors import shorten
from rustpbx_lab.models.options import CallOption, SynthesisOption

from .remark import Remark, Remarks, ineffective

TTS_PROVIDERS = frozenset(
    {"tencent", "tencent_basic", "aliyun", "deepgram", "supertonic"}
)
CODECS = frozenset({"pcm", "pcmu", "pcma", "g722"})
ALIYUN_FAINT = 10
"""Aliyun's volume goes from 0 to 100, 50 is normal."""
TENCENT_SPEEDS = (-2.0, 6.0)
LONG_S = 1000
"""Seconds from here on were probably meant as milliseconds."""


def eou_disables_everything(option: CallOption) -> Remarks:
    """No engine is built in, and one that fails takes the others with it.

    Source: protocol.md, 3.1 "Silent processor loss"; vad.md, 5.4.
    """
    if option.eou is not None:
        text = (
            "no eou engine is built in: denoise, VAD, AGC, ASR and the inactivity "
            "watch would all be off, in silence"
        )
        yield Remark("eou", "error", text, "leave eou out")


def realtime_replaces(option: CallOption) -> Remarks:
    """A speech-to-speech service takes the place of the processors.

    Source: protocol.md, 5.13.
    """
    if option.realtime is not None:
        text = (
            "realtime replaces denoise, vad, agc, asr and inactivityTimeout; "
            "server 0.3.83 most likely cannot connect to the service"
        )
        yield Remark("realtime", "warning", text, "vad, asr and tts")


def tts_provider_unknown(option: CallOption) -> Remarks:
    """Without a voice service it knows every tts command fails.

    Source: protocol.md, 3.5 and 5.6.
    """
    if option.tts is None:
        return
    provider, known = option.tts.provider, "one of " + ", ".join(sorted(TTS_PROVIDERS))
    if provider is None:
        text = "tts without provider: every tts command fails with 'TTS type not found'"
        yield Remark("tts.provider", "error", text, known)
    elif provider not in TTS_PROVIDERS:
        text = f"provider {shorten(provider)} is not in this server: every tts "
        text += "command fails"
        exact = provider.lower() if provider.lower() in TTS_PROVIDERS else None
        yield Remark("tts.provider", "error", text, exact or known)


def tts_keys_unused(option: CallOption) -> Remarks:
    """Keys of the synthesis that are read and not used.

    Source: protocol.md, 5.6.
    """
    if option.tts is not None:
        yield from synthesis_keys_unused(option.tts, "tts")


def synthesis_keys_unused(tts: SynthesisOption, place: str) -> Remarks:
    """Remark on the unused keys of a synthesis option anywhere."""
    unused = {
        "subtitle": "Tencent is always asked for them, others have none",
        "language": "server 0.3.x does not use it",
        "emotion": "server 0.3.x does not use it",
        "session_id": "it is internal to the server",
    }
    if tts.provider not in (None, "aliyun"):
        unused["endpoint"] = "only aliyun uses it"
    yield from ineffective(tts, place, unused, "leave it out")
    if tts.provider == "deepgram" and tts.model and tts.speaker:
        text = "speaker has no effect: deepgram takes its voice from model"
        yield Remark(f"{place}.speaker", "info", text, "leave one of them out")


def tts_scale(option: CallOption) -> Remarks:
    """Speed and volume are on the provider's scale, the defaults are not.

    Source: protocol.md, 5.6, end of "Merge trap".
    """
    if option.tts is not None:
        yield from synthesis_scale(option.tts, "tts")


def synthesis_scale(tts: SynthesisOption, place: str) -> Remarks:
    """Remark on a speed or volume that the provider takes for something else."""
    volume, speed = tts.volume, tts.speed
    if tts.provider == "aliyun" and volume is not None and volume <= ALIYUN_FAINT:
        is_set = "volume" in tts.model_fields_set
        text = (
            f"volume {volume}{'' if is_set else ' (the default)'} is faint: aliyun's "
        )
        text += "scale is 0 to 100"
        yield Remark(f"{place}.volume", "warning", text, "50, or null for the default")
    if tts.provider not in ("tencent", "tencent_basic") or speed is None:
        return
    low, high = TENCENT_SPEEDS
    if "speed" not in tts.model_fields_set:
        text = "speed is 1.0 when left out: faster than normal, which is 0 at tencent"
        yield Remark(f"{place}.speed", "info", text, "speed 0")
    elif speed == 1:
        text = "speed 1 is faster than normal: tencent's normal speed is 0"
        yield Remark(f"{place}.speed", "warning", text, "0 for normal speed")
    elif not low <= speed <= high:
        text = f"speed {speed:g} is outside tencent's scale, {low:g} to {high:g}"
        yield Remark(f"{place}.speed", "warning", text, "0 for normal speed")


def codec_unknown(option: CallOption) -> Remarks:
    """The server takes any other word for pcm.

    Source: protocol.md, 1.6.
    """
    if option.codec is not None and option.codec.lower() not in CODECS:
        text = f"codec {shorten(option.codec)} is taken as pcm"
        yield Remark("codec", "warning", text, "pcm, pcmu, pcma or g722")


def recorder_keys_unused(option: CallOption) -> Remarks:
    """The recording is always a 16-bit WAV at 16 kHz.

    Source: protocol.md, 5.2.
    """
    if option.recorder is None:
        return
    if option.recorder.samplerate != 16000:
        text = "samplerate has no effect: recordings are always 16000 Hz"
        yield Remark("recorder.samplerate", "info", text, "leave it out")
    if option.recorder.format not in (None, "wav"):
        text = "format has no effect: recordings are always 16-bit PCM WAV"
        yield Remark("recorder.format", "info", text, "leave it out")


def recorder_overwrites(option: CallOption) -> Remarks:
    """A file of a fixed name holds the last call only.

    Source: protocol.md, 5.2: an existing file is overwritten.
    """
    recorder = option.recorder
    if recorder and recorder.recorder_file and "{id}" not in recorder.recorder_file:
        text = "recorderFile without {id}: the next call overwrites the recording"
        yield Remark("recorder.recorderFile", "info", text, 'for example "{id}.wav"')


def media_pass_unheard(option: CallOption) -> Remarks:
    """Media-pass audio goes around everything, and its failure is not told.

    Source: protocol.md, 5.10.
    """
    passed = option.media_pass
    if passed is None:
        return
    if not passed.url.startswith(("ws://", "wss://")):
        text = "url is not a WebSocket URL: the connection fails without an event"
        yield Remark("mediaPass.url", "error", text, "ws://HOST:PORT/PATH")
    if option.recorder is not None:
        text = "what comes through mediaPass is not recorded"
        yield Remark("mediaPass", "info", text)


def ringback_needs_build(option: CallOption) -> Remarks:
    """Ringback detection is not part of the stock server.

    Source: protocol.md, 5.12.
    """
    if option.ringback_detection is not None and option.ringback_detection.enabled:
        text = "ringbackDetection needs a special build of the server and its weights"
        yield Remark("ringbackDetection", "info", text)


def handshake_timeout_unused(option: CallOption) -> Remarks:
    """It is read and not used.

    Source: protocol.md, 5.1.
    """
    if option.handshake_timeout is not None:
        text = "handshakeTimeout has no effect: the server reads it only"
        yield Remark("handshakeTimeout", "info", text, "leave it out")


def inactivity_in_seconds(option: CallOption) -> Remarks:
    """The inactivity timeout is in seconds, unlike the others.

    Source: protocol.md, 5.1.
    """
    timeout = option.inactivity_timeout
    if timeout is not None and timeout >= LONG_S:
        text = f"inactivityTimeout is in seconds: {timeout} is {timeout / 60:.0f} min"
        yield Remark("inactivityTimeout", "warning", text, str(timeout // 1000))


SETUP_RULES: tuple[Callable[[CallOption], Remarks], ...] = (
    eou_disables_everything,
    realtime_replaces,
    tts_provider_unknown,
    tts_scale,
    tts_keys_unused,
    codec_unknown,
    recorder_keys_unused,
    recorder_overwrites,
    media_pass_unheard,
    ringback_needs_build,
    handshake_timeout_unused,
    inactivity_in_seconds,
)
