"""SpeechT5 with its vocoder and a speaker encoder, on tiny random models: speakers, consent, parts, long text."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from aigc_studio.core import catalogue
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.local import ForwardBrake
from aigc_studio.engines.speech import speakers, speecht5
from tests.engines.context import FakeContext

from .conftest import Make, load, speak

TEXT = "The quick brown fox. Where is it?"


@pytest.fixture(scope="module")
def voice(tiny: Make) -> speecht5.Voice:
    return load("speecht5", tiny("speecht5"))


@pytest.fixture
def parts(tiny: Make) -> dict[str, Model]:
    return {
        "hifigan": Model("hifigan", "", "HiFi-GAN", tiny("speecht5-hifigan"), {"part": speecht5.VOCODER}),
        "xvector": Model("xvector", "", "WavLM", tiny("xvector"), {"part": speecht5.ENCODER}),
    }


def say(voice: speecht5.Voice, parts: dict[str, Model], text: str = TEXT, **more: Any) -> FakeContext:
    context = more.pop("context", None) or FakeContext()
    context.parts = parts
    given: dict[str, Any] = {"vocoder": "hifigan"} | more
    return speak("speecht5", voice, text, context=context, **given)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds of something like a voice, in stereo at 44.1 kHz."""
    rate = 44_100
    time = np.arange(5 * rate) / rate
    tone = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12)) * (
        0.55 + 0.45 * np.sin(2 * np.pi * 3 * time)
    )
    path = tmp_path_factory.mktemp("clip") / "voice.flac"
    soundfile.write(path, np.stack([tone, tone], axis=1).astype(np.float32) * 0.2, rate)
    return path


def test_the_same_seed_makes_the_same_samples(voice: speecht5.Voice, parts) -> None:
    one, two, other = (say(voice, parts, seed=seed).audio[0] for seed in (1, 1, 2))
    assert np.array_equal(one.value, two.value)
    assert not np.array_equal(one.value, other.value)
    assert one.rate == 16_000
    assert [segment["text"] for segment in one.info["segments"]] == ["The quick brown fox.", "Where is it?"]
    assert one.info["speaker"] == {"kind": "synthetic", "number": 1}
    assert len(one.info["vocoder"]["digest"]) == 64


def test_a_sentence_sounds_the_same_alone_and_in_its_text(voice: speecht5.Voice, parts) -> None:
    whole, alone = (say(voice, parts, text).audio[0].value for text in (TEXT, "Where is it?"))
    assert np.array_equal(whole[-len(alone) :], alone)


def test_synthetic_speakers_differ_and_are_the_same_everywhere(voice: speecht5.Voice, parts) -> None:
    first, second = (say(voice, parts, speaker=f"synthetic-{n}").audio[0].value for n in (1, 2))
    assert not np.array_equal(first, second)
    vectors = [speakers.synthetic(number, 512) for number in range(1, 9)]
    assert all(np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) for vector in vectors)
    assert max(abs(float(a @ b)) for a in vectors for b in vectors if a is not b) < 0.2
    assert vectors[0][:3] == pytest.approx([0.0165985, 0.0394624, 0.0158709], abs=1e-5)
    titles = [choice.title for choice in speecht5._SPEAKERS]
    assert titles[:8] == [f"Synthetic speaker {number}" for number in range(1, 9)]


def test_a_speaker_from_a_file(voice: speecht5.Voice, parts, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    vector = np.random.default_rng(3).standard_normal(512).astype(np.float32)
    np.save(tmp_path / "one.npy", vector * 7)
    save_file({"x": vector[None], "other": vector[:3]}, tmp_path / "two.safetensors")
    found = [
        say(voice, parts, speaker="file", vector=vector).audio[0]
        for vector in (f" {tmp_path / 'one.npy'} ", (tmp_path / "two.safetensors").as_uri())
    ]
    assert np.allclose(found[0].value, found[1].value, atol=1e-3)
    assert found[0].info["speaker"]["kind"] == "file"
    np.save(tmp_path / "short.npy", vector[:100])
    np.save(tmp_path / "nan.npy", vector * np.nan)
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object), allow_pickle=True)
    (tmp_path / "noise.safetensors").write_bytes(b"nonsense")
    for name in ("short.npy", "nan.npy", "pickle.npy", "noise.safetensors", "none.npy", ""):
        with pytest.raises(StudioError) as told:
            say(voice, parts, speaker="file", vector=str(tmp_path / name) if name else "")
        assert told.value.code == "speaker-file"


def test_a_speaker_that_comes_with_the_model(tiny: Make, parts, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("speecht5"), tmp_path / "own"))
    (folder / "speakers").mkdir()
    np.save(folder / "speakers" / "Ann.npy", np.ones(512, np.float32))
    loaded = load("speecht5", folder)
    facts = {"speakers": ["Ann", "Bob"]}
    assert say(loaded, parts, facts=facts).audio[0].info["speaker"] == {"kind": "own", "name": "Ann"}
    for wrong in ("own:Bob", "own:../Ann"):
        with pytest.raises(StudioError):
            say(loaded, parts, facts=facts, speaker=wrong)


def test_the_voice_of_a_recording_needs_consent_and_keeps_it(voice: speecht5.Voice, parts, clip: Path) -> None:
    context = FakeContext(inputs={"voice": clip})
    with pytest.raises(StudioError) as told:
        say(voice, parts, context=context, speaker="clip", encoder="xvector")
    assert told.value.code == "consent"
    context = FakeContext(inputs={"voice": clip})
    saved = say(voice, parts, context=context, speaker="clip", encoder="xvector", consent=True).audio[0]
    assert saved.info["speaker"]["consent"] is True
    assert saved.info["speaker"]["encoder"] == "xvector"
    assert len(saved.info["speaker"]["hash"]) == 64
    assert not np.array_equal(saved.value, say(voice, parts).audio[0].value)
    with pytest.raises(StudioError) as told:
        say(voice, parts, speaker="clip", encoder="xvector", consent=True)
    assert told.value.code == "input"


def test_a_recording_is_heard_whatever_its_rate(clip: Path, tmp_path: Path) -> None:
    samples = speakers.read_clip(clip)
    assert len(samples) == pytest.approx(5 * 16_000, abs=200)
    stereo, rate = soundfile.read(clip, dtype="float32")
    long = tmp_path / "long.wav"
    soundfile.write(long, np.tile(stereo[:, 0], 9), rate)
    assert len(speakers.read_clip(long)) == 30 * 16_000


@pytest.mark.parametrize("what", ["short", "silent", "none"])
def test_a_recording_without_a_voice_is_refused(what: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    if what == "none":
        path.write_text("no sound")
    else:
        soundfile.write(path, np.full(16_000 * 5, 0.0) if what == "silent" else np.sin(np.arange(16_000)), 16_000)
    with pytest.raises(StudioError) as told:
        speakers.read_clip(path)
    assert told.value.code == ("unreadable" if what == "none" else "voice-short")


def entries(parts: dict[str, Model], *ids: str) -> tuple[catalogue.Entry, ...]:
    return tuple(
        catalogue.Entry(id, "", "part", {"en": id}, parts[id.split("#")[0]].folder, facts=parts[id.split("#")[0]].facts)
        for id in ids
    )


def test_the_only_vocoder_of_the_library_is_found_by_itself(tiny: Make, parts, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load("speecht5", tiny("speecht5"))
    here: tuple[catalogue.Entry, ...] = ()
    monkeypatch.setattr(catalogue, "parts", lambda of: tuple(entry for entry in here if entry.facts["part"] in of))
    with pytest.raises(StudioError) as told:
        say(loaded, {}, vocoder="")
    assert told.value.code == "vocoder"
    here = entries(parts, "hifigan", "hifigan#2", "xvector")
    with pytest.raises(StudioError):
        say(loaded, {}, vocoder="")
    here = entries(parts, "hifigan", "xvector")
    assert say(loaded, {}, vocoder="").audio[0].info["vocoder"]["id"] == "hifigan"


def test_a_vocoder_whose_files_were_replaced_is_loaded_anew(tiny: Make, parts, tmp_path: Path) -> None:
    """Under the same id and path."""
    from safetensors.torch import load_file, save_file

    loaded = load("speecht5", tiny("speecht5"))
    folder = Path(shutil.copytree(tiny("speecht5-hifigan"), tmp_path / "vocoder"))
    mine = parts | {"hifigan": Model("hifigan", "", "HiFi-GAN", folder, {"part": speecht5.VOCODER})}
    first, network = say(loaded, mine).audio[0], loaded.vocoders["hifigan"][0]
    assert np.array_equal(say(loaded, mine).audio[0].value, first.value)
    assert loaded.vocoders["hifigan"][0] is network
    weights = folder / "model.safetensors"
    changed = {name: weight * 0.5 for name, weight in load_file(weights).items()}
    weights.unlink()
    save_file(changed, weights, {"format": "pt"})
    assert not np.array_equal(say(loaded, mine).audio[0].value, first.value)


def test_a_vocoder_in_the_models_own_folder(tiny: Make, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("speecht5"), tmp_path / "own"))
    shutil.copytree(tiny("speecht5-hifigan"), folder / "vocoder")
    assert say(load("speecht5", folder), {}, vocoder="").audio


def test_faster_is_shorter_at_the_same_pitch(voice: speecht5.Voice, parts) -> None:
    slow, plain, fast = (say(voice, parts, "Where is it?", speed=speed).audio[0] for speed in (0.5, 1.0, 2.0))
    assert slow.info["seconds"] > 1.6 * plain.info["seconds"] > 2.2 * fast.info["seconds"]


def test_a_model_without_an_end_stops(tiny: Make, parts) -> None:
    import torch

    loaded = load("speecht5", tiny("speecht5"))
    with torch.no_grad():
        loaded.network.speech_decoder_postnet.prob_out.bias.fill_(-50)
    long = "word after word, " * 16
    saved = say(loaded, parts, long).audio[0]
    most = loaded.network.config.max_speech_positions * 2 * 256 / 16_000
    assert all(part["end"] - part["start"] <= most for segment in saved.info["segments"] for part in segment["parts"])


def test_text_is_brought_into_its_letters(voice: speecht5.Voice, parts) -> None:
    saved = say(voice, parts, "It’s 25% off – naïve 你!").audio[0]
    assert saved.info["segments"][0]["parts"][0]["text"] == "It's twenty-five percent off - naive!"
    assert saved.info["unknown"] == {"你": 1}
    with pytest.raises(StudioError) as told:
        say(voice, parts, "你好")
    assert told.value.code == "text-unknown"


def test_what_will_be_spoken_is_known_without_the_libraries(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalogue.Entry("tiny", "speecht5", "speech", {"en": "Tiny"}, tiny("speecht5"))
    monkeypatch.setattr(catalogue, "find", lambda _id: entry)
    found = speecht5.understand(Request("speech", "speak", "speecht5", "tiny", prompt="Hello 3 你"))
    assert found.understood == ("en: Hello three",)
    assert found.ignored == ("你",)


def test_every_character_it_claims_to_know_has_a_number(voice: speecht5.Voice) -> None:
    unknown = voice.tokenizer.unk_token_id
    assert len(voice.alphabet.known) > 50
    assert all(unknown not in voice.tokenizer(sign)["input_ids"] for sign in voice.alphabet.known)
    assert unknown in voice.tokenizer("你")["input_ids"]


def test_a_broken_spelling_file_is_told(tiny: Make, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("speecht5"), tmp_path / "bad"))
    for data in (b"", b"\xff" * 40, b"\x0a\x7f\x0a"):
        (folder / "spm_char.model").write_bytes(data)
        with pytest.raises(StudioError) as told:
            load("speecht5", folder)
        assert told.value.code == "model-damaged"


def test_cancel(voice: speecht5.Voice, parts) -> None:
    for checks in (1, 3):
        with pytest.raises(Cancelled):
            say(voice, parts, context=FakeContext(cancel_after=checks))
    brake = ForwardBrake()
    handle = voice.network.speecht5.decoder.prenet.register_forward_pre_hook(lambda *_: brake.pull())
    try:
        with pytest.raises(Cancelled):
            say(voice, parts)
    finally:
        handle.remove()
        brake.release()
    assert say(voice, parts).audio


def test_other_languages_and_speakers_are_declared() -> None:
    assert speecht5.fitted({"languages": ["de"]}).languages == ("de",)
    assert speecht5.fitted({"speakers": 0, "languages": []}) is speecht5.FAMILY
