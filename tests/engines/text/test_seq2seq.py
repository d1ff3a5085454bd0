"""Translations and summaries by every class of model, as jobs use them: parity with the library, streaming, stopping,
languages, long texts, bad input."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.text import seq2seq
from tests.tiny import text as tiny

from .conftest import Collector

pytestmark = pytest.mark.usefixtures("one_torch_thread")

FACTS: dict[str, dict[str, Any]] = {
    "t5": {"model_type": "t5", "tasks": ["translate", "summarise"]},
    "mt5": {"model_type": "mt5"},
    "marian": {"model_type": "marian", "source": "en", "target": "zh"},
    "m2m100": {"model_type": "m2m_100", "languages": ["en", "zh", "de", "fr"]},
    "nllb": {"model_type": "m2m_100", "languages": list(tiny.NLLB_CODES)},
    "mbart": {"model_type": "mbart", "languages": list(tiny.MBART_CODES)},
    "bart": {"model_type": "bart"},
    "pegasus": {"model_type": "pegasus"},
}
SENTENCE = "A king saw the grapes."
LONG = "There was once a king. He had a daughter!\n\n  - She was as beautiful as the day.\n---\nThe fox went away."

Loaded = dict[str, seq2seq.Rewriter]


class Shelf:
    """Models by name, each made and loaded when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: dict[str, seq2seq.Rewriter] = {}

    def __getitem__(self, name: str) -> seq2seq.Rewriter:
        if name not in self._loaded:
            self._loaded[name] = seq2seq.load(self.model(name), Collector())
        return self._loaded[name]

    def model(self, name: str) -> Model:
        """The model as the catalogue gives it."""
        folder = self.folder / name
        if not folder.is_dir():
            getattr(tiny, f"make_{name}")(folder)
        return Model(name, "seq2seq", name, folder, FACTS[name])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """One of every class."""
    pytest.importorskip("torch")
    return Shelf(tmp_path_factory.mktemp("seq2seq"))


def ask(
    shelf: Shelf,
    name: str,
    prompt: str,
    task: str = "",
    *,
    seed: int = 1,
    count: int = 1,
    context: Collector | None = None,
    **params: Any,
) -> Collector:
    """Run a request and return what was collected."""
    family = registry.declared("seq2seq", FACTS[name])
    task = task or family.tasks[0].id
    context = context or Collector()
    params.setdefault("max_tokens", 16)
    context.values = family.values(task, params)
    request = Request("text", task, "seq2seq", prompt=prompt, params=params, seed=seed, count=count)
    seq2seq.run(shelf[name], request, context)
    return context


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("name", FACTS)
def test_the_same_words_as_the_library(shelf: Shelf, name: str, beams: int) -> None:
    """Greedy and by beams, what `generate` writes with the same settings."""
    import torch

    loaded = shelf[name]
    params: dict[str, Any] = {"target": "de", "source": "en"} if name == "t5" else {}
    done = ask(shelf, name, SENTENCE, beams=beams, max_tokens=16, **params)
    text, info = done.saved[0]
    tokenizer, model = loaded.tokenizer, loaded.network.model
    more: dict[str, Any] = {}
    never = set(loaded.network.never)
    begun = len(loaded.starts) - 1
    if loaded.codes:
        tokenizer.src_lang = loaded.codes["en"][0]
        more["forced_bos_token_id"] = loaded.codes["zh"][1]
        never.discard(loaded.codes["zh"][1])
        begun = 1
    ids = torch.tensor([tokenizer(info.get("prefix", "") + SENTENCE)["input_ids"]])
    plain = model.generation_config
    plain.no_repeat_ngram_size, plain.length_penalty, plain.max_length, plain.forced_eos_token_id = 0, 1.0, None, None
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        num_beams=beams,
        do_sample=False,
        max_new_tokens=16 + begun,
        min_new_tokens=1 + begun,
        suppress_tokens=sorted(never) or None,
        early_stopping=False,
        **more,
    )
    assert text == loaded.decode(out[0].tolist()).strip()


@pytest.mark.parametrize("name", FACTS)
def test_every_class_keeps_paragraphs_and_streams(shelf: Shelf, name: str) -> None:
    """Sampled: pieces come as they are written, lines stay lines, the recipe knows the parts."""
    done = ask(shelf, name, LONG, style="bold", seed=4)
    text, info = done.saved[0]
    assert len(done.pieces) > 4
    assert info["tokens"] > 0
    if "translate" in [task.id for task in registry.declared("seq2seq", FACTS[name]).tasks]:
        lines = text.split("\n")
        assert len(lines) == 5
        assert lines[1] == ""
        assert lines[2].startswith("  ")
        assert lines[3] == "---"
        assert info["parts"] == 4
        assert done.stages == {"Reading the text", "Translating"}
        assert {total for _, total, stage in done.steps if stage == "Translating"} == {4}
    else:
        assert done.stages == {"Reading the text", "Summarising"}


@pytest.mark.parametrize("style", ["precise", "bold"])
def test_seeds_reproduce_and_resume(shelf: Shelf, style: str) -> None:
    """A resumed job gives what the whole one gave; sampled results differ, precise ones are the n best."""
    whole = ask(shelf, "m2m100", LONG, style=style, count=3, seed=5)
    again = ask(shelf, "m2m100", LONG, style=style, count=3, seed=5)
    assert [text for text, _ in whole.saved.values()] == [text for text, _ in again.saved.values()]
    resumed = ask(shelf, "m2m100", LONG, style=style, count=3, seed=5, context=Collector(start=2))
    assert set(resumed.saved) == {2}
    assert resumed.saved[2][0] == whole.saved[2][0]
    rest = ask(shelf, "m2m100", LONG, style=style, count=3, seed=5, context=Collector(stored=(1,)))
    assert {index: text for index, (text, _) in rest.saved.items()} == {
        index: whole.saved[index][0] for index in (0, 2)
    }
    assert {index for index, _ in rest.pieces} == {0, 2}
    assert len({text for text, _ in whole.saved.values()}) == 3


def test_the_global_generator_is_left_alone(shelf: Shelf) -> None:
    """Other lanes and libraries draw from it."""
    import torch

    before = torch.random.get_rng_state()
    ask(shelf, "nllb", SENTENCE, style="bold")
    assert bool((torch.random.get_rng_state() == before).all())


@pytest.mark.parametrize("style", ["precise", "balanced"])
def test_stopping_keeps_what_was_shown(shelf: Shelf, style: str) -> None:
    """Nothing is saved; what was shown is the beginning of the uninterrupted text; the end comes at once."""
    whole = ask(shelf, "m2m100", LONG, style=style, seed=3, max_tokens=40)
    stopped = Collector(stop_after=5)
    with pytest.raises(Cancelled):
        ask(shelf, "m2m100", LONG, style=style, seed=3, max_tokens=40, context=stopped)
    assert not stopped.saved
    assert len(stopped.shown(0)) > 0
    assert whole.saved[0][0].startswith(stopped.shown(0))
    assert len(stopped.shown(0)) < len(whole.saved[0][0])


def test_a_stop_is_heard_within_a_hundred_milliseconds(shelf: Shelf) -> None:
    """Measured from the check that finds the cancel to the end of the run, over a long text."""
    ask(shelf, "marian", SENTENCE, beams=1)
    asked: list[float] = []

    def cancel(checks: int) -> None:
        if checks == 150:
            asked.append(time.perf_counter())
            raise Cancelled

    context = Collector()
    context.on_check = cancel
    with pytest.raises(Cancelled):
        ask(shelf, "marian", LONG * 8, style="bold", max_tokens=60, context=context)
    assert time.perf_counter() - asked[0] < 0.1


def test_a_stop_is_heard_while_a_long_text_is_divided(shelf: Shelf) -> None:
    """Half a megabyte takes seconds to divide; nobody has to wait for that."""
    ask(shelf, "nllb", SENTENCE, beams=1)
    context = Collector()
    context.cancel_after = 5
    began = time.perf_counter()
    with pytest.raises(Cancelled):
        ask(shelf, "nllb", LONG * 5000, context=context)
    assert context.stages == {"Reading the text"}
    assert not context.pieces
    assert time.perf_counter() - began < 2


def test_a_text_longer_than_the_encoder_goes_through_in_parts(shelf: Shelf) -> None:
    """Nothing is left out: a sentence of 60 words is cut at its commas; a summary says that it was made in parts."""
    sentence = ", ".join(["the fox saw the king and went away"] * 12) + "."
    done = ask(shelf, "nllb", sentence, beams=1)
    assert done.saved[0][1]["parts"] > 2
    summary = ask(shelf, "bart", LONG * 6, beams=1, length="short")
    parts = summary.saved[0][1]["parts"]
    assert parts > 2
    assert any("summarised in {count} parts" in text and more == {"count": parts} for text, more in summary.notices)


def test_a_result_at_its_longest_is_told(shelf: Shelf) -> None:
    """The recipe and the person hear of it."""
    done = ask(shelf, "marian", "The king.", max_tokens=3, beams=1)
    assert done.saved[0][1]["finish"] == "length"
    assert any("longest length" in text for text, _ in done.notices)


def test_lengths_of_summaries(shelf: Shelf) -> None:
    """Short ones have fewer tokens than long ones."""
    text = "There was once a king who had a daughter. " * 3
    tokens = [
        ask(shelf, "mt5", text, "summarise", length=length, max_tokens=0, beams=1) for length in ("short", "long")
    ]
    short, long = (done.saved[0][1]["tokens"] for done in tokens)
    assert short < long


# ---- languages


def test_a_fixed_pair_asks_for_no_language() -> None:
    """Marian's form has neither source nor target; summaries have no languages either."""
    ids = [param.id for param in seq2seq.fitted(FACTS["marian"]).task_params("translate")]
    assert "source" not in ids
    assert "target" not in ids
    assert [task.id for task in seq2seq.fitted(FACTS["marian"]).tasks] == ["translate"]
    assert [task.id for task in seq2seq.fitted(FACTS["bart"]).tasks] == ["summarise"]


def test_the_form_has_the_models_languages() -> None:
    """With names, the usual ones first; a model without Chinese translates into German by default."""
    params = {param.id: param for param in seq2seq.fitted(FACTS["nllb"]).task_params("translate")}
    titles = [choice.title for choice in params["target"].choices]
    assert titles[1:] == ["Chinese (simplified)", "Chinese (traditional)", "English##language", "German", "French"]
    german = {param.id: param for param in seq2seq.fitted(FACTS["t5"]).task_params("translate")}["target"]
    assert german.default == "de"
    assert "auto" not in [choice.value for choice in german.choices]


@pytest.mark.parametrize(
    ("prompt", "source", "target"),
    [(SENTENCE, "en", "zh"), ("床前明月光，疑是地上霜。", "zh", "en")],
)
def test_the_direction_follows_the_text(shelf: Shelf, prompt: str, source: str, target: str) -> None:
    """Chinese into English, others into Chinese, unless somebody chose."""
    info = ask(shelf, "nllb", prompt, beams=1).saved[0][1]
    assert (info["source"], info["target"]) == (source, target)


def test_the_prefix_of_t5(shelf: Shelf) -> None:
    """Made of the languages' English names, or the person's own, or for summaries what config.json says."""
    assert ask(shelf, "t5", SENTENCE, source="en", target="fr").saved[0][1]["prefix"] == "translate English to French: "
    assert ask(shelf, "t5", SENTENCE, prefix="en2de: ").saved[0][1]["prefix"] == "en2de: "
    assert ask(shelf, "t5", SENTENCE, "summarise").saved[0][1]["prefix"] == "summarize: "


def test_marian_with_several_targets(tmp_path: Path) -> None:
    """The mark of the target stands before the text."""
    folder = tiny.make_marian(tmp_path / "m", codes=(">>cmn_Hant<<", ">>cmn_Hans<<"))
    loaded = seq2seq.load(Model("m", "seq2seq", "m", folder, FACTS["marian"]), Collector())
    context = Collector()
    context.values = registry.declared("seq2seq", FACTS["marian"]).values("translate", {"beams": 1, "max_tokens": 8})
    seq2seq.run(loaded, Request("text", "translate", "seq2seq", prompt=SENTENCE), context)
    assert context.saved[0][1]["prefix"] == ">>cmn_Hans<< "
    first = loaded.encode(">>cmn_Hans<< A king")[0]
    assert loaded.tokenizer.convert_ids_to_tokens(first) == ">>cmn_Hans<<"


# ---- bad input


def code_of(act: Callable[[], object]) -> str:
    """The code of the StudioError that `act` raises; its sentence can be shown."""
    with pytest.raises(StudioError) as error:
        act()
    assert "{" not in str(error.value)
    return error.value.code


def test_bad_input_is_a_sentence(shelf: Shelf) -> None:
    """Nothing to do, the same language twice, a language or all characters unknown."""
    for empty in ("", " \n\t", "\x00\x07"):
        assert code_of(lambda empty=empty: ask(shelf, "nllb", empty)) == "prompt-empty"
    assert code_of(lambda: ask(shelf, "nllb", SENTENCE, source="en", target="en")) == "language-same"
    assert code_of(lambda: ask(shelf, "nllb", "Привет, мир.")) == "language"
    assert code_of(lambda: ask(shelf, "nllb", SENTENCE, target="xx")) == "param"
    assert code_of(lambda: ask(shelf, "marian", "春眠不觉晓，处处闻啼鸟。")) == "text-unknown"
    assert code_of(lambda: ask(shelf, "pegasus", "春眠不觉晓，处处闻啼鸟。")) == "text-unknown"


def test_unknown_characters_are_named(shelf: Shelf) -> None:
    """Those, and no others."""
    done = ask(shelf, "marian", "A king 春 saw 晓 the grapes.", beams=1)
    assert [more["characters"] for text, more in done.notices if "characters" in more] == ["春 晓"]


def test_what_has_no_words_is_copied(shelf: Shelf) -> None:
    """Lines of signs alone stay; a text of nothing else is given back, not refused."""
    done = ask(shelf, "nllb", "A king.\n* * *\nThe fox.", beams=1)
    assert done.saved[0][0].split("\n")[1] == "* * *"


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_gives_a_result_or_a_sentence(shelf: Shelf, text: str) -> None:
    """Whatever is pasted."""
    try:
        done = ask(shelf, "nllb", text, source="en", target="de", beams=1, max_tokens=4)
    except StudioError as problem:
        code = problem.code
    else:
        code = ""
        assert done.saved[0][0] == done.shown(0)
    assert code in ("", "prompt-empty", "text-unknown", "empty-result")
