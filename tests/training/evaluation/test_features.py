"""Which network looks: in which order they are taken, what each of them does, and that a damaged one is passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aigc_studio.core import catalogue
from aigc_studio.core.library.clip import PART
from aigc_studio.core.library.detect import read_model
from aigc_studio.nets import files, inception
from aigc_studio.nets.masked import Encoder
from aigc_studio.nets.random_features import WIDTH, RandomFeatures
from aigc_studio.training.evaluation.clip import Clip
from aigc_studio.training.evaluation.features import clip_model, features, network, random_network, rgb

PICTURES = torch.linspace(-1, 1, 3 * 3 * 20 * 24).reshape(3, 3, 20, 24)


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP model of a few thousand weights, with a tokenizer of letters."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import CLIPConfig, CLIPModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny-clip"
    letters = ["<pad>", "<s>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz "]
    words = Tokenizer(models.WordLevel({letter: id for id, letter in enumerate(letters)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    words.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.save_pretrained(folder)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={
            **shape,
            "vocab_size": len(letters),
            "max_position_embeddings": 12,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        },
        vision_config={**shape, "image_size": 16, "patch_size": 8},
        projection_dim=8,
    )
    torch.manual_seed(0)
    CLIPModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder."""
    monkeypatch.setattr(catalogue, "folders", lambda: (tmp_path,))
    monkeypatch.setattr(catalogue, "parts", lambda of=(): ())
    return tmp_path


class Found:
    """What the list of models says of a part."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.title = folder, folder.name

    def problem_now(self) -> None:
        """Nothing is wrong with it."""


def test_without_any_model_the_random_network_looks(home: Path) -> None:
    assert network().id == "random"
    assert not network().published
    assert clip_model(network()) is None


def test_the_random_network_is_the_same_everywhere_and_knows_sizes_and_colours() -> None:
    found, logits = features(random_network(), [PICTURES])
    assert found.shape == (3, WIDTH)
    assert logits is None
    again, _ = features(random_network(), PICTURES.split(1))
    assert np.allclose(found, again, atol=1e-4)
    assert RandomFeatures().get_buffer("weights_0").flatten()[:3].tolist() == pytest.approx(
        [-0.45352, 0.07964, 0.04953], abs=1e-4
    )
    larger = torch.nn.functional.interpolate(PICTURES, (200, 240), mode="bicubic")
    assert np.abs(features(random_network(), [larger])[0] - found).mean() < 0.2 * np.abs(found[0] - found[2]).mean()


def test_grey_and_transparent_pictures_are_seen_in_three_channels() -> None:
    grey = torch.full((1, 1, 2, 2), 0.5)
    assert rgb(grey).shape == (1, 3, 2, 2)
    half = torch.tensor([-1.0, -1.0, -1.0, 0.0]).reshape(1, 4, 1, 1)
    assert rgb(half).flatten().tolist() == [0, 0, 0]
    assert rgb(torch.tensor([[[[5.0]], [[-5.0]], [[0.0]]]])).flatten().tolist() == [1, -1, 0]
    assert features(random_network(), [])[0].shape[0] == 0


@pytest.mark.allow_log("ERROR")
def test_an_encoder_of_our_own_is_taken_before_the_random_network(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Encoder(size=16, patch=8, width=16, layers=1, heads=2, decoder_width=16, decoder_layers=1)
    (home / "eye").mkdir()
    files.save(home / "eye", net)
    monkeypatch.setattr(catalogue, "parts", lambda of=(): (Found(home / "eye"),) if of == ("encoder:pictures",) else ())
    found = network()
    assert (found.id, found.title) == ("encoder", "own encoder eye")
    assert features(found, [PICTURES])[0].shape == (3, 16)
    (home / "eye" / "model.safetensors").write_bytes(b"broken")
    assert network().id == "random"


def test_a_clip_model_is_taken_before_an_encoder_and_scores_words(
    home: Path, clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "parts", lambda of=(): (Found(clip_folder),))
    found = network()
    assert (found.id, found.title) == ("clip", "CLIP tiny-clip")
    seen, _ = features(found, [PICTURES])
    assert seen.shape == (3, 8)
    clip = clip_model(found)
    assert clip is found.clip
    assert clip is not None
    one, other = clip.images(PICTURES[:1]), clip.texts(["a fox"])
    wanted = 100 * max(0.0, float(torch.nn.functional.cosine_similarity(one, other)))
    assert clip.scores(PICTURES[:1], ["a fox"]).tolist() == pytest.approx([wanted])
    assert np.allclose(clip.texts(["fox", "a" * 400])[0], clip.texts(["fox"])[0], atol=1e-5)


def test_clip_sees_what_the_library_says_it_should(clip_folder: Path) -> None:
    """Our preparation of pictures against that of transformers, on a square picture of another size."""
    from PIL import Image
    from transformers import CLIPImageProcessorPil, CLIPModel

    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)).resize((40, 40), Image.Resampling.BICUBIC)
    theirs = CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})
    given = theirs(images=image, return_tensors="pt")["pixel_values"]
    net = CLIPModel.from_pretrained(clip_folder)
    with torch.no_grad():
        answer: Any = net.get_image_features(pixel_values=given)
    wanted = getattr(answer, "pooler_output", answer)
    ours = Clip(clip_folder).images(torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1)
    assert torch.allclose(ours, wanted, atol=0.02 * float(wanted.abs().max()))


def test_the_library_knows_a_clip_model_as_a_part(clip_folder: Path, tmp_path: Path) -> None:
    found = read_model(clip_folder)
    assert found is not None
    assert (found.kind, found.facts["part"], found.problem) == ("part", PART, None)
    config = json.loads((clip_folder / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    bare = read_model(tmp_path)
    assert bare is not None
    assert bare.problem is not None
    assert bare.facts["part"] == PART


@pytest.mark.allow_log("ERROR")
def test_a_file_with_the_name_of_the_published_weights_is_checked(home: Path) -> None:
    (home / inception.FILE).write_bytes(b"something else")
    assert network().id == "random"
    with pytest.raises(ValueError, match="not the published file"):
        inception.load(home / inception.FILE)
