"""The weights of Silero VAD 6.2 at 16 kHz, for `silero_network`.

Copyright 2020-present Silero Team, MIT licence (LICENSE, beside this file). Made by
``make.py`` from the PyPI package silero-vad; the server's file holds the same numbers.
"""

from pathlib import Path

WEIGHTS = Path(__file__).with_name("silero_16k.npz")
"""float32 arrays, by the names of `make.TENSORS`."""
