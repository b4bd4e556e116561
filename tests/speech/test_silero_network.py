"""The network in numpy gives what the server's own code gives.

``server_probabilities.npz`` is what the network of active-call 0.3.83 and of 0.3.113
said about the clips below: ``tiny_silero.rs``, its weights and its SIMD module taken
out of each crate, compiled by themselves (x86-64 with AVX2), and fed 512 samples at a
time. Both files of weights in the crates are the same.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.speech import silero_network
from rustpbx_lab.speech.silero_network import (
    HIDDEN,
    SIZE,
    LookUp,
    NetworkStream,
    network,
    rounded,
    tables,
)
from rustpbx_lab.speech.silero_weights import WEIGHTS
from rustpbx_lab.speech.vad_engines import make_engine, server_engine

HERE = Path(__file__).parent
CLOSE = 2e-5
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
VERSIONS = {"0.3.83": False, "0.3.113": True}
"""Server → whether its weights are whole numbers."""


def heard(name: str) -> npt.NDArray[np.int16]:
    """Return one of the clips, 16 kHz."""
    files = sorted((HERE / "audio").glob("*.flac"))
    said = [Clip.read(file, channel=0).resampled(16000).samples for file in files]
    pause = np.zeros(16000, np.int16)
    clean = np.concatenate([part for one in said for part in (one, pause)])
    level = float(np.sqrt(np.mean(clean.astype(float) ** 2)))
    noise = np.random.default_rng(5).standard_normal(len(clean)) * level / 10**0.25
    changed = {
        "clean": clean,
        "noisy": clean + noise,  # 5 dB SNR
        "quiet": clean / 50,
        "loud": clean * 8.0,
    }[name]
    return np.clip(changed, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["clean", "noisy", "quiet", "loud"])
def test_every_decision_is_that_of_the_server(name: str, version: str):
    with np.load(HERE / "server_probabilities.npz") as kept:
        theirs = kept[f"{name}_{version.replace('.', '_')}"]
    ours = server_engine(version).probabilities(heard(name))
    assert len(ours) == len(theirs) > 400
    assert np.abs(ours - theirs).max() < CLOSE
    for threshold in THRESHOLDS:
        assert np.array_equal(ours > threshold, theirs > threshold)


def test_the_two_networks_are_not_the_same():
    ours = [
        server_engine(version).probabilities(heard("noisy")) for version in VERSIONS
    ]
    apart = np.abs(ours[0] - ours[1]).max()
    assert 5 * CLOSE < apart < 0.01


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (None, "silero-i16"),
        ("0.3.83", "silero-f32"),
        ("0.3.99", "silero-f32"),
        ("0.3.100", "silero-i16"),
        ("1.0.0", "silero-i16"),
    ],
)
def test_the_engine_of_a_server_is_that_of_its_version(version: str | None, name: str):
    assert server_engine(version).name == name
    assert make_engine("silero", version).name == name
    assert make_engine("silero-lite", version).name == "silero-lite"


def test_a_malformed_version_is_refused():
    with pytest.raises(InvalidOptionError, match="server version"):
        server_engine("today")


def test_weights_become_whole_numbers_of_their_output():
    rows = np.array([[1.0, 0.0, -0.5], [-2.0, 0.0, 0.25]], np.float32)
    whole, scales = rounded(rows)
    assert scales.tolist() == [np.float32(2 / 32767), 0, np.float32(0.5 / 32767)]
    # 16383.5 rounds away from zero
    assert whole.tolist() == [[16384, 0, -32767], [-32767, 0, 16384]]
    assert whole.dtype == scales.dtype == np.float32


def test_the_weights_are_all_there():
    with np.load(WEIGHTS) as kept:
        sizes = {name: kept[name].size for name in kept.files}
        assert {kept[name].dtype for name in kept.files} == {np.dtype(np.float32)}
    assert sum(sizes.values()) == 243_585
    licence = WEIGHTS.with_name("LICENSE").read_text("utf-8")
    assert "MIT License" in licence
    assert "Silero Team" in licence


@pytest.mark.parametrize("is_exact", [True, False])
def test_the_tables_are_the_functions_at_their_points(is_exact: bool):
    sigmoid, tanh = tables(is_exact=is_exact)
    assert len(sigmoid) == len(tanh) == SIZE
    x, y = np.linspace(-8, 8, SIZE), np.linspace(-5, 5, SIZE)
    assert np.abs(sigmoid - 1 / (1 + np.exp(-x))).max() < 1e-6
    assert np.abs(tanh - np.tanh(y)).max() < 1e-6


def test_between_two_points_it_is_a_straight_line_and_beyond_a_constant():
    net = network(is_whole=True)
    below = np.nextafter(np.float32(8), np.float32(0))
    x = np.array([-9, -8, 0, 8 / SIZE, below, 8, 9], np.float32)
    got = LookUp(net, (len(x), 0), 0)(x)
    assert got[0] == got[1] == 0
    assert got[5] == got[6] == 1
    assert got[4] == net.sigmoid[-1] < 1, "the last that is read from the table"
    assert got[2] == pytest.approx(0.5, abs=1e-6)
    assert got[2] < got[3] < 0.51
    y = np.array([-6, -5, 0, 5, 6], np.float32)
    assert LookUp(net, (0, 0), len(y))(y).tolist() == [-1, -1, 0, 1, 1]


def test_a_frame_comes_when_it_is_whole():
    stream = NetworkStream(is_whole=True)
    assert len(stream.push(np.zeros(511, np.int16))) == 0
    assert len(stream.push(np.zeros(0, np.int16))) == 0
    assert len(stream.push(np.zeros(1, np.int16))) == 1
    assert len(stream.push(np.zeros(512 * 9 + 100, np.int16))) == 9


def test_streams_of_one_network_share_nothing_but_its_weights():
    samples = heard("clean")[:16000]
    one, other = NetworkStream(is_whole=True), NetworkStream(is_whole=True)
    other.push(heard("loud")[:32000])
    assert np.array_equal(one.push(samples), NetworkStream(is_whole=True).push(samples))
    assert silero_network.network(is_whole=True) is silero_network.network(
        is_whole=True
    )
    assert network(is_whole=True).output.shape == (HIDDEN,)
