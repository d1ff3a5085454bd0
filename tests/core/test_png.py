"""The PNG writer, read back by another program's reader."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from aigc_studio.core import png
from aigc_studio.core.png import write_png

BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def picture(mode, width, height, seed=0):
    shape = (height, width) if mode == "L" else (height, width, BANDS[mode])
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def written(image, *more):
    file = io.BytesIO()
    write_png(file, image, *more)
    return file


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([*BANDS]), st.integers(1, 40), st.integers(1, 40), st.integers(1, 3000))
def test_every_pixel_comes_back(mode, width, height, band):
    image = picture(mode, width, height)
    before, png._BAND_BYTES = png._BAND_BYTES, band
    try:
        file = written(image)
    finally:
        png._BAND_BYTES = before
    read = Image.open(file)
    assert (read.mode, read.size) == (image.mode, image.size)
    assert read.tobytes() == image.tobytes()
    Image.open(file).verify()  # the checksums of the chunks


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_checksums_of_two_pieces_are_that_of_the_whole(one, two):
    assert png._combined(zlib.adler32(one), zlib.adler32(two), len(two)) == zlib.adler32(one + two)


def test_the_whole_stream_is_zlib_with_its_checksum():
    file = written(picture("RGB", 700, 1300))
    data, place, stream, count = file.getvalue(), 8, b"", 0
    while place < len(data):
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if name == b"IDAT":
            stream += data[place + 8 : place + 8 + length]
            count += 1
        place += 12 + length
    assert count > 2
    assert len(zlib.decompress(stream)) == 1300 * (1 + 700 * 3)


def test_chunks_come_before_the_pixels():
    file = written(picture("RGB", 9, 9), [(b"tEXt", b"Software\0us")])
    assert Image.open(file).info["Software"] == "us"


def test_it_can_be_stopped_between_bands():
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(picture("RGB", 2000, 2000), (), check)
    assert len(calls) == 3


def test_other_modes_are_refused():
    with pytest.raises(ValueError, match="CMYK"):
        written(Image.new("CMYK", (9, 9)))


def test_smooth_pictures_are_not_larger_than_pillow_makes_them():
    ramp = np.add.outer(np.arange(600), np.arange(800)) // 6
    noise = np.random.default_rng(1).integers(0, 3, (600, 800, 3))
    image = Image.fromarray((ramp[..., None] + noise).astype(np.uint8))
    other = io.BytesIO()
    image.save(other, "PNG", compress_level=1)
    assert len(written(image).getvalue()) <= len(other.getvalue())
