"""A recipe comes back from every format, a broken file gives none, and each file says that a model made it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import mutagen.mp3
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from aigc_studio.core.errors import StudioError
from aigc_studio.core.metadata import read_recipe, read_text, write_audio, write_image, write_text
from aigc_studio.core.recipe import dumps, loads, make_own, make_recipe
from aigc_studio.core.requests import Request
from tests.core.project_kit import PICTURE, picture

_SUFFIXES = (".png", ".jpg", ".webp", ".wav", ".flac", ".ogg", ".opus", ".mp3", ".md")
_TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _recipe(**changes: object) -> dict:
    return make_recipe("job-1", 2, PICTURE, engine={"family": "painter", "versions": {"numpy": "2"}}) | changes


def _write(path: Path, recipe: dict) -> None:
    if path.suffix in (".png", ".jpg", ".webp"):
        write_image(path, picture(), recipe)
    elif path.suffix == ".md":
        write_text(path, "Some words.\n", recipe)
    else:
        write_audio(path, np.zeros(4800, np.float32), 24000, recipe)


@pytest.mark.parametrize("suffix", _SUFFIXES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    prompt=st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    info=st.dictionaries(st.text(max_size=8), _json, max_size=3),
)
def test_the_recipe_comes_back(suffix: str, prompt: str, info: dict, tmp_path: Path) -> None:
    request = Request("image", "generate", "painter", prompt=prompt, params={"size": [64, 48], "mood": prompt})
    recipe = make_recipe("job-1", 0, request, engine={"family": "painter"}, info=info)
    path = tmp_path / f"result{suffix}"
    _write(path, recipe)
    assert read_recipe(path) == recipe == loads(dumps(recipe))


@pytest.mark.parametrize("suffix", _SUFFIXES)
def test_a_very_long_prompt_comes_back(suffix: str, tmp_path: Path) -> None:
    recipe = make_recipe("job-1", 0, PICTURE.changed(prompt="长 prompt \n" * 10_000), engine={})
    path = tmp_path / f"result{suffix}"
    _write(path, recipe)
    assert read_recipe(path) == recipe
    if suffix in (".png", ".jpg", ".webp"):
        Image.open(path).load()


@pytest.mark.parametrize("suffix", _SUFFIXES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_broken_file_gives_the_recipe_or_none(suffix: str, data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / f"whole{suffix}"
    if not path.exists():
        _write(path, _recipe())
    whole = bytearray(path.read_bytes())
    cut = data.draw(st.integers(0, len(whole)))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    broken = tmp_path / f"broken{suffix}"
    broken.write_bytes(whole[:cut])
    found = read_recipe(broken)
    assert found is None or found["app"] == "AIGC Studio"


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"RIFF\xff\xff\xff\xffWAVE", b"---\n", b"fLaC", b"ID3"]),
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_foreign_bytes_give_none(tmp_path: Path, data: bytes, start: bytes) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(start + data)
    assert read_recipe(path) is None


def test_what_is_not_there_gives_none(tmp_path: Path) -> None:
    assert read_recipe(tmp_path / "nothing.png") is None
    assert read_recipe(tmp_path) is None


@pytest.mark.parametrize("suffix", _SUFFIXES)
def test_each_file_says_that_a_model_made_it(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"result{suffix}"
    recipe = _recipe()
    _write(path, recipe)
    data = path.read_bytes()
    if suffix == ".mp3":  # ID3 keeps text as UTF-8 here
        assert "TXXX:DigitalSourceType" in mutagen.mp3.MP3(path)
    assert _TRAINED.encode() in data
    assert b'"Label": "1"' in data or b"&quot;Label&quot;: &quot;1&quot;" in data
    assert recipe["asset_id"].encode() in data


def test_an_edit_is_a_composite_and_a_hand_made_picture_has_no_label(tmp_path: Path) -> None:
    edit = make_recipe("job", 0, PICTURE.changed(task="inpaint", inputs={"image": "a1", "mask": "m1"}), engine={})
    assert edit["parents"] == ["a1", "m1"]
    write_image(tmp_path / "edit.png", picture(), edit)
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "edit.png").read_bytes()
    for labelled in (False, True):
        path = tmp_path / f"own-{labelled}.png"
        write_image(path, picture(), make_own("a2" * 16, "Mask", "mask", ["a1"], labelled=labelled))
        data = path.read_bytes()
        assert (b"compositeWithTrainedAlgorithmicMedia" in data) == labelled == (b'"AIGC"' in data)
        assert read_recipe(path) is not None


def test_a_text_that_a_person_wrote_has_no_label(tmp_path: Path) -> None:
    write_text(tmp_path / "own.md", "Mine", make_own("a2" * 16, "Notes", "text", [], labelled=False))
    data = (tmp_path / "own.md").read_text()
    assert '"ai_generated":false' in data.replace(" ", "")
    assert "digital_source_type" not in data
    assert "AIGC:" not in data
    assert read_recipe(tmp_path / "own.md") is not None


def test_a_png_shows_its_settings_to_other_tools(tmp_path: Path) -> None:
    request = Request(
        "image", "generate", "sd", prompt="a fox", seed=5, params={"steps": 20, "size": [64, 48], "negative": "blur"}
    )
    path = tmp_path / "fox.png"
    write_image(path, picture(), make_recipe("job", 1, request, engine={}))
    with Image.open(path) as image:
        assert image.info["parameters"].splitlines() == [
            "a fox",
            "Negative prompt: blur",
            "Steps: 20, Seed: 6, Size: 64x48, Model: sd, Version: AIGC Studio",
        ]
        assert json.loads(image.info["AIGC"])["AIGC"]["Label"] == "1"


def test_pixels_and_samples_are_kept(tmp_path: Path) -> None:
    image = picture(33, 17)
    write_image(tmp_path / "a.png", image, _recipe())
    assert Image.open(tmp_path / "a.png").tobytes() == image.tobytes()
    samples = np.linspace(-1, 1, 4801, dtype=np.float32)
    for suffix in (".wav", ".flac"):
        write_audio(tmp_path / f"a{suffix}", samples, 22050, _recipe())
        back, rate = soundfile.read(tmp_path / f"a{suffix}", dtype="int16")
        assert rate == 22050
        np.testing.assert_array_equal(back, np.rint(samples * 32767).astype(np.int16))
    write_audio(tmp_path / "nan.wav", np.array([np.nan, np.inf, -np.inf, 2.0], np.float32), 8000, _recipe())
    np.testing.assert_array_equal(soundfile.read(tmp_path / "nan.wav", dtype="int16")[0], [0, 32767, -32767, 32767])


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_is_kept_to_the_letter(tmp_path: Path, text: str) -> None:
    write_text(tmp_path / "a.md", text, _recipe())
    assert read_text(tmp_path / "a.md") == text.removeprefix("\ufeff")


def test_foreign_front_matter_stays_text(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: mine\n---\n\nHello")
    assert read_text(tmp_path / "a.md").startswith("---\ntitle")


@pytest.mark.parametrize("rate", [3, 123_456])
def test_a_rate_a_format_cannot_hold_is_one_sentence(rate: int, tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="choose WAV"):
        write_audio(tmp_path / "a.mp3", np.zeros(10, np.float32), rate, _recipe())
    with pytest.raises(StudioError, match="use PNG"):
        write_image(tmp_path / "a.xyz", picture(), _recipe())
    assert list(tmp_path.iterdir()) == []


def test_ordinary_players_read_the_wav(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_audio(path, np.zeros((999, 2), np.float32), 44100, _recipe())
    assert soundfile.info(path).frames == 999
    kind = subprocess.run(["file", "-b", str(path)], capture_output=True, text=True, check=False).stdout
    assert not kind or "WAVE" in kind
