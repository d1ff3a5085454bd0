"""Folders of transformers that write: causal language models, and those that turn one text into another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import StudioError
from ..forms import FORMS, SPECIAL_TOKENS
from ..i18n import N_
from .entry import Finding
from .known import CAUSAL_TYPES, SEQ2SEQ_CLASSES, VISION_WRITERS
from .reading import check_packing, code_of_its_own, first_of, missing, optional_json, read_json, shown, unknown_class
from .weights import identity, whole_files

__all__ = ["TOKENIZERS", "architecture", "check_folder", "folder_identity", "read_writer"]

TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "source.spm",
    "spm_char.model",
)
"""Files one of which a text model's words come from."""

_CAUSAL = ("ForCausalLM", "LMHeadModel", "ModelWithLMHead")
_CONTEXT = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "max_sequence_length",
    "seq_length",
    "model_max_length",
)


def check_folder(folder: Path, tokenizers: tuple[str, ...] = TOKENIZERS) -> dict[str, Any]:
    """The config.json of a folder of transformers, after everything that can be wrong with the folder was looked at.

    tokenizers: files of which one must be there, () for a model without words. Raises StudioError: folder or a file
    missing, JSON broken, weights only as pickles, weights cut short, a model that wants to run program code of its own.
    """
    if not folder.is_dir():
        raise folder_missing(folder)
    config = read_json(folder, "config.json")
    if "auto_map" in config and config.get("model_type") not in CAUSAL_TYPES and not _is_seq2seq(config):
        raise code_of_its_own(str(config["auto_map"]))
    check_packing(config)
    if tokenizers and not any((folder / name).is_file() for name in tokenizers):
        raise missing(folder, tokenizers[0])
    whole_files(folder)
    return config


def folder_missing(folder: Path) -> StudioError:
    """The whole folder is gone."""
    return StudioError(
        N_('The model folder "{folder}" is not there; choose another model or put the folder back.'),
        code="model-missing",
        folder=shown(folder),
    )


def folder_identity(folder: Path) -> str:
    """`weights.identity` of a folder of transformers."""
    return identity(whole_files(folder)[1])


def _is_seq2seq(config: Mapping[str, Any]) -> bool:
    return architecture(config) in SEQ2SEQ_CLASSES


def architecture(config: Mapping[str, Any]) -> str:
    """The class that a config.json names, "" for none."""
    names = config.get("architectures")
    return names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""


def read_writer(folder: Path, config: Mapping[str, Any]) -> Finding | None:
    """What a folder with this config.json writes; None when its class does not write."""
    name = architecture(config)
    type = first_of(config, ("model_type",), str, "")
    facts: dict[str, Any] = {"architecture": name, "model_type": type}
    if name in SEQ2SEQ_CLASSES:
        family = "seq2seq"
        facts |= _seq2seq_facts(folder, name, config)
    elif name.endswith(_CAUSAL) or (type in VISION_WRITERS and name.endswith("ForConditionalGeneration")):
        family = "causal-lm"
        facts |= _context(folder, config) | {"chat": _has_template(folder)} | _forms(folder)
        if type not in CAUSAL_TYPES:
            problem = code_of_its_own(str(config["auto_map"])) if "auto_map" in config else unknown_class(name)
            return Finding(folder, "text", family, facts, problem)
    else:
        return None
    try:
        check_folder(folder)
        files = whole_files(folder)[1]
        facts |= {"digest": identity(files), "bytes": sum(path.stat().st_size for path in files)}
    except StudioError as problem:
        return Finding(folder, "text", family, facts, problem)
    return Finding(folder, "text", family, facts)


def _context(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """{"context": tokens the model can look at}, {} when neither its config nor its tokenizer says."""
    inner = config.get("text_config")
    for source in (config, inner if isinstance(inner, dict) else {}):
        if (found := first_of(source, _CONTEXT, int, 0)) > 0:
            return {"context": found}
    told = first_of(optional_json(folder, "tokenizer_config.json"), ("model_max_length",), int, 0)
    return {"context": told} if 0 < told < 1_000_000 else {}


def _has_template(folder: Path) -> bool:
    """Whether the model was made to follow instructions: it has a chat template."""
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    return bool(optional_json(folder, "tokenizer_config.json").get("chat_template"))


def _forms(folder: Path) -> dict[str, Any]:
    """{"forms": ids} of a writer that was taught from the starter writer: its tokenizer has the marks of all forms."""
    told = optional_json(folder, "tokenizer_config.json")
    marks = {_content(told.get(key, "")) for key in ("eos_token", "pad_token")}
    for key in ("extra_special_tokens", "additional_special_tokens"):
        values = told.get(key)
        marks |= {_content(value) for value in values} if isinstance(values, list) else set()
    return {"forms": list(FORMS)} if marks.issuperset(SPECIAL_TOKENS) else {}


# Texts into texts -----------------------------------------------------------------------------------------------------


def _seq2seq_facts(folder: Path, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    told = optional_json(folder, "tokenizer_config.json")
    facts = _context(folder, config) | {"tokenizer": first_of(told, ("tokenizer_class",), str, "")}
    if name == "MarianMTModel":
        pair = _marian_pair(folder, told)
        return facts | {"tasks": ["translate"], "languages": pair} | dict(zip(("source", "target"), pair))
    if name in ("M2M100ForConditionalGeneration", "MBartForConditionalGeneration"):
        languages = _languages(folder, told)
        return facts | {"tasks": ["translate"]} | ({"languages": languages} if languages else {})
    if name.startswith(("Pegasus", "BigBirdPegasus", "LED", "Bart")):
        return facts | {"tasks": ["summarise"]}
    if prefixes := _prefixes(config):
        tasks = [task for task, word in _T5_TASKS if any(key.startswith(word) for key in prefixes)]
        return facts | {"prefixes": prefixes, "tasks": tasks or ["translate", "summarise"]}
    for task, words in _HINTS.items():
        if any(word in folder.name.lower() for word in words):
            return facts | {"tasks": [task]}
    return facts | {"tasks": ["translate", "summarise"]}


_T5_TASKS = (("translate", "translation"), ("summarise", "summar"))
_HINTS = {"summarise": ("summ", "xlsum", "cnn", "headline"), "translate": ("translat", "-mt-", "madlad")}
"""What the name of a folder says of a model whose class does both."""


def _prefixes(config: Mapping[str, Any]) -> dict[str, str]:
    """Task key to the words that a T5 was taught to hear before a text, as its config says."""
    special = config.get("task_specific_params")
    tasks = special.items() if isinstance(special, dict) else ()
    found = {str(key): value.get("prefix") for key, value in tasks if isinstance(value, dict)}
    return {key: prefix for key, prefix in found.items() if isinstance(prefix, str)}


def _marian_pair(folder: Path, told: Mapping[str, Any]) -> list[str]:
    """[source, target] of a Marian model: by its tokenizer, else by a name like "opus-mt-en-zh"; [] when unknown."""
    source, target = (first_of(told, (key,), str, "") for key in ("source_lang", "target_lang"))
    if source and target:
        return [source, target]
    for name in (folder.name, folder.parent.parent.name):  # in a hub cache the name is two levels up
        if found := re.search(r"opus-mt-(?:tc-[a-z]+-)?([A-Za-z_]{2,12})-([A-Za-z_]{2,12})$", name):
            return [found[1], found[2]]
    return []


def _languages(folder: Path, told: Mapping[str, Any]) -> list[str]:
    """Language codes that the tokenizer has marks for ("zho_Hans", "zh_CN", "zh"), sorted."""
    marks: list[str] = []
    for source in (told, optional_json(folder, "special_tokens_map.json")):
        for key in ("additional_special_tokens", "extra_special_tokens"):
            values = source.get(key)
            marks += [_content(value) for value in values] if isinstance(values, list) else []
    decoder = told.get("added_tokens_decoder")
    marks += [_content(value) for value in decoder.values()] if isinstance(decoder, dict) else []
    if not any(_LANGUAGE.fullmatch(mark) for mark in marks):
        marks += [str(mark) for mark in optional_json(folder, "added_tokens.json")]
        listed = optional_json(folder, "tokenizer.json", 64 << 20).get("added_tokens")
        marks += [_content(value) for value in listed] if isinstance(listed, list) else []
    return sorted({mark.strip("_") for mark in marks if _LANGUAGE.fullmatch(mark)})


_LANGUAGE = re.compile(r"__[a-z]{2,3}__|[a-z]{2,3}_(?:[A-Z]{2}|[A-Z][a-z]{3})")
"""Marks of M2M100 ("__zh__"), mBART ("zh_CN") and NLLB ("zho_Hans")."""


def _content(value: Any) -> str:
    """The text of a token, which may stand in a dict with its properties."""
    return str(value.get("content", "")) if isinstance(value, dict) else str(value)
