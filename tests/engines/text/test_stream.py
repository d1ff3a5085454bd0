"""Text shown piece by piece equals the decoding of the whole, whatever the ids, the borders and the stop strings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.engines.text.stream import Neat, Pieces, StopStrings, TextStream, Thoughts

from .conftest import DOCUMENTS

tokenizers = pytest.importorskip("tokenizers")

TEXTS = st.text(
    st.one_of(st.sampled_from("春眠不觉晓，ab .\n🙂👩‍👩‍👧é𬬻<think>"), st.characters(exclude_categories=["Cs"])),
    max_size=60,
)


def _byte_level() -> Callable[[Sequence[int]], str]:
    from aigc_studio.training.tokens import train_vocabulary

    tokenizer = train_vocabulary(DOCUMENTS, 320)
    return lambda ids: tokenizer.decode(list(ids), skip_special_tokens=True)


DECODE = _byte_level()
SIZE = 320


def stream(pieces: Pieces, ids: Sequence[int]) -> list[str]:
    """All pieces of some ids, the last one from `finish`."""
    return [*(pieces.feed(id) for id in ids), pieces.finish()]


@given(st.lists(st.integers(0, SIZE - 1), max_size=60))
def test_any_ids_stream_to_their_decoding(ids: list[int]) -> None:
    """Also for ids whose bytes are no text at all."""
    assert "".join(stream(Pieces(DECODE), ids)) == DECODE(ids)


@given(TEXTS)
def test_no_half_character_is_shown(text: str) -> None:
    """Every piece consists of characters of the text; bytes of one character wait for each other."""
    tokenizer = _bytes_only()
    ids = tokenizer.encode(text).ids
    pieces = stream(Pieces(lambda part: tokenizer.decode(list(part))), ids)
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


def _bytes_only() -> Any:
    """One id per byte: the hardest case for Chinese."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE({sign: id for id, sign in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


@given(st.text(st.sampled_from("春眠不 ab.\n🙂𬬻"), max_size=50))
def test_sentencepiece_style_decoders_stream_too(text: str) -> None:
    """Llama's kind: words begin with ▁, unknown characters fall back to bytes, the first space of a text goes."""
    signs = ["▁", "a", "b", ".", "\n", "春", "眠", "▁a", "ab"]
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {sign: 256 + n for n, sign in enumerate(signs)}
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocabulary, [("▁", "a"), ("a", "b")], byte_fallback=True, fuse_unk=True)
    )
    normalise = tokenizers.normalizers
    tokenizer.normalizer = normalise.Sequence([normalise.Prepend("▁"), normalise.Replace(" ", "▁")])
    decode = tokenizers.decoders
    tokenizer.decoder = decode.Sequence(
        [decode.Replace("▁", " "), decode.ByteFallback(), decode.Fuse(), decode.Strip(" ", 1, 0)]
    )
    ids = tokenizer.encode(text).ids
    whole = tokenizer.decode(ids)
    assert "".join(stream(Pieces(lambda part: tokenizer.decode(list(part))), ids)) == whole


def test_chinese_appears_with_its_punctuation_at_once() -> None:
    """No waiting for a space: each complete character is shown with the token that completes it."""
    tokenizer = _bytes_only()
    pieces = Pieces(lambda part: tokenizer.decode(list(part)))
    shown = [pieces.feed(id) for id in tokenizer.encode("月，").ids]
    assert shown == ["", "", "月", "", "", "，"]


def test_the_cost_of_a_token_does_not_grow() -> None:
    """The window that is decoded stays short over thousands of tokens."""
    longest = 0

    def decode(ids: Sequence[int]) -> str:
        nonlocal longest
        longest = max(longest, len(ids))
        return DECODE(ids)

    pieces = Pieces(decode)
    for id in tokenizers_ids("The fox said: 床前明月光，疑是地上霜。" * 40):
        pieces.feed(id)
    assert longest <= 12


def tokenizers_ids(text: str) -> list[int]:
    """Ids by the byte tokenizer shifted into the trained one's alphabet."""
    from aigc_studio.training.tokens import train_vocabulary

    return train_vocabulary(DOCUMENTS, 320).encode(text).ids


def cut(text: str, borders: list[int]) -> list[str]:
    """`text` in pieces, cut at the borders."""
    at = sorted({border % (len(text) + 1) for border in borders})
    return [text[a:b] for a, b in zip([0, *at], [*at, len(text)], strict=True)]


@given(
    st.text("abc|\n", max_size=40),
    st.lists(st.text("abc\n", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(0, 100), max_size=12),
)
def test_stop_strings_do_not_depend_on_the_borders(text: str, stops: list[str], borders: list[int]) -> None:
    """What is shown is the text before the first stop string, however the text came."""
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    stream = StopStrings(stops)
    shown = "".join(stream.feed(piece) for piece in cut(text, borders))
    assert stream.stopped == bool(found)
    if not stream.stopped:
        shown += stream.finish()
    first = min(found) if found else len(text)
    assert text.startswith(shown)
    # a shorter stop string inside a longer one may come first in a piecewise reading only when it ends first
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    earliest = min(ends, default=len(text))
    assert first <= len(shown) <= earliest if found else shown == text


def test_nothing_is_held_back_without_need() -> None:
    """Only a possible beginning of a stop string waits."""
    stream = StopStrings(["END"])
    assert stream.feed("the E") == "the "
    assert stream.feed("agle EN") == "Eagle "
    assert stream.feed("D and more") == ""
    assert stream.stopped
    assert stream.feed("nothing") == ""


@given(st.lists(st.integers(0, 200), max_size=15), st.text("xy ", max_size=8), st.text("xyz", max_size=8))
def test_thoughts_are_hidden(borders: list[int], thought: str, answer: str) -> None:
    """Whatever the borders; white space after a thought goes with it."""
    thoughts = Thoughts()
    text = f"a<think>{thought}</think>\n\n{answer}"
    shown = "".join(thoughts.feed(piece) for piece in cut(text, borders)) + thoughts.finish()
    assert shown == "a" + answer
    assert thoughts.length == len(thought)


def test_a_template_may_open_the_thought() -> None:
    """Then the text begins inside it; without an end nothing is shown."""
    assert Thoughts(inside="<think>").feed("hm</think>\nyes") == "yes"
    unfinished = Thoughts(inside="<think>")
    assert unfinished.feed("hm, I <b") + unfinished.finish() == ""
    assert unfinished.thinking


def test_a_lone_bracket_is_text() -> None:
    """What only looks like a tag is shown in the end."""
    thoughts = Thoughts()
    assert thoughts.feed("1 <") == "1 "
    assert thoughts.feed("2") == "<2"
    assert thoughts.feed("<thin") + thoughts.finish() == "<thin"


def test_the_whole_way() -> None:
    """Ids to pieces, without the thought, up to the stop string; `text` is what was shown."""
    tokenizer = _bytes_only()
    stream = TextStream(lambda part: tokenizer.decode(list(part)), ["。"], Thoughts(inside="<think>"))
    shown = "".join(stream.feed(id) for id in tokenizer.encode("想</think> 明月。再来").ids) + stream.finish()
    assert shown == stream.text == "明月"
    assert stream.stopped


def test_control_characters_are_not_shown() -> None:
    """A byte-level vocabulary has them all; the line feed and the tab alone belong in a text."""
    tokenizer = _bytes_only()
    stream = TextStream(lambda part: tokenizer.decode(list(part)))
    ids = tokenizer.encode("".join(map(chr, range(0xA0))) + "\r\nend").ids
    shown = "".join(stream.feed(id) for id in ids) + stream.finish()
    assert shown == stream.text == "\t\n" + "".join(map(chr, range(0x20, 0x7F))) + "\nend"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<thought>hm</thought>yes", "yes"),
        ("<thinking>hm <think></thinking> yes", "yes"),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>yes", "yes"),
        ("<|channel|>final<|message|>yes", "yes"),
        ("a <think>one</think>b<thought>two</thought>c", "a bc"),
        ("x < y and y > z", "x < y and y > z"),
        ("</think> alone", "</think> alone"),
    ],
)
def test_thoughts_of_all_kinds(text: str, expected: str) -> None:
    """Whatever the tags, and wherever they are cut."""
    for size in (1, 3, len(text)):
        thoughts = Thoughts()
        shown = "".join(thoughts.feed(text[at : at + size]) for at in range(0, len(text), size))
        assert shown + thoughts.finish() == expected


@given(st.lists(st.sampled_from(["a", " ", "\n", "b c", ""]), max_size=12))
def test_neat_ends(pieces: list[str]) -> None:
    """No white space at either end, everything between."""
    neat = Neat(">")
    shown = "".join(neat.feed(piece) for piece in pieces)
    whole = "".join(pieces).strip()
    assert shown == (">" + whole if whole else "")
