"""VITS voices (MMS in 1,100 languages, LJ Speech, VCTK ...): one network from letters or phonemes to sound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_studio.core import catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.engines import device
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task, Understanding

from . import espeak_native
from .lines import SHARED, SPEED, prepare, say, understood
from .loading import files_of, network, seeded
from .spelling import Alphabet, Spelling, vits_alphabet

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "Voice", "facts", "fitted", "load", "run", "understand", "warm"]

FAMILY = Family(
    id="vits",
    kind="speech",
    title=N_("VITS voice"),
    summary=N_("A small, quick voice for one language (MMS and others); several speakers in some models."),
    tasks=(Task("speak", N_("Speak")),),
    params=(
        SPEED,
        Param.float(
            "variation",
            N_("Variation##voice"),
            1.0,
            0.0,
            2.0,
            unit="×",
            help=N_("How much chance is in the tone. 1 is as the model was made; 0 speaks the same way every time."),
        ),
        Param.float(
            "rhythm",
            N_("Variation of rhythm"),
            1.0,
            0.0,
            2.0,
            unit="×",
            help=N_("How much chance is in the length of the sounds. 1 is as the model was made."),
            advanced=True,
        ),
        *SHARED,
    ),
    needs="torch",
    max_count=8,
)

_LONGEST = 300
"""Characters at once: beyond, memory grows and the voice wavers."""

_MARKS = re.compile(r"\s*([;:,.!?¡¿—…\"«»“”]+)\s*")
"""Punctuation the phoneme voices were taught with; it stays between the phonemes."""


def fitted(facts: Mapping[str, Any]) -> Family:
    """With a model's own speakers."""
    told = facts.get("speakers")
    names = [str(name) for name in told] if isinstance(told, list | tuple) else []
    count = told if isinstance(told, int) and not isinstance(told, bool) else len(names)
    if count < 2:
        return FAMILY
    names = names or [str(number) for number in range(1, count + 1)]
    choices = tuple(Choice(str(place), name) for place, name in enumerate(names))
    return replace(FAMILY, params=(Param.choice("speaker", N_("Speaker"), "0", choices), *FAMILY.params))


@dataclass(frozen=True)
class Voice:
    """A loaded model. network: VitsModel in float32; its noise and rate are changed for a run and put back after."""

    network: Any
    alphabet: Alphabet
    placement: device.Placement
    digest: str


def warm() -> None:
    """Import what `load` needs."""
    device.go_offline()
    import torch  # noqa: F401
    from transformers import VitsModel  # noqa: F401


def facts(loaded: Voice) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return {"device": loaded.placement.device, "dtype": "float32", "model": {"digest": loaded.digest}}


def load(model: Model, ctx: Context) -> Voice:
    """Read a VITS folder. StudioError for everything that can be wrong with it."""
    device.go_offline()
    folder, digest = files_of(model, ctx)
    alphabet = vits_alphabet(folder)
    placement = device.choose()
    loaded = network("VitsModel", folder, placement, whole=True)
    most = max(alphabet.ids.values(), default=0)
    if most >= loaded.config.vocab_size:
        raise StudioError(
            N_("The letters of this voice do not belong to its weights; copy or download it again."),
            code="model-damaged",
            detail=f"id {most} of {loaded.config.vocab_size}",
        )
    ctx.check()
    return Voice(loaded, alphabet, placement, digest)


def understand(request: Request) -> Understanding:
    """The text in the voice's own letters, and the characters it does not know."""
    folder = catalogue.find(request.model).folder
    if folder is None or not folder.is_dir():
        return Understanding((), ())
    alphabet = vits_alphabet(folder)
    if alphabet.uroman and not request.prompt.isascii():
        return Understanding((), ())  # what it becomes in Latin letters only the engine can tell
    return understood(request.prompt, alphabet.spell, language=alphabet.language)


def run(loaded: Voice, request: Request, ctx: Context) -> None:
    """Speak the text once for each result."""
    values = ctx.values
    alphabet = loaded.alphabet
    script = prepare(request.prompt, _speller(alphabet), lambda text: len(text) <= _LONGEST, language=alphabet.language)
    speaker = int(values.get("speaker", 0))
    say(script, lambda: _Speaking(loaded, speaker, values), request, values, ctx, speaker=speaker, voice="vits")


def _speller(alphabet: Alphabet):  # noqa: ANN202
    def spell(text: str) -> Spelling:
        if alphabet.uroman and not text.isascii():
            text = _romanised(text)
        return alphabet.spell(text)

    return spell


def _romanised(text: str) -> str:
    try:
        import uroman  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise StudioError(
            N_("This voice reads its language in Latin letters only (uroman); write the text in Latin letters."),
            code="uroman",
        ) from error
    return str(uroman.Uroman().romanize_string(text))


@dataclass(frozen=True)
class _Speaking:
    """`lines.Speaker`."""

    loaded: Voice
    speaker: int
    values: Mapping[str, Any]

    @property
    def rate(self) -> int:
        return int(self.loaded.network.config.sampling_rate)

    def render(self, text: str, seed: int) -> np.ndarray:
        import torch

        voice, values = self.loaded.network, self.values
        ids = self._ids(text)
        if not ids:
            return np.zeros(0, np.float32)
        config = voice.config
        try:
            voice.noise_scale = config.noise_scale * values["variation"]
            voice.noise_scale_duration = config.noise_scale_duration * values["rhythm"]
            voice.speaking_rate = config.speaking_rate * values["speed"]
            with seeded(seed, self.loaded.placement):
                output = voice(
                    input_ids=torch.tensor([ids], device=self.loaded.placement.device),
                    speaker_id=self.speaker if config.num_speakers > 1 else None,
                )
                return output.waveform[0].float().cpu().numpy()
        finally:
            voice.noise_scale = config.noise_scale
            voice.noise_scale_duration = config.noise_scale_duration
            voice.speaking_rate = config.speaking_rate

    def _ids(self, text: str) -> list[int]:
        """Numbers of the letters or phonemes, as the library's tokenizer makes them: those that are not known left out,
        id 0 between all of them where the model was taught so."""
        alphabet = self.loaded.alphabet
        sounds = _phonemes(text) if alphabet.phonemes else text
        ids = [alphabet.ids[sound] for sound in sounds if sound in alphabet.ids]
        if not ids or not alphabet.blank:
            return ids
        spaced = [0] * (2 * len(ids) + 1)
        spaced[1::2] = ids
        return spaced


def _phonemes(text: str) -> str:
    """`text` in phonemes, with its punctuation, as the phoneme voices were taught it (American English)."""
    parts = _MARKS.split(text)
    said = [part if place % 2 else (espeak_native.phonemes(part, "en-us") if part.strip() else "") for place, part in
            enumerate(parts)]  # fmt: skip
    joined = ""
    for place, part in enumerate(said):
        joined += part + (" " if place % 2 and place + 1 < len(said) and said[place + 1] else "")
    return joined.strip()
