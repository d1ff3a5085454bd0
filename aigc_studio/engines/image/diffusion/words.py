"""Learned words on a loaded model (textual inversion): further entries of its text encoders' tables.

They are loaded once and stay while the jobs name the same ones; without any, tokenizers and encoders are bit for bit
what they were. In prompts a word may stand for several entries; diffusers' pipelines write them out.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.embedding import read_embedding
from aigc_studio.core.library.weights import read_header

from . import memory

if TYPE_CHECKING:
    from aigc_studio.engines.base import Context, Model

    from .spec import Loaded

__all__ = ["apply"]

log = logging.getLogger(__name__)

_ENCODERS = (("text_encoder", "tokenizer", "clip_l"), ("text_encoder_2", "tokenizer_2", "clip_g"))
"""Component, its tokenizer, and the name of its rows in files for two encoders."""


def apply(loaded: Loaded, words: list[Any], texts: tuple[str, ...], ctx: Context) -> dict[str, Any]:
    """Let the model know `words`, a list of [model id, strength], and forget what is not in it. texts: the prompts.

    strength: what the entries are multiplied with; 0 leaves a word out. Returns what the recipe keeps of them, {} for
    none. StudioError for a file that is gone, broken, or made for another model; the model then knows none.
    """
    strengths = {id: float(strength) for id, strength in words if float(strength) != 0.0}
    wanted = {id: ctx.part(id) for id in strengths}
    key = tuple((id, *_stamp(wanted[id]), strength) for id, strength in strengths.items())
    held: tuple[Any, ...] = loaded.state.get("words", ())
    if key != held:
        with memory.at_rest(loaded, ctx):
            _forget(loaded)
            try:
                for id, strength in strengths.items():
                    ctx.check()
                    ctx.progress(0, 0, N_("Loading the learned words"))
                    _learn(loaded, wanted[id], strength)
            except BaseException:  # half of them must not stay
                _forget(loaded)
                raise
        loaded.state["words"] = key
    said = " ".join(texts).lower()
    known = {id: str(_facts(model)["trigger"]) for id, model in wanted.items()}
    for id, word in known.items():
        if word.lower() not in said:
            ctx.notice(
                N_('"{embedding}" is chosen, but its word {word} is not in the prompt.'),
                embedding=wanted[id].title,
                word=word,
            )
    kept = [
        {"id": id, "title": wanted[id].title, "weight": strength, "digest": str(wanted[id].facts.get("digest", ""))}
        | {"word": known[id]}
        for id, strength in strengths.items()
    ]
    return {"embeddings": kept} if kept else {}


def _forget(loaded: Loaded) -> None:
    """Tokenizers and tables as the model came with them."""
    from tokenizers import Tokenizer

    loaded.state.pop("words", None)
    for name, (table, size, text) in loaded.state.pop("words_before", {}).items():
        encoder = getattr(loaded.pipe, name)
        now = encoder.get_input_embeddings().weight
        encoder.set_input_embeddings(table.to(now.device, now.dtype))
        encoder.config.vocab_size = size
        getattr(loaded.pipe, _tokenizer_of(name))._tokenizer = Tokenizer.from_str(text)


def _learn(loaded: Loaded, model: Model, strength: float) -> None:
    """Add the entries of one file."""
    from safetensors.torch import load_file

    path = _file(model)
    facts = _facts(model)
    pipe = loaded.pipe
    two = getattr(pipe, "text_encoder_2", None) is not None
    word = str(facts["trigger"]).strip()
    tensors = load_file(path)
    rows = {name: tensors.get(key) for name, _, key in _ENCODERS} if len(tensors) > 1 else {
        "text_encoder": next(iter(tensors.values()))
    }  # fmt: skip
    width = pipe.text_encoder.get_input_embeddings().weight.shape[-1]
    first = rows["text_encoder"]
    if (len(rows) == 2) != two or first is None or first.shape[-1] != width:
        raise StudioError(
            N_('"{embedding}" does not fit this model; take it out or choose another model.'),
            code="embedding-fit",
            detail=f"{ {name: tuple(value.shape) for name, value in tensors.items()} } for {width}",
            embedding=model.title,
        )
    before = loaded.state.setdefault("words_before", {})
    for name, value in rows.items():
        if value is None:
            continue
        encoder, tokenizer = getattr(pipe, name), getattr(pipe, _tokenizer_of(name))
        if name not in before:
            table = encoder.get_input_embeddings()
            before[name] = (table, encoder.config.vocab_size, tokenizer._tokenizer.to_str())
        value = (value * strength).to(encoder.dtype)
        try:
            pipe.load_textual_inversion(value, token=word, tokenizer=tokenizer, text_encoder=encoder)
        except ValueError as error:
            raise StudioError(
                N_('The word "{word}" of "{embedding}" is known to this model already; take the file out.'),
                code="embedding-word",
                detail=repr(error),
                word=word,
                embedding=model.title,
            ) from error
    log.info("learned word %s of %s", word, path.name)


def _tokenizer_of(encoder: str) -> str:
    return encoder.replace("text_encoder", "tokenizer")


def _facts(model: Model) -> dict[str, Any]:
    """What the file says of itself now; StudioError when it is damaged or no file of learned words."""
    path = _file(model)
    facts = read_embedding(read_header(path), path)
    if facts is None or not str(facts["trigger"]).strip():
        raise StudioError(
            N_('"{embedding}" is no file of learned words; take it out.'), code="embedding-kind", embedding=model.title
        )
    return facts


def _stamp(model: Model) -> tuple[str, int, int]:
    """(path, size, time of change) of a part's file."""
    path = _file(model)
    try:
        status = path.stat()
    except OSError as error:
        raise _gone(model, repr(error)) from error
    return str(path), status.st_size, status.st_mtime_ns


def _file(model: Model) -> Path:
    files = [model.file] if model.file is not None else sorted((model.folder or Path()).glob("*.safetensors"))
    if len(files) != 1:
        raise _gone(model, f"{len(files)} files in {model.folder}")
    return files[0]


def _gone(model: Model, detail: str) -> StudioError:
    return StudioError(
        N_('The file of "{embedding}" is not there; put it back or take it out.'),
        code="part-missing",
        detail=detail,
        embedding=model.title,
    )
