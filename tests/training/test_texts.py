"""Prepared texts: split by document, packed without loss, the same batches at every start."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.training import texts as module
from aigc_studio.training.framing import Framing, Passage
from aigc_studio.training.text_learner import TextLearner
from aigc_studio.training.text_measure import losses, negative_log_likelihood
from aigc_studio.training.texts import IGNORED, Texts, pack, prepare, sections, split
from aigc_studio.training.tokens import train_words
from tests.tiny import text as tiny

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

PASSAGES = [
    Passage(f"Tale {number}", f"There was a fox {number}. " * (1 + number % 4) + "It went away.")
    for number in range(12)
]
WORDS = train_words([passage.text for passage in PASSAGES], 320)


def prepared(folder: Path, learned: list[Passage] = PASSAGES[:9], held_out: list[Passage] = PASSAGES[9:]) -> Texts:
    """Arrays of these passages in a view of 48."""
    return prepare(folder / "texts", learned, held_out, Framing(WORDS, 48), {"chat": False})


@given(st.lists(st.integers(1, 32), max_size=80))
def test_packing_loses_nothing(costs: list[int]) -> None:
    """Every piece is in one row, no row is too long, and no two rows fit into one."""
    rows = pack(costs, 32)
    assert sorted(number for row in rows for number in row) == list(range(len(costs)))
    full = [sum(costs[number] for number in row) for row in rows]
    assert all(total <= 32 for total in full)
    assert sum(total <= 16 for total in full) <= 1


@given(st.lists(st.text(max_size=5), unique=True, min_size=2, max_size=30), st.integers(0, 99), st.integers(0, 29))
def test_a_text_stays_on_its_side(texts: list[str], seed: int, gone: int) -> None:
    """The order and texts beside it do not matter, while more than one is held out."""
    passages = [Passage("", text) for text in texts]
    learned, held_out = split(passages, 0.3, seed)
    assert sorted(p.text for p in learned + held_out) == sorted(texts)
    assert learned
    assert held_out
    some = [passage for index, passage in enumerate(passages) if index != gone % len(passages)][::-1]
    again, out_again = split(some, 0.3, seed)
    if len(held_out) > 1 and len(out_again) > 1:
        assert {p.text for p in out_again} <= {p.text for p in held_out}
        assert {p.text for p in again} <= {p.text for p in learned}


def test_equal_texts_are_taken_once_and_nothing_is_held_out_of_one() -> None:
    """A text cannot be learned and measure the result."""
    assert [len(part) for part in split([PASSAGES[0]] * 3, 0.5, 1)] == [1, 0]
    assert [len(part) for part in split(PASSAGES, 0.0, 1)] == [12, 0]


def test_a_novel_is_divided() -> None:
    """Parts of a few thousand characters, at blank lines, that are the text again; many texts stay as they are."""
    novel = Passage("Novel", "\n\n".join(f"Paragraph {number}. " * 12 for number in range(200)))
    parts = sections([novel])
    assert len(parts) > 10
    assert "\n\n".join(part.text for part in parts) == novel.text
    assert [part.title for part in parts[:2]] == ["Novel", ""]
    assert sections([novel] * 20) == [novel] * 20
    assert sections(PASSAGES[:3]) == PASSAGES[:3]


def test_an_epoch_holds_every_word_once(tmp_path: Path) -> None:
    """All targets of an epoch are the learned ids; titles come and go by the step alone."""
    texts = prepared(tmp_path)
    assert len(texts.held_out) >= 3
    expected = Counter(
        id for ids, learn in texts.sequences(texts.learned) for id, mark in zip(ids, learn, strict=True) if mark
    )
    found: Counter[int] = Counter()
    for step in range(texts.rows):
        batch = texts.batch(step, 1, 7, untitled=0.0)
        found.update(batch["target"][batch["target"] != IGNORED].tolist())
    assert found == expected
    assert texts.tokens == expected.total()
    one, same, other = (texts.batch(step, 3, 7) for step in (5, 5, 6))
    assert all((one[name] == same[name]).all() for name in one)
    assert not (one["ids"] == other["ids"]).all()
    assert (texts.batch(5, 3, 7, untitled=1.0)["target"] != IGNORED).sum() < (one["target"] != IGNORED).sum() + 1


def test_what_was_prepared_is_found_again(tmp_path: Path) -> None:
    """Without the folder of texts; broken arrays are not taken for whole ones."""
    texts = prepared(tmp_path)
    again = Texts.there(tmp_path / "texts")
    assert again is not None
    assert (again.batch(3, 2, 1)["ids"] == texts.batch(3, 2, 1)["ids"]).all()
    spelled = list(again.documents(again.learned, lambda ids: WORDS.decode(ids, skip_special_tokens=True)))
    assert spelled == [f"# {passage.title}\n\n{passage.text}" for passage in PASSAGES[:9]]
    (tmp_path / "texts" / "learned.json").write_text("{")
    assert Texts.there(tmp_path / "texts") is None
    assert Texts.there(tmp_path / "nothing") is None


def test_a_cancel_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a disk that is full."""

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        prepare(tmp_path / "texts", PASSAGES, [], Framing(WORDS, 32), {}, stop)
    assert os.listdir(tmp_path) == []

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StudioError) as error:
        prepared(tmp_path)
    assert error.value.code == "disk-full"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["llama", "gpt2", "qwen2"])
def test_pieces_in_one_row_do_not_see_each_other(tmp_path: Path, kind: str) -> None:
    """The loss of packed rows is that of each piece read alone."""
    getattr(tiny, f"make_{kind}")(tmp_path / "model")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    texts = prepare(tmp_path / "texts", PASSAGES, [], Framing(tokenizer, 64), {})
    rows = pack([len(texts.piece(number)[0]) - 1 for number in texts.learned], 64)
    assert max(map(len, rows)) > 1
    packed, count = negative_log_likelihood(network, texts, rows, 4, lambda: None)
    alone, same = negative_log_likelihood(network, texts, [[number] for number in texts.learned], 4, lambda: None)
    assert count == same
    expected = 0.0
    with torch.no_grad():
        for ids, learn in texts.sequences(texts.learned):
            scores = torch.log_softmax(network(torch.tensor([ids])).logits[0], -1)
            expected -= sum(float(scores[at - 1, ids[at]]) for at in range(1, len(ids)) if learn[at])
    assert alone == pytest.approx(expected, rel=1e-4)
    assert packed == pytest.approx(expected, rel=1e-4)


def _with_linear_biases(kind: str) -> Any:
    """A small network that counts from the row's beginning."""
    import transformers as hf

    torch.manual_seed(3)
    if kind == "mpt":
        return hf.MptForCausalLM(hf.MptConfig(d_model=32, n_heads=2, n_layers=2, max_seq_len=64, vocab_size=len(WORDS)))
    if kind == "falcon":
        size = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2}
        return hf.FalconForCausalLM(hf.FalconConfig(vocab_size=len(WORDS), alibi=True, **size))
    return hf.BloomForCausalLM(hf.BloomConfig(vocab_size=len(WORDS), hidden_size=32, n_layer=2, n_head=2))


@pytest.mark.parametrize("kind", ["mpt", "bloom", "falcon"])
def test_networks_that_count_from_the_rows_beginning_get_one_piece_a_row(tmp_path: Path, kind: str) -> None:
    """While they learn and while they are measured: each piece would see those before it."""
    network = _with_linear_biases(kind).eval()
    texts = prepared(tmp_path)
    assert texts.rows < len(texts.learned)
    nothing: Any = None
    learner = TextLearner(network, network, WORDS, texts, {}, [], batch=4, seed=0, placement=nothing, run=nothing)
    expected = 0.0
    with torch.no_grad():
        for ids, learn in texts.sequences(texts.held_out):
            scores = torch.log_softmax(network(torch.tensor([ids])).logits[0], -1)
            expected -= sum(float(scores[at - 1, ids[at]]) for at in range(1, len(ids)) if learn[at])
    measured, _ = negative_log_likelihood(network, texts, learner.held_rows, 4, lambda: None)
    assert measured == pytest.approx(expected, rel=1e-4)
    assert texts.rows == len(texts.learned)
    rows = [texts._row(number, 0) for number in range(texts.rows)]
    assert sorted(rows) == [[number] for number in texts.learned]


@pytest.mark.parametrize("name", ["ids.bin", "learn.bin", "weights.npy"])
def test_files_that_a_power_cut_left_short_are_made_again(tmp_path: Path, name: str) -> None:
    texts = prepared(tmp_path)
    path = texts.folder / name
    data = path.read_bytes()
    del texts
    path.write_bytes(data[:-4])
    assert Texts.there(path.parent) is None
    path.write_bytes(data)
    assert Texts.there(path.parent) is not None


def test_arrays_are_on_the_disk_before_they_are_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = set[int]()
    monkeypatch.setattr(module, "sync_file", lambda handle: synced.add(os.fstat(handle).st_ino))
    folder = prepared(tmp_path).folder
    assert {path.stat().st_ino for path in folder.iterdir()} == synced


@given(st.integers(0, 400))
def test_some_pieces_are_taken_from_everywhere(most: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        texts = prepared(Path(folder))
        numbers = list(texts.learned)
        lengths = [len(texts.piece(number)[0]) for number in numbers]
        some = texts.spread(numbers, most)
        if not most or sum(lengths) <= most:
            assert some == numbers
            return
        assert some == sorted(set(some))
        assert len(some) == max(1, len(numbers) * most // sum(lengths))
        gaps = {after - before for before, after in pairwise(some)}
        assert not gaps or max(gaps) - min(gaps) <= 1


def test_unlikelihood_pushes_words_down() -> None:
    """Weights above zero are the usual loss; below zero its gradient lowers the word, and less the rarer it is."""
    logits = torch.zeros(1, 2, 5, requires_grad=True)
    target = torch.tensor([[1, 2]])
    loss, nats = losses(logits, target, torch.tensor([[2.0, -1.0]]))
    assert float(nats.detach()) == pytest.approx(np.log(5))
    assert float(loss.detach()) == pytest.approx(2 * np.log(5) - np.log(0.8))
    loss.backward()
    assert logits.grad[0, 0, 1] < 0 < logits.grad[0, 1, 2]
    sure = torch.tensor([[[0.0, 60.0]]], requires_grad=True)
    loss, _ = losses(sure, torch.tensor([[1]]), torch.tensor([[-1.0]]))
    loss.backward()
    assert torch.isfinite(loss.detach())
    assert torch.isfinite(sure.grad).all()
