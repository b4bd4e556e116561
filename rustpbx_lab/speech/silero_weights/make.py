#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["numpy>=2.2", "onnx>=1.18"]
# ///
"""Makes the file of weights from a wheel of silero-vad.

pip download silero-vad==6.2.3 --no-deps
uv run rustpbx_lab/speech/silero_weights/make.py silero_vad-6.2.3-py3-none-any.whl
"""

import hashlib
import sys
import zipfile
from pathlib import Path

# pyright: basic, reportMissingImports=false
import numpy as np
import onnx
from onnx import numpy_helper

MEMBER = "silero_vad/data/silero_vad_16k_op15.onnx"
SHA256 = "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49"
TENSORS = {
    **{
        f"enc{layer}_{part}": f"model.encoder.{layer}.reparam_conv.{part}"
        for layer in range(4)
        for part in ("weight", "bias")
    },
    "w_ih": "model.decoder.rnn.weight_ih",
    "w_hh": "model.decoder.rnn.weight_hh",
    "b_ih": "model.decoder.rnn.bias_ih",
    "b_hh": "model.decoder.rnn.bias_hh",
    "out_weight": "model.decoder.decoder.2.weight",
    "out_bias": "model.decoder.decoder.2.bias",
}
"""Our name → name in the network."""


def main(wheel: str) -> None:
    """Write the file beside this one."""
    with zipfile.ZipFile(wheel) as opened:
        network = opened.read(MEMBER)
    if hashlib.sha256(network).hexdigest() != SHA256:
        sys.exit(f"{MEMBER} in {wheel} is another network: take silero-vad 6.2.x")
    graph = onnx.load_from_string(network).graph
    found = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    target = Path(__file__).with_name("silero_16k.npz")
    np.savez_compressed(target, **{name: found[of] for name, of in TENSORS.items()})


if __name__ == "__main__":
    main(sys.argv[1])
