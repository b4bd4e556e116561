"""Sending a caller's audio in real time."""

from collections.abc import Awaitable, Callable

import anyio

from rustpbx_lab.audio.clip import Resampler
from rustpbx_lab.audio.codecs import Codec
from rustpbx_lab.audio.sources import AudioSource

FRAME_MS = 20


async def pump(
    source: AudioSource, codec: Codec, send: Callable[[bytes], Awaitable[None]]
) -> None:
    """Send a source's audio, one frame each 20 ms, until the source is over.

    A sender that was held up catches up at once: the caller's clock does not stand
    still because we were slow.

    Args:
        source: Where the audio comes from, at its own sample rate.
        codec: What the call wants; fixes rate and encoding.
        send: Takes each encoded frame.
    """
    encoder = codec.encoder()
    resampler = Resampler(source.sample_rate_hz, codec.sample_rate_hz)
    per_frame = source.sample_rate_hz * FRAME_MS // 1000
    due = anyio.current_time()
    while (samples := source.read(per_frame)) is not None:
        encoded = encoder.encode(resampler.push(samples))
        if encoded:
            await send(encoded)
        due += FRAME_MS / 1000
        await anyio.sleep_until(due)
