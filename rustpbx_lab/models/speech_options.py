"""Options of detection, recognition and synthesis.

See `rustpbx_lab.models.options` for what a default and ``| None`` mean.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue, StrictStr

from rustpbx_lab.models.base import (
    F32,
    I32,
    U32,
    U64,
    BaseOption,
    Bool,
    OpenName,
    Secret,
    SpelledModel,
    StringMap,
)
from rustpbx_lab.models.field_metadata import SliderRange, Unit, Unused


class AGCOption(BaseOption, frozen=True):
    """Automatic gain control after VAD, before ASR; ``{}`` switches it on."""

    headroom_db: Annotated[F32 | None, Unit("dB")] = 5.0
    """Distance kept from full scale, dB."""

    max_gain_db: Annotated[F32 | None, Unit("dB")] = 50.0
    """Largest gain, dB."""

    initial_gain_db: Annotated[F32 | None, Unit("dB")] = 15.0
    """Gain at the start, dB."""

    max_gain_change_db_per_second: Annotated[F32 | None, Unit("dB/s")] = 6.0
    """How fast the gain may move, dB per second."""

    max_output_noise_level_dbfs: Annotated[F32 | None, Unit("dBFS")] = -50.0
    """Noise is not raised above this level, dBFS."""

    adjacent_speech_frames_threshold: Annotated[I32 | None, Unit("frames")] = 12
    """Speech in a row before the gain moves, in 10 ms sub-frames."""

    enable_limiter: Bool | None = True
    """Limit peaks after the gain."""


class VADOption(BaseOption, frozen=True):
    """Speech detection: the source of `speaking` and `silence` events.

    Keys with a default must not be null: the server drops the whole command.
    """

    type: OpenName = Field(default="silero", examples=["silero", "nop"])
    """Detector. Only ``silero`` and ``nop`` exist; any other word silently disables
    denoise, VAD, AGC, ASR and the inactivity watch."""

    samplerate: Annotated[U32, Unit("Hz"), Unused()] = 16000
    """Hz; forced to 16000."""

    speech_padding: Annotated[U64, Unit("ms"), SliderRange(0, 1000, 10)] = 250
    """Shortest speech that counts, milliseconds."""

    silence_padding: Annotated[U64, Unit("ms"), SliderRange(0, 2000, 10)] = 100
    """Shortest silence that ends speech, milliseconds."""

    ratio: Annotated[F32, Unused()] = 0.5
    """Not used by the server."""

    voice_threshold: Annotated[F32, SliderRange(0.0, 1.0, 0.01)] = 0.5
    """Speech probability, 0 to 1, that a chunk must exceed (greater than, not equal)
    to be voice."""

    max_buffer_duration_secs: Annotated[U64, Unit("s"), Unused()] = 50
    """Seconds; not used by the detector."""

    silence_timeout: Annotated[U64 | None, Unit("ms"), SliderRange(0, 15_000, 100)] = (
        None
    )
    """Repeat a `silence` event each so many milliseconds without speech; missing: off.
    0 sends one per silent chunk and never an end of speech."""

    endpoint: Annotated[StrictStr | None, Unused()] = None
    """Not used."""

    secret_key: Annotated[Secret | None, Unused()] = None
    """Not used; masked."""

    secret_id: Annotated[Secret | None, Unused()] = None
    """Not used; masked."""


class TranscriptionOption(SpelledModel, BaseOption, frozen=True):
    """Speech recognition (asr). It hears all audio: VAD does not gate it."""

    server_aliases: ClassVar[Mapping[str, str]] = {
        "apiKey": "secretKey",
        "model": "modelType",
    }
    foreign_spellings: ClassVar[Mapping[str, str]] = {"sampleRate": "samplerate"}

    provider: OpenName | None = Field(
        default=None, examples=["tencent", "aliyun", "deepgram", "sensevoice"]
    )
    """Recogniser, case-sensitive. Missing or unknown: all processors are silently
    disabled. ``sensevoice`` needs the offline build."""

    language: StrictStr | None = Field(default=None, examples=["zh", "en", "zh-CN"])
    """Language; missing: the provider's default."""

    app_id: Secret | None = None
    """Tencent application id; missing: the server's environment."""

    secret_id: Secret | None = None
    """Tencent secret id; missing: the server's environment."""

    secret_key: Secret | None = None
    """Secret or API key (also read as ``apiKey``; both together are refused);
    missing: the server's environment."""

    model_type: StrictStr | None = Field(
        default=None, examples=["16k_zh_en", "paraformer-realtime-v2", "nova-3"]
    )
    """Model (also read as ``model``; both together are refused); missing: tencent
    ``16k_zh_en``, aliyun ``paraformer-realtime-v2``, deepgram ``nova-3``."""

    buffer_size: Annotated[U64 | None, Unused()] = None
    """Not used."""

    samplerate: Annotated[U32 | None, Unit("Hz"), Unused()] = None
    """Hz; forced to 16000. The Go SDK's ``sampleRate`` is ignored by the server."""

    endpoint: StrictStr | None = None
    """URL of the service; used by aliyun and deepgram only."""

    extra: StringMap | None = None
    """Parameters for the provider, string to string."""

    start_when_answer: Bool | None = False
    """Discard audio until the first `answer` and connect then."""


class SynthesisOption(SpelledModel, BaseOption, frozen=True):
    """Speech synthesis (tts).

    In a command's ``option`` a missing ``samplerate``, ``speed``, ``volume`` or
    ``codec`` is *reset* to its default; an explicit ``None`` keeps the call's value.
    """

    server_aliases: ClassVar[Mapping[str, str]] = {
        "apiKey": "secretKey",
        "voice": "model",
    }

    provider: OpenName | None = Field(
        default=None,
        examples=["tencent", "tencent_basic", "aliyun", "deepgram", "supertonic"],
    )
    """Voice service. Missing or unknown: ``TTS type not found``. ``supertonic`` needs
    the offline build; ``voiceapi`` is not built in."""

    samplerate: Annotated[I32 | None, Unit("Hz")] = 16000
    """Hz of the synthesis; resampled to 16000 inside. None keeps the call's value."""

    speed: F32 | None = 1.0
    """Speed on the provider's scale (tencent: 0 is normal, so the default 1.0 is
    faster). None keeps the call's value."""

    volume: I32 | None = 5
    """Loudness on the provider's scale (aliyun: 0 to 100, so the default 5 is faint).
    None keeps the call's value."""

    codec: StrictStr | None = Field(default="pcm", examples=["pcm"])
    """Encoding asked of the provider. None keeps the call's value."""

    speaker: StrictStr | None = None
    """Voice; missing: tencent ``101001``, tencent_basic ``501004``, aliyun
    ``longyumi_v2``, supertonic ``M1``."""

    model: StrictStr | None = Field(default=None, examples=["cosyvoice-v2"])
    """Model (also read as ``voice``; both together are refused); missing: aliyun
    ``cosyvoice-v2``. Deepgram takes its voice from here."""

    app_id: Secret | None = None
    """Tencent application id; missing: the server's environment (only for the option
    of the call, not of a command)."""

    secret_id: Secret | None = None
    """Tencent secret id; missing: as for the application id."""

    secret_key: Secret | None = None
    """Secret or API key (also read as ``apiKey``; both together are refused);
    missing: as for the application id."""

    subtitle: Annotated[Bool | None, Unused()] = None
    """Not used: Tencent is always asked for subtitles, the others have none."""

    language: Annotated[StrictStr | None, Unused()] = None
    """Not used."""

    emotion: Annotated[StrictStr | None, Unused()] = None
    """Not used."""

    endpoint: StrictStr | None = None
    """URL of the service; used by aliyun only."""

    extra: StringMap | None = None
    """Query parameters for deepgram, string to string."""

    max_concurrent_tasks: U64 | None = None
    """Syntheses side by side, non-streaming only; missing: 1."""

    session_id: Annotated[StrictStr | None, Unused()] = None
    """Internal to the server."""


class EouOption(SpelledModel, BaseOption, frozen=True):
    """End-of-utterance detection.

    The stock server has no engine for it: giving this option silently disables every
    audio processor.
    """

    server_aliases: ClassVar[Mapping[str, str]] = {"apiKey": "secretKey"}

    type: StrictStr | None = None
    """Engine; none is built in."""

    endpoint: StrictStr | None = None
    """URL of the engine."""

    secret_key: Secret | None = None
    """Key (also read as ``apiKey``; both together are refused)."""

    secret_id: Secret | None = None
    """Key id."""

    timeout: U32 | None = None
    """Milliseconds."""

    extra: StringMap | None = None
    """Parameters, string to string."""


class RealtimeOption(SpelledModel, BaseOption, frozen=True):
    """A speech-to-speech service in place of denoise, VAD, AGC, ASR and inactivity.

    This server version most likely cannot connect (it omits the WebSocket headers).
    """

    server_aliases: ClassVar[Mapping[str, str]] = {"apiKey": "secretKey"}

    provider: OpenName | None = Field(default=None, examples=["openai", "azure"])
    """``openai``, ``azure`` or the literal URL of a service."""

    model: StrictStr | None = None
    """Model."""

    secret_key: Secret | None = None
    """Key (also read as ``apiKey``; both together are refused)."""

    secret_id: Secret | None = None
    """Key id."""

    endpoint: StrictStr | None = None
    """URL of the service; azure only."""

    turn_detection: JsonValue = None
    """The service's turn detection, any JSON."""

    tools: list[JsonValue] | None = None
    """Functions the model may call."""

    extra: StringMap | None = Field(default=None, examples=[{"voice": "alloy"}])
    """``instructions``, ``voice``."""
