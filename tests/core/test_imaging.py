"""Whatever a person brings becomes an upright 8-bit sRGB picture, or one sentence."""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms, ImageOps

from aigc_studio.core import imaging
from aigc_studio.core.errors import StudioError
from tests.core.project_kit import picture


def _png_header(width: int, height: int) -> bytes:
    """A PNG that only claims its size."""
    data = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + data
    pixels = b"IDAT" + zlib.compress(b"\0")
    parts = [
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        for body in (chunk, pixels, b"IEND")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _refused(path: Path, code: str) -> str:
    with pytest.raises(StudioError) as caught:
        imaging.open_image(path)
    assert caught.value.code == code
    with pytest.raises(StudioError):
        imaging.make_thumbnail(path, path.with_name("thumb.webp"))
    assert not path.with_name("thumb.webp").exists()
    return str(caught.value)


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 64 * 64, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(values).save(tmp_path / "deep.png")
    image = imaging.open_image(tmp_path / "deep.png")
    assert image.mode == "RGB"
    grey = imaging.to_array(image)[..., 0]
    np.testing.assert_allclose(grey, values / 257.0, atol=0.51)


def test_floats_are_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)).save(tmp_path / "float.tiff")
    assert imaging.to_array(imaging.open_image(tmp_path / "float.tiff"))[-1, -1].tolist() == [255, 255, 255]


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=100)
    image = imaging.open_image(tmp_path / "print.jpg")
    assert image.mode == "RGB"
    red, green, blue = imaging.to_array(image)[8, 8]
    assert red > 200
    assert green < 60
    assert blue < 60


def test_a_profile_becomes_srgb_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    for name, data in (("lab.png", profile.tobytes()), ("broken.png", b"no profile at all")):
        picture().save(tmp_path / name, icc_profile=data)
        image = imaging.open_image(tmp_path / name)
        assert image.mode == "RGB"
        assert "icc_profile" not in image.info


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_held_sideways(tmp_path: Path, orientation: int) -> None:
    source = picture(40, 24)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "photo.png"
    source.save(path, exif=exif)
    with Image.open(path) as image:
        expected = ImageOps.exif_transpose(image)
    assert imaging.image_size(path) == expected.size == ((24, 40) if orientation >= 5 else (40, 24))
    assert imaging.open_image(path).tobytes() == expected.tobytes()
    imaging.make_thumbnail(path, tmp_path / "thumb.webp")
    assert imaging.image_size(tmp_path / "thumb.webp") == expected.size


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:], lossless=True)
    for name in ("a.gif", "a.webp"):
        assert imaging.open_image(tmp_path / name).convert("RGB").getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_becomes_rgb_or_rgba(tmp_path: Path, mode: str) -> None:
    picture().convert(mode).save(tmp_path / "a.png")
    assert imaging.open_image(tmp_path / "a.png").mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
    assert imaging.open_mask(tmp_path / "a.png").mode == "L"


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 100), (100, 7)])
def test_too_small(tmp_path: Path, width: int, height: int) -> None:
    Image.new("RGB", (width, height)).save(tmp_path / "dot.png")
    assert f"only {width} × {height} px" in _refused(tmp_path / "dot.png", "image-size")


@pytest.mark.parametrize(("width", "height"), [(30_000, 20), (20, 30_000), (16_000, 16_000), (2**31 - 1, 2**31 - 1)])
def test_too_large_is_refused_before_it_is_decoded(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "bomb.png").write_bytes(_png_header(width, height))
    assert "limit" in _refused(tmp_path / "bomb.png", "image-size")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tiff"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_file(tmp_path: Path, suffix: str, part: float) -> None:
    whole = tmp_path / f"whole{suffix}"
    Image.effect_noise((200, 200), 90).convert("RGB").save(whole)
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
    with pytest.raises(StudioError) as caught:
        imaging.open_image(cut)
    assert caught.value.code in ("image-damaged", "not-an-image")


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_not_a_picture(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "letter.png").write_bytes(data)
    assert "letter.png" in _refused(tmp_path / "letter.png", "not-an-image")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's about what it skips in damaged tables
@given(st.binary(max_size=200), st.integers(0, 5))
def test_random_changes_never_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int
) -> None:
    folder = tmp_path_factory.mktemp("noise")
    path = folder / "a.png"
    picture().save(path)
    data = bytearray(path.read_bytes())
    start = at * len(data) // 6
    data[start : start + len(noise)] = noise
    path.write_bytes(data)
    with contextlib.suppress(StudioError):
        assert imaging.open_image(path).mode in ("RGB", "RGBA")


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([3, 4]))))
def test_arrays_come_back(pixels: np.ndarray) -> None:
    np.testing.assert_array_equal(imaging.to_array(imaging.from_array(pixels)), pixels)
    np.testing.assert_array_equal(imaging.to_array(imaging.from_array(pixels[..., 0])), pixels[..., 0])
    np.testing.assert_array_equal(imaging.to_array(imaging.from_array(pixels / 255.0)), pixels)


@given(
    arrays.arrays(np.uint8, (6, 5, 3)),
    arrays.arrays(np.uint8, (6, 5, 3)),
    arrays.arrays(np.uint8, (6, 5), elements=st.sampled_from([0, 1, 128, 254, 255])),
)
def test_a_blend_is_exact_at_its_ends_and_between_elsewhere(
    below: np.ndarray, above: np.ndarray, alpha: np.ndarray
) -> None:
    mixed = imaging.blend(below, above, alpha)
    np.testing.assert_array_equal(mixed[alpha == 0], below[alpha == 0])
    np.testing.assert_array_equal(mixed[alpha == 255], above[alpha == 255])
    assert (mixed >= np.minimum(below, above)).all()
    assert (mixed <= np.maximum(below, above)).all()


def test_a_thumbnail_keeps_shape_and_transparency(tmp_path: Path) -> None:
    image = picture(1000, 500).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize((1000, 500)))
    image.save(tmp_path / "a.png")
    imaging.make_thumbnail(tmp_path / "a.png", tmp_path / "deep" / "a.webp")
    with Image.open(tmp_path / "deep" / "a.webp") as small:
        assert small.size == (256, 128)
        assert small.mode == "RGBA"
