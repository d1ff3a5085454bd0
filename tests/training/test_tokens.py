"""Vocabularies: every text comes back, no token spans two Chinese characters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.forms import END, PAD, SPECIAL_TOKENS, TEXT
from aigc_studio.training.corpus import Document
from aigc_studio.training.tokens import save_vocabulary, train_vocabulary, train_words

DOCUMENTS = [
    Document("wujue", "静夜思", "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"),
    Document("tale", "The King", "Once there was a king. He had a daughter. She went away.\nThe end."),
] * 5
VOCABULARY = train_vocabulary(DOCUMENTS, 340)


def test_special_tokens_come_first() -> None:
    """Their ids are the same in every vocabulary."""
    assert [VOCABULARY.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(len(SPECIAL_TOKENS)))
    assert SPECIAL_TOKENS[:3] == (END, PAD, TEXT)


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    """Byte level: no unknown token, nothing normalised."""
    plain = text.replace("<|", "<")  # a special token in a text is one
    assert VOCABULARY.decode(VOCABULARY.encode(plain).ids) == plain


def test_no_token_spans_two_characters() -> None:
    """A frequent character is one token, a pair never."""
    ids = VOCABULARY.encode("明月明月").ids
    assert len(ids) == 4
    assert len(VOCABULARY.encode("king").ids) < 4


def test_training_is_deterministic() -> None:
    """The same documents give the same file."""
    again = train_vocabulary(DOCUMENTS, 340)
    assert again.to_str() == VOCABULARY.to_str()


def test_transformers_reads_it(tmp_path: Path) -> None:
    """Offline, as any folder."""
    transformers = pytest.importorskip("transformers")
    save_vocabulary(VOCABULARY, tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert loaded("明月 king")["input_ids"] == VOCABULARY.encode("明月 king").ids
    assert (loaded.eos_token, loaded.pad_token) == (END, PAD)
    assert loaded.decode(loaded(f"<|wujue|>{TEXT}月")["input_ids"], skip_special_tokens=True) == "月"


def test_words_of_any_script() -> None:
    """Scripts with spaces make words; the tokenizer begins a text by itself and gives any text back."""
    pytest.importorskip("transformers")
    texts = ["Москва слезам не верит. " * 20, "Der Fuchs ist schön. " * 20, "明月几时有。" * 20]
    words = train_words(texts, 420)
    assert train_words(texts, 420).backend_tokenizer.to_str() == words.backend_tokenizer.to_str()
    assert len(words("Москва слезам")["input_ids"]) < 8
    assert len(words("明月明月")["input_ids"]) == 5
    assert words("x")["input_ids"][0] == words.bos_token_id
    for text in (*texts, "naïve  \t\n\n“…” 👩‍🚀 สวัสดี"):
        assert words.decode(words(text)["input_ids"], skip_special_tokens=True) == text
    assert not set(words.get_vocab()).issuperset(SPECIAL_TOKENS)
