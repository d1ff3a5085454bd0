"""Bark: lively speech in thirteen languages, with laughs and pauses written into the text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core import audio
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.weights import check_safetensors
from aigc_studio.core.spoken import spoken
from aigc_studio.engines import device
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task, Understanding

from .lines import SHARED, SPEED, prepare, say, understood
from .loading import files_of, network, seeded, tokenizer
from .spelling import Spelling

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "Voice", "facts", "fitted", "load", "read_preset", "run", "understand", "warm"]

FAMILY = Family(
    id="bark",
    kind="speech",
    title=N_("Bark voice"),
    summary=N_("Lively speech in thirteen languages; [laughs], [sighs] and … in the text are acted. Slow."),
    tasks=(Task("speak", N_("Speak")),),
    params=(
        Param.choice("speaker", N_("Speaker"), "", (Choice("", N_("A voice of chance")),)),
        Param.float("variation", N_("Liveliness"), 0.7, 0.1, 1.5, help=N_("How freely it speaks. 0.7 is usual.")),
        SPEED,
        *SHARED,
        Param.float("coarse", N_("Freedom of the tone"), 0.7, 0.1, 1.5, advanced=True),
        Param.float("fine", N_("Freedom of the detail"), 0.5, 0.1, 1.5, advanced=True),
    ),
    needs="torch",
    languages=("en", "zh", "de", "es", "fr", "hi", "it", "ja", "ko", "pl", "pt", "ru", "tr"),
    max_count=8,
)

KEPT = "♪"
"""A sign that Bark sings at."""

_LONGEST = 170
"""Letters at once: about twelve seconds, of at most fourteen that the model can say."""

_MOST = 5_000
"""Characters of one request: minutes of sound, which take this model an hour without an accelerator."""

_PROMPTS = {"semantic_prompt": 1, "coarse_prompt": 2, "fine_prompt": 2}
"""What a voice is made of, and how many dimensions each part has."""

_LARGEST_PRESET = 4 << 20


def fitted(facts: Mapping[str, Any]) -> Family:
    """With the voices that come with a model."""
    told = facts.get("speakers")
    names = [str(name) for name in told] if isinstance(told, list | tuple) else []
    if not names:
        return FAMILY
    params = tuple(
        replace(param, choices=(*param.choices, *(Choice(name, name) for name in names)))
        if param.id == "speaker"
        else param
        for param in FAMILY.params
    )
    return replace(FAMILY, params=params)


@dataclass(frozen=True)
class Voice:
    """A loaded model. stages: the library's settings of its three stages. presets: voices read so far, by name."""

    network: Any
    tokenizer: Any
    folder: Path
    placement: device.Placement
    digest: str
    stages: tuple[Any, Any, Any]
    rate: int
    books: int
    presets: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)


def warm() -> None:
    """Import what `load` needs."""
    device.go_offline()
    import torch  # noqa: F401
    from transformers import AutoTokenizer, BarkModel  # noqa: F401


def facts(loaded: Voice) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    place = loaded.placement
    return {"device": place.device, "dtype": place.dtype, "model": {"digest": loaded.digest}}


def load(model: Model, ctx: Context) -> Voice:
    """Read a Bark folder. StudioError for everything that can be wrong with it."""
    device.go_offline()
    folder, digest = files_of(model, ctx)
    placement = device.choose()
    words = tokenizer("AutoTokenizer", folder)
    loaded = network("BarkModel", folder, placement)
    ctx.check()
    loaded.codec_model.float()  # the last stage is small, and in fewer bits it hisses
    from transformers.models.bark.generation_configuration_bark import (
        BarkCoarseGenerationConfig,
        BarkFineGenerationConfig,
        BarkSemanticGenerationConfig,
    )

    told = loaded.generation_config
    try:
        stages = (
            BarkSemanticGenerationConfig(**told.semantic_config),
            BarkCoarseGenerationConfig(**told.coarse_acoustics_config),
            BarkFineGenerationConfig(**told.fine_acoustics_config),
        )
        rate, books = int(told.sample_rate), int(told.codebook_size)
    except (AttributeError, TypeError, ValueError) as error:
        raise StudioError(
            N_('The model in "{folder}" has no file {name}; copy the model again.'),
            code="model-incomplete",
            detail=repr(error),
            folder=str(folder),
            name="generation_config.json",
        ) from error
    return Voice(loaded, words, folder, placement, digest, stages, rate, books)


def understand(request: Request) -> Understanding:
    """What will be said. The model's words hold every letter of its languages."""
    return understood(request.prompt, _spell, keep=KEPT)


def _spell(text: str) -> Spelling:
    return Spelling(spoken(text))


def run(loaded: Voice, request: Request, ctx: Context) -> None:
    """Speak the text once for each result."""
    values = ctx.values
    most = loaded.stages[0].max_input_semantic_length

    def fits(text: str) -> bool:
        return _weight(text) <= _LONGEST and len(_ids(loaded, text)) <= most

    def spell(text: str) -> Spelling:
        said = spoken(text)
        unknown = _unknown(loaded, said)
        return Spelling("".join(" " if character in unknown else character for character in said), unknown)

    script = prepare(request.prompt, spell, fits, keep=KEPT, most=_MOST)
    name: str = values["speaker"]
    if name and name not in loaded.presets:
        loaded.presets[name] = read_preset(loaded.folder, name, loaded.stages[0].semantic_vocab_size, loaded.books)
    preset = loaded.presets.get(name)
    # A voice of chance is that of the first sentence of a result: the others go on in it.
    say(
        script, lambda: _Speaking(loaded, values, preset), request, values, ctx, speaker=values["speaker"], voice="bark"
    )


def _weight(text: str) -> float:
    """Letters that take as long to say: a Chinese, Japanese or Korean character takes as long as three and a half."""
    return sum(3.5 if ord(character) >= 0x2E80 else 1.0 for character in text)


def _ids(loaded: Voice, text: str) -> list[int]:
    return list(loaded.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


def _unknown(loaded: Voice, text: str) -> dict[str, int]:
    """Characters of the words that the model's vocabulary does not have."""
    sign = loaded.tokenizer.unk_token_id
    if sign is None or sign not in _ids(loaded, text):
        return {}
    alone = {character for character in set(text) if character.isalnum() and sign in _ids(loaded, character)}
    return {character: text.count(character) for character in sorted(alone)}


def read_preset(folder: Path, name: str, meanings: int, books: int) -> dict[str, np.ndarray]:
    """A voice of a Bark folder: three arrays of whole numbers, from the files that speaker_embeddings_path.json names,
    or from one .npz or .safetensors file. Never a pickle, never out of the folder. StudioError when it is broken.

    meanings, books: how many semantic tokens there are, and entries of a codebook.
    """
    try:
        index = folder / "speaker_embeddings_path.json"
        listed = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {}
        if isinstance(paths := listed.get(name), dict):
            arrays = {part: np.load(_inside(folder, paths[part]), allow_pickle=False) for part in _PROMPTS}
        elif (file := _inside(folder, f"speaker_embeddings/{name}.npz")).is_file():
            with np.load(file, allow_pickle=False) as archive:
                arrays = {part: archive[part] for part in _PROMPTS}
        else:
            from safetensors.numpy import load_file

            file = _inside(folder, f"speaker_embeddings/{name}.safetensors")
            check_safetensors(file)
            arrays = dict(load_file(file))
        return {
            part: _tokens(arrays[part], shape, meanings if shape == 1 else books, part)
            for part, shape in _PROMPTS.items()
        }
    except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, StudioError) as error:
        raise StudioError(
            N_('The voice "{speaker}" of this model is missing or damaged; choose another one.'),
            code="speaker",
            detail=repr(error),
            speaker=name,
        ) from error


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        # In the hub's cache the files are links out of the folder: their name must not lead out of it by itself.
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise ValueError(f"out of the folder: {name}")
        path = folder / name
    if path.is_file() and path.stat().st_size > _LARGEST_PRESET:
        raise ValueError(f"too large: {name}")
    return path


def _tokens(values: np.ndarray, dimensions: int, most: int, part: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != dimensions or not array.size or array.dtype.kind not in "iu" or int(array.min()) < 0:
        raise ValueError(f"{part}: {array.shape} of {array.dtype}")
    if int(array.max()) >= most:
        raise ValueError(f"{part}: {array.max()} of {most}")
    return array.astype(np.int64)


@dataclass
class _Speaking:
    """`lines.Speaker`. preset: the voice; that of the first piece when there is none."""

    loaded: Voice
    values: Mapping[str, Any]
    preset: dict[str, np.ndarray] | None

    @property
    def rate(self) -> int:
        return self.loaded.rate

    def render(self, text: str, seed: int) -> np.ndarray:
        import torch

        loaded, values = self.loaded, self.values
        semantic, coarse, fine = loaded.stages
        place = loaded.placement.device
        ids = _ids(loaded, text)[: semantic.max_input_semantic_length]
        padding = semantic.max_input_semantic_length - len(ids)
        history = None
        if self.preset is not None:
            history = {part: torch.from_numpy(array).to(place) for part, array in self.preset.items()}
        with seeded(seed, loaded.placement):
            words = loaded.network.semantic.generate(
                torch.tensor([ids + [0] * padding], device=place),
                history_prompt=history,
                semantic_generation_config=semantic,
                attention_mask=torch.tensor([[1] * len(ids) + [0] * padding], device=place),
                do_sample=True,
                temperature=values["variation"],
            )
            meant = words[0][words[0] < semantic.semantic_vocab_size].cpu().numpy()
            if not meant.size:
                return np.zeros(0, np.float32)
            tones = loaded.network.coarse_acoustics.generate(
                words,
                history_prompt=history,
                semantic_generation_config=semantic,
                coarse_generation_config=coarse,
                codebook_size=loaded.books,
                do_sample=True,
                temperature=values["coarse"],
            )
            if not tones.shape[1]:
                return np.zeros(0, np.float32)
            detail = loaded.network.fine_acoustics.generate(
                tones,
                history_prompt=history,
                semantic_generation_config=semantic,
                coarse_generation_config=coarse,
                fine_generation_config=fine,
                codebook_size=loaded.books,
                temperature=values["fine"],
            )
            sound = loaded.network.codec_decode(detail)[0].float().cpu().numpy().reshape(-1)
            if self.preset is None:
                codes = detail[0].cpu().numpy().astype(np.int64)
                first = coarse.n_coarse_codebooks
                self.preset = {"semantic_prompt": meant, "coarse_prompt": codes[:first], "fine_prompt": codes}
        return audio.stretch(sound, loaded.rate, 1 / values["speed"])
