"""Networks as folders: what was saved comes back, and nothing else is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from aigc_studio.nets import files, gan, translator, vae, vqvae  # noqa: E402
from tests.tiny import own  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

MAKERS = {"gan": own.make_gan, "vae": own.make_vae, "vqvae": own.make_vqvae, "translator": own.make_translator}


def change(folder: Path, **values: Any) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize("name", MAKERS)
def test_what_was_saved_comes_back(name: str, tmp_path: Path) -> None:
    """Sizes, weights, and what was measured; ready to run, in float32."""
    folder = MAKERS[name](tmp_path / name)
    one, other = files.load(folder), files.load(folder)
    assert one.net.config() == other.net.config()
    assert not one.net.training
    for key, value in one.net.state_dict().items():
        assert torch.equal(value, other.net.state_dict()[key]), key
        assert value.dtype in (torch.float32, torch.int64)
        assert not value.is_meta, key
    kept = tmp_path / "again"
    kept.mkdir()
    files.save(kept, one.net, extra=one.extra, labels=one.labels)
    assert (kept / "config.json").read_bytes() == (folder / "config.json").read_bytes()
    again = files.load(kept)
    assert again.labels == one.labels
    assert again.extra.keys() == one.extra.keys()
    assert all(torch.equal(again.extra[key], value) for key, value in one.extra.items())


def test_half_the_bytes(tmp_path: Path) -> None:
    """Weights as float16 come back as float32; what was measured is kept as it is."""
    whole, half = own.make_gan(tmp_path / "whole"), own.make_gan(tmp_path / "half", half=True)
    assert (half / "model.safetensors").stat().st_size < 0.7 * (whole / "model.safetensors").stat().st_size
    one, other = files.load(whole), files.load(half)
    assert torch.equal(one.extra["directions"], other.extra["directions"])
    for key, value in other.net.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, one.net.state_dict()[key], atol=2e-3), key


BAD: dict[str, dict[str, Any]] = {
    "no class": {"_class_name": "AutoencoderKL"},
    "newer": {"format": 2},
    "too large": {"size": 1 << 30},
    "huge width": {"width": 1 << 40},
    "huge latent": {"latent": 10**9},
    "no number": {"latent": "8"},
    "true": {"mapping": True},
    "a half": {"latent": 8.5},
    "odd": {"size": 24},
    "negative": {"width": -4},
    "other": {"latent": 16},
    "labels": {"labels": 7},
    "labels of none": {"labels": [None]},
    "narrow": {"widest": 2},
}


@pytest.mark.parametrize("bad", BAD)
def test_a_crafted_config_is_refused(bad: str, tmp_path: Path) -> None:
    """In one sentence, and without the memory that it asks for."""
    folder = own.make_gan(tmp_path / "gan")
    change(folder, **BAD[bad])
    with pytest.raises(ValueError, match=r"."):
        files.load(folder)


def test_models_of_former_versions_are_what_they_were(tmp_path: Path) -> None:
    """Their configs do not name what came later."""
    import torch

    net: Any
    for name, net, later in (
        ("gan", gan.Generator(16, 8, 4, 8, smooth=0), "smooth"),
        ("vae", vae.VAE(16, 8, 4, 8, patch=1), "patch"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        files.save(folder, net)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        del config[later]
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        found: Any = files.load(folder).net
        assert found.config() == net.config()
        z = torch.randn(2, 8)
        make = (net.paint, found.paint) if name == "gan" else (net.decode, found.decode)
        assert torch.equal(*(each(z) for each in make))


def test_the_largest_config_takes_no_memory(tmp_path: Path) -> None:
    """Within the bounds but not what the weights are: refused before anything is allocated."""
    folder = own.make_gan(tmp_path / "gan")
    change(folder, size=512, width=512, widest=1024, latent=1024, mapping=8)
    with pytest.raises(ValueError, match=r"shape|has no"):
        files.load(folder)


@pytest.mark.parametrize("text", ["", "[", "[]", "null", '"a"', "{}", "[" * 100_000, "\xff"])
def test_a_broken_config_is_refused(text: str, tmp_path: Path) -> None:
    """Whatever stands in it."""
    folder = own.make_vae(tmp_path / "vae")
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"."):
        files.load(folder)


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    """Cut, empty, or of another network."""
    folder = own.make_vae(tmp_path / "vae")
    whole = (folder / "model.safetensors").read_bytes()
    other = (own.make_gan(tmp_path / "gan") / "model.safetensors").read_bytes()
    for data in (whole[:-1], whole[: len(whole) // 2], whole[:7], b"", other):
        (folder / "model.safetensors").write_bytes(data)
        with pytest.raises((ValueError, OSError)):
            files.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(OSError, match=r"."):
        files.load(folder)


def test_other_networks_are_not_saved(tmp_path: Path) -> None:
    """A critic is no model."""
    with pytest.raises(ValueError, match="Discriminator"):
        files.save(tmp_path, gan.Discriminator(8, 4, 4))


@pytest.mark.parametrize(
    "build",
    [
        lambda: gan.Generator(48),
        lambda: gan.Generator(4),
        lambda: gan.Generator(64, channels=5),
        lambda: gan.Discriminator(1024),
        lambda: vae.VAE(64, latent=1),
        lambda: vae.VAE(64, width=64, widest=32),
        lambda: vqvae.VQVAE(64, halvings=0),
        lambda: vqvae.VQVAE(512, halvings=2),
        lambda: vqvae.VQVAE(8, halvings=4),
        lambda: vqvae.VQVAE(64, prior_width=100, heads=7),
        lambda: translator.Translator(30),
        lambda: translator.Translator(width=1000),
        lambda: translator.Patches(layers=9),
    ],
)
def test_sizes_have_bounds(build: Any) -> None:
    """What lies outside is a ValueError that names it."""
    with pytest.raises(ValueError, match=r"size|latent|width|channels|halv|layers"):
        build()


def test_others_may_read_what_was_saved(tmp_path: Path) -> None:
    """The weights as well as the config."""
    folder = own.make_gan(tmp_path / "gan")
    modes = {(folder / name).stat().st_mode for name in ("config.json", "model.safetensors")}
    assert len(modes) == 1
