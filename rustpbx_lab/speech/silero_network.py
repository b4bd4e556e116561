"""The server's speech network in numpy: Silero VAD 6.2 as active-call computes it.

Frames of 512 samples, with 64 samples of the frame before in front and 64 mirrored
ones behind: four spectra, four convolutions, one LSTM cell, one output. The cell's
functions are read from tables of 1,024 entries, as the server does. Source: vad.md, 2.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from rustpbx_lab.audio.codecs import Samples

from .silero_weights import WEIGHTS

Floats = npt.NDArray[np.float32]

FRAME, BEFORE, BEHIND = 512, 64, 64
"""Samples: a frame, what is kept of the one before, what is mirrored behind."""
WINDOW, STEP, SPECTRA = 256, 128, 4
BINS = WINDOW // 2 + 1
HIDDEN = 128
BLOCK = 4
"""Frames that are convolved together, always as many: the sums of a frame must not
depend on how a stream was cut."""
SIZE = 1024
"""Entries of a table."""
SIGMOID_LIMIT, TANH_LIMIT = 8, 5
"""Beyond, the functions are 0 and 1, or -1 and 1."""


@dataclass(frozen=True)
class Layer:
    """A product with weights that may be whole numbers."""

    weights: Floats
    """Shape (inputs, outputs)."""
    scales: Floats | None
    """What the sums of an output are multiplied by; None: by 1."""
    bias: Floats

    def __call__(self, inputs: Floats) -> Floats:
        """Return the outputs of one row, or of each of several."""
        if inputs.ndim == 1:
            sums = np.einsum("i,ij->j", inputs, self.weights)
        else:
            sums = inputs @ self.weights
        if self.scales is not None:
            sums *= self.scales
        sums += self.bias
        return sums


@dataclass(frozen=True)
class Network:
    """The layers, and the tables of the two functions."""

    encoder: tuple[Layer, ...]
    from_input: Layer
    from_state: Layer
    """The only product of one row: by einsum, since a library splits it over threads,
    and its sum depends on how many there are."""
    output: Floats
    output_bias: np.float32
    sigmoid: Floats
    tanh: Floats
    window: Floats


@cache
def network(is_whole: bool) -> Network:
    """Return the network.

    Args:
        is_whole: Whether its weights are rounded to 16 bits, with a scale for each
            output, as of server 0.3.100.
    """
    with np.load(WEIGHTS) as loaded:
        raw: dict[str, Floats] = {name: loaded[name] for name in loaded.files}
    nothing = np.zeros(4 * HIDDEN, np.float32)

    def layer(rows: Floats, bias: Floats) -> Layer:
        if not is_whole:
            return Layer(np.ascontiguousarray(rows), None, bias)
        whole, scales = rounded(rows)
        return Layer(whole, scales, bias)

    encoder = tuple(
        layer(_rows(raw[f"enc{at}_weight"]), raw[f"enc{at}_bias"]) for at in range(4)
    )
    output = raw["out_weight"].reshape(HIDDEN, 1)
    if is_whole:
        whole, scales = rounded(output)
        output = whole * scales
    return Network(
        encoder,
        layer(raw["w_ih"].T, raw["b_ih"] + raw["b_hh"]),
        layer(raw["w_hh"].T, nothing),
        output[:, 0],
        raw["out_bias"][0],
        *tables(is_exact=is_whole),
        _hann(),
    )


def _rows(weights: Floats) -> Floats:
    """Return a convolution's weights as a matrix, (width x channels, outputs)."""
    outputs, channels, width = weights.shape
    return weights.transpose(2, 1, 0).reshape(width * channels, outputs)


def rounded(rows: Floats) -> tuple[Floats, Floats]:
    """Return weights as whole numbers up to 32,767, and the scale of each output."""
    scales = np.abs(rows).max(axis=0) / np.float32(32767)
    parts = np.divide(rows, scales, out=np.zeros_like(rows), where=scales > 0)
    # half away from zero, as Rust does, and not to even
    whole = np.copysign(np.floor(np.abs(parts.astype(np.float64)) + 0.5), parts)
    return np.ascontiguousarray(whole, np.float32), scales


def tables(*, is_exact: bool) -> tuple[Floats, Floats]:
    """Return the tables of sigmoid and tanh.

    Args:
        is_exact: Whether they are computed in double precision before they are
            rounded (since 0.3.100), or in single.
    """
    kind = np.float64 if is_exact else np.float32
    at = np.arange(SIZE, dtype=kind)
    x = -SIGMOID_LIMIT + at * kind(2 * SIGMOID_LIMIT / (SIZE - 1))
    y = -TANH_LIMIT + at * kind(2 * TANH_LIMIT / (SIZE - 1))
    sigmoid, tanh = 1 / (1 + np.exp(-x)), np.tanh(y)
    return sigmoid.astype(np.float32), tanh.astype(np.float32)


def _hann() -> Floats:
    window: Floats = np.arange(WINDOW, dtype=np.float32)
    window *= np.float32(2 * np.pi)
    window /= WINDOW
    np.cos(window, out=window)
    window *= -0.5
    window += 0.5
    return window


class LookUp:
    """Two functions from tables, interpolated, over one array.

    Args:
        net: Has the tables.
        n_sigmoid: So many values at the front and at the end get the sigmoid.
        n_tanh: So many values between get tanh.
    """

    def __init__(self, net: Network, n_sigmoid: tuple[int, int], n_tanh: int) -> None:
        front, end = n_sigmoid
        is_tanh = np.repeat([False, True, False], [front, n_tanh, end])
        self._table: Floats = np.concatenate([net.sigmoid, net.tanh])
        self._limit = np.where(is_tanh, TANH_LIMIT, SIGMOID_LIMIT).astype(np.float32)
        steps = np.float32(SIZE - 1) / (2 * self._limit)
        self._per_unit = steps.astype(np.float32)
        self._first = np.where(is_tanh, SIZE, 0)
        self._lowest = np.where(is_tanh, -1, 0).astype(np.float32)

    def __call__(self, x: Floats) -> Floats:
        """Return the values."""
        place = (x + self._limit) * self._per_unit
        index = np.clip(place, 0, SIZE - 2).astype(np.int64)
        part = place - index.astype(np.float32)
        index += self._first
        values: Floats = self._table[index]
        values *= np.float32(1) - part
        values += self._table[index + 1] * part
        np.copyto(values, self._lowest, where=x <= -self._limit)
        np.copyto(values, np.float32(1), where=x >= self._limit)
        return values


class NetworkStream:
    """One stream of audio through the network.

    Args:
        is_whole: See `network`.
    """

    def __init__(self, is_whole: bool) -> None:
        self._net = net = network(is_whole)
        self._gates = LookUp(net, (2 * HIDDEN, HIDDEN), HIDDEN)
        self._tanh = LookUp(net, (0, 0), HIDDEN)
        self._sigmoid = LookUp(net, (1, 0), 0)
        self._rest = np.zeros(0, np.int16)
        self._before = np.zeros(BEFORE, np.int16)
        self._state = np.zeros(HIDDEN, np.float32)
        self._cell = np.zeros(HIDDEN, np.float32)

    def push(self, samples: Samples) -> Floats:
        """Return the probabilities of the frames that ``samples`` completed.

        Args:
            samples: int16 at 16 kHz, shape (n,), any length; what does not fill a
                frame waits for the next call.
        """
        waiting = np.concatenate([self._rest, samples])
        n_frames = len(waiting) // FRAME
        taken = waiting[: n_frames * FRAME]
        self._rest = waiting[len(taken) :]
        if not n_frames:
            return np.zeros(0, np.float32)
        frames = taken.reshape(n_frames, FRAME)
        heads = np.concatenate([self._before[None], frames[:-1, -BEFORE:]])
        self._before = frames[-1, -BEFORE:].copy()
        wide = np.concatenate([heads, frames], axis=1).astype(np.float32)
        wide /= 32768
        found = (self._step(gates) for gates in self._inputs(wide))
        return np.fromiter(found, np.float32, n_frames)

    def _inputs(self, wide: Floats) -> Iterator[Floats]:
        """Yield what each frame adds to the gates, before the state does."""
        for begin in range(0, len(wide), BLOCK):
            part = wide[begin : begin + BLOCK]
            n = len(part)
            if n < BLOCK:
                part = np.concatenate(
                    [part, np.zeros((BLOCK - n, part.shape[1]), np.float32)]
                )
            yield from self._encoded(part)[:n]

    def _encoded(self, wide: Floats) -> Floats:
        net = self._net
        mirrored = wide[:, -2 : -2 - BEHIND : -1]
        padded = np.concatenate([wide, mirrored], axis=1)
        cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)
        windows = cut[:, : STEP * SPECTRA : STEP] * net.window
        bins = np.fft.rfft(windows.astype(np.float64))
        spectrum = np.sqrt(bins.real**2 + bins.imag**2).astype(np.float32)
        first, second, third, fourth = net.encoder
        one = _convolve(first, spectrum, range(4))
        two = _convolve(second, one, range(0, 4, 2))
        three = _convolve(third, two, range(1))
        four = _convolve(fourth, three, range(1))
        return net.from_input(four[:, 0])

    def _step(self, gates: Floats) -> float:
        net = self._net
        enter, forget, value, leave = np.split(
            self._gates(gates + net.from_state(self._state)), 4
        )
        self._cell = forget * self._cell + enter * value
        self._state = leave * self._tanh(self._cell)
        heard = np.einsum("i,i", np.maximum(self._state, 0), net.output)
        heard += net.output_bias
        return float(self._sigmoid(np.atleast_1d(heard))[0])


def _convolve(layer: Layer, rows: Floats, starts: range) -> Floats:
    """Convolve with width 3 and a zero at each end, then rectify.

    Args:
        layer: The weights.
        rows: Shape (frames, times, channels).
        starts: First time of each output, counted with the zero in front.
    """
    n, times, channels = rows.shape
    wide = np.zeros((n, times + 2, channels), np.float32)
    wide[:, 1:-1] = rows
    parts = np.stack([wide[:, at : at + 3].reshape(n, -1) for at in starts], axis=1)
    return np.maximum(layer(parts.reshape(n * len(starts), -1)), 0).reshape(
        n, len(starts), -1
    )
