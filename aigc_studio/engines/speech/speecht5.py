"""SpeechT5: English speech from letters, in the voice of a speaker vector, made audible by a vocoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np

from aigc_studio.core import audio, catalogue
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.reading import optional_json
from aigc_studio.core.library.weights import identity, whole_files
from aigc_studio.engines import device
from aigc_studio.engines.base import Choice, Context, Family, Model, Param, Task, Understanding
from aigc_studio.engines.stamp import stamp

from . import speakers
from .lines import SHARED, SPEED, prepare, say, understood
from .loading import files_of, network, seeded, tokenizer
from .speakers import CLIP, FILE
from .spelling import Alphabet, speecht5_alphabet

if TYPE_CHECKING:
    from aigc_studio.core.requests import Request

__all__ = ["FAMILY", "Voice", "facts", "fitted", "load", "run", "understand", "warm"]

VOCODER = "vocoder:speecht5"
ENCODER = "speaker-encoder:xvector"

_SPEAKERS = (
    Choice("synthetic-1", N_("Synthetic speaker 1")),
    Choice("synthetic-2", N_("Synthetic speaker 2")),
    Choice("synthetic-3", N_("Synthetic speaker 3")),
    Choice("synthetic-4", N_("Synthetic speaker 4")),
    Choice("synthetic-5", N_("Synthetic speaker 5")),
    Choice("synthetic-6", N_("Synthetic speaker 6")),
    Choice("synthetic-7", N_("Synthetic speaker 7")),
    Choice("synthetic-8", N_("Synthetic speaker 8")),
    Choice(CLIP, N_("The voice of a recording")),
    Choice(FILE, N_("A speaker vector from a file")),
)

FAMILY = Family(
    id="speecht5",
    kind="speech",
    title=N_("SpeechT5 voice"),
    summary=N_("English, in a synthetic voice or in that of a recording you may use."),
    tasks=(Task("speak", N_("Speak")),),
    params=(
        Param.choice("speaker", N_("Speaker"), "synthetic-1", _SPEAKERS),
        Param.bool(
            "consent",
            N_("I may use this voice"),
            False,
            help=N_("The person who is heard in the recording has agreed. This is kept with every result."),
        ),
        Param.text(
            "vector",
            N_("File of the speaker vector"),
            help=N_("The path of an .npy or .safetensors file with 512 numbers."),
            file=True,
        ),
        SPEED,
        *SHARED,
        Param.model(
            "vocoder",
            N_("Vocoder"),
            (VOCODER,),
            choices=(Choice("", N_("Automatic")),),
            help=N_("What makes the sound audible. The only one of the library is found by itself."),
            advanced=True,
        ),
        Param.model(
            "encoder",
            N_("Speaker encoder"),
            (ENCODER,),
            choices=(Choice("", N_("Automatic")),),
            help=N_("What hears whose voice a recording is. The only one of the library is found by itself."),
            advanced=True,
        ),
    ),
    needs="torch",
    languages=("en",),
    max_count=8,
)

_LONGEST = 280
"""Characters at once: the model was taught with sentences, and repeats itself in longer texts."""


def fitted(facts: Mapping[str, Any]) -> Family:
    """With the languages of a model that says others than English, and the speakers that come with it."""
    family = FAMILY
    if isinstance(languages := facts.get("languages"), list | tuple) and languages:
        family = replace(family, languages=tuple(str(code) for code in languages))
    told = facts.get("speakers")
    if isinstance(told, list | tuple) and told:
        own = tuple(Choice(f"own:{name}", str(name)) for name in told)
        params = tuple(
            replace(param, default=own[0].value, choices=own + param.choices) if param.id == "speaker" else param
            for param in family.params
        )
        family = replace(family, params=params)
    return family


@dataclass
class Voice:
    """A loaded model. vocoders: id to network, loaded when first used. vocoder_files: what tells its files from changed
    ones. vectors: of the last recording that was heard, by hash of the file and id of the encoder."""

    network: Any
    tokenizer: Any
    folder: Path
    alphabet: Alphabet
    placement: device.Placement
    digest: str
    vocoders: dict[str, Any] = field(default_factory=dict)
    vocoder_files: tuple[tuple[str, int, int], ...] = ()
    vectors: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Numbers in a speaker vector."""
        return int(self.network.config.speaker_embedding_dim)


def warm() -> None:
    """Import what `load` needs."""
    device.go_offline()
    import torch  # noqa: F401
    from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Tokenizer  # noqa: F401


def facts(loaded: Voice) -> dict[str, Any]:
    """What the recipe says about where it ran and what it was."""
    return {"device": loaded.placement.device, "dtype": "float32", "model": {"digest": loaded.digest}}


def load(model: Model, ctx: Context) -> Voice:
    """Read a SpeechT5 folder. StudioError for everything that can be wrong with it."""
    device.go_offline()
    folder, digest = files_of(model, ctx)
    alphabet = speecht5_alphabet(folder, model.facts.get("languages", ()))
    placement = device.choose()
    letters = tokenizer("SpeechT5Tokenizer", folder)
    loaded = network("SpeechT5ForTextToSpeech", folder, placement, whole=True)
    ctx.check()
    return Voice(loaded, letters, folder, alphabet, placement, digest)


def understand(request: Request) -> Understanding:
    """The text in the model's letters, and the characters it does not know."""
    entry = catalogue.find(request.model)
    if entry.folder is None or not (entry.folder / "spm_char.model").is_file():
        return Understanding((), ())
    alphabet = speecht5_alphabet(entry.folder, entry.facts.get("languages", ()))
    return understood(request.prompt, alphabet.spell, language=alphabet.language)


def run(loaded: Voice, request: Request, ctx: Context) -> None:
    """Speak the text once for each result."""
    values = ctx.values
    most = min(_LONGEST, int(loaded.network.config.max_text_positions) - 4)
    alphabet = loaded.alphabet
    script = prepare(request.prompt, alphabet.spell, lambda text: len(text) <= most, language=alphabet.language)
    vector, who = _speaker(loaded, values, ctx)
    vocoder, vocoder_id = _vocoder(loaded, values["vocoder"], ctx)
    ctx.check()
    speaking = _Speaking(loaded, vector, vocoder, values["speed"])
    say(script, lambda: speaking, request, values, ctx, speaker=who, vocoder=vocoder_id, voice="speecht5")


def _speaker(loaded: Voice, values: Mapping[str, Any], ctx: Context) -> tuple[np.ndarray, dict[str, Any]]:
    """The speaker's vector, and what the recipe says of the speaker."""
    chosen: str = values["speaker"]
    if chosen == CLIP:
        return _heard(loaded, values, ctx)
    if chosen == FILE:
        if not values["vector"].strip():
            raise StudioError(N_("No file of a speaker vector is chosen; choose one."), code="speaker-file")
        path = _path(values["vector"].strip())
        return speakers.from_file(path, loaded.size), {"kind": "file", "hash": speakers.file_hash(path)}
    if chosen.startswith("own:"):
        name = chosen.removeprefix("own:")
        for suffix in (".npy", ".safetensors"):
            path = loaded.folder / "speakers" / f"{Path(name).name}{suffix}"
            if path.is_file():
                return speakers.from_file(path, loaded.size), {"kind": "own", "name": name}
        raise StudioError(
            N_('The speaker "{speaker}" is not with the model any more; choose another one.'),
            code="speaker",
            speaker=name,
        )
    number = int(chosen.removeprefix("synthetic-"))
    return speakers.synthetic(number, loaded.size), {"kind": "synthetic", "number": number}


def _path(text: str) -> Path:
    """A path as it is typed, or as a file manager drops it into a line of text."""
    if text.startswith("file:"):
        return Path(url2pathname(urlsplit(text).path))
    return Path(text).expanduser()


def _heard(loaded: Voice, values: Mapping[str, Any], ctx: Context) -> tuple[np.ndarray, dict[str, Any]]:
    """The voice of the recording, when the person has said that it may be used."""
    path = ctx.input("voice")
    if not values["consent"]:
        raise speakers.consent_missing()
    model = _part(values["encoder"], ENCODER, ctx)
    if model is None or model.folder is None:
        raise StudioError(
            N_("A voice can be taken from a recording only with a speaker encoder (WavLM x-vector); add one first."),
            code="encoder",
        )
    key = (speakers.file_hash(path), model.id)
    if key not in loaded.vectors:
        ctx.progress(0, 0, N_("Listening to the recording"))
        clip = speakers.read_clip(path)
        whole_files(model.folder)
        encoder = network("AutoModelForAudioXVector", model.folder, loaded.placement, whole=True)
        ctx.check()
        told = optional_json(model.folder, "preprocessor_config.json")
        vector = speakers.from_clip(clip, encoder, loaded.placement, normalise=told.get("do_normalize", True) is True)
        if vector.size != loaded.size:
            raise StudioError(
                N_('The speaker encoder "{model}" does not fit this voice; choose another one.'),
                code="encoder",
                model=model.title,
            )
        loaded.vectors.clear()
        loaded.vectors[key] = vector
    return loaded.vectors[key], {"kind": "recording", "hash": key[0], "encoder": model.id, "consent": True}


def _part(id: str, of: str, ctx: Context) -> Model | None:
    """The part a parameter names, else the only one of its type in the library."""
    if id:
        return ctx.part(id)
    found = [entry for entry in catalogue.parts((of,)) if entry.problem_now() is None]
    if len(found) != 1:
        return None
    entry = found[0]
    return Model(entry.id, entry.family, entry.title, entry.folder, entry.facts, entry.file)


def _vocoder(loaded: Voice, id: str, ctx: Context) -> tuple[Any, dict[str, Any]]:
    """The vocoder and what the recipe says of it: the chosen one, the one in the model's folder, the library's only
    one."""
    own = loaded.folder / "vocoder"
    if not id and (own / "config.json").is_file():
        part: Model | None = Model("", "", "", own)
    else:
        part = _part(id, VOCODER, ctx)
    if part is None or part.folder is None:
        raise StudioError(
            N_("SpeechT5 needs a vocoder (SpeechT5 HiFi-GAN); add one to the library, or choose one."),
            code="vocoder",
        )
    files_now = stamp(part)
    if part.id not in loaded.vocoders or (files_now and files_now != loaded.vocoder_files):
        ctx.progress(0, 0, N_("Loading the model"))
        files = whole_files(part.folder)[1]
        made = network("SpeechT5HifiGan", part.folder, loaded.placement, whole=True)
        bins, wanted = made.config.model_in_dim, loaded.network.config.num_mel_bins
        if bins != wanted:
            raise StudioError(
                N_('The vocoder "{model}" does not fit this voice; choose another one.'),
                code="vocoder",
                detail=f"{bins} mel bins, {wanted} wanted",
                model=part.title or part.folder.name,
            )
        loaded.vocoders.clear()
        loaded.vocoders[part.id] = (made, {"id": part.id, "digest": identity(files)})
        loaded.vocoder_files = files_now
    return loaded.vocoders[part.id]


@dataclass(frozen=True)
class _Speaking:
    """`lines.Speaker`."""

    loaded: Voice
    vector: np.ndarray
    vocoder: Any
    speed: float

    @property
    def rate(self) -> int:
        return int(self.vocoder.config.sampling_rate)

    def render(self, text: str, seed: int) -> np.ndarray:
        import torch

        voice, placement = self.loaded.network, self.loaded.placement
        ids = self.loaded.tokenizer(text, return_tensors="pt")["input_ids"].to(placement.device)
        config = voice.config
        # The decoder counts frames, and has positions for so many: a model that finds no end stops there.
        longest = 0.98 * config.max_speech_positions * config.reduction_factor / max(1, ids.shape[1])
        with seeded(seed, placement):
            vector = torch.from_numpy(self.vector)[None].to(placement.device)
            spectrum = voice.generate_speech(ids, vector, maxlenratio=min(20.0, longest))
            sound = self.vocoder(spectrum).float().cpu().numpy().reshape(-1)
        return audio.stretch(sound, self.rate, 1 / self.speed)
