"""Every class of text model, as it lies on a disk: found by its files, run in this process and in a child."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aigc_studio.core.errors import StudioError
from aigc_studio.core.library.language import read_writer
from aigc_studio.core.metadata import read_recipe
from aigc_studio.core.requests import Request
from aigc_studio.engines import registry
from aigc_studio.engines.base import Model
from aigc_studio.engines.child import ChildEngine
from aigc_studio.engines.engine import CancelToken, Order
from aigc_studio.engines.local import LocalEngine
from aigc_studio.engines.text import causal_lm, loading
from tests.tiny import text as tiny

from .conftest import Collector

pytestmark = pytest.mark.usefixtures("one_torch_thread")

MAKERS = [name for name in tiny.__all__ if name.startswith(("make_", "sharded_"))]
CHATTING = ("make_llama", "sharded_llama", "make_qwen2", "make_qwen3", "make_mistral", "make_phi3", "make_gemma")


class Ear:
    """What a run tells."""

    def __init__(self) -> None:
        self.path = Path()
        self.pieces: list[str] = []
        self.notices: list[tuple[str, dict[str, Any]]] = []

    def progress(self, index: int, done: int, total: int, stage: str, preview: object) -> None:
        """Not needed."""

    def silent(self, seconds: float) -> None:
        """Not needed."""

    def partial(self, index: int, piece: str) -> None:
        """A piece of text."""
        self.pieces.append(piece)

    def notice(self, text: str, params: Any) -> None:
        """No error, but worth knowing."""
        self.notices.append((text, dict(params)))

    def output(self, index: int, path: Path) -> None:
        """Stored."""
        self.path = path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of every class."""
    pytest.importorskip("torch")
    root = tmp_path_factory.mktemp("classes")
    for name in MAKERS:
        getattr(tiny, name)(root / name)
    return root


@pytest.fixture(scope="module")
def child() -> Iterator[ChildEngine]:
    """One child for all: it takes seconds to start."""
    engine = ChildEngine("text")
    yield engine
    engine.close()


def found(folder: Path) -> Model:
    """The model as the library finds it."""
    finding = read_writer(folder, json.loads((folder / "config.json").read_text(encoding="utf-8")))
    assert finding is not None
    assert finding.problem is None
    return Model(folder.name, finding.family, folder.name, folder, finding.facts)


def order(model: Model, task: str, prompt: str, to: Path, **params: Any) -> Order:
    """A job for it."""
    params.setdefault("max_tokens", 12)
    request = Request("text", task, model.family, model.id, prompt, params, 3)
    return Order("job", request, to, model=model)


def tasks(model: Model) -> list[str]:
    """What its form offers."""
    return [task.id for task in registry.declared(model.family, model.facts).tasks]


@pytest.mark.parametrize("name", MAKERS)
def test_in_this_process(folders: Path, tmp_path: Path, name: str) -> None:
    """Every task of its form gives a text; what was streamed is what was stored."""
    model = found(folders / name)
    engine = LocalEngine(collect=False)
    for task in tasks(model):
        ear = Ear()
        engine.run(order(model, task, "A king saw the fox.", tmp_path / task, style="bold"), ear, CancelToken())
        recipe = read_recipe(ear.path)
        assert recipe is not None
        assert "".join(ear.pieces).strip() in ear.path.read_text(encoding="utf-8")
        assert recipe["info"]["tokens"] >= 1
        assert recipe["engine"]["model"]["digest"] == model.facts["digest"]
    assert ("chat" in tasks(model)) == (name in CHATTING)


def test_in_a_child(folders: Path, tmp_path: Path, child: ChildEngine) -> None:
    """Every class writes there, one after the other in one child; the same text as here."""
    here = LocalEngine(collect=False)
    for number, name in enumerate(MAKERS):
        model = found(folders / name)
        texts = []
        for engine in (child, here)[: 2 if number % 4 == 0 else 1]:
            ear = Ear()
            to = tmp_path / f"{name}-{len(texts)}"
            engine.run(order(model, tasks(model)[0], "A king saw the fox.", to, style="bold"), ear, CancelToken())
            texts.append("".join(ear.pieces))
        assert texts[0], name
        assert texts[-1] == texts[0], name


# ---- what a form offers


def test_the_form_of_a_model() -> None:
    """No instruction without a chat template, no forms but the starter writer's, no result beyond the context."""
    plain = causal_lm.fitted({"chat": False, "context": 64})
    assert [task.id for task in plain.tasks] == ["continue"]
    longest = next(param for param in plain.params if param.id == "max_tokens")
    assert (longest.high, longest.default) == (64, 32)
    assert "form" not in [param.id for param in plain.params]
    starter = causal_lm.fitted({"forms": True})
    assert "form" in [param.id for param in starter.params]
    assert [task.id for task in starter.tasks] == ["continue"]
    assert [task.id for task in causal_lm.fitted({}).tasks] == ["continue", "chat"]
    assert next(p for p in causal_lm.fitted({"context": 131_072}).params if p.id == "max_tokens").high == 32_768


# ---- what can be wrong


def test_a_text_longer_than_the_context_is_told(folders: Path, tmp_path: Path) -> None:
    """How much is not seen, when it goes on as well as when it follows an instruction."""
    engine = LocalEngine(collect=False)
    for name, task in (("make_gpt2", "continue"), ("make_qwen2", "chat")):
        ear = Ear()
        model = found(folders / name)
        engine.run(order(model, task, "The fox saw the king. " * 30, tmp_path / task), ear, CancelToken())
        (text, params), *_ = ear.notices
        assert "does not know the first" in text
        assert 0 < params["count"] < params["total"]
        recipe = read_recipe(ear.path)
        assert recipe is not None
        assert recipe["info"]["notices"]


def test_a_model_moved_while_it_is_loaded(folders: Path, tmp_path: Path) -> None:
    """It goes on; the next one to load it is told."""
    folder = Path(shutil.copytree(folders / "make_t5", tmp_path / "m"))
    model = found(folder)
    engine = LocalEngine(collect=False)
    engine.run(order(model, "summarise", "A king.", tmp_path / "a"), Ear(), CancelToken())
    folder.rename(tmp_path / "elsewhere")
    engine.run(order(model, "summarise", "A king.", tmp_path / "b"), Ear(), CancelToken())
    with pytest.raises(StudioError) as error:
        LocalEngine(collect=False).run(order(model, "summarise", "A king.", tmp_path / "c"), Ear(), CancelToken())
    assert error.value.code == "model-missing"


def code_of(model: Model) -> str:
    """The code with which loading it is refused."""
    with pytest.raises(StudioError) as error:
        registry.module(model.family).load(model, Collector())
    assert "{" not in str(error.value)
    return error.value.code


def test_tokenizers_that_cannot_be_read(folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, broken, or in need of a library that is not there."""
    folder = Path(shutil.copytree(folders / "make_qwen2", tmp_path / "m"))
    model = found(folder)
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert code_of(model) == "model-tokenizer"
    (folder / "tokenizer.json").unlink()
    assert code_of(model) == "model-incomplete"
    from transformers import AutoTokenizer

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("`tiktoken` is required to read a `tiktoken` file.")

    monkeypatch.setattr(AutoTokenizer, "from_pretrained", refuse)
    monkeypatch.setattr(loading, "_is_missing", lambda library: library in ("protobuf", "tiktoken"))
    with pytest.raises(StudioError) as error:
        causal_lm.load(found(folders / "make_llama_sentencepiece"), Collector())
    assert (error.value.code, error.value.params["library"]) == ("engine-part", "protobuf")


def test_gguf_is_refused(folders: Path, tmp_path: Path) -> None:
    """As a file, and in a folder without other weights."""
    assert code_of(Model("g", "causal-lm", "G", file=tmp_path / "model.gguf")) == "model-gguf"
    folder = Path(shutil.copytree(folders / "make_llama", tmp_path / "m"))
    (folder / "model.safetensors").rename(folder / "model-Q4_0.gguf")
    assert code_of(Model("g", "causal-lm", "G", folder)) == "model-gguf"


def test_an_encoder_model_is_no_language_model_and_the_reverse(folders: Path) -> None:
    """A type chosen by hand that is wrong is a sentence."""
    assert code_of(Model("x", "causal-lm", "X", folders / "make_t5")) == "model-load"
    assert code_of(Model("x", "seq2seq", "X", folders / "make_gpt2")) == "model-load"


def test_a_template_without_roles(folders: Path, tmp_path: Path) -> None:
    """Gemma's refuses a system message: without one it answers."""
    model = found(folders / "make_gemma")
    engine = LocalEngine(collect=False)
    with pytest.raises(StudioError) as error:
        engine.run(order(model, "chat", "Hello", tmp_path / "a", system="Be brief."), Ear(), CancelToken())
    assert error.value.code == "chat-template"
    engine.run(order(model, "chat", "Hello", tmp_path / "b"), Ear(), CancelToken())
