"""Our own networks' folders: recognised without torch, and what is wrong with one is said in one sentence."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.catalogue import inspect
from aigc_studio.core.library.entry import Entry
from aigc_studio.core.library.known import PARTS
from aigc_studio.engines import registry

FAMILIES = {
    "AIGCStudioGAN": "gan",
    "AIGCStudioVAE": "vae",
    "AIGCStudioVQVAE": "vqvae",
    "AIGCStudioTranslator": "translator",
}


def write(folder: Path, name: str = "AIGCStudioGAN", tensors: dict[str, list[int]] | None = None, **more: Any) -> Path:
    """A folder as the training leaves it; the weights are noughts."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"_class_name": name, "format": 1, "size": 64, "labels": [], **more}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    header: dict[str, Any] = {}
    at = 0
    for key, shape in (tensors or {"start": [4]}).items():
        count = 4
        for side in shape:
            count *= side
        header[key] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + count]}
        at += count
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    return folder


def only(folder: Path) -> Entry:
    (entry,) = inspect(folder)
    return entry


@pytest.mark.parametrize("name", FAMILIES)
def test_each_class_is_its_family(name: str, tmp_path: Path) -> None:
    """With a form that is fitted to it."""
    entry = only(write(tmp_path / "m", name, labels=["a", "b"]))
    assert (entry.family, entry.kind, entry.problem) == (FAMILIES[name], "image", None)
    assert entry.facts["size"] == 64
    assert entry.facts["labels"] == ["a", "b"]
    assert entry.facts["digest"]
    family = registry.declared(entry.family, entry.facts)
    for task in family.tasks:
        family.values(task.id, {})


def test_an_encoder_is_a_part(tmp_path: Path) -> None:
    """Of a type that the recipes ask for."""
    entry = only(write(tmp_path / "m", "AIGCStudioEncoder"))
    assert (entry.kind, entry.family, entry.problem) == ("part", "", None)
    assert entry.facts["part"] in PARTS
    (param,) = [param for param in registry.family("train-vqvae").params if param.id == "encoder"]
    assert entry.facts["part"] in param.of


def test_sliders_are_counted_in_the_header(tmp_path: Path) -> None:
    """Directions of a GAN, entries of a VAE; nothing where a half is missing."""
    extra = {"start": [4], "extra.directions": [5, 8], "extra.scales": [5]}
    assert only(write(tmp_path / "gan", tensors=extra)).facts["directions"] == 5
    extra = {"start": [4], "extra.dims": [3], "extra.scales": [3]}
    assert only(write(tmp_path / "vae", "AIGCStudioVAE", tensors=extra)).facts["directions"] == 3
    assert only(write(tmp_path / "half", tensors={"extra.dims": [3]})).facts["directions"] == 0
    assert only(write(tmp_path / "none")).facts["directions"] == 0


def test_what_is_missing_or_cut(tmp_path: Path) -> None:
    """The weights, a part of them, everything in them."""
    folder = write(tmp_path / "m")
    data = (folder / "model.safetensors").read_bytes()
    for broken in (data[:-1], data[:9], b""):
        (folder / "model.safetensors").write_bytes(broken)
        problem = only(folder).problem
        assert problem is not None
        assert problem.code == "model-damaged"
    (folder / "model.safetensors").unlink()
    problem = only(folder).problem
    assert problem is not None
    assert problem.code == "model-incomplete"
    assert only(folder).family == "gan"


@pytest.mark.parametrize(
    "more",
    [
        {"size": 1 << 40},
        {"size": "64"},
        {"size": True},
        {"size": None},
        {"format": 0},
        {"format": "1"},
        {"labels": {}},
        {"labels": [1]},
    ],
)
def test_a_crafted_config_is_said_to_be_damaged(more: dict[str, Any], tmp_path: Path) -> None:
    """And offered to nobody."""
    problem = only(write(tmp_path / "m", **more)).problem
    assert problem is not None
    assert problem.code == "model-damaged"


def test_a_newer_format_is_said(tmp_path: Path) -> None:
    """What to do about it, too."""
    problem = only(write(tmp_path / "m", format=2)).problem
    assert problem is not None
    assert problem.code == "model-version"
    assert "newer" in str(problem)


def test_a_trained_model_has_the_name_it_was_given(tmp_path: Path) -> None:
    """Its id is the folder's, which no other has; a file of the same name from another program is none of ours."""
    one, other = write(tmp_path / "leaves-1a2b"), write(tmp_path / "leaves-3c4d")
    for folder in (one, other):
        (folder / "training.json").write_text(json.dumps({"recipe": "train-gan", "title": "Leaves\n in  autumn"}))
    found = {entry.id: entry.title for entry in inspect(tmp_path)}
    assert found == {"leaves-1a2b": "Leaves in autumn", "leaves-3c4d": "Leaves in autumn"}
    for text in (
        '{"title": "Foreign"}',
        '{"recipe": "x", "title": 7}',
        "[]",
        "{",
        '{"recipe": "x", "title": "\\u0000"}',
    ):
        (one / "training.json").write_text(text)
        assert only(one).title == "leaves-1a2b"


def test_long_names_are_cut(tmp_path: Path) -> None:
    """Of as many as anybody needs."""
    labels = only(write(tmp_path / "m", labels=["x" * 900] * 900)).facts["labels"]
    assert len(labels) == 64
    assert all(len(label) == 80 for label in labels)


@pytest.mark.parametrize("name", [*FAMILIES, "AIGCStudioEncoder"])
def test_sizes_are_bounded_as_the_network_bounds_them(name: str, tmp_path: Path) -> None:
    """What is listed as whole can be loaded."""
    files = pytest.importorskip("aigc_studio.nets.files")
    low, high = files.CLASSES[name].BOUNDS["size"]
    for size in (low, high):
        assert only(write(tmp_path / f"{size}", name, size=size)).problem is None
    for size in (low - 1, high + 1):
        problem = only(write(tmp_path / f"{size}", name, size=size)).problem
        assert problem is not None
        assert problem.code == "model-damaged"
