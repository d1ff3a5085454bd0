"""Models of transformers that turn one text into another (T5, Marian, NLLB, BART ...): translations and summaries.

The encoder reads a sentence (or as much as it can) once, the decoder writes; long texts go through part by part. The
token loop, beam search and the way from ids to text are those of the causal models.
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.engines import device
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task

from . import parts
from .controls import BEAMS, LENGTH_PENALTY, MIN_P, NO_REPEAT, REPETITION, STYLE, TEMPERATURE, TOP_K, TOP_P
from .decoding import Answer, Beam, Network, Prompt, TokenLoop, beam_search
from .languages import ENGLISH_NAMES, choices, detect, id_of, spaced
from .loading import bound, end_ids, load_pretrained
from .parts import Part
from .sampling import Sampling
from .stream import Neat, TextStream

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "Rewriter", "facts", "fitted", "load", "run", "warm"]

_AUTO_SOURCE = Choice("auto", N_("As the text is written"))
_AUTO_TARGET = Choice("auto", N_("Chinese ⇄ English"))
_USUAL = ("zh", "en", "de", "fr", "es", "ja", "ko", "ru")

FAMILY = Family(
    id="seq2seq",
    kind="text",
    title=N_("Translation and summary model"),
    summary=N_("Turns a text into another: translates it, or says it in fewer words."),
    tasks=(Task("translate", N_("Translate")), Task("summarise", N_("Summarise"))),
    params=(
        Param.choice(
            "source",
            N_("From"),
            "auto",
            (_AUTO_SOURCE, *choices(_USUAL)),
            help=N_("Languages in Latin letters cannot be told apart by sight: choose any but English yourself."),
            tasks=("translate",),
        ),
        Param.choice(
            "target",
            N_("Into"),
            "auto",
            (_AUTO_TARGET, *choices(_USUAL)),
            help=N_("Chinese ⇄ English: Chinese into English, all others into Chinese."),
            tasks=("translate",),
        ),
        Param.choice(
            "length",
            N_("Length##summary"),
            "medium",
            (
                Choice("short", N_("Short##length")),
                Choice("medium", N_("Medium##length")),
                Choice("long", N_("Long##length")),
            ),
            help=N_("About a tenth, a quarter or half of the text."),
            tasks=("summarise",),
        ),
        replace(STYLE, default="precise"),
        Param.text(
            "prefix",
            N_("Instruction prefix"),
            advanced=True,
            help=N_("What the model was taught to find before the text; empty for what such models usually have."),
        ),
        Param.int(
            "max_tokens",
            N_("Longest result of a part"),
            0,
            0,
            4096,
            10,
            unit=N_("tokens"),
            advanced=True,
            help=N_("A part is a sentence, or for summaries as much as the model can read; 0: as the text needs."),
        ),
        replace(
            BEAMS,
            default=4,
            help=N_("With the precise style: how many beginnings are followed at once to find the likeliest text."),
        ),
        LENGTH_PENALTY,
        TEMPERATURE,
        TOP_K,
        TOP_P,
        MIN_P,
        REPETITION,
        replace(NO_REPEAT, help=N_("No run of this many tokens occurs twice in a part; 0 allows all.")),
    ),
    needs="torch",
    max_count=20,
)

_DEFAULTS = {param.id: param.default for param in FAMILY.params}
_STYLES: dict[str, dict[str, Any]] = {
    "precise": {"temperature": 0.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0},
    "balanced": {"temperature": 0.6, "top_k": 20, "top_p": 0.9, "min_p": 0.0},
    "bold": {"temperature": 1.0, "top_k": 50, "top_p": 0.95, "min_p": 0.0},
}
_SHARES = {"short": (0.05, 0.15), "medium": (0.15, 0.35), "long": (0.35, 0.65)}
"""Least and most tokens of a summary, as shares of its text's."""

_TRANSLATORS = ("marian", "m2m_100", "nllb-moe", "mbart", "fsmt")
_SUMMARISERS = ("bart", "pegasus", "pegasus_x", "bigbird_pegasus", "led", "prophetnet")
_PREFIXED = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
_T5_LANGUAGES = ("en", "de", "fr", "ro")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LANGUAGE_MARK = re.compile(r"[a-z]{2,3}_(?:[A-Z]{2}|[A-Z][a-z]{3})")
_SHOWN_UNKNOWN = 20


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family as one checkpoint has it: its tasks, its languages; one that translates a fixed pair asks for none."""
    type = facts.get("model_type", "")
    tasks = set(facts.get("tasks") or ())
    if not tasks:
        tasks = {"translate", "summarise"}
        tasks -= {"summarise"} if type in _TRANSLATORS else {"translate"} if type in _SUMMARISERS else set()
    languages = {id_of(code) for code in facts.get("languages") or ()}
    if not languages and type in _PREFIXED:
        languages = set(_T5_LANGUAGES if type == "t5" else _USUAL)
    params = []
    for param in FAMILY.params:
        if param.id in ("source", "target"):
            if type == "marian" or len(languages) < 2:
                continue
            auto = param.choices[:1]
            if param.id == "target" and "zh" not in languages:
                auto = ()
            known = choices(languages)
            default = "auto" if auto else "de" if "de" in languages else known[0].value
            param = replace(param, choices=(*auto, *known), default=default)
        elif param.id == "prefix" and type and type not in _PREFIXED:
            continue
        params.append(param)
    return replace(FAMILY, tasks=tuple(task for task in FAMILY.tasks if task.id in tasks), params=tuple(params))


@dataclass(frozen=True)
class Rewriter:
    """A loaded model. reads: how many ids its encoder takes. codes: language to (the model's code for it, its id).
    fixed: (source, target) of a model for one pair. starts: ids the decoder begins with where no language is chosen.
    """

    network: Network
    tokenizer: Any
    placement: device.Placement
    digest: str
    reads: int
    starts: tuple[int, ...]
    codes: Mapping[str, tuple[str, int]]
    fixed: tuple[str, str]

    @property
    def type(self) -> str:
        """The model type of its config.json."""
        return self.network.model.config.model_type

    def decode(self, ids: Sequence[int]) -> str:
        """Ids as text without special tokens."""
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def encode(self, text: str) -> list[int]:
        """Ids of a text with what the model expects around it."""
        return list(self.tokenizer(text, verbose=False)["input_ids"])


def warm() -> None:
    """Import what `load` needs."""
    device.go_offline()
    import torch  # noqa: F401
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer  # noqa: F401


def facts(loaded: Rewriter) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return {
        "device": loaded.placement.device,
        "dtype": loaded.placement.dtype,
        "model": {"digest": loaded.digest},
    }


def load(model: Model, ctx: Context) -> Rewriter:
    """Read a model folder; StudioError for everything that can be wrong with one."""
    network, tokenizer, placement, digest = load_pretrained(model, "AutoModelForSeq2SeqLM", ctx)
    config, generation = network.config, network.generation_config
    codes = _codes(tokenizer)
    never = {ids[0] for ids in generation.bad_words_ids or () if len(ids) == 1}
    never |= {*(generation.suppress_tokens or ()), *(id for _, id in codes.values())}
    ends = end_ids(network, tokenizer)
    if tokenizer.pad_token_id is not None:
        never.add(tokenizer.pad_token_id)
    positions = [getattr(config, name, None) for name in ("max_position_embeddings", "max_encoder_position_embeddings")]
    told = tokenizer.model_max_length
    # T5 has no positions that could run out; n_positions is what it was trained on.
    reads = bound(*positions, getattr(config, "n_positions", None) if not positions[0] else None, told, default=512)
    writes = bound(*positions, getattr(config, "max_decoder_position_embeddings", None), default=4096)
    return Rewriter(
        Network(network, writes, ends, tuple(sorted(never - ends)), "logits_to_keep" in _takes(network)),
        tokenizer,
        placement,
        digest,
        reads,
        _starts(config, generation, tokenizer),
        codes,
        _pair(tokenizer, model.facts) if config.model_type == "marian" else ("", ""),
    )


def _takes(network: Any) -> Mapping[str, Any]:
    return inspect.signature(network.forward).parameters


def _starts(config: Any, generation: Any, tokenizer: Any) -> tuple[int, ...]:
    """What a decoder begins with: its start, and a first id where the model demands one."""
    for value in (
        generation.decoder_start_token_id,
        getattr(config, "decoder_start_token_id", None),
        tokenizer.bos_token_id,
        tokenizer.pad_token_id,
    ):
        if value is not None:
            start = value if isinstance(value, int) else value[0]
            break
    else:
        raise StudioError(N_("This model does not say how a text begins; choose another model."), code="model-load")
    forced = generation.forced_bos_token_id
    return (start,) if forced is None else (start, forced if isinstance(forced, int) else forced[0])


def _codes(tokenizer: Any) -> dict[str, tuple[str, int]]:
    """Language to the model's code and the id that stands for it; empty for a model without such ids."""
    if hasattr(tokenizer, "lang_code_to_token"):
        found = {code: tokenizer.get_lang_id(code) for code in tokenizer.lang_code_to_token}
    else:
        special = {str(token) for token in tokenizer.get_added_vocab()}
        found = {code: tokenizer.convert_tokens_to_ids(code) for code in special if _LANGUAGE_MARK.fullmatch(code)}
    codes: dict[str, tuple[str, int]] = {}
    for code, id in sorted(found.items(), key=lambda item: item[1]):
        codes.setdefault(id_of(code), (code, id))
    return codes


def _pair(tokenizer: Any, facts: Mapping[str, Any]) -> tuple[str, str]:
    """The languages of a Marian model, "" for one that is not told."""
    source = getattr(tokenizer, "source_lang", None) or facts.get("source") or ""
    target = getattr(tokenizer, "target_lang", None) or facts.get("target") or ""
    return id_of(source), id_of(target)


# ---- a run


def run(loaded: Rewriter, request: Request, ctx: Context) -> None:
    """Write results `ctx.start` to `request.count`, each a whole translation or summary of the prompt."""
    values = {**_DEFAULTS, **ctx.values}
    text = _CONTROL.sub("", request.prompt.replace("\r\n", "\n").replace("\r", "\n"))
    if not text.strip():
        raise StudioError(N_("There is no text to work on; write or select some."), code="prompt-empty")
    ctx.progress(0, 0, N_("Reading the text"))
    plan = _translation if request.task == "translate" else _summary
    job = plan(loaded, text, values, ctx)
    _check_known(loaded, job, ctx)
    runner = _Runner(loaded, request, ctx, job, values)
    for index in range(ctx.start, request.count):
        if not ctx.wants(index):
            continue
        runner.write(index)


@dataclass
class _Job:
    """What is to be done with the text: its parts, what stands before each when it is read, how the decoder begins.

    spaced: whether the result's sentences have spaces between them. info: what the recipe keeps.
    """

    parts: list[Part]
    starts: tuple[int, ...]
    prefix: str = ""
    spaced: bool = True
    shares: tuple[float, float] | None = None
    stage: str = ""
    info: dict[str, Any] = field(default_factory=dict)


def _fits(loaded: Rewriter, prefix: str, ctx: Context) -> Callable[[str], bool]:
    """Whether the encoder can read a text. A long document takes many such questions: each hears a cancel."""

    def fits(text: str) -> bool:
        ctx.check()
        return len(text) <= 8 * loaded.reads and len(loaded.encode(prefix + text)) <= loaded.reads

    return fits


def _translation(loaded: Rewriter, text: str, values: Mapping[str, Any], ctx: Context) -> _Job:
    source, target = _languages(loaded, text, values)
    prefix, starts = values["prefix"], loaded.starts
    if loaded.codes:
        id = loaded.codes[target][1]
        loaded.tokenizer.src_lang = loaded.codes[source][0]
        begins_with_language = type(loaded.tokenizer).__name__ == "MBartTokenizer"  # the first mBART, not its 50
        starts = (id,) if begins_with_language else (starts[0], id)
    elif loaded.type == "marian":
        prefix = _marian_mark(loaded, target)
    elif not prefix:
        prefix = f"translate {ENGLISH_NAMES.get(source, source)} to {ENGLISH_NAMES.get(target, target)}: "
    info = {"source": source, "target": target} | ({"prefix": prefix} if prefix else {})
    found = parts.by_sentences(text, _fits(loaded, prefix, ctx))
    return _Job(found, starts, prefix, spaced(target), None, N_("Translating"), info)


def _languages(loaded: Rewriter, text: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """(source, target); StudioError where they are the same, or the model does not know one."""
    if loaded.type == "marian":
        return loaded.fixed
    source, target = values["source"], values["target"]
    if source == "auto":
        source = detect(text)
    if target == "auto":
        target = "en" if source in ("zh", "zh-Hant", "yue") else "zh"
    if loaded.codes and source == "zh" and source not in loaded.codes and "zh-Hant" in loaded.codes:
        source = "zh-Hant"
    for id in (source, target):
        if loaded.codes and id not in loaded.codes:
            raise StudioError(
                N_("This model does not know {language}; choose another language or another model."),
                code="language",
                language=_name(id),
            )
    if source == target and not values["prefix"]:
        raise StudioError(
            N_("The text is to be translated from {language} into the same language; choose another one."),
            code="language-same",
            language=_name(source),
        )
    return source, target


def _name(id: str) -> str:
    return choices([id])[0].title


def _marian_mark(loaded: Rewriter, target: str) -> str:
    """Marian models with several targets want the target's mark before the text."""
    marks = list(getattr(loaded.tokenizer, "supported_language_codes", ()))
    for mark in marks:
        if id_of(mark) == target:
            return f"{mark} "
    return f"{marks[0]} " if marks else ""


def _summary(loaded: Rewriter, text: str, values: Mapping[str, Any], ctx: Context) -> _Job:
    prefix = values["prefix"]
    if not prefix and loaded.type in _PREFIXED:
        told = (getattr(loaded.network.model.config, "task_specific_params", None) or {}).get("summarization", {})
        prefix = str(told.get("prefix") or "summarize: ")
    source = detect(text)
    if loaded.codes:
        loaded.tokenizer.src_lang = loaded.codes.get(source, next(iter(loaded.codes.values())))[0]
    info = {"length": values["length"]} | ({"prefix": prefix} if prefix else {})
    found = parts.by_size(text, _fits(loaded, prefix, ctx))
    shares = _SHARES[values["length"]]
    return _Job(found, loaded.starts, prefix, spaced(source), shares, N_("Summarising"), info)


def _check_known(loaded: Rewriter, job: _Job, ctx: Context) -> None:
    """Refuse a text of which the model knows no character; say which ones it does not know."""
    tokenizer = loaded.tokenizer
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return
    empty = set(tokenizer.all_special_ids) - {unknown}
    empty |= {id for id in [tokenizer.convert_tokens_to_ids("▁")] if id not in (None, unknown)}

    def ids(text: str) -> list[int]:
        ctx.check()
        return [id for id in tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] if id not in empty]

    read = [ids(part.text) for part in job.parts if not part.copied]
    if not any(unknown in part for part in read):
        return
    known = {id for part in read for id in part} - {unknown}
    if not any(sign.isalnum() for piece in tokenizer.convert_ids_to_tokens(list(known)) for sign in piece):
        raise StudioError(
            N_("This model knows no character of this text; choose a model for its language."), code="text-unknown"
        )
    signs = dict.fromkeys(sign for part in job.parts if not part.copied for sign in part.text if not sign.isspace())
    strange = [sign for sign in signs if (found := ids(sign)) and all(id == unknown for id in found)]
    if strange:
        ctx.notice(
            N_("The model does not know these characters and leaves them out: {characters}"),
            characters=" ".join(strange[:_SHOWN_UNKNOWN]) + (" …" if len(strange) > _SHOWN_UNKNOWN else ""),
        )


class _Runner:
    """One request under way: what all its results share."""

    def __init__(self, loaded: Rewriter, request: Request, ctx: Context, job: _Job, values: Mapping[str, Any]) -> None:
        self._loaded, self._request, self._ctx, self._job, self._values = loaded, request, ctx, job, values
        self._sampling = Sampling.from_values(values, _DEFAULTS, _STYLES)
        self._texts = [part for part in job.parts if not part.copied]
        self._beams: dict[int, list[Beam]] = {}
        self._shown: list[str] = []
        self._tokens = self._cut = 0

    def write(self, index: int) -> None:
        """Make result `index`, and show it as it comes."""
        ctx, job = self._ctx, self._job
        self._shown, self._tokens, self._cut = [], 0, 0
        began = time.perf_counter()
        done = 0
        for number, part in enumerate(job.parts):
            ctx.check()
            gap = part.before + (" " if part.joins and job.spaced else "")
            if part.copied:
                self._show(index, gap + part.text)
                continue
            self._progress(done, 0, 1)
            self._part(index, number, part, gap, done)
            done += 1
        seconds = time.perf_counter() - began
        text = "".join(self._shown)
        if not text.strip():
            raise StudioError(
                N_("The model wrote nothing for this text; try another style or another model."), code="empty-result"
            )
        if self._cut:
            ctx.notice(
                N_("{count} parts of the result reached the longest length and were cut."), count=self._cut
            ) if self._cut > 1 else ctx.notice(N_("The result reached the longest length and was cut."))
        if job.shares and done > 1:
            ctx.notice(
                N_("The text is longer than the model can read at once; it was summarised in {count} parts."),
                count=done,
            )
        ctx.save_text(
            index,
            text,
            **job.info,
            style=self._values["style"],
            sampling=asdict(self._sampling),
            finish="length" if self._cut else "end",
            parts=done,
            tokens=self._tokens,
            tokens_per_second=round(self._tokens / max(seconds, 1e-9), 1),
        )

    def _progress(self, done: int, written: int, most: int) -> None:
        """Several parts: how many are done. A single one: how many tokens of as many as there may be."""
        several = len(self._texts) > 1
        self._ctx.progress(done if several else written, len(self._texts) if several else most, self._job.stage)

    def _show(self, index: int, piece: str) -> None:
        if piece:
            self._shown.append(piece)
            self._ctx.partial(index, piece)

    def _part(self, index: int, number: int, part: Part, gap: str, done: int) -> None:
        loaded, job = self._loaded, self._job
        ids = loaded.encode(job.prefix + part.text)
        least, most = self._bounds(len(ids))
        stream = TextStream(loaded.decode, neat=Neat(gap))
        try:
            if self._sampling.temperature == 0 and max(self._values["beams"], self._request.count) > 1:
                ended = self._search(index, number, ids, least, most, stream, done)
            else:
                ended = self._sample(index, number, ids, least, most, stream, done)
        except Cancelled:
            self._show(index, stream.finish())  # what was held back is part of the text the user keeps
            raise
        self._show(index, stream.finish())
        self._cut += not ended

    def _bounds(self, read: int) -> tuple[int, int]:
        """Least and most tokens to write for a part of `read` tokens."""
        least, most = 1, 2 * read + 32
        if self._job.shares is not None:
            least, most = max(1, int(self._job.shares[0] * read)), max(16, int(self._job.shares[1] * read) + 1)
        if wanted := self._values["max_tokens"]:
            most = wanted
        most = max(1, min(most, self._loaded.network.limit - len(self._job.starts)))
        return min(least, most), most

    def _sample(
        self, index: int, number: int, ids: list[int], least: int, most: int, stream: TextStream, done: int
    ) -> bool:
        """Token by token; whether the model itself came to an end."""
        self._ctx.check()
        seed = (self._request.item_seed(index) + number * 0x9E3779B1) & 0xFFFFFFFF
        loop = TokenLoop(
            Answer.to(self._loaded.network, ids),
            Prompt(self._job.starts, (), slides=False),
            most,
            self._sampling,
            seed,
            self._ctx.check,
            least=least,
        )
        for id in loop:
            self._tokens += 1
            self._show(index, stream.feed(id))
            self._progress(done, loop.written, most)
        return loop.finish == "end"

    def _search(
        self, index: int, number: int, ids: list[int], least: int, most: int, stream: TextStream, done: int
    ) -> bool:
        """Beam search: result i takes the i-th best of every part. What all that are in the race share is shown."""
        fed = 0

        def settled(shared: Sequence[int]) -> None:
            nonlocal fed
            for id in shared[fed:]:
                self._show(index, stream.feed(id))
            fed = max(fed, len(shared))

        if number not in self._beams:
            self._ctx.check()
            self._beams[number], _ = beam_search(
                Answer.to(self._loaded.network, ids),
                Prompt(self._job.starts, (), slides=False),
                most,
                max(self._values["beams"], self._request.count),
                self._values["length_penalty"],
                self._sampling,
                self._ctx.check,
                lambda written: self._progress(done, written, most),
                least=least,
                settled=settled,
            )
        found = self._beams[number]
        beam = found[min(index, len(found) - 1)]
        settled(beam.ids)
        self._tokens += len(beam.ids)
        return beam.ended
