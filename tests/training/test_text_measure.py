"""Figures of a model beside their yardsticks: on the same words, of as much text."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_studio.core.runs import RunFolder
from aigc_studio.training.framing import Framing, Passage
from aigc_studio.training.learner import Made
from aigc_studio.training.ngram import Trigram
from aigc_studio.training.text_measure import Measured, effort, measure, report, trigram_likelihood, yardsticks
from aigc_studio.training.texts import Texts, prepare
from aigc_studio.training.tokens import train_words

torch = pytest.importorskip("torch")

LEARNED = [Passage("", f"The fox number {number} saw a vine and went away.") for number in range(8)]
HELD_OUT = [Passage("", "The crow number nine saw a vine and sang.")]
WORDS = train_words([passage.text for passage in LEARNED], 320)


class Uniform(torch.nn.Module):
    """Says that every word is as likely as any other."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.size, self.device = size, torch.device("cpu")
        self.config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(vocab_size=size))

    def forward(self, input_ids: Any, **more: Any) -> Any:
        """Zeros."""
        return SimpleNamespace(logits=torch.zeros(*input_ids.shape, self.size))


def decode(ids: list[int]) -> str:
    """Ids as text."""
    return WORDS.decode(ids, skip_special_tokens=True)


@pytest.fixture
def texts(tmp_path: Path) -> Texts:
    """Prepared arrays with one verse form and one rejected text."""
    learned = [*LEARNED, Passage("", "purple purple purple", weight=-1.0)]
    return prepare(tmp_path / "texts", learned, HELD_OUT, Framing(WORDS, 48), {"form": "wujue"})


def test_an_ignorant_model_is_as_perplexed_as_there_are_words(texts: Texts) -> None:
    """And what it wrote is looked at against what was learned."""
    writer: Any = SimpleNamespace(decode=decode, tokenizer=WORDS)
    made = [Made(text="The fox number 1 saw a vine. It laughed.", seed=3, prompt="The"), Made(text="purple purple")]
    rows = [[number] for number in texts.held_out]
    found = measure(Uniform(len(WORDS)), writer, texts, rows, made, 2, lambda: None)
    assert found.figures["perplexity"] == pytest.approx(len(WORDS), rel=1e-3)
    characters = len(HELD_OUT[0].text)
    predicted = sum(map(len, (ids for ids, _ in texts.sequences(texts.held_out)))) - 1
    assert found.figures["bits_per_character"] == pytest.approx(
        predicted * math.log2(len(WORDS)) / characters, rel=1e-3
    )
    assert (found.figures["copied_longest"], found.samples[0]["run"]) == (7, "the fox number 1 saw a vine")
    assert found.samples[1]["longest"] == 0  # what was rejected was not learned
    assert (found.figures["form"], found.figures["form_kept"]) == ("wujue", 0.0)
    beside = yardsticks(texts, rows, writer, made, lambda: None)
    assert beside["held_out_tokens"] == predicted
    assert beside["trigram_tokens"] == sum(len(texts.piece(number)[0]) for number in range(8))
    assert 1 < beside["trigram_perplexity"] < found.figures["perplexity"]
    assert beside["held_out_copied_longest"] == 4
    assert Measured.from_json(json.loads(json.dumps(vars(found)))) == found


def test_the_trigram_model_reads_what_is_learned(texts: Texts) -> None:
    """Nothing that was rejected, and only so much."""
    learned = [ids for ids, _ in texts.sequences(range(8))]
    held_out = [ids for ids, _ in texts.sequences(texts.held_out)]
    found = trigram_likelihood(texts, list(texts.held_out), len(WORDS), 0)
    assert found[:2] == pytest.approx(Trigram(learned, len(WORDS)).loss_on(held_out))
    assert found[2] == sum(map(len, learned))
    less = trigram_likelihood(texts, list(texts.held_out), len(WORDS), sum(map(len, learned[:4])))
    some = [learned[number] for number in (0, 2, 4, 6)]  # from everywhere, not the first ones
    assert less[:2] == pytest.approx(Trigram(some, len(WORDS)).loss_on(held_out))
    assert less[2] == sum(map(len, some))


def test_nothing_held_out_and_nothing_written(tmp_path: Path) -> None:
    """No figures, no error; the report says what there is."""
    texts = prepare(tmp_path / "texts", LEARNED, [], Framing(WORDS, 48), {})
    writer: Any = SimpleNamespace(decode=decode, tokenizer=WORDS)
    found = measure(Uniform(9), writer, texts, [], [], 2, lambda: None)
    assert found == Measured({})
    assert yardsticks(texts, [], writer, [], lambda: None) == {}
    report(RunFolder(tmp_path), {"a": 1}, found, None)
    assert json.loads((tmp_path / "report.json").read_text())["figures"] == {"a": 1}


def test_large_models_on_a_processor_are_looked_at_less() -> None:
    """So that they get to learn."""
    assert effort(Uniform(9)) == 1.0
    large = torch.nn.Linear(1, 1)
    large.device = torch.device("cpu")  # pyright: ignore[reportAttributeAccessIssue]
    large.parameters = lambda: [SimpleNamespace(numel=lambda: 200_000_000)]  # pyright: ignore[reportAttributeAccessIssue]
    assert effort(large) == pytest.approx(0.1)
