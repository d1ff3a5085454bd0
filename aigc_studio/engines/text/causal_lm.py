"""Causal language models of transformers (Llama, Qwen, GPT-2, our starter writer ...): text that goes on, and chat."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.forms import FORMS, SPECIAL_TOKENS, TEXT, frame
from aigc_studio.core.i18n import N_
from aigc_studio.core.instructions import apart
from aigc_studio.engines import device
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task

from .controls import BEAMS, LENGTH_PENALTY, MIN_P, NO_REPEAT, REPETITION, STYLE, TEMPERATURE, TOP_K, TOP_P
from .decoding import Network, Prompt, TokenLoop, beam_search
from .loading import bound, end_ids, load_pretrained
from .sampling import Sampling
from .stream import THINKING, TextStream, Thoughts

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "Writer", "facts", "fitted", "load", "run", "unmarked", "warm", "writer_of"]

FAMILY = Family(
    id="causal-lm",
    kind="text",
    title=N_("Language model"),
    summary=N_("Continues a text in its own words; with an instruction model also answers."),
    tasks=(Task("continue", N_("Continue")), Task("chat", N_("Follow an instruction"))),
    params=(
        Param.choice(
            "form",
            N_("Form"),
            "auto",
            (Choice("auto", N_("As the text begins")), *(Choice(form.id, form.title) for form in FORMS.values())),
            help=N_("For the starter writer, which knows these forms; other models go by the text alone."),
            tasks=("continue",),
        ),
        Param.text(
            "system",
            N_("Role and tone"),
            help=N_("Who is writing and how, for example: you write short, friendly product copy."),
            tasks=("chat",),
        ),
        STYLE,
        Param.int(
            "max_tokens",
            N_("Longest result"),
            200,
            1,
            8192,
            10,
            unit=N_("tokens"),
            help=N_("A token is about one Chinese character or three quarters of an English word."),
        ),
        Param.bool(
            "thinking",
            N_("Think first"),
            False,
            help=N_("Models that can think before they answer do so; the thoughts are not shown."),
            tasks=("chat",),
        ),
        TEMPERATURE,
        TOP_K,
        TOP_P,
        MIN_P,
        REPETITION,
        NO_REPEAT,
        BEAMS,
        LENGTH_PENALTY,
        Param.text(
            "stop",
            N_("Stop before"),
            advanced=True,
            help=N_("Ends the text before these words; separate several by |, write a line break as \\n."),
        ),
    ),
    needs="torch",
    max_count=20,
)

_DEFAULTS = {param.id: param.default for param in FAMILY.params}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


_LEFT_OUT = {
    "front": N_(
        "The text is longer than this model can see: it does not know the first {count} of its {total} tokens."
    ),
    "middle": N_(
        "The text is longer than this model can see: {count} of {total} tokens after its first line are left out."
    ),
    "end": N_("The text is longer than this model can see: the last {count} of {total} tokens are left out."),
}
"""What is said when a part of a prompt is not read."""
_LONGEST = 32_768
"""Tokens of a result, whatever a model could do: half an hour's reading."""
_MARKS = re.compile(r"<\|?/?\w+\|?>")


def fitted(facts: Mapping[str, Any]) -> Family:
    """The family as one checkpoint has it: instructions only where it has a chat template, the starter writer's forms
    only for the starter writer, results no longer than its context."""
    tasks = tuple(task for task in FAMILY.tasks if task.id != "chat" or facts.get("chat", not facts))
    params = []
    for param in FAMILY.params:
        if param.id == "form" and not facts.get("forms"):
            continue
        if param.id == "max_tokens" and (context := facts.get("context")):
            high = max(16, min(int(context), _LONGEST))
            param = replace(param, default=min(param.default, high // 2), high=high)
        params.append(param)
    return replace(FAMILY, tasks=tasks, params=tuple(params))


@dataclass(frozen=True)
class Writer:
    """A loaded model. framed: whether it takes the starter writer's frames. digest: the model's identity. hidden: ids
    that are no text, where some special tokens make up the tags round thoughts; None where none do."""

    network: Network
    tokenizer: Any
    placement: device.Placement
    framed: bool
    digest: str
    hidden: frozenset[int] | None = None

    def decode(self, ids: Sequence[int]) -> str:
        """Ids as text without special tokens."""
        return self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def decode_marked(self, ids: Sequence[int]) -> str:
        """The same with the marks, for a filter that takes them out together with what is between them."""
        kept = [id for id in ids if id not in (self.hidden or ())]
        return self.tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def warm() -> None:
    """Import what `load` needs."""
    device.go_offline()
    import torch  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401


def facts(loaded: Writer) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return {
        "device": loaded.placement.device,
        "dtype": loaded.placement.dtype,
        "model": {"digest": loaded.digest},
    }


def load(model: Model, ctx: Context) -> Writer:
    """Read a model folder: safetensors only, nothing from the network, no program code from the folder.

    Raises StudioError for everything that can be wrong with a folder.
    """
    return writer_of(*load_pretrained(model, "AutoModelForCausalLM", ctx))


def writer_of(network: Any, tokenizer: Any, placement: device.Placement, digest: str) -> Writer:
    """A network of transformers with its tokenizer, ready to write: also one that is still being trained."""
    special = set(tokenizer.get_vocab())
    framed = special.issuperset(SPECIAL_TOKENS)
    ends = end_ids(network, tokenizer)
    never: tuple[int, ...] = tuple(getattr(network.generation_config, "suppress_tokens", None) or ())
    if framed:
        frame_ids = [tokenizer.convert_tokens_to_ids(token) for token in SPECIAL_TOKENS]
        never = tuple(sorted({*never, *frame_ids} - ends))
    return Writer(
        Network(
            network,
            _limit(network, tokenizer),
            ends,
            never,
            "logits_to_keep" in inspect.signature(network.forward).parameters,
        ),
        tokenizer,
        placement,
        framed,
        digest,
        _hidden(tokenizer),
    )


def _hidden(tokenizer: Any) -> frozenset[int] | None:
    """Special tokens but those of tags round thoughts: if decoding dropped these, the thoughts would look like text."""
    marks = {mark for tags in THINKING for tag in tags for mark in _MARKS.findall(tag)}
    special = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    if marks.isdisjoint(special):
        return None
    return frozenset(id for token, id in special.items() if token not in marks)


def _limit(network: Any, tokenizer: Any) -> int:
    """How many ids the model can attend to."""
    positions = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    return bound(positions, tokenizer.model_max_length, default=4096)


def run(loaded: Writer, request: Request, ctx: Context) -> None:
    """Write results `ctx.start` to `request.count`; each is what follows the prompt, never the prompt itself."""
    values = {**_DEFAULTS, **ctx.values}
    text = _clean(request.prompt)
    if request.task == "chat":
        prompt, thinks = _chat_prompt(loaded, text, values)
        form, eat_space = "", False
    else:
        prompt, form = _prompt(loaded, text, values["form"])
        thinks, eat_space = None, text.endswith(" ")
    sampling = Sampling.from_values(values, _DEFAULTS)
    info: dict[str, Any] = {"style": values["style"], "sampling": asdict(sampling)}
    if form:
        info["form"] = form
    job = _Job(loaded, request, ctx, prompt, sampling, values, thinks, eat_space, info)
    if unseen := prompt.left_out + prompt.fit(loaded.network.limit, values["max_tokens"])[1]:
        ctx.notice(
            _LEFT_OUT[prompt.cut],
            count=unseen,
            total=prompt.left_out + len(prompt.head) + len(prompt.body),
        )
    if values["beams"] > 1:
        job.search()
    else:
        for index in range(ctx.start, request.count):
            if not ctx.wants(index):
                continue
            job.write(index)


def _clean(text: str) -> str:
    """Without control characters and half surrogates; line ends as line feeds."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _prompt(loaded: Writer, text: str, form: str) -> tuple[Prompt, str]:
    """(ids to go on from, the form that was settled on, "" for a model without forms).

    Spaces at the end are left to the model, whose tokens begin with them.
    """
    tokenizer = loaded.tokenizer
    if loaded.framed:
        framed = frame(text, form)
        head = [tokenizer.convert_tokens_to_ids(FORMS[framed.form].token)]
        if framed.title:
            head += _encode(tokenizer, framed.title)[: loaded.network.limit // 4]
        head.append(tokenizer.convert_tokens_to_ids(TEXT))
        return Prompt(tuple(head), tuple(_encode(tokenizer, framed.text.rstrip(" ")))), framed.form
    ids = list(tokenizer(text.rstrip(" "), verbose=False)["input_ids"]) if text.strip(" ") else []
    start = tokenizer.bos_token_id
    head = ids[:1] if ids and ids[0] == start else []
    body = ids[len(head) :]
    if not ids:
        start = start if start is not None else tokenizer.eos_token_id
        if start is None:
            raise StudioError(N_("This model cannot begin by itself; write the first words."), code="prompt-empty")
        head = [start]
    return Prompt(tuple(head), tuple(body)), ""


def _encode(tokenizer: Any, text: str) -> list[int]:
    """Ids of plain text: what looks like a special token is text."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"])


def unmarked(tokenizer: Any, text: str) -> str:
    """Without words that the tokenizer would read as its own marks: a document must not end the person's turn and go
    on as somebody else. A space goes between the characters of one, so that nothing of the text is lost."""
    marks = {str(mark) for mark in tokenizer.all_special_tokens}
    marks |= {mark.content for mark in tokenizer.added_tokens_decoder.values() if mark.special}
    for mark in sorted(marks, key=len, reverse=True):
        if len(mark) > 1:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def _chat_prompt(loaded: Writer, text: str, values: dict[str, Any]) -> tuple[Prompt, Thoughts]:
    """The instruction in the model's own chat template, and the filter for thoughts, already inside one where the
    template opens it.

    When it is too long, the instruction stays and the text it is about is cut: the end of a text that `compose` put
    below it; else the middle, after a short first line; else the front.
    """
    tokenizer = loaded.tokenizer
    if not getattr(tokenizer, "chat_template", None):
        raise StudioError(
            N_("This model only continues texts and does not follow instructions; choose another model."),
            code="no-chat",
        )
    if not text.strip():
        raise StudioError(N_("There is no instruction; write what the model should do."), code="prompt-empty")

    def render(content: str) -> list[int]:
        system = unmarked(tokenizer, values["system"])
        messages = [{"role": "system", "content": system}] if system.strip() else []
        messages.append({"role": "user", "content": unmarked(tokenizer, content)})
        nonlocal opened
        try:
            rendered = tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=False, enable_thinking=values["thinking"]
            )
        except Exception as error:  # templates are programs of their own and raise what they like
            raise StudioError(
                N_("This model's chat template failed ({reason}); leave the role empty or choose another model."),
                code="chat-template",
                detail=repr(error),
                reason=str(error)[:200],
            ) from error
        opened = next((opening for opening, _ in THINKING if rendered.rstrip().endswith(opening)), "")
        return list(tokenizer(rendered, add_special_tokens=False, verbose=False)["input_ids"])

    opened, cut = "", "front"
    ids = render(text)
    room = max(1, loaded.network.limit - min(values["max_tokens"], loaded.network.limit // 2))
    left_out = 0
    if len(ids) > room:
        stays, content, cut = _to_cut(tokenizer, text, room)
        keep = max(0, len(content) - (len(ids) - room))
        while len(ids) > room and keep > 0:
            left_out = len(content) - keep
            kept = loaded.decode(content[:keep] if cut == "end" else content[-keep:])
            ids = render(stays + kept.strip("\ufffd"))
            keep -= max(1, len(ids) - room)
        if len(ids) > room:
            longest = (
                N_("The role is too long for this model ({limit} tokens); shorten it.")
                if values["system"].strip()
                else N_(
                    "This model sees {limit} tokens, too few for an instruction and a text; choose another model, or a"
                    " smaller longest result."
                )
            )
            raise StudioError(longest, code="context", limit=loaded.network.limit)
    return Prompt(tuple(ids), (), slides=False, left_out=left_out, cut=cut), Thoughts(inside=opened)


def _to_cut(tokenizer: Any, text: str, room: int) -> tuple[str, list[int], str]:
    """What of a prompt that is too long stays as it is, the ids of the rest, and where something is cut (`Prompt`)."""
    instruction, passage = apart(text)
    if passage.strip():
        return instruction, _encode(tokenizer, passage), "end"
    first, line_end, rest = text.partition("\n")
    if rest.strip() and len(_encode(tokenizer, first)) <= room // 4:
        return first + line_end, _encode(tokenizer, rest), "middle"
    return "", _encode(tokenizer, text), "front"


@dataclass
class _Job:
    """One request under way: what all its results share."""

    loaded: Writer
    request: Request
    ctx: Context
    prompt: Prompt
    sampling: Sampling
    values: dict[str, Any]
    thinks: Thoughts | None
    eat_space: bool
    info: dict[str, Any]

    @property
    def least(self) -> int:
        """A continuation has at least one token, even where the model thinks that all is said."""
        return 1 if self.request.task == "continue" else 0

    def write(self, index: int) -> None:
        """Sample result `index` from its own seed, and show it as it comes."""
        ctx, most = self.ctx, self.values["max_tokens"]
        stream = self._stream()
        loop = TokenLoop(
            self.loaded.network,
            self.prompt,
            most,
            self.sampling,
            self.request.item_seed(index),
            ctx.check,
            least=self.least,
        )
        began = time.perf_counter()
        ctx.progress(0, most, N_("Writing"))
        try:
            for id in loop:
                if piece := self._trim(stream, stream.feed(id)):
                    ctx.partial(index, piece)
                ctx.progress(loop.written, most, N_("Thinking") if stream.thinking else N_("Writing"))
                if stream.stopped:
                    break
        except Cancelled:
            if piece := self._trim(stream, stream.finish()):
                ctx.partial(index, piece)  # what was held back is part of the text the user keeps
            raise
        seconds = time.perf_counter() - began
        if piece := self._trim(stream, stream.finish()):
            ctx.partial(index, piece)
        finish = "stop" if stream.stopped else loop.finish
        self._save(index, stream, finish, loop.written, loop.left_out, seconds)

    def search(self) -> None:
        """Beam search: result i is the i-th best text."""
        ctx, most, count = self.ctx, self.values["max_tokens"], self.request.count
        began = time.perf_counter()
        first = self._stream()
        fed = 0

        def settled(ids: Sequence[int]) -> None:
            """What every text still in the race begins with is shown."""
            nonlocal fed
            for id in () if first.stopped else ids[fed:]:
                if piece := self._trim(first, first.feed(id)):
                    ctx.partial(0, piece)
                if first.stopped:
                    break
            fed = max(fed, len(ids))

        try:
            beams, left_out = beam_search(
                self.loaded.network,
                self.prompt,
                most,
                max(self.values["beams"], count),
                self.values["length_penalty"],
                self.sampling,
                ctx.check,
                lambda done: ctx.progress(done, most, N_("Writing")),
                least=self.least,
                settled=settled if ctx.start == 0 else None,
            )
        except Cancelled:
            if ctx.start == 0 and (piece := self._trim(first, first.finish())):
                ctx.partial(0, piece)
            raise
        seconds = time.perf_counter() - began
        for index in range(ctx.start, count):
            if not ctx.wants(index):
                continue
            beam = beams[min(index, len(beams) - 1)]
            stream = first if index == 0 else self._stream()
            shown = len(self._text(stream))
            for id in () if stream.stopped else beam.ids[fed if index == 0 else 0 :]:
                stream.feed(id)
                if stream.stopped:
                    break
            stream.finish()
            finish = "stop" if stream.stopped else "end" if beam.ended else "length"
            if piece := self._text(stream)[shown:]:
                ctx.partial(index, piece)
            self.info["score"] = round(beam.score, 4)
            self._save(index, stream, finish, len(beam.ids), left_out, seconds)

    def _stream(self) -> TextStream:
        stops = [stop.replace("\\n", "\n") for stop in self.values["stop"].split("|") if stop]
        if self.thinks is None:
            return TextStream(self.loaded.decode, stops)
        decode = self.loaded.decode if self.loaded.hidden is None else self.loaded.decode_marked
        return TextStream(decode, stops, self.thinks.again())

    def _trim(self, stream: TextStream, piece: str) -> str:
        """The prompt ended with a space that was left to the model: the first one of the result is that space."""
        if self.eat_space and piece and len(stream.text) == len(piece):
            return piece.removeprefix(" ")
        return piece

    def _text(self, stream: TextStream) -> str:
        return stream.text.removeprefix(" ") if self.eat_space else stream.text

    def _save(self, index: int, stream: TextStream, finish: str, tokens: int, left_out: int, seconds: float) -> None:
        text = self._text(stream)
        if stream.thinking and not text:
            raise StudioError(
                N_("The model used up the whole length with thinking; allow a longer result, or switch thinking off."),
                code="only-thoughts",
            )
        self.ctx.save_text(
            index,
            text,
            **self.info,
            finish=finish,
            tokens=tokens,
            tokens_left_out=left_out + self.prompt.left_out,
            tokens_per_second=round(tokens / max(seconds, 1e-9), 1),
        )
