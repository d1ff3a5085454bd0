"""Tokenizers made from captions: words whole, Chinese characters one by one, the same whatever the order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.training.caption_tokens import LONGEST, load_tokenizer, save_tokenizer, token_ids, train_tokenizer

CAPTIONS = [
    "a red apple",
    "a blue apple on a white background",
    "蓝色背景上的苹果",
    "红苹果",
    "café crème",
    "3 apples!",
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(CAPTIONS)


def test_words_are_whole_and_characters_alone(tokenizer: Any) -> None:
    assert tokenizer.tokenize("a Red APPLE") == ["a</w>", "red</w>", "apple</w>"]
    zh = tokenizer.tokenize("苹果上的红")
    assert len(zh) == 5
    assert [token.endswith("</w>") for token in zh] == [False] * 4 + [True]
    assert len(tokenizer.tokenize("café")) == 1
    ids = tokenizer("苹果").input_ids
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)


def test_the_order_does_not_matter_and_files_say_the_same(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import CLIPTokenizer

    assert train_tokenizer(reversed(CAPTIONS + CAPTIONS)).get_vocab() == tokenizer.get_vocab()
    save_tokenizer(tokenizer, tmp_path)
    old: Any = {"vocab": str(tmp_path / "vocab.json"), "merges": str(tmp_path / "merges.txt")}
    for other in (load_tokenizer(tmp_path), CLIPTokenizer(**old)):
        for text in (*CAPTIONS, "", "unseen 龘 words"):
            assert other(text).input_ids == tokenizer(text).input_ids
    assert load_tokenizer(tmp_path).model_max_length == tokenizer.model_max_length


def test_lengths_fit_the_captions() -> None:
    assert train_tokenizer(["red"]).model_max_length == 16
    assert train_tokenizer(["苹" * 30]).model_max_length == 48
    assert train_tokenizer(["苹" * 300]).model_max_length == LONGEST
    assert train_tokenizer([]).model_max_length == 16
    ids = token_ids(train_tokenizer(CAPTIONS), ["", "苹" * 300])
    assert ids.shape[0] == 2
    assert ids[1, -1] == ids[0, -1]  # cut before its end mark


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Z", "C"]) | st.just(" "), max_size=40))
def test_any_text_comes_back(tokenizer: Any, text: str) -> None:
    """Every byte has a token: nothing becomes the unknown one."""
    plain = tokenizer.backend_tokenizer.normalizer.normalize_str(text)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    pieces = "".join(tokenizer.convert_ids_to_tokens(ids)).replace("</w>", "")
    if "<|" not in plain:
        from tokenizers.decoders import ByteLevel

        assert ByteLevel().decode([pieces]).replace(" ", "") == plain.replace(" ", "")
