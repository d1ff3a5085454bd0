"""What looks like a model when it is dropped: by names alone, and never a folder of pictures or a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_studio.ui.models.drop import candidates


def files(folder: Path, *names: str) -> Path:
    """A folder with empty files."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ("model_index.json",),
        ("config.json", "model.safetensors"),
        ("config.json", "pytorch_model.bin"),
        ("one.safetensors", "two.safetensors"),
        ("sdxl/model_index.json", "notes.txt"),
        ("org/sdxl/model_index.json",),
        ("snapshots/abc/config.json", "snapshots/abc/model.safetensors"),
    ],
)
def test_models_and_folders_of_models_are_seen(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Also those that cannot be read here: the person is told why."""
    folder = files(tmp_path / "dropped", *names)
    assert candidates([folder]) == [folder]


@pytest.mark.parametrize(
    "names",
    [
        ("a.png", "b.jpg"),
        ("package.json", "config.json"),
        ("project.aigc", "assets/x.png", "old/model_index.json"),
        ("a/b/c/d/model_index.json",),
        (),
    ],
)
def test_other_folders_go_the_usual_way(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Pictures, programs, projects, what lies too deep."""
    folder = tmp_path / "dropped"
    folder.mkdir()
    assert candidates([files(folder, *names)]) == []


def test_single_files(tmp_path: Path) -> None:
    """By their ending, whatever its case; a picture is none, nor what is not there."""
    files(tmp_path, "a.safetensors", "B.SAFETENSORS", "c.ckpt", "d.png")
    found = candidates([tmp_path / name for name in ("a.safetensors", "B.SAFETENSORS", "c.ckpt", "d.png", "no.ckpt")])
    assert [path.name for path in found] == ["a.safetensors", "B.SAFETENSORS", "c.ckpt"]


def test_a_folder_of_very_many_files_is_quick(tmp_path: Path) -> None:
    """Only the first few hundred names are looked at."""
    folder = files(tmp_path / "many", *(f"{number}.txt" for number in range(1500)))
    assert candidates([folder]) == []
