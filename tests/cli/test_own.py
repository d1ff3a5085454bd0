"""Networks of our own from the command line: without words, film strips, a picture through them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from aigc_studio.engines.interpreter import missing_engine
from tests.cli.conftest import Run
from tests.tiny import own

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing_engine("torch") is not None, reason="the engine group is not installed"),
]


def test_strips_and_reconstructions(run: Run) -> None:
    """A seed, a walk, a person's picture, the way from one to another."""
    gan, vae = own.make_gan(Path("gan")), own.make_vae(Path("vae"))
    Image.new("RGB", (40, 30), "red").save("one.png")
    Image.new("RGB", (30, 40), "blue").save("other.png")
    for arguments, size in (
        (["image", "--model", str(gan), "--set", "enlarge=2"], (32, 32)),
        (["image", "--model", str(gan), "--strip", "--set", "frames=3", "--set", "enlarge=1"], (48, 16)),
        (["edit", "one.png", "--model", str(vae)], (256, 256)),
        (
            ["edit", "one.png", "--to", "other.png", "--model", str(vae), "--set", "frames=4", "--set", "enlarge=1"],
            (64, 16),
        ),
    ):
        code, out, err = run(*arguments, "--seed", "3", "--out", "made.png", "--json")
        assert code == 0, err
        assert json.loads(out)["seed"] == 3
        with Image.open("made.png") as image:
            assert image.size == size
        Path("made.png").unlink()


def test_every_result_is_made_again_from_its_recipe(run: Run) -> None:
    """Pixel by pixel, also one that stands on the recipe of another."""
    folder = Path("models")
    gan, vae, vqvae = own.make_gan(folder / "gan"), own.make_vae(folder / "vae"), own.make_vqvae(folder / "vqvae")
    translator = own.make_translator(folder / "translator")
    Image.linear_gradient("L").resize((44, 30)).convert("RGB").save("one.png")
    assert run("models", "add-folder", str(folder))[0] == 0
    common = ("--project", "mine", "--seed", "5", "--json")
    made = json.loads(run("image", "--model", str(gan), *common)[1])
    for arguments in (
        ["edit", made["id"], "--model", str(gan), "--set", "amount=0.2"],
        ["image", "--strip", "--model", str(vae), "--set", "direction_1=1.5", "--set", "stops=3"],
        ["image", "--model", str(vqvae), "--set", "sheet=2", "--set", "temperature=0.7"],
        ["edit", "one.png", "--model", str(vae), "--set", "amount=1"],
        ["edit", "one.png", "--model", str(translator), "--set", "direction=back"],
    ):
        code, _, err = run(*arguments, *common)
        assert code == 0, err
    code, out, _ = run("project", "reproduce", "mine")
    assert (code, out.splitlines()[-1]) == (0, "6 the same, 0 different, 0 could not be made."), out
