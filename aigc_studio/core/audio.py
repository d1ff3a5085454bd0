"""Sound as arrays: trim, fade, join, resample, measure, and the peaks that a waveform is drawn from.

Samples are float32 in [-1, 1], (n,) or (n, channels); times are in seconds, levels in dB relative to full scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = [
    "Levels",
    "db",
    "fade",
    "from_int16",
    "gain",
    "join",
    "levels",
    "limit",
    "loudness",
    "peaks",
    "resample",
    "silence",
    "speech_level",
    "stretch",
    "to_speech_level",
    "trim",
]

SILENT = -120.0
"""Level reported for digital silence, where the logarithm would be minus infinity."""


@dataclass(frozen=True)
class Levels:
    """How loud: sample peak and RMS in dBFS, integrated loudness in LUFS, length in seconds."""

    peak: float
    rms: float
    loudness: float
    seconds: float


def from_int16(samples: np.ndarray) -> np.ndarray:
    """int16 to float32 in [-1, 1)."""
    return samples.astype(np.float32) / np.float32(32768)


def db(amplitude: float) -> float:
    """Amplitude (1 is full scale) in dB, `SILENT` at least."""
    return max(SILENT, 20 * math.log10(amplitude)) if amplitude > 0 else SILENT


def gain(samples: np.ndarray, decibels: float) -> np.ndarray:
    """`samples` louder by `decibels`; not clipped."""
    return samples * np.float32(10 ** (decibels / 20))


def limit(samples: np.ndarray, rate: int, ceiling: float = -1.0, reach: float = 0.03) -> np.ndarray:
    """Mono `samples` with no peak above `ceiling` dBFS: turned down around loud places, for `reach` seconds each way.

    The gain falls before a peak and rises after it without a step, so that nothing clips and nothing clicks; samples
    further away from any peak keep their values.
    """
    top = np.float32(10 ** (ceiling / 20))
    if np.abs(samples).max(initial=0) <= top:
        return samples
    frame = max(1, rate // 1000)
    count = -(-len(samples) // frame)
    highest = np.abs(np.pad(samples, (0, count * frame - len(samples)))).reshape(count, frame).max(axis=1)
    needed = np.minimum(1, top / np.maximum(highest, top))
    around = max(2, round(reach * rate / frame))
    windows = np.lib.stride_tricks.sliding_window_view
    lowest = windows(np.pad(needed, around, constant_values=1), 2 * around + 1).min(axis=1)
    # Means over fewer frames than the minima: each frame's gain suffices for its neighbours too, and so does any value
    # between two of them.
    gains = windows(np.pad(lowest, around - 1, mode="edge"), 2 * around - 1).mean(axis=1)
    places = (np.arange(count) + 0.5) * frame
    return samples * np.interp(np.arange(len(samples)) + 0.5, places, gains).astype(np.float32)


def silence(seconds: float, rate: int) -> np.ndarray:
    """Mono silence."""
    return np.zeros(max(0, round(seconds * rate)), np.float32)


def trim(samples: np.ndarray, rate: int, *, below: float = -48.0, keep: float = 0.012) -> np.ndarray:
    """Mono `samples` without the silence at both ends, but for `keep` seconds of it.

    Silent is what stays `below` dB under the loudest sample, so that a quiet voice is not cut off.
    """
    loud = np.abs(samples)
    highest = loud.max(initial=0)
    if highest <= 0:
        return samples[:0]
    heard = np.flatnonzero(loud > highest * 10 ** (below / 20))
    margin = round(keep * rate)
    return samples[max(0, heard[0] - margin) : heard[-1] + 1 + margin]


def fade(samples: np.ndarray, rate: int, start: float = 0.004, end: float = 0.004) -> np.ndarray:
    """`samples` faded in and out along half a cosine, so that a join does not click."""
    result = samples.copy()
    for seconds, at_end in ((start, False), (end, True)):
        count = min(round(seconds * rate), len(result))
        if count <= 0:
            continue
        ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)).astype(np.float32)
        if result.ndim == 2:
            ramp = ramp[:, None]
        if at_end:
            result[-count:] *= ramp[::-1]
        else:
            result[:count] *= ramp
    return result


def join(parts: Sequence[np.ndarray], gaps: Sequence[float], rate: int) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Mono `parts` one after the other, `gaps[i]` seconds of silence after part i (the last needs none).

    Returns the samples and the (start, end) of each part in seconds.
    """
    pieces: list[np.ndarray] = []
    times: list[tuple[float, float]] = []
    place = 0
    for index, part in enumerate(parts):
        times.append((place / rate, (place + len(part)) / rate))
        pieces.append(np.asarray(part, np.float32))
        place += len(part)
        if index < len(parts) - 1:
            gap = silence(gaps[index], rate)
            pieces.append(gap)
            place += len(gap)
    return (np.concatenate(pieces) if pieces else np.zeros(0, np.float32)), times


def resample(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    """`samples` at `target` Hz, band-limited: a Kaiser-windowed sinc of 32 zero crossings, evaluated phase by phase."""
    if rate == target or not len(samples):
        return samples.astype(np.float32, copy=True)
    if samples.ndim == 2:
        return np.stack([resample(channel, rate, target) for channel in samples.T], axis=1)
    common = math.gcd(rate, target)
    up, down = target // common, rate // common
    cutoff = min(1.0, target / rate) * 0.96
    half = math.ceil(32 / cutoff)
    offsets = np.arange(-half + 1, half + 1)
    count = max(1, round(len(samples) * target / rate))
    padded = np.pad(samples.astype(np.float32), (half, half + down))
    result = np.empty(count, np.float32)
    for phase in range(min(up, count)):
        # Outputs phase, phase + up, ... all lie at the same fraction between two inputs.
        first, fraction = divmod(phase * down, up)
        distance = offsets - fraction / up
        window = np.i0(8.6 * np.sqrt(np.maximum(0, 1 - (distance / half) ** 2))) / np.i0(8.6)
        kernel = (np.sinc(distance * cutoff) * cutoff * window).astype(np.float32)
        outputs = len(range(phase, count, up))
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel))
        result[phase::up] = windows[first + 1 : first + 1 + outputs * down : down][:outputs] @ kernel
    return result


def stretch(samples: np.ndarray, rate: int, factor: float) -> np.ndarray:
    """Mono `samples` `factor` times as long at the same pitch: overlapping frames of 32 ms, each laid where it goes on
    best from the one before (WSOLA; Verhelst and Roelands, 1993)."""
    step = max(2, round(0.016 * rate))
    frame, reach = 2 * step, step // 2
    if factor == 1 or len(samples) < 2 * frame:
        return samples
    count = max(2, math.ceil(len(samples) * factor / step))
    window = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(frame) + 0.5) / frame)).astype(np.float32)
    padded = np.pad(np.asarray(samples, np.float32), (step + reach, 2 * frame + reach))
    windows = np.lib.stride_tricks.sliding_window_view
    result = np.zeros((count + 1) * step, np.float32)
    last = len(padded) - 2 * frame - 2 * reach
    place = reach
    for index in range(count):
        aim = min(last, round(index * step / factor) + reach)
        if index:
            wanted = padded[place + step : place + step + frame]  # what the frame before goes on with
            around = windows(padded[aim - reach : aim + reach + frame - 1], frame)
            energy = np.sqrt(np.einsum("ij,ij->i", around, around)) + 1e-6
            place = aim - reach + int(np.argmax(around @ wanted / energy))
        else:
            place = aim
        result[index * step : index * step + frame] += padded[place : place + frame] * window
    return result[step : step + max(1, round(len(samples) * factor))]


def speech_level(samples: np.ndarray, rate: int) -> float:
    """RMS in dBFS of the parts where somebody speaks: 20 ms frames within 30 dB of the loudest one."""
    frame = max(1, round(0.02 * rate))
    count = len(samples) // frame
    if not count:
        return levels(samples, rate).rms
    power = (samples[: count * frame].reshape(count, frame).astype(np.float64) ** 2).mean(axis=1)
    active = power[power > power.max() * 1e-3]
    return db(math.sqrt(active.mean())) if active.size else SILENT


def to_speech_level(samples: np.ndarray, rate: int, target: float, *, ceiling: float = -1.0) -> np.ndarray:
    """`samples` brought to a speech level of `target` dBFS, less where a peak would pass `ceiling` dBFS."""
    level = speech_level(samples, rate)
    if level <= SILENT:
        return samples
    change = min(target - level, ceiling - db(float(np.abs(samples).max())))
    return gain(samples, change)


def loudness(samples: np.ndarray, rate: int) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4: K weighting, 400 ms blocks, absolute and relative gate).

    The weighting is applied by FFT with the filters' magnitude only: power is what is measured, phase is not heard.
    """
    signal = samples[:, None] if samples.ndim == 1 else samples
    hop = round(0.1 * rate)
    if len(signal) < 4 * hop:
        signal = np.pad(signal, ((0, 4 * hop - len(signal)), (0, 0)))
    steps = np.sum([_step_power(channel, rate, hop) for channel in signal.T], axis=0)
    power = np.convolve(steps, np.full(4, 0.25), mode="valid")  # blocks of 400 ms, one each 100 ms
    level = -0.691 + 10 * np.log10(np.maximum(power, 1e-12))
    loud = power[level > -70]
    if not loud.size:
        return SILENT
    gate = -0.691 + 10 * math.log10(loud.mean()) - 10
    kept = power[(level > -70) & (level > gate)]
    return float(-0.691 + 10 * math.log10(kept.mean())) if kept.size else SILENT


def _step_power(channel: np.ndarray, rate: int, hop: int) -> np.ndarray:
    """Mean square of one K-weighted channel over each whole step of `hop` samples, in pieces that bound the memory."""
    size = 1 << 18
    margin = 1 << 12
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    response = np.abs(_biquad(z, *_shelf(rate)) * _biquad(z, *_high_pass(rate)))
    piece_steps = (size - 2 * margin) // hop
    total = len(channel) // hop
    result = np.empty(total)
    for first in range(0, total, piece_steps):
        last = min(total, first + piece_steps)
        low, high = max(0, first * hop - margin), min(len(channel), last * hop + margin)
        weighted = np.fft.irfft(np.fft.rfft(channel[low:high], size) * response, size)
        own = weighted[first * hop - low : last * hop - low]
        result[first:last] = (own.reshape(last - first, hop) ** 2).mean(axis=1)
    return result


def _biquad(z: np.ndarray, b: Sequence[float], a: Sequence[float]) -> np.ndarray:
    return (b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)


def _shelf(rate: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The head's high shelf at any rate (parameters fitted to BS.1770's 48 kHz coefficients)."""
    k = math.tan(math.pi * 1681.974450955533 / rate)
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    q = 0.7071752369554196
    return (
        (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k),
        (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k),
    )


def _high_pass(rate: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The low cut of BS.1770 at any rate."""
    k = math.tan(math.pi * 38.13547087602444 / rate)
    q = 0.5003270373238773
    norm = 1 + k / q + k * k
    return ((norm, -2 * norm, norm), (norm, 2 * (k * k - 1), 1 - k / q + k * k))


def levels(samples: np.ndarray, rate: int) -> Levels:
    """Peak, RMS, loudness and length."""
    if not len(samples):
        return Levels(SILENT, SILENT, SILENT, 0.0)
    power = np.einsum("i,i->", samples.ravel(), samples.ravel(), dtype=np.float64) / samples.size
    return Levels(
        db(float(max(samples.max(), -samples.min()))),
        db(math.sqrt(float(power))),
        loudness(samples, rate),
        len(samples) / rate,
    )


def peaks(samples: np.ndarray, count: int) -> np.ndarray:
    """Lowest and highest sample of each of `count` equal stretches, float32 (count, 2): what a waveform is drawn from.

    Channels are drawn together. Where there are fewer samples than stretches, neighbours repeat.
    """
    if count <= 0 or not len(samples):
        return np.zeros((max(0, count), 2), np.float32)
    low = samples if samples.ndim == 1 else samples.min(axis=1)
    high = samples if samples.ndim == 1 else samples.max(axis=1)
    edges = np.minimum(np.arange(count, dtype=np.int64) * len(samples) // count, len(samples) - 1)
    # reduceat gives the single sample at an edge where two edges are equal, which is what a short sound needs.
    return np.stack([np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)], axis=1).astype(np.float32)
