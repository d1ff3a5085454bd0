"""Every way a model folder can be wrong gives one sentence, before anything is loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.library.language import check_folder, folder_identity
from aigc_studio.core.library.weights import check_safetensors
from aigc_studio.engines.base import Model
from aigc_studio.engines.text import causal_lm

from .conftest import Collector

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture
def folder(framed_folder: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(framed_folder, tmp_path / "model"))


def load(folder: Path | None) -> causal_lm.Writer:
    """The folder as a job would load it."""
    return causal_lm.load(Model("x", "causal-lm", "X", folder), Collector())


def cut(path: Path, size: int) -> None:
    """Keep the first bytes only."""
    path.write_bytes(path.read_bytes()[:size])


def edit(path: Path, change: Callable[[dict], object]) -> None:
    """Change a JSON file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def unsafe(folder: Path) -> None:
    """Only pickled weights."""
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def longer(folder: Path) -> None:
    """Weights with something after their end."""
    with (folder / "model.safetensors").open("ab") as file:
        file.write(b"more")


def shards(folder: Path, **names: str) -> None:
    """An index of shards."""
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}), encoding="utf-8")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (lambda folder: shutil.rmtree(folder), "model-missing"),
    "config": (lambda folder: (folder / "config.json").unlink(), "model-incomplete"),
    "config-broken": (lambda folder: (folder / "config.json").write_text("{"), "model-damaged"),
    "config-list": (lambda folder: (folder / "config.json").write_text("[]"), "model-damaged"),
    "tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "model-incomplete"),
    "weights": (lambda folder: (folder / "model.safetensors").unlink(), "model-incomplete"),
    "empty": (lambda folder: cut(folder / "model.safetensors", 0), "model-damaged"),
    "no-header": (lambda folder: cut(folder / "model.safetensors", 100), "model-damaged"),
    "truncated": (lambda folder: cut(folder / "model.safetensors", 20_000), "model-damaged"),
    "longer": (longer, "model-damaged"),
    "noise": (lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 500), "model-damaged"),
    "pickle": (unsafe, "model-unsafe"),
    "shard-missing": (lambda folder: shards(folder, a="model-00001.safetensors"), "model-incomplete"),
    "shard-outside": (lambda folder: shards(folder, a="../model.safetensors"), "model-incomplete"),
    "code": (
        lambda folder: edit(folder / "config.json", lambda data: data.update(auto_map={"x": "y"}, model_type="mine")),
        "model-code",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(folder: Path, name: str) -> None:
    """With the right code, and a sentence without a field left open."""
    damage, code = DAMAGE[name]
    damage(folder)
    with pytest.raises(StudioError) as error:
        load(folder)
    assert error.value.code == code
    assert "{" not in str(error.value)


@pytest.mark.parametrize("share", range(1, 10))
def test_any_truncation_is_found(folder: Path, share: int) -> None:
    """Wherever the copy stopped."""
    path = folder / "model.safetensors"
    cut(path, path.stat().st_size * share // 10)
    with pytest.raises(StudioError):
        check_safetensors(path)


def test_a_whole_folder_passes(folder: Path) -> None:
    """The config is handed back."""
    assert check_folder(folder)["model_type"] == "llama"


def test_code_beside_a_known_model_is_ignored(folder: Path) -> None:
    """Many folders bring code that the library has long had itself: it is not run, and the model loads."""
    (folder / "evil.py").write_text("raise SystemExit('run')", encoding="utf-8")
    edit(folder / "config.json", lambda data: data.update(auto_map={"AutoModelForCausalLM": "evil.Model"}))
    assert load(folder).framed


def test_missing_tensors_are_found(folder: Path) -> None:
    """A file that is whole in itself but lacks weights does not write with random ones."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(StudioError) as error:
        load(folder)
    assert error.value.code == "model-damaged"


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.update(model_type="no-such-model"),
        lambda data: data.update(hidden_size="wide"),
        lambda data: data.update(hidden_size=64),
    ],
    ids=["type", "value", "shape"],
)
def test_a_config_that_does_not_fit_is_explained(folder: Path, change: Callable[[dict], object]) -> None:
    """Whatever the library raises becomes one sentence."""
    edit(folder / "config.json", change)
    with pytest.raises(StudioError) as error:
        load(folder)
    assert error.value.code in ("model-load", "model-damaged")
    assert "\n" not in str(error.value)


def test_a_broken_tokenizer_is_explained(folder: Path) -> None:
    """The same for the other half of the folder."""
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StudioError):
        load(folder)


def test_no_folder_at_all() -> None:
    """A request without a model."""
    with pytest.raises(StudioError) as error:
        load(None)
    assert error.value.code == "model-missing"


def test_cancel_while_loading(folder: Path) -> None:
    """Between the files a cancel is heard."""
    for after in (1, 2, 3):
        context = Collector()
        context.cancel_after = after
        with pytest.raises(Cancelled):
            causal_lm.load(Model("x", "causal-lm", "X", folder), context)


def test_identity_tells_models_apart(folder: Path) -> None:
    """The same files, the same identity; another shape, another."""
    from safetensors.torch import load_file, save_file

    first = folder_identity(folder)
    assert folder_identity(folder) == first
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"] = weights["model.norm.weight"].half()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert folder_identity(folder) != first
