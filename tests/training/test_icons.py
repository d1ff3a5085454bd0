"""The icon painter: scenes and what they are called, what is never shown, how a picture is judged, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from aigc_studio.core.errors import StudioError
from aigc_studio.core.library.detect import read_model
from aigc_studio.core.runs import RunFolder
from aigc_studio.training import checkpoint, icon_evaluation, starter_icons
from aigc_studio.training.caption_tokens import train_tokenizer
from aigc_studio.training.icon_scenes import COLOURS, PLACES, Scene, Scenes, held_out, prompt_of, read_drawings

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NAMES = (("disc", "圆"), ("box", "方块"), ("arrow right", "右箭头"), ("wedge", "楔子"), ("egg", "蛋"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five drawings of 32 px with their names."""
    place = tmp_path_factory.mktemp("drawings")
    (place / "png").mkdir()
    lines = ["file\ten\tzh"]
    for number, (en, zh) in enumerate(NAMES):
        image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
        pen = ImageDraw.Draw(image)
        colour = ["red", "green", "blue", "#c0a010", "#eeddcc"][number]
        box, arrow = [(4, 8), (28, 8), (28, 24), (4, 24)], [(2, 14), (28, 2), (28, 26)]
        corners = [[], box, arrow, [(2, 2), (6, 30), (2, 30)], []]
        if corners[number]:
            pen.polygon(corners[number], fill=colour)
        else:
            pen.ellipse((3 + number, 3, 29 - number, 29), fill=colour)
        image.save(place / "png" / f"{number}.png")
        lines.append(f"{number}.png\t{en}\t{zh}")
    (place / "names.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def scenes(folder: Path) -> Scenes:
    return Scenes(*read_drawings(folder), 32)


def test_drawings_are_read_with_their_names(folder: Path, tmp_path: Path) -> None:
    drawings, pixels = read_drawings(folder)
    assert [(each.en, each.zh) for each in drawings] == list(NAMES)
    assert pixels.shape == (5, 32, 32, 4)
    assert [each.mirrors for each in drawings] == [True, True, False, True, True]
    assert len(read_drawings(folder, 2)[0]) == 2
    for spoil in (lambda: None, lambda: (tmp_path / "names.tsv").write_text("file\ten\tzh\nx.png\ta\tb\n")):
        spoil()
        with pytest.raises(StudioError) as caught:
            read_drawings(tmp_path)
        assert caught.value.code == "data-empty"


def test_a_drawing_lies_where_it_should_on_the_colour_that_was_named(scenes: Scenes) -> None:
    for number, place in enumerate(PLACES):
        for ground in (0, 8):
            picture = scenes.compose([Scene(0, ground, place=number)])[0]
            wanted = torch.tensor(COLOURS[ground].rgb) / 127.5 - 1
            drawn = (picture - wanted[:, None, None]).abs().amax(0) > 0.2
            rows, columns = (axis.float().mean() * 2 / 31 - 1 for axis in drawn.nonzero(as_tuple=True))
            assert columns == pytest.approx(place.x, abs=0.12)
            assert rows == pytest.approx(place.y, abs=0.12)
            assert drawn.float().mean() == pytest.approx(0.5 * place.scale**2, abs=0.15)
            assert icon_evaluation.background_of(picture) == ground


def test_gradients_go_from_one_colour_to_the_other(scenes: Scenes) -> None:
    empty = Scenes(scenes.drawings, np.zeros_like(scenes.pixels), 32)
    down, across, slanted = empty.compose([Scene(0, 0, 1, direction) for direction in range(3)])
    assert torch.allclose(down[:, 0, :], torch.ones(3, 32))
    assert down[0, -1, 0] < -0.7
    assert torch.allclose(across, down.transpose(1, 2))
    assert slanted[0, 0, 0] > 0.9 > -0.7 > slanted[0, -1, -1]


def test_mirrored_and_smaller_ones(scenes: Scenes) -> None:
    plain, mirrored = scenes.compose([Scene(3, 0), Scene(3, 0, mirrored=True)])
    assert torch.allclose(plain.flip(2), mirrored, atol=0.02)
    assert not torch.allclose(plain, mirrored, atol=0.5)


def test_what_is_held_out_is_never_drawn(scenes: Scenes) -> None:
    drawn = scenes.draw(3000, np.random.default_rng(1))
    shown = {(scene.drawing, ground, scene.place) for scene in drawn for ground in (scene.background, scene.second)}
    never = icon_evaluation.unseen_scenes(scenes, 1000, 1)
    assert never
    assert not shown & {(scene.drawing, scene.background, scene.place) for scene in never}
    assert {scene.drawing for scene in drawn} == set(range(5))
    assert not any(scene.mirrored for scene in drawn if scene.drawing == 2)
    assert drawn == scenes.draw(3000, np.random.default_rng(1))
    assert not any(held_out(drawing, 0, 0) for drawing in scenes.drawings)


@pytest.mark.parametrize(
    ("scene", "text"),
    [
        (Scene(0, 0), "disc"),
        (Scene(4, 0, wording=1), "an egg"),
        (Scene(0, 3), "a disc on a red background"),
        (Scene(4, 4, wording=1), "egg, orange background"),
        (Scene(4, 4, wording=2), "an egg on an orange background"),
        (Scene(1, 8, place=1), "a box in the top left corner on a blue background"),
        (Scene(1, 8, place=7), "a small box on a blue background"),
        (Scene(1, 0, 8, 1), "a box on a gradient from white to blue from left to right"),
        (Scene(0, 0, chinese=True), "圆"),
        (Scene(0, 8, chinese=True), "蓝色背景上的圆"),
        (Scene(0, 8, place=1, chinese=True), "蓝色背景上左上角的圆"),
        (Scene(0, 8, place=7, wording=1, chinese=True), "小小的圆，蓝色背景"),
        (Scene(1, 3, 8, 0, chinese=True), "从上到下从红色到蓝色的渐变背景上的方块"),
    ],
)
def test_what_scenes_are_called(scenes: Scenes, scene: Scene, text: str) -> None:
    assert prompt_of(scenes.drawings[scene.drawing], scene) == text


def test_the_judge_knows_what_was_painted(scenes: Scenes) -> None:
    """The scenes themselves are judged to be what they are, also moved and mirrored a little."""
    rng = np.random.default_rng(2)
    drawn = [scene for scene in scenes.draw(60, rng) if scene.second < 0]
    pictures = scenes.compose(drawn)
    judge = icon_evaluation.Judge(scenes)
    right = [judge.nearest(scene, pictures[at]) == scene.drawing for at, scene in enumerate(drawn)]
    assert np.mean(right) > 0.95
    noise = torch.rand(3, 32, 32) * 2 - 1
    assert judge.nearest(drawn[0], noise) in range(5)


def test_figures_of_a_perfect_and_of_a_blind_painter(scenes: Scenes) -> None:
    """A pipeline that knows the answers gets 1.0; one that paints white gets the named drawing by chance at most."""
    asked = {
        scenes.prompt(scene): scene
        for scene in (
            *icon_evaluation.named_scenes(scenes, 5, chinese=False),
            *icon_evaluation.named_scenes(scenes, 5, chinese=True),
            *icon_evaluation.unseen_scenes(scenes, 6, 1),
        )
    }

    class Painted:
        def __init__(self, images: list[Image.Image]) -> None:
            self.images = images

    def perfect(prompts: list[str], **_: Any) -> Painted:
        pixels = ((scenes.compose([asked[prompt] for prompt in prompts]) + 1) * 127.5).byte().permute(0, 2, 3, 1)
        return Painted([Image.fromarray(each) for each in pixels.numpy()])

    def blind(prompts: list[str], **_: Any) -> Painted:
        return Painted([Image.new("RGB", (32, 32), "white")] * len(prompts))

    how: dict[str, Any] = {"seed": 1, "steps": 2, "guidance": 1.0, "count": 6}
    figures, shown = icon_evaluation.evaluate(perfect, scenes, **how)
    assert [figures[name]["named_drawing"] for name in ("en", "zh", "unseen")] == [1.0, 1.0, 1.0]
    assert figures["unseen"]["background"] == 1.0
    assert len(shown) == 5 + 5 + 6
    figures, _ = icon_evaluation.evaluate(blind, scenes, **how)
    assert figures["en"]["named_drawing"] <= 0.2


def test_words_are_read_ahead_and_are_the_same(scenes: Scenes) -> None:
    tokenizer = train_tokenizer([scenes.prompt(scene) for scene in scenes.draw(200, np.random.default_rng(0))])
    ahead, fresh = (starter_icons.SceneSource(scenes, tokenizer, 3) for _ in range(2))
    try:
        found = [ahead.pairs(step, 4, lambda pictures: pictures) for step in range(3)]
        pictures, ids = fresh.pairs(2, 4, lambda pictures: pictures)
        assert torch.equal(found[2][0], pictures)
        assert torch.equal(found[2][1], ids)
        assert torch.equal(pictures, fresh.pictures(2, 4))
    finally:
        ahead.close()
        fresh.close()


def test_the_command_trains_goes_on_and_delivers(folder: Path, tmp_path: Path, capsys: Any) -> None:
    given = ["--data", str(folder), "--out", str(tmp_path / "run"), "--size", "32", "--network", "tiny", "--batch", "4"]
    given += ["--sample-every", "1000", "--samples", "2", "--measure", "2", "--autoencoder", "0.5"]
    assert starter_icons.main([*given, "--steps", "4"]) == 0
    assert checkpoint.load_latest(tmp_path / "run")["step"] == 4
    assert starter_icons.main([*given, "--steps", "6", "--model", str(tmp_path / "model")]) == 0
    lines, _ = RunFolder(tmp_path / "run").read()
    assert [line["step"] for line in lines if line.get("event") == "resume"] == [4]
    finding = read_model(tmp_path / "model")
    assert finding is not None
    assert finding.problem is None
    assert (finding.family, finding.facts["size"], finding.facts["guidance"]) == ("stable-diffusion", 32, 3.0)
    figures = json.loads((tmp_path / "model" / "figures.json").read_text())
    assert set(figures["unseen"]) == {"pictures", "named_drawing", "background"}
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "license: apache-2.0" in card
    assert "{" not in card
    assert (tmp_path / "model" / "samples.png").is_file()
    assert '"device": "cpu"' in capsys.readouterr().out
    assert starter_icons.main(["--data", str(tmp_path), "--out", str(tmp_path / "x")]) == 1
