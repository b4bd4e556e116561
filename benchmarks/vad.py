"""How fast the VAD is: the model, one decision over an hour, a grid of settings.

Run: python benchmarks/vad.py [--json FILE] [--runs N] [--wav FILE]
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.codecs import Samples
from rustpbx_lab.speech.vad import VadParams, decide
from rustpbx_lab.speech.vad_engines import SileroEngine, vad_engines

SPEECH = Path(__file__).parents[1] / "tests" / "speech" / "audio"
RATE_HZ = 16000
HOUR_CHUNKS = 3600 * RATE_HZ // 512
MINUTE_SAMPLES = 60 * RATE_HZ


def a_minute(wav: Path | None) -> Samples:
    """Return a minute of speech with pauses between the utterances."""
    files = [wav] if wav else sorted(SPEECH.glob("*.flac"))
    parts: list[Samples] = []
    for file in files:
        parts += [Clip.read(file, channel=0).resampled(RATE_HZ).samples]
        parts += [np.zeros(RATE_HZ, np.int16)]
    return np.resize(np.concatenate(parts), MINUTE_SAMPLES)


def median_ms(work: Callable[[], object], runs: int) -> float:
    """Return the median time of ``work``, after one run that does not count."""
    work()
    times: list[float] = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def grid() -> list[VadParams]:
    """Return 1000 settings, as a search over all four options would try them."""
    paddings, thresholds = range(50, 550, 50), np.linspace(0.3, 0.7, 5).tolist()
    return [
        VadParams(speech, silence, threshold, timeout)
        for speech in paddings
        for silence in paddings
        for threshold in thresholds
        for timeout in (None, 5000)
    ]


def measured(wav: Path | None, runs: int, n_settings: int) -> dict[str, object]:
    """Return every figure, by a name that states its unit."""
    minute = a_minute(wav)
    probabilities = SileroEngine().probabilities(minute)
    hour = np.resize(probabilities, HOUR_CHUNKS)
    # no speech changes this often: the worst that can come
    worst = np.random.default_rng(0).random(HOUR_CHUNKS, np.float32)
    settings = grid()[:n_settings]
    figures: dict[str, object] = {
        f"{name}_real_time_factor": round(
            median_ms(lambda made=make: made().probabilities(minute), runs) / 60_000, 6
        )
        for name, make in vad_engines().items()
    }
    usual = VadParams(silence_timeout_ms=5000)
    figures |= {
        "decide_hour_ms": round(median_ms(lambda: decide(hour, usual), runs), 3),
        "decide_hour_events": len(decide(hour, usual)),
        "decide_hour_of_noise_ms": round(
            median_ms(lambda: decide(worst, usual), runs), 3
        ),
        "grid_settings": len(settings),
        "grid_over_minute_ms": round(
            median_ms(lambda: [decide(probabilities, s) for s in settings], runs), 3
        ),
        "grid_over_hour_ms": round(
            median_ms(lambda: [decide(hour, s) for s in settings], 1), 3
        ),
        "runs": runs,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    return figures


def main() -> None:
    """Measure, print JSON, and keep it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--runs", type=int, default=5, help="median of so many")
    parser.add_argument("--wav", type=Path, help="speech to use instead of the tests'")
    parser.add_argument("--settings", type=int, default=1000, help="size of the grid")
    chosen = parser.parse_args()
    figures = measured(chosen.wav, chosen.runs, chosen.settings)
    text = json.dumps(figures, indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
