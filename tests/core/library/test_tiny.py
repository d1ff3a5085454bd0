"""Folders as the libraries save them: a tiny model of every class is recognised as what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aigc_studio.core import catalogue
from aigc_studio.core.requests import KINDS
from aigc_studio.engines import registry

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_torch_thread")]


def named_class(folder: Path) -> str:
    """The class that a folder's own index or config names."""
    index = folder / "model_index.json"
    if index.is_file():
        return json.loads(index.read_text(encoding="utf-8"))["_class_name"]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config["architectures"][0] if "architectures" in config else config["_class_name"]


def test_every_tiny_model_is_recognised(tmp_path: Path) -> None:
    """By its class, without a problem, with a family that can be fitted to what was found."""
    pytest.importorskip("diffusers")
    makers = pytest.importorskip("tests.tiny.__main__").makers
    made = {name: maker(tmp_path / name) for name, maker in makers()}
    assert len(made) > 20
    for name, path in made.items():
        entry = next(entry for entry in catalogue.inspect(path) if entry.path == path)
        assert entry.problem is None, f"{name}: {entry.problem}"
        assert entry.kind in (*KINDS, "part"), name
        if path.is_dir():
            assert entry.facts["architecture"] == named_class(path), name
        if entry.kind == "part":
            assert entry.facts["part"] in catalogue.TYPES, name
            continue
        family = registry.declared(entry.family, entry.facts)
        assert family.kind == entry.kind, name
        assert family.tasks, name
        for task in family.tasks:
            family.values(task.id, {})  # what was found lies within the form's bounds
