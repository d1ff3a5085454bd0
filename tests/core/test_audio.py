"""Sound maths against closed forms: levels, loudness of known tones, resampling, joins without clicks, peaks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from aigc_studio.core import audio

QUICK = settings(max_examples=40)
signals = hnp.arrays(np.float32, st.integers(1, 400), elements=st.floats(-1, 1, width=32))


def tone(frequency, seconds, rate, amplitude=1.0):
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_loudness_of_the_reference_tone(rate):
    """BS.1770: a full-scale 997 Hz sine in one channel is -3.01 LUFS; both channels add 3.01."""
    mono = tone(997, 3, rate)
    assert audio.loudness(mono, rate) == pytest.approx(-3.01, abs=0.05)
    assert audio.loudness(np.stack([mono, mono], axis=1) * np.float32(0.1), rate) == pytest.approx(-20.0, abs=0.05)


def test_loudness_of_low_and_high_tones_is_weighted():
    assert audio.loudness(tone(40, 3, 48000), 48000) < -8
    assert audio.loudness(tone(6000, 3, 48000), 48000) == pytest.approx(-3.01 + 4.0 - 0.7, abs=0.4)


def test_loudness_leaves_pauses_out():
    part = tone(997, 5, 22050, 0.25)
    paused = np.concatenate([part, np.zeros(22050 * 20, np.float32), part])
    assert audio.loudness(paused, 22050) == pytest.approx(audio.loudness(part, 22050), abs=0.4)


def test_loudness_of_long_sound_equals_that_of_its_parts():
    """Longer than one piece of the filter: nothing happens at the seams."""
    part = tone(997, 30, 22050, 0.5)
    assert audio.loudness(part, 22050) == pytest.approx(audio.loudness(part[: 22050 * 5], 22050), abs=0.01)


def test_silence_and_nothing_have_levels():
    for samples in (np.zeros(0, np.float32), np.zeros(5000, np.float32)):
        level = audio.levels(samples, 22050)
        assert (level.peak, level.rms, level.loudness) == (audio.SILENT,) * 3
    assert audio.trim(np.zeros(500, np.float32), 22050).size == 0
    assert audio.to_speech_level(np.zeros(500, np.float32), 22050, -20.0).max() == 0


@QUICK
@given(signals)
def test_levels_agree_with_their_definition(samples):
    level = audio.levels(samples, 22050)
    assert level.peak == pytest.approx(audio.db(float(np.abs(samples).max())), abs=1e-4)
    rms = math.sqrt(float((samples.astype(np.float64) ** 2).mean()))
    assert level.rms == pytest.approx(audio.db(rms), abs=1e-3)
    assert level.rms <= level.peak + 1e-3


def test_gain_and_speech_level():
    assert audio.levels(audio.gain(tone(300, 1, 22050, 0.1), 6.0), 22050).peak == pytest.approx(-14, abs=0.01)
    quiet = np.concatenate([tone(300, 1, 22050, 0.01), np.zeros(22050, np.float32)])
    assert audio.speech_level(audio.to_speech_level(quiet, 22050, -20.0), 22050) == pytest.approx(-20, abs=0.1)
    peaky = quiet.copy()
    peaky[100] = 0.5
    assert np.abs(audio.to_speech_level(peaky, 22050, -10.0)).max() <= 10 ** (-1 / 20) + 1e-6


@QUICK
@given(hnp.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-3, 3, width=32)), st.sampled_from([900, 8000]))
def test_nothing_is_above_the_limit(samples, rate):
    limited = audio.limit(samples, rate, -1.0)
    top = 10 ** (-1 / 20)
    assert limited.dtype == np.float32
    assert limited.shape == samples.shape
    assert np.abs(limited).max() <= top + 1e-6
    assert (np.abs(limited) <= np.abs(samples)).all()
    if np.abs(samples).max() < 0.89:
        assert np.array_equal(limited, samples)


def test_the_limit_turns_down_gently_and_only_around_the_peak():
    samples = tone(200, 1, 22050, 0.5)
    samples[11045:11060] *= 4
    limited = audio.limit(samples, 22050)
    assert np.array_equal(limited[:9000], samples[:9000])
    assert np.array_equal(limited[13000:], samples[13000:])
    gains = limited[samples != 0] / samples[samples != 0]
    assert gains.min() < 0.5
    assert np.abs(np.diff(gains)).max() < 0.002


@pytest.mark.parametrize(
    ("rate", "target"), [(22050, 44100), (44100, 22050), (22050, 48000), (48000, 16000), (8000, 22050)]
)
def test_resampling_keeps_a_tone(rate, target):
    result = audio.resample(tone(1000, 0.5, rate), rate, target)
    assert len(result) == round(0.5 * rate) * target // rate or abs(len(result) - 0.5 * target) <= 1
    expected = tone(1000, 1, target)[: len(result)]
    margin = target // 50
    assert np.abs(result - expected)[margin:-margin].max() < 2e-3


def test_resampling_lets_no_alias_through():
    result = audio.resample(tone(15000, 0.5, 48000), 48000, 16000)
    assert np.abs(result[400:-400]).max() < 1e-3


@QUICK
@given(signals, st.sampled_from([8000, 16000, 22050, 44100]), st.sampled_from([8000, 16000, 22050, 48000]))
def test_resampling_gives_the_right_length(samples, rate, target):
    result = audio.resample(samples, rate, target)
    assert len(result) == max(1, round(len(samples) * target / rate))
    assert result.dtype == np.float32
    assert np.isfinite(result).all()


def test_stereo_is_resampled_by_channel():
    stereo = np.stack([tone(400, 0.2, 22050), tone(900, 0.2, 22050)], axis=1)
    result = audio.resample(stereo, 22050, 44100)
    assert result.shape[1] == 2
    np.testing.assert_allclose(result[:, 1], audio.resample(stereo[:, 1], 22050, 44100))


def test_trimming_finds_the_sound():
    samples = np.concatenate([np.zeros(3000, np.float32), tone(500, 0.5, 22050), np.zeros(5000, np.float32)])
    trimmed = audio.trim(samples, 22050)
    assert len(trimmed) == pytest.approx(0.5 * 22050 + 2 * 0.012 * 22050, abs=60)


@given(signals, st.floats(0, 0.02), st.floats(0, 0.02))
def test_fades_never_amplify_and_leave_the_middle_alone(samples, start, end):
    faded = audio.fade(samples, 1000, start, end)
    assert (np.abs(faded) <= np.abs(samples) + 1e-7).all()
    middle = slice(round(start * 1000), max(0, len(samples) - round(end * 1000)))
    assert np.array_equal(faded[middle], samples[middle])


@given(st.lists(signals, max_size=5), st.lists(st.floats(0, 0.1), min_size=5, max_size=5))
def test_joined_parts_lie_where_it_says(parts, gaps):
    joined, times = audio.join(parts, gaps, 1000)
    assert len(times) == len(parts)
    for part, (start, end) in zip(parts, times, strict=True):
        assert np.array_equal(joined[round(start * 1000) : round(end * 1000)], part)
    silent = sum(round(gap * 1000) for gap in gaps[: max(0, len(parts) - 1)])
    assert len(joined) == sum(map(len, parts)) + silent


@given(hnp.arrays(np.float32, st.integers(1, 3000), elements=st.floats(-1, 1, width=32)), st.integers(1, 900))
def test_peaks_hold_every_sample(samples, count):
    found = audio.peaks(samples, count)
    assert found.shape == (count, 2)
    assert (found[:, 0] <= found[:, 1]).all()
    assert found[:, 0].min() == samples.min() if count <= len(samples) else found[:, 0].min() >= samples.min()
    assert found[:, 1].max() <= samples.max()
    if count <= len(samples):
        assert found[:, 1].max() == samples.max()


def test_peaks_of_nothing_and_of_stereo():
    assert audio.peaks(np.zeros(0, np.float32), 10).shape == (10, 2)
    assert audio.peaks(np.ones(5, np.float32), 0).shape == (0, 2)
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.7)], axis=1).astype(np.float32)
    np.testing.assert_allclose(audio.peaks(stereo, 4), [[-0.7, 0.5]] * 4)


def test_int16():
    assert audio.from_int16(np.array([-32768, 0, 16384], np.int16)).tolist() == [-1.0, 0.0, 0.5]


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 2.0])
def test_stretched_sound_keeps_its_pitch_and_level(factor: float) -> None:
    rate = 16_000
    time = np.arange(2 * rate) / rate
    tone = (0.5 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    longer = audio.stretch(tone, rate, factor)
    assert len(longer) == round(len(tone) * factor)
    middle = longer[1000:-1000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() * rate / len(middle) == pytest.approx(220, abs=1.5)
    assert np.abs(middle).max() == pytest.approx(0.5, abs=0.03)
    assert np.abs(np.diff(middle)).max() < 1.2 * np.abs(np.diff(tone)).max()  # no clicks
    assert np.array_equal(audio.stretch(tone, rate, 1.0), tone)


@pytest.mark.parametrize(("rate", "target"), [(16_000, 44_100), (16_000, 48_000), (24_000, 44_100), (48_000, 16_000)])
def test_resampling_is_clean(rate: int, target: int) -> None:
    """A tone comes out as that tone: what is left beside it is 80 dB below. Above the new band nothing is left."""
    tones = np.arange(2 * rate) / rate
    wanted = np.arange(2 * target) / target
    for pitch in (100.0, 1000.0, 0.4 * min(rate, target)):
        made = audio.resample(np.sin(2 * np.pi * pitch * tones).astype(np.float32), rate, target)
        error = (made - np.sin(2 * np.pi * pitch * wanted))[target // 10 : -target // 10]
        assert 20 * np.log10(np.sqrt((error**2).mean()) / np.sqrt(0.5)) < -80
    if target < rate:
        alias = audio.resample(np.sin(2 * np.pi * 0.55 * target * tones).astype(np.float32), rate, target)
        assert 20 * np.log10(np.sqrt((alias[1000:-1000] ** 2).mean())) < -80
