"""The Inception network of 2015 as far as it can be told without its weights: names, sizes and pooling."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from aigc_studio.nets import inception


@pytest.fixture(scope="module")
def net() -> inception.Inception:
    torch.manual_seed(0)
    return inception.Inception().eval()


def test_it_has_the_weights_of_the_published_file(net: inception.Inception) -> None:
    """The ported file has 95,628,359 bytes: these weights and running figures, and its table of contents."""
    weights = sum(each.numel() for each in net.parameters())
    running = sum(each.numel() for name, each in net.named_buffers() if "running" in name)
    assert (weights, running) == (23_850_960, 34_432)
    assert 0 < 95_628_359 - 4 * (weights + running) < 200_000
    names = net.state_dict().keys()
    for name in ("Conv2d_1a_3x3.conv.weight", "Mixed_5b.branch_pool.bn.running_var", "Mixed_6a.branch3x3.conv.weight"):
        assert name in names
    assert net.state_dict()["Mixed_6c.branch7x7dbl_4.conv.weight"].shape == (160, 160, 7, 1)
    assert net.state_dict()["Mixed_7c.branch3x3dbl_3b.conv.weight"].shape == (384, 384, 3, 1)
    assert net.state_dict()["Mixed_7a.branch7x7x3_4.conv.weight"].shape == (192, 192, 3, 3)
    assert net.state_dict()["fc.weight"].shape == (1008, 2048)


def test_it_gives_features_and_logits_of_pictures_of_any_size(net: inception.Inception) -> None:
    with torch.no_grad():
        features, logits = net(torch.linspace(-1, 1, 3 * 20 * 30).reshape(1, 3, 20, 30))
    assert features.shape == (1, 2048)
    assert torch.allclose(logits, features @ net.fc.weight.T)
    assert (features >= 0).all()


def test_the_last_block_takes_the_maximum_and_edges_count_what_is_there(net: inception.Inception) -> None:
    assert [net.get_submodule(f"Mixed_{name}").pool for name in ("5b", "6e", "7b", "7c")] == ["mean"] * 3 + ["max"]
    block = net.Mixed_5b
    ones = torch.ones(1, 192, 5, 5)
    with torch.no_grad():
        pooled = block(ones)[:, -32:]
    assert torch.allclose(pooled, pooled[:, :, 2:3, 2:3].expand_as(pooled), atol=1e-5)


def test_weights_of_another_network_are_refused(net: inception.Inception, tmp_path: Path) -> None:
    weights = net.state_dict()
    older = {name: value for name, value in weights.items() if not name.endswith("num_batches_tracked")}
    assert not inception.built(older).training
    for spoiled in (
        {name: value for name, value in weights.items() if name != "fc.bias"},
        weights | {"more": torch.zeros(1)},
        weights | {"fc.bias": torch.zeros(7)},
    ):
        with pytest.raises(ValueError, match=r"weights|size"):
            inception.built(spoiled)
    (tmp_path / inception.FILE).write_bytes(b"x")
    assert not inception.is_the_published_one(tmp_path / inception.FILE)
