"""The vocabulary, the frame of a document, and rows that hold every token once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.forms import END, FORMS, PAD, SPECIAL_TOKENS, TEXT
from aigc_studio.training.corpus import Document, read_starter_data
from aigc_studio.training.tokens import Encoded, Vocabulary, pack, rows, save_vocabulary, train_vocabulary

DOCUMENTS = [
    Document("wujue", "静夜思", "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"),
    Document("tale", "The King", "Once there was a king. He had a daughter. She went away.\nThe end."),
] * 5
VOCABULARY = Vocabulary(train_vocabulary(DOCUMENTS, 340))


def test_special_tokens_come_first() -> None:
    """Their ids are the same in every vocabulary."""
    assert [VOCABULARY.tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(len(SPECIAL_TOKENS)))
    assert (VOCABULARY.end, VOCABULARY.pad, VOCABULARY.text) == (0, 1, 2)


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    """Byte level: no unknown token, nothing normalised."""
    plain = text.replace("<|", "<")  # a special token in a text is one
    assert VOCABULARY.tokenizer.decode(VOCABULARY.tokenizer.encode(plain).ids) == plain


def test_no_token_spans_two_characters() -> None:
    """A frequent character is one token, a pair never."""
    ids = VOCABULARY.tokenizer.encode("明月明月").ids
    assert len(ids) == 4
    assert len(VOCABULARY.tokenizer.encode("king").ids) < 4


def test_training_is_deterministic() -> None:
    """The same documents give the same file."""
    again = train_vocabulary(DOCUMENTS, 340)
    assert again.to_str() == VOCABULARY.tokenizer.to_str()


def test_transformers_reads_it(tmp_path: Path) -> None:
    """Offline, as any folder."""
    transformers = pytest.importorskip("transformers")
    save_vocabulary(VOCABULARY.tokenizer, tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert loaded("明月 king")["input_ids"] == VOCABULARY.tokenizer.encode("明月 king").ids
    assert (loaded.eos_token, loaded.pad_token) == (END, PAD)
    assert loaded.decode(loaded(f"<|wujue|>{TEXT}月")["input_ids"], skip_special_tokens=True) == "月"


def test_a_document_is_framed() -> None:
    """Form, title, text, body, end; without a title nothing stands before the text token."""
    poem = VOCABULARY.encode(DOCUMENTS[:1])[0]
    (piece,) = VOCABULARY.pieces(poem, 256)
    tokens = VOCABULARY.tokenizer.decode(piece, skip_special_tokens=False)
    assert tokens == f"<|wujue|>静夜思{TEXT}{DOCUMENTS[0].text}{END}"
    (bare,) = VOCABULARY.pieces(poem, 256, titled=False)
    assert bare[:2] == [VOCABULARY.forms["wujue"], VOCABULARY.text]


@given(st.integers(8, 60), st.lists(st.lists(st.integers(20, 300), min_size=1, max_size=70), min_size=1, max_size=6))
def test_pieces_hold_the_whole_body(limit: int, body: list[list[int]]) -> None:
    """In order, each within the limit and framed, the last one ended."""
    document = Encoded("tale", "en", (50, 51), tuple(map(tuple, body)))
    pieces = list(VOCABULARY.pieces(document, limit))
    joined: list[int] = []
    for piece in pieces:
        assert piece[0] == VOCABULARY.forms["tale"]
        joined += piece[piece.index(VOCABULARY.text) + 1 :]
        assert len(piece) <= limit + (piece is pieces[-1])  # the end token may stand beyond
    assert joined == [id for chunk in body for id in chunk] + [VOCABULARY.end]


def test_an_epoch_is_a_function_of_its_seed(data: Path) -> None:
    """The same again, another for another epoch or seed; repeated languages occur as often as asked."""
    encoded = VOCABULARY.encode(read_starter_data(data))
    first = pack(encoded, VOCABULARY, 16, 1, 0, {"en": 3})
    assert first.dtype == np.int64
    assert first.shape[1] == 17
    assert np.array_equal(first, pack(encoded, VOCABULARY, 16, 1, 0, {"en": 3}))
    assert not np.array_equal(first[:3], pack(encoded, VOCABULARY, 16, 1, 1, {"en": 3})[:3])
    assert not np.array_equal(first[:3], pack(encoded, VOCABULARY, 16, 2, 0, {"en": 3})[:3])
    long = pack(encoded, VOCABULARY, 4, 1, 0, {"en": 3, "zh": 1})
    flat = [*long[:, :-1].ravel().tolist(), int(long[-1, -1])]
    assert flat.count(VOCABULARY.forms["poem"]) >= 3
    assert set(VOCABULARY.forms.values()) >= {id for id in flat if 3 <= id < 3 + len(FORMS)}


@given(st.integers(0, 60), st.integers(1, 20))
def test_rows_overlap_by_one(length: int, context: int) -> None:
    """Every id but the first is a target once; the remainder is dropped."""
    cut = rows(np.arange(length), context)
    assert cut.shape == (max(0, (length - 1) // context), context + 1)
    if len(cut):
        assert np.array_equal(cut[:, 1:].ravel(), np.arange(1, cut[:, 1:].size + 1))
