"""The option objects inside commands, with their exact wire types.

A field's default is what the server takes when the key is missing. A key typed
``| None`` may be sent as ``null``, which means the same as leaving it out, except in
`SynthesisOption`. What is newer than server 0.3.83 says so.

Source: protocol.md, section 5.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictStr

from rustpbx_lab.models.base import (
    F32,
    U32,
    U64,
    BaseOption,
    Bool,
    PathText,
    Secret,
    StringMap,
)
from rustpbx_lab.models.field_metadata import SINCE_0_3_100, Since, Unit, Unused
from rustpbx_lab.models.sip_text import HeaderMap, SipText
from rustpbx_lab.models.speech_options import (
    AGCOption,
    EouOption,
    RealtimeOption,
    SynthesisOption,
    TranscriptionOption,
    VADOption,
)

__all__ = [
    "AGCOption",
    "AmbianceOption",
    "BaseOption",
    "CallOption",
    "EouOption",
    "MediaPassOption",
    "MonitorOption",
    "RealtimeOption",
    "RecorderFormat",
    "RecorderOption",
    "ReferOption",
    "RingbackDetectionOption",
    "SipOption",
    "SynthesisOption",
    "TranscriptionOption",
    "VADOption",
]

RecorderFormat = Literal["wav", "pcm", "pcmu", "pcma", "g722"]


class RecorderOption(BaseOption, frozen=True):
    """Record the call into a stereo WAV: left the remote party, right the rest."""

    recorder_file: PathText = ""
    """File name; ``{id}`` becomes the session id, ``.wav`` is appended if missing.
    Empty: ``<session id>.wav`` in the recorder directory. An existing file is
    overwritten. Must not be null."""

    samplerate: Annotated[U32, Unit("Hz"), Unused()] = 16000
    """Hz; ignored, the server always writes 16000. Must not be null."""

    ptime: Annotated[U32, Unit("ms")] = 200
    """Flush and zero-fill interval, milliseconds; 0 means 200. Not the RTP ptime.
    Must not be null."""

    format: Annotated[RecorderFormat | None, Unused()] = None
    """Ignored, the file is always 16-bit PCM WAV; but a word outside the list makes
    the server drop the command."""

    native_samplerate: Annotated[Bool | None, Since("0.3.89")] = None
    """Write the rate of the wire, 8000 Hz on most telephone lines, instead of 16000:
    that of the first audio of the caller's leg; missing: off."""


class SipOption(BaseOption, frozen=True):
    """SIP account and headers. The keys are snake_case on the wire too."""

    model_config = ConfigDict(alias_generator=None)

    username: Annotated[StrictStr, SipText] | None = None
    """User for digest authentication."""

    password: Secret | None = None
    """Password for digest authentication."""

    realm: Annotated[StrictStr, SipText] | None = None
    """Domain of the account; also the caller's when none is given."""

    contact: Annotated[StrictStr, SipText] | None = None
    """Contact URI."""

    headers: HeaderMap | None = None
    """Headers added to the INVITE."""

    hangup_headers: HeaderMap | None = None
    """Headers added to the BYE. ``hangupHeaders`` is ignored by the server."""

    extract_headers: list[Annotated[StrictStr, SipText]] | None = None
    """INVITE headers to hand to a playbook; used by playbooks only."""

    enable_srtp: Bool | None = None
    """Offer encrypted media."""


class MediaPassOption(BaseOption, frozen=True):
    """Hand the call's audio to a WebSocket of yours, s16le mono both ways.

    It occupies the server-side track; its audio is not recorded and not subscribed.
    """

    url: PathText = Field(examples=["ws://127.0.0.1:9090/media"])
    """WebSocket URL the server connects to; it appends ``sample_rate`` and
    ``packet_size``. If it cannot, the call goes on without an event."""

    input_sample_rate: Annotated[U32, Unit("Hz")]
    """Hz of the audio received from that socket."""

    output_sample_rate: Annotated[U32, Unit("Hz")]
    """Hz of the audio sent to that socket."""

    packet_size: Annotated[U32 | None, Unit("bytes")] = 3200
    """Bytes of a message, counted before resampling."""

    ptime: Annotated[U32 | None, Unit("ms")] = 0
    """0: play as received; above: buffer and pace, zero-filled, in milliseconds."""


class MonitorOption(BaseOption, frozen=True):
    """Send a copy of both legs' audio to a WebSocket of yours; the call goes on as is.

    The server connects once and never again: audio is lost if it cannot, and beyond
    200 frames (4 s) if the reader is slow. Source: protocol.md, 5.14.
    """

    url: PathText = Field(examples=["ws://127.0.0.1:9000/tap"])
    """WebSocket URL the server connects to; it appends ``session_id``."""

    buffer_size: Annotated[U32 | None, Unit("bytes")] = None
    """Bytes of audio in a message; missing or 0: as it comes, about 20 ms."""

    ptime: Annotated[U32 | None, Unit("ms")] = None
    """Send what is there every so many milliseconds; missing or 0: full messages
    only."""

    headers: HeaderMap | None = None
    """HTTP headers of the connection, such as ``Authorization``."""


class AmbianceOption(BaseOption, frozen=True):
    """Background sound. Missing keys come from the server's own configuration."""

    path: PathText | None = None
    """File or URL, looped."""

    duck_level: F32 | None = 0.1
    """Gain while the server side speaks."""

    normal_level: F32 | None = 0.3
    """Gain otherwise."""

    transition_speed: F32 | None = 0.01
    """Change of gain per 20 ms."""

    enabled: Bool | None = True
    """Whether it plays."""


class RingbackDetectionOption(BaseOption, frozen=True):
    """Classify what is heard while ringing; needs a special build of the server."""

    enabled: Bool | None = False
    """Whether it runs."""

    model_weights_path: PathText | None = "./telcoclassifier_weights.bin"
    """File with the classifier's weights, on the server."""

    min_buffer_secs: Annotated[F32 | None, Unit("s")] = 6.0
    """Audio before the first verdict, seconds."""

    detection_interval_secs: Annotated[F32 | None, Unit("s")] = 2.0
    """Time between verdicts, seconds."""

    confidence_threshold: F32 | None = 0.5
    """Verdicts below this confidence, 0 to 1, are not reported."""

    on_state_change_only: Bool | None = True
    """Report changes only."""

    sliding_window_size: U64 | None = 6
    """Verdicts the final majority is taken of."""

    final_confidence_threshold: F32 | None = 0.9
    """A verdict of at least this confidence is final at once."""


class ReferOption(BaseOption, frozen=True):
    """How a transfer's second leg is made and heard."""

    denoise: Bool | None = None
    """Suppress noise on the leg's audio; missing: off."""

    timeout: Annotated[U32 | None, Unit("s")] = 30
    """Seconds to wait for an answer."""

    moh: PathText | None = None
    """Music on hold, path or URL; played once, not looped."""

    vad: VADOption | None = None
    """Speech detection on the leg; its events carry ``refer: true``."""

    asr: TranscriptionOption | None = None
    """Recognition on the leg; its events carry ``refer: true``."""

    agc: AGCOption | None = None
    """Gain control on the leg."""

    sip: SipOption | None = None
    """Account and headers of the leg."""

    auto_hangup: Bool | None = True
    """End the main call when the leg ends, even after a failed transfer. Say it
    explicitly: the default is true. With false, a hidden watch still ends the main
    call 50 s after the leg's last packet."""

    call_id: Annotated[StrictStr, SipText] | None = None
    """SIP Call-ID of the leg; missing: ``ref-…``."""

    pause_parent_asr: Bool | None = False
    """Meant to silence the main leg's recogniser; it has no effect."""

    forward_dtmf: Bool | None = True
    """Pass key presses on to the other leg."""

    extra_headers: Annotated[HeaderMap | None, Since("0.3.104")] = None
    """Headers added to the leg's INVITE, such as ``User-to-User``."""


class CallOption(BaseOption, frozen=True):
    """How a call is made, heard and spoken to (`invite`, `accept`)."""

    denoise: Bool | None = None
    """Suppress noise on the caller's audio, before VAD and ASR; missing: off."""

    agc: AGCOption | None = None
    """Gain control; useful only with VAD; missing: off."""

    offer: StrictStr | None = None
    """WebRTC SDP offer."""

    callee: Annotated[StrictStr, SipText] | None = Field(
        default=None, examples=["sip:bob@example.com"]
    )
    """SIP URI that is called."""

    caller: Annotated[StrictStr, SipText] | None = Field(
        default=None, examples=["sip:alice@example.com"]
    )
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

    handshake_timeout: Annotated[U64 | None, Unit("s"), Unused()] = None
    """Seconds, a number; accepted and not used. A string makes the server drop the
    command."""

    enable_ipv6: Bool | None = Field(default=False, alias="enableIpv6")
    """Keep IPv6 candidates in offer and answer."""

    inactivity_timeout: Annotated[U64 | None, Unit("s")] = None
    """Hang up after so many seconds without any audio packet; missing or 0: off."""

    rtp_timeout: Annotated[U64 | None, Unit("s"), SINCE_0_3_100] = None
    """Say `rtpTimeout` after so many seconds without any audio packet, and go on;
    missing or 0: off."""

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

    subscribe: Bool | None = False
    """On WebRTC and SIP calls: send the audio here too, with a header byte (0 server
    side, 1 remote party)."""

    monitor: Annotated[MonitorOption | None, Since("0.3.111")] = None
    """Send a copy of both legs' audio to a WebSocket; missing: off."""

    enable_ice_lite: Bool | None = None
    """Use ICE lite; missing: the server's configuration."""

    ringback_detection: RingbackDetectionOption | None = None
    """Classify what is heard while ringing; missing: off."""
