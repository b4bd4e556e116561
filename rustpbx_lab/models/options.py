"""The option objects inside commands, each key with its exact wire type.

A field's default is what the server takes when the key is missing. A key typed
``| None`` may be sent as ``null``, which means the same as leaving it out, except in
`SynthesisOption`. Source: active-call 0.3.83, protocol section 5.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, JsonValue, StrictBool, StrictStr

from rustpbx_lab.models.base import (
    F32,
    I32,
    U32,
    U64,
    BaseOption,
    OpenName,
    Secret,
    SpelledModel,
    StringMap,
)

RecorderFormat = Literal["wav", "pcm", "pcmu", "pcma", "g722"]


class RecorderOption(BaseOption, frozen=True):
    """Record the call into a stereo WAV: left the remote party, right the rest."""

    recorder_file: StrictStr = ""
    """File name; ``{id}`` becomes the session id, ``.wav`` is appended if missing.
    Empty: ``<session id>.wav`` in the recorder directory. An existing file is
    overwritten. Must not be null."""

    samplerate: U32 = 16000
    """Hz; ignored, the server always writes 16000. Must not be null."""

    ptime: U32 = 200
    """Flush and zero-fill interval, milliseconds; 0 means 200. Not the RTP ptime.
    Must not be null."""

    format: RecorderFormat | None = None
    """Ignored, the file is always 16-bit PCM WAV; but a word outside the list makes
    the server drop the command."""


class AGCOption(BaseOption, frozen=True):
    """Automatic gain control after VAD, before ASR; ``{}`` switches it on."""

    headroom_db: F32 | None = 5.0
    """Distance kept from full scale, dB."""

    max_gain_db: F32 | None = 50.0
    """Largest gain, dB."""

    initial_gain_db: F32 | None = 15.0
    """Gain at the start, dB."""

    max_gain_change_db_per_second: F32 | None = 6.0
    """How fast the gain may move, dB per second."""

    max_output_noise_level_dbfs: F32 | None = -50.0
    """Noise is not raised above this level, dBFS."""

    adjacent_speech_frames_threshold: I32 | None = 12
    """Speech in a row before the gain moves, in 10 ms sub-frames."""

    enable_limiter: StrictBool | None = True
    """Limit peaks after the gain."""


class VADOption(BaseOption, frozen=True):
    """Speech detection: the source of `speaking` and `silence` events.

    Keys with a default must not be null: the server drops the whole command.
    """

    type: OpenName = Field(default="silero", examples=["silero", "nop"])
    """Detector. Only ``silero`` and ``nop`` exist; any other word silently disables
    denoise, VAD, AGC, ASR and the inactivity watch."""

    samplerate: U32 = 16000
    """Hz; forced to 16000."""

    speech_padding: U64 = 250
    """Shortest speech that counts, milliseconds."""

    silence_padding: U64 = 100
    """Shortest silence that ends speech, milliseconds."""

    ratio: F32 = 0.5
    """Not used by the server."""

    voice_threshold: F32 = Field(default=0.5, json_schema_extra={"range": [0.0, 1.0]})
    """Speech probability, 0 to 1, that a chunk must exceed (greater than, not equal)
    to be voice."""

    max_buffer_duration_secs: U64 = 50
    """Seconds; not used by the detector."""

    silence_timeout: U64 | None = None
    """Repeat a `silence` event each so many milliseconds without speech; missing: off.
    0 sends one per silent chunk and never an end of speech."""

    endpoint: StrictStr | None = None
    """Not used."""

    secret_key: Secret | None = None
    """Not used; masked."""

    secret_id: Secret | None = None
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

    buffer_size: U64 | None = None
    """Not used."""

    samplerate: U32 | None = None
    """Hz; forced to 16000. The Go SDK's ``sampleRate`` is ignored by the server."""

    endpoint: StrictStr | None = None
    """URL of the service; used by aliyun and deepgram only."""

    extra: StringMap | None = None
    """Parameters for the provider, string to string."""

    start_when_answer: StrictBool | None = False
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

    samplerate: I32 | None = 16000
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

    subtitle: StrictBool | None = None
    """Not used: Tencent is always asked for subtitles, the others have none."""

    language: StrictStr | None = None
    """Not used."""

    emotion: StrictStr | None = None
    """Not used."""

    endpoint: StrictStr | None = None
    """URL of the service; used by aliyun only."""

    extra: StringMap | None = None
    """Query parameters for deepgram, string to string."""

    max_concurrent_tasks: U64 | None = None
    """Syntheses side by side, non-streaming only; missing: 1."""

    session_id: StrictStr | None = None
    """Internal to the server."""


class SipOption(BaseOption, frozen=True):
    """SIP account and headers. The keys are snake_case on the wire too."""

    model_config = ConfigDict(alias_generator=None)

    username: StrictStr | None = None
    """User for digest authentication."""

    password: Secret | None = None
    """Password for digest authentication."""

    realm: StrictStr | None = None
    """Domain of the account; also the caller's when none is given."""

    contact: StrictStr | None = None
    """Contact URI."""

    headers: StringMap | None = None
    """Headers added to the INVITE."""

    hangup_headers: StringMap | None = None
    """Headers added to the BYE. ``hangupHeaders`` is ignored by the server."""

    extract_headers: list[StrictStr] | None = None
    """INVITE headers to hand to a playbook; used by playbooks only."""

    enable_srtp: StrictBool | None = None
    """Offer encrypted media."""


class EouOption(SpelledModel, BaseOption, frozen=True):
    """End-of-utterance detection. The stock server has no engine for it: giving this
    option silently disables every audio processor.
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


class MediaPassOption(BaseOption, frozen=True):
    """Hand the call's audio to a WebSocket of yours, s16le mono both ways.

    It occupies the server-side track; its audio is not recorded and not subscribed.
    """

    url: StrictStr = Field(examples=["ws://127.0.0.1:9090/media"])
    """WebSocket URL the server connects to; it appends ``sample_rate`` and
    ``packet_size``. If it cannot, the call goes on without an event."""

    input_sample_rate: U32
    """Hz of the audio received from that socket."""

    output_sample_rate: U32
    """Hz of the audio sent to that socket."""

    packet_size: U32 | None = 3200
    """Bytes of a message, counted before resampling."""

    ptime: U32 | None = 0
    """0: play as received. Above: buffer and pace in so many milliseconds, zero-filled."""


class AmbianceOption(BaseOption, frozen=True):
    """Background sound. Missing keys come from the server's own configuration."""

    path: StrictStr | None = None
    """File or URL, looped."""

    duck_level: F32 | None = 0.1
    """Gain while the server side speaks."""

    normal_level: F32 | None = 0.3
    """Gain otherwise."""

    transition_speed: F32 | None = 0.01
    """Change of gain per 20 ms."""

    enabled: StrictBool | None = True
    """Whether it plays."""


class RingbackDetectionOption(BaseOption, frozen=True):
    """Classify what is heard while ringing; needs a special build of the server."""

    enabled: StrictBool | None = False
    """Whether it runs."""

    model_weights_path: StrictStr | None = "./telcoclassifier_weights.bin"
    """File with the classifier's weights, on the server."""

    min_buffer_secs: F32 | None = 6.0
    """Audio before the first verdict, seconds."""

    detection_interval_secs: F32 | None = 2.0
    """Time between verdicts, seconds."""

    confidence_threshold: F32 | None = 0.5
    """Verdicts below this confidence, 0 to 1, are not reported."""

    on_state_change_only: StrictBool | None = True
    """Report changes only."""

    sliding_window_size: U64 | None = 6
    """Verdicts the final majority is taken of."""

    final_confidence_threshold: F32 | None = 0.9
    """A verdict of at least this confidence is final at once."""


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


class ReferOption(BaseOption, frozen=True):
    """How a transfer's second leg is made and heard."""

    denoise: StrictBool | None = None
    """Suppress noise on the leg's audio; missing: off."""

    timeout: U32 | None = 30
    """Seconds to wait for an answer."""

    moh: StrictStr | None = None
    """Music on hold, path or URL; played once, not looped."""

    vad: VADOption | None = None
    """Speech detection on the leg; its events carry ``refer: true``."""

    asr: TranscriptionOption | None = None
    """Recognition on the leg; its events carry ``refer: true``."""

    agc: AGCOption | None = None
    """Gain control on the leg."""

    sip: SipOption | None = None
    """Account and headers of the leg."""

    auto_hangup: StrictBool | None = True
    """End the main call when the leg ends, even after a failed transfer. Say it
    explicitly: the default is true. With false, a hidden watch still ends the main
    call 50 s after the leg's last packet."""

    call_id: StrictStr | None = None
    """SIP Call-ID of the leg; missing: ``ref-…``."""

    pause_parent_asr: StrictBool | None = False
    """Meant to silence the main leg's recogniser; it has no effect."""

    forward_dtmf: StrictBool | None = True
    """Pass key presses on to the other leg."""


class CallOption(BaseOption, frozen=True):
    """How a call is made, heard and spoken to (`invite`, `accept`)."""

    denoise: StrictBool | None = None
    """Suppress noise on the caller's audio, before VAD and ASR; missing: off."""

    agc: AGCOption | None = None
    """Gain control; useful only with VAD; missing: off."""

    offer: StrictStr | None = None
    """WebRTC SDP offer."""

    callee: StrictStr | None = Field(default=None, examples=["sip:bob@example.com"])
    """SIP URI that is called."""

    caller: StrictStr | None = Field(default=None, examples=["sip:alice@example.com"])
    """SIP URI that calls; without a scheme ``sip:`` is put before it. Missing: the
    SIP account, else ``sip:active-call@127.0.0.1``."""

    recorder: RecorderOption | None = None
    """Record the call; missing: off."""

    vad: VADOption | None = None
    """Detect speech; missing: no `speaking` and `silence` events."""

    asr: TranscriptionOption | None = None
    """Recognise speech; missing: off."""

    tts: SynthesisOption | None = None
    """Voice of the call's `tts` commands."""

    media_pass: MediaPassOption | None = None
    """Hand the audio to a WebSocket; missing: off."""

    handshake_timeout: U64 | None = None
    """Seconds, a number; accepted and not used. A string makes the server drop the
    command."""

    enable_ipv6: StrictBool | None = Field(default=False, alias="enableIpv6")
    """Keep IPv6 candidates in offer and answer."""

    inactivity_timeout: U64 | None = None
    """Hang up after so many seconds without any audio packet; missing or 0: off."""

    sip: SipOption | None = None
    """SIP account and headers."""

    extra: StringMap | None = None
    """Stored with the call, string to string."""

    codec: StrictStr | None = Field(
        default="pcm", examples=["pcm", "pcmu", "pcma", "g722"]
    )
    """Audio of a WebSocket call, case ignored; any other word is taken as ``pcm``.
    ``pcm`` is 16 kHz towards the server but 8 kHz from it."""

    ambiance: AmbianceOption | None = None
    """Background sound; missing: off."""

    eou: EouOption | None = None
    """End-of-utterance detection; no engine is built in: it disables all processors."""

    realtime: RealtimeOption | None = None
    """A speech-to-speech service instead of the processors; missing: off."""

    subscribe: StrictBool | None = False
    """On WebRTC and SIP calls: send the audio here too, with a header byte (0 server
    side, 1 remote party)."""

    enable_ice_lite: StrictBool | None = None
    """Use ICE lite; missing: the server's configuration."""

    ringback_detection: RingbackDetectionOption | None = None
    """Classify what is heard while ringing; missing: off."""
