"""Pieces of texts and conversations: nothing lost, nothing learned that is not an answer."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.errors import StudioError
from aigc_studio.training.corpus import Document
from aigc_studio.training.framing import PLAIN_TEMPLATE, Framing, Passage, form_of
from aigc_studio.training.tokens import save_vocabulary, train_vocabulary, train_words
from tests.tiny import text as tiny

transformers = pytest.importorskip("transformers")

DOCUMENTS = [
    Document("wujue", "静夜思", "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"),
    Document("wujue", "登鹳雀楼", "白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。"),
    Document("fable", "The Fox", "A hungry Fox saw some fine grapes. He could not reach them."),
]
TALE = "A hungry Fox saw some fine grapes. He could not reach them.\n\n“They are sour,” he said, and went away."
WORDS = train_words([TALE, *(document.text for document in DOCUMENTS)], 400)
TALK = (("system", "You are brief."), ("user", "Who?"), ("assistant", "A fox."), ("user", "Why?"), ("assistant", "No."))


def learned(tokenizer: Any, piece: Any) -> str:
    """What of a piece is to be learned, as text with the special tokens."""
    return tokenizer.decode([id for id, mark in zip(piece.ids, piece.learn, strict=True) if mark])


def pieces(framing: Framing, *passages: Passage) -> list[list[Any]]:
    """A list for each passage."""
    return list(framing.pieces(passages))


@given(st.text(st.sampled_from("ab .\n狐狸，。<|end|>"), min_size=1, max_size=300), st.integers(16, 64))
def test_a_text_is_learned_once_and_whole(text: str, context: int) -> None:
    """The learned ids of all pieces are the text and its end mark; no piece is longer than the view and one."""
    (found,) = pieces(Framing(WORDS, context), Passage("", text))
    assert all(len(piece.ids) <= context + 1 and len(piece.learn) == len(piece.ids) for piece in found)
    assert all(piece.learn[0] == 0 for piece in found)
    ids = [id for piece in found for id, mark in zip(piece.ids, piece.learn, strict=True) if mark]
    assert WORDS.decode(ids) == text + "<|end|>"
    assert ids.count(WORDS.eos_token_id) == 1


def test_titles_are_headings_that_may_be_left_out() -> None:
    """Between the begin mark and the text; the range of the title covers nothing else."""
    ((piece,),) = pieces(Framing(WORDS, 200), Passage("The  Fox", TALE))
    assert WORDS.decode(piece.ids).startswith("<|begin|># The Fox\n\nA hungry")
    start, stop = piece.title
    assert WORDS.decode(piece.ids[:start] + piece.ids[stop:]) == f"<|begin|>{TALE}<|end|>"


def test_long_texts_are_cut_between_sentences_and_read_on() -> None:
    """A later piece begins with the end of the one before, which is not learned twice."""
    text = " ".join(f"The fox number {number} went away." for number in range(40))
    (found,) = pieces(Framing(WORDS, 64), Passage("Foxes", text))
    assert len(found) > 5
    for before, after in pairwise(found):
        assert WORDS.decode(before.ids).endswith(".")
        overlap = after.learn.count(0)
        assert after.ids[:overlap] == before.ids[-overlap:]
        assert after.title == (0, 0)


def test_the_starter_writers_frames(tmp_path: Path) -> None:
    """As its own training frames: form, title, text mark; what looks like a mark is text."""
    save_vocabulary(train_vocabulary(DOCUMENTS, 330), tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    framing = Framing(tokenizer, 64)
    assert framing.framed
    for document in DOCUMENTS:
        ((piece,),) = pieces(framing, Passage(document.title, document.text))
        spelled = tokenizer.decode(piece.ids)
        assert spelled == f"<|{document.form}|>{document.title}<|text|>{document.text}<|end|>"
        start, stop = piece.title
        assert tokenizer.decode(piece.ids[start:stop]) == document.title
        assert piece.learn.count(0) == 1
    ((piece,),) = pieces(framing, Passage("", "<|end|>"))
    assert piece.ids.count(tokenizer.eos_token_id) == 1
    for chosen, own, expected in (("tale", "poem", "tale"), ("auto", "poem", "poem"), ("auto", "", "fable")):
        ((piece,),) = pieces(Framing(tokenizer, 64, chosen), Passage("", DOCUMENTS[2].text, form=own))
        assert tokenizer.convert_ids_to_tokens(piece.ids[0]) == f"<|{expected}|>"


def test_forms_of_texts() -> None:
    """Verse by its clauses, English by its length and its lines."""
    assert form_of(DOCUMENTS[0].text) == "wujue"
    assert form_of(TALE) == "fable"
    assert form_of(TALE * 40) == "tale"
    assert form_of("I celebrate myself,\nAnd sing myself,\nAnd what I assume\nyou shall assume,") == "poem"


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tokenizer of a model that follows instructions."""
    folder = tmp_path_factory.mktemp("qwen")
    tiny.make_qwen2(folder)
    return transformers.AutoTokenizer.from_pretrained(folder)


def test_only_answers_are_learned(chat: Any) -> None:
    """Through the model's own template, with the mark that ends a turn."""
    ((piece,),) = pieces(Framing(chat, 400), Passage("", "", TALK))
    assert chat.decode(piece.ids) == chat.apply_chat_template(
        [{"role": role, "content": text} for role, text in TALK], tokenize=False
    )
    assert learned(chat, piece) == "A fox.<|im_end|>\nNo.<|im_end|>\n"


def test_a_conversation_cannot_pretend(chat: Any) -> None:
    """A mark of the template within a text is text."""
    ((piece,),) = pieces(Framing(chat, 400), Passage("", "", (("user", "a<|im_end|>b"), ("assistant", "c<|im_end|>"))))
    end = chat.convert_tokens_to_ids("<|im_end|>")
    assert piece.ids.count(end) == 2
    assert pieces(Framing(chat, 400), Passage("", "x", (("user", "x"),)))[0] == []


def test_a_template_that_rewrites_earlier_answers(chat: Any) -> None:
    """Each answer is a piece of its own, as it is written when it is the last."""
    template = chat.chat_template
    try:
        chat.chat_template = (
            "{% for message in messages %}{{ message['role'] + ': ' }}"
            "{% if message['role'] == 'assistant' and not loop.last %}{{ '(short)' }}"
            "{% else %}{{ message['content'] }}{% endif %}{{ '\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
        )
        ((one, two),) = pieces(Framing(chat, 400), Passage("", "", TALK))
        assert learned(chat, one) == "A fox.\n"
        assert learned(chat, two) == "No.\n"
        assert "(short)" in chat.decode(two.ids)
        chat.chat_template = "{{ raise_exception('no system') if messages[0]['role'] == 'system' }}" + template
        ((piece,),) = pieces(Framing(chat, 400), Passage("", "", TALK))
        assert "user\nYou are brief.\n\nWho?" in chat.decode(piece.ids)
        chat.chat_template = "{{ raise_exception('never') }}"
        with pytest.raises(StudioError) as error:
            pieces(Framing(chat, 400), Passage("", "", TALK))
        assert error.value.code == "chat-template"
    finally:
        chat.chat_template = template


def test_the_plain_template() -> None:
    """A model that had none gets instructions and responses, each response with the end mark."""
    tokenizer = train_words([TALE], 300)
    tokenizer.chat_template = PLAIN_TEMPLATE
    ((piece,),) = pieces(Framing(tokenizer, 400), Passage("", "", TALK))
    assert learned(tokenizer, piece) == "A fox.<|end|>No.<|end|>"
    assert tokenizer.decode(piece.ids).startswith("<|begin|>You are brief.\n\n### Instruction:\nWho?")


@pytest.mark.parametrize(("answer", "kept"), [("yes " * 30, "yes"), ("no", "no")])
def test_long_conversations_lose_their_beginning(chat: Any, answer: str, kept: str) -> None:
    """What is learned stays within the view, with something before it."""
    framing = Framing(chat, 64)
    ((piece,),) = pieces(framing, Passage("", "", (("user", "why " * 60), ("assistant", answer))))
    assert len(piece.ids) == 65
    assert framing.cut == 1
    assert learned(chat, piece).startswith(kept)
    assert piece.learn.count(0) >= 30


def test_slow_tokenizers_are_marked_by_their_parts(chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot say where its tokens stand."""
    monkeypatch.setattr(type(chat), "is_fast", False)
    ((piece,),) = pieces(Framing(chat, 400), Passage("", "", TALK))
    assert learned(chat, piece) == "A fox.<|im_end|>\nNo.<|im_end|>\n"
    ((one,),) = pieces(Framing(chat, 400), Passage("", TALE))
    assert TALE in chat.decode(one.ids)


def test_a_model_without_an_end_is_refused(chat: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would never stop."""
    monkeypatch.setitem(chat._special_tokens_map, "eos_token", None)
    with pytest.raises(StudioError) as error:
        Framing(chat, 64)
    assert error.value.code == "model-tokenizer"
