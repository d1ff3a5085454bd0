"""Tiny language models with random weights, of the same classes as real ones, and a context that only collects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_studio.core.errors import Cancelled
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.text import causal_lm
from aigc_studio.training.corpus import Document
from tests.engines.context import FakeContext

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% if enable_thinking %}<think>\n{% endif %}{% endif %}"
)

DOCUMENTS = [
    Document("wujue", "静夜思", "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"),
    Document("qijue", "早发白帝城", "朝辞白帝彩云间，千里江陵一日还。\n两岸猿声啼不住，轻舟已过万重山。"),
    Document(
        "fable", "The Fox and the Grapes", "A hungry Fox saw some fine bunches of Grapes. They were sour, he said."
    ),
    Document(
        "tale", "", "Once upon a time there was a king. He had a daughter.\n“Good day,” said she, and went away.\n"
    ),
] * 6


class Collector(FakeContext):
    """Keeps results by index. `stop_after`: pieces of text after which `check` cancels."""

    def __init__(self, stop_after: int | None = None, start: int = 0, stored: tuple[int, ...] = ()) -> None:
        super().__init__(start=start, stored=stored)
        self.stop_after = stop_after

    @property
    def saved(self) -> dict[int, tuple[str, dict[str, Any]]]:
        """Index to (text, info)."""
        return {saved.index: (saved.value, saved.info) for saved in self.texts}

    @property
    def stages(self) -> set[str]:
        """The stages that were told."""
        return {stage for _, _, stage in self.steps}

    def partial(self, index: int, piece: str) -> None:
        """Collects the piece; an empty one is a waste."""
        assert piece
        super().partial(index, piece)

    def check(self) -> None:
        """Cancels when it is time."""
        if self.stop_after is not None and len(self.pieces) >= self.stop_after:
            raise Cancelled
        super().check()

    def save_text(self, index: int, text: str, **info: Any) -> None:
        """Collects the result; what was shown before must be the same text."""
        assert self.shown(index) == text
        super().save_text(index, text, **info)

    def shown(self, index: int) -> str:
        """All pieces of one result."""
        return "".join(piece for at, piece in self.pieces if at == index)


def _config(vocabulary: int, end: int, positions: int) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=positions,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        initializer_range=0.3,
    )


@pytest.fixture(scope="session")
def framed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A starter writer of 30,000 random weights: frames, 64 positions."""
    torch = pytest.importorskip("torch")
    from transformers import LlamaForCausalLM

    from aigc_studio.core.forms import END
    from aigc_studio.training.tokens import save_vocabulary, train_vocabulary

    folder = tmp_path_factory.mktemp("framed")
    tokenizer = train_vocabulary(DOCUMENTS, 420)
    save_vocabulary(tokenizer, folder)
    torch.manual_seed(7)
    end = tokenizer.token_to_id(END)
    assert end is not None
    LlamaForCausalLM(_config(tokenizer.get_vocab_size(), end, 64)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instruction model with random weights: a beginning, an end, a chat template with thinking, 128 positions."""
    torch = pytest.importorskip("torch")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("chat")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((document.text for document in DOCUMENTS), trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", chat_template=CHAT_TEMPLATE
    )
    wrapped.save_pretrained(folder)
    torch.manual_seed(8)
    LlamaForCausalLM(_config(tokenizer.get_vocab_size(), 1, 128)).save_pretrained(folder)
    return folder


def _load(folder: Path) -> causal_lm.Writer:
    import torch

    torch.set_num_threads(1)
    return causal_lm.load(Model("tiny", "causal-lm", "Tiny", folder), Collector())


@pytest.fixture(scope="session")
def framed(framed_folder: Path) -> causal_lm.Writer:
    """The framed model, loaded."""
    return _load(framed_folder)


@pytest.fixture(scope="session")
def chat(chat_folder: Path) -> causal_lm.Writer:
    """The instruction model, loaded."""
    return _load(chat_folder)


@pytest.fixture
def write() -> Callable[..., Collector]:
    """Run a request for a prompt and return what was collected; params as keywords."""

    def run(
        writer: causal_lm.Writer,
        prompt: str,
        *,
        task: str = "continue",
        seed: int = 1,
        count: int = 1,
        context: Collector | None = None,
        **params: Any,
    ) -> Collector:
        context = context or Collector()
        params.setdefault("max_tokens", 40)
        request = Request("text", task, "causal-lm", prompt=prompt, params=params, seed=seed, count=count)
        context.values = causal_lm.FAMILY.values(task, params)
        causal_lm.run(writer, request, context)
        return context

    return run


class Place:
    """How much of the script was read; stands in for a cache, which beam search selects from."""

    def __init__(self, at: int) -> None:
        self.at = at

    def reorder_cache(self, rows: object) -> None:
        """All beams are at the same place."""


class Scripted:
    """A network that "writes" given ids whatever it reads: logits are one-hot, past the script it ends the text."""

    device = "cpu"

    def __init__(self, script: list[int], size: int, end: int) -> None:
        self.script = list(script)
        self.size = size
        self.end = end

    def __call__(self, input_ids: Any, past_key_values: Any, use_cache: bool, **more: Any) -> Any:
        """One step: the next id of the script."""
        import torch

        at = 0 if past_key_values is None else past_key_values.at
        logits = torch.zeros(input_ids.shape[0], 1, self.size)
        logits[:, 0, self.script[at] if at < len(self.script) else self.end] = 50.0
        return SimpleNamespace(logits=logits, past_key_values=Place(at + 1))


@pytest.fixture
def scripted(chat: causal_lm.Writer) -> Callable[[str], causal_lm.Writer]:
    """A writer that writes exactly the given text, by the chat model's tokenizer."""

    def make(text: str) -> causal_lm.Writer:
        ids = chat.tokenizer(text, add_special_tokens=False)["input_ids"]
        network = replace(chat.network, model=Scripted(ids, len(chat.tokenizer), 1))
        return replace(chat, network=network)

    return make
