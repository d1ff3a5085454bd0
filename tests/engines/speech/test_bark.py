"""Bark, on a tiny random model: its three stages, its voices from files, long text, notes in the text."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.engines.local import ForwardBrake
from aigc_studio.engines.speech import bark
from tests.engines.context import FakeContext
from tests.tiny.speech import BARK_PRESETS

from .conftest import Make, load, speak

FACTS = {"speakers": list(BARK_PRESETS)}
TEXT = "Hello there [laughs]. How are you? 你好"


@pytest.fixture(scope="module")
def voice(tiny: Make) -> bark.Voice:
    return load("bark", tiny("bark"))


def sound(voice: bark.Voice, text: str = TEXT, **more):
    return speak("bark", voice, text, facts=FACTS, **more).audio[0]


@pytest.mark.parametrize("speaker", ["", BARK_PRESETS[0]])
def test_the_same_seed_makes_the_same_samples(voice: bark.Voice, speaker: str) -> None:
    one, two, other = (sound(voice, seed=seed, speaker=speaker) for seed in (1, 1, 2))
    assert np.array_equal(one.value, two.value)
    assert not np.array_equal(one.value, other.value)
    assert one.rate == 16_000
    assert one.info["seconds"] > 0.2
    assert [segment["text"] for segment in one.info["segments"]] == ["Hello there [laughs].", "How are you?", "你好"]


def test_voices_differ_and_are_in_the_recipe(voice: bark.Voice) -> None:
    first, second = (sound(voice, "Hello", speaker=name) for name in BARK_PRESETS)
    assert not np.array_equal(first.value, second.value)
    assert first.info["speaker"] == BARK_PRESETS[0]


def test_a_voice_of_chance_stays_through_a_result(voice: bark.Voice) -> None:
    speaking = bark._Speaking(voice, bark.FAMILY.values("speak", {}), None)
    speaking.render("Hello", 1)
    preset = speaking.preset
    assert preset is not None
    assert preset["fine_prompt"].shape[0] == 8
    assert np.array_equal(preset["fine_prompt"][:2], preset["coarse_prompt"])
    speaking.render("More of it", 2)
    assert speaking.preset is preset


def test_it_makes_what_the_library_makes(voice: bark.Voice) -> None:
    """The stages are called one by one here, so that they can be stopped and their voice kept: nothing else differs."""
    import torch

    from aigc_studio.engines.speech.loading import seeded

    values = bark.FAMILY.values("speak", {})
    ours = bark._Speaking(voice, values, None).render("Hello you", 7)
    most = voice.stages[0].max_input_semantic_length
    given = voice.tokenizer("Hello you", padding="max_length", max_length=most, return_tensors="pt")
    with seeded(7, voice.placement):
        theirs = voice.network.generate(
            given["input_ids"],
            attention_mask=given["attention_mask"],
            do_sample=True,
            semantic_temperature=0.7,
            coarse_temperature=0.7,
            fine_temperature=0.5,
        )
    assert torch.equal(torch.from_numpy(ours), theirs[0])


def test_faster_is_shorter(voice: bark.Voice) -> None:
    slow, fast = (sound(voice, speed=speed).info["seconds"] for speed in (0.7, 1.6))
    assert slow > 1.5 * fast


def test_a_long_text_is_spoken_in_pieces_that_fit(voice: bark.Voice) -> None:
    saved = sound(voice, "这是你好世界，" * 20 + "and a word, " * 20)
    pieces = [part["text"] for segment in saved.info["segments"] for part in segment["parts"]]
    assert len(pieces) > 3
    assert all(bark._weight(piece) <= bark._LONGEST for piece in pieces)


def test_letters_outside_the_vocabulary_are_named(voice: bark.Voice) -> None:
    context = speak("bark", voice, "Hello щ ♪")
    assert context.notices[0][1]["characters"] == "щ"
    with pytest.raises(StudioError) as told:
        speak("bark", voice, "щщщ")
    assert told.value.code == "text-unknown"


def test_a_text_of_an_hour_is_refused(voice: bark.Voice) -> None:
    with pytest.raises(StudioError) as told:
        speak("bark", voice, "a " * 4000)
    assert told.value.code == "text-long"


def copy(tiny: Make, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny("bark"), tmp_path / "bark"))


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_a_voice_in_one_file(tiny: Make, tmp_path: Path, suffix: str) -> None:
    from safetensors.numpy import save_file

    folder = copy(tiny, tmp_path)
    expected = bark.read_preset(folder, BARK_PRESETS[0], 40, 16)
    path = folder / "speaker_embeddings" / f"mine.{suffix}"
    if suffix == "npz":
        np.savez(path, **expected)  # pyright: ignore[reportArgumentType]
    else:
        save_file({name: np.ascontiguousarray(array) for name, array in expected.items()}, path)
    found = bark.read_preset(folder, "mine", 40, 16)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def _pickled(folder: Path) -> None:
    path = folder / "speaker_embeddings" / f"{BARK_PRESETS[0]}_fine_prompt.npy"
    np.save(path, np.array([{"a": print}], dtype=object), allow_pickle=True)


def _outside(folder: Path) -> None:
    path = folder / "speaker_embeddings_path.json"
    paths = json.loads(path.read_text())
    np.save(folder.parent / "outside.npy", np.zeros((8, 10), np.int64))
    paths[BARK_PRESETS[0]]["fine_prompt"] = "../outside.npy"
    path.write_text(json.dumps(paths))


def _wild(folder: Path) -> None:
    np.save(folder / "speaker_embeddings" / f"{BARK_PRESETS[0]}_coarse_prompt.npy", np.full((2, 10), 5000))


def _gone(folder: Path) -> None:
    (folder / "speaker_embeddings" / f"{BARK_PRESETS[0]}_semantic_prompt.npy").unlink()


@pytest.mark.parametrize("harm", [_pickled, _outside, _wild, _gone])
def test_a_bad_voice_file_is_told_and_never_run(tiny: Make, tmp_path: Path, harm) -> None:
    folder = copy(tiny, tmp_path)
    harm(folder)
    with pytest.raises(StudioError) as told:
        bark.read_preset(folder, BARK_PRESETS[0], 40, 16)
    assert told.value.code == "speaker"


def test_the_voices_of_a_model_are_offered() -> None:
    (param,) = (param for param in bark.fitted(FACTS).params if param.id == "speaker")
    assert [choice.value for choice in param.choices] == ["", *BARK_PRESETS]
    assert bark.fitted({}) is bark.FAMILY


def test_cancel_in_every_stage(voice: bark.Voice) -> None:
    expected = sound(voice).value
    for stage in ("semantic", "coarse_acoustics", "fine_acoustics"):
        brake = ForwardBrake()
        inside = getattr(voice.network, stage).layers[0]
        handle = inside.register_forward_pre_hook(lambda *_, brake=brake: brake.pull())
        try:
            with pytest.raises(Cancelled):
                sound(voice)
        finally:
            handle.remove()
            brake.release()
    context = FakeContext(cancel_after=2)
    with pytest.raises(Cancelled):
        sound(voice, context=context)
    assert np.array_equal(sound(voice).value, expected)


def test_settings_of_the_stages_missing(tiny: Make, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path)
    (folder / "generation_config.json").unlink()
    with pytest.raises(StudioError) as told:
        load("bark", folder)
    assert told.value.code in ("model-incomplete", "model-load")
