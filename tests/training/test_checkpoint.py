"""Trees of tensors and values come back as they were, and a damaged file is no checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.training import checkpoint

LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=6)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4) | st.integers(0, 99), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(tree=st.dictionaries(st.text(max_size=4), TREES, max_size=3))
def test_values_come_back(tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("tree") / "a.safetensors"
    tree = _clean(tree)
    checkpoint.save(path, tree)
    assert checkpoint.load(path) == tree


def _clean(value: Any) -> Any:
    """Half surrogates cannot be stored in JSON as UTF-8; nobody has them in a checkpoint."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_clean(item) for item in value)
    return value


def test_tensors_come_back_also_tied_and_cut_ones(tmp_path: Path) -> None:
    weight = torch.randn(4, 6)
    tree = {"a": weight, "b": weight, "c": weight.T, "d": weight[1:3], "e": torch.tensor(3), "f": torch.empty(0)}
    checkpoint.save(tmp_path / "a.safetensors", tree)
    back = checkpoint.load(tmp_path / "a.safetensors")
    assert all(torch.equal(back[name], value) for name, value in tree.items())


def test_the_state_of_an_optimiser_comes_back(tmp_path: Path) -> None:
    net = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(net.parameters())
    net(torch.randn(5, 3)).sum().backward()
    optimiser.step()
    checkpoint.save(tmp_path / "a.safetensors", optimiser.state_dict())
    other = torch.optim.AdamW(net.parameters())
    other.load_state_dict(checkpoint.load(tmp_path / "a.safetensors"))
    for one, two in zip(optimiser.state.values(), other.state.values(), strict=True):
        assert all(torch.equal(torch.as_tensor(one[name]), torch.as_tensor(two[name])) for name in one)


@pytest.mark.parametrize("cut", [0, 4, 40, 150])
def test_the_former_checkpoint_is_read_where_the_newest_is_damaged(tmp_path: Path, cut: int) -> None:
    checkpoint.save_latest(tmp_path, {"step": 1, "w": torch.ones(20)})
    checkpoint.save_latest(tmp_path, {"step": 2, "w": torch.ones(20)})
    path = tmp_path / checkpoint.NAME
    path.write_bytes(path.read_bytes()[:cut])
    assert checkpoint.load_latest(tmp_path)["step"] == 1


def test_other_files_are_no_checkpoints(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"w": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"Expecting value"):
        checkpoint.load(tmp_path / "a.safetensors")
    assert checkpoint.load_latest(tmp_path) is None


def test_what_cannot_be_kept_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="set"):
        checkpoint.save(tmp_path / "a.safetensors", {"a": {1, 2}})
    assert not list(tmp_path.iterdir())
