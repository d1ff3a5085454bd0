"""VITS voices, measured on tiny random models: determinism, speed, joins, rates, speakers, letters, cancelling."""

from __future__ import annotations

import json
import shutil
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from aigc_studio.core import audio, catalogue
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.local import ForwardBrake
from aigc_studio.engines.speech import vits
from tests.engines.context import FakeContext

from .conftest import Make, load, speak

TEXT = "The quick brown fox jumps over the lazy dog. Pack my box, please! Where is it?"


@pytest.fixture(scope="module")
def voice(tiny: Make) -> vits.Voice:
    return load("vits", tiny("vits"))


@pytest.fixture(scope="module")
def many(tiny: Make) -> vits.Voice:
    return load("vits", tiny("vits-multi"))


def test_the_same_seed_makes_the_same_samples_and_another_other_ones(voice: vits.Voice) -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(4)
    torch.manual_seed(5)
    one = speak("vits", voice, TEXT, seed=3, count=2)
    assert torch.equal(torch.rand(4), expected), "somebody else's random numbers were used up"
    two = speak("vits", voice, TEXT, seed=3, count=2)
    for first, second in zip(one.audio, two.audio, strict=True):
        assert np.array_equal(first.value, second.value)
    assert not np.array_equal(one.audio[0].value, one.audio[1].value)
    assert np.array_equal(speak("vits", voice, TEXT, seed=4).audio[0].value, one.audio[1].value)


def test_a_resumed_job_equals_an_uninterrupted_one(voice: vits.Voice) -> None:
    whole = speak("vits", voice, TEXT, count=3).audio
    rest = speak("vits", voice, TEXT, count=3, context=FakeContext(start=2)).audio
    assert [saved.index for saved in rest] == [2]
    assert np.array_equal(rest[0].value, whole[2].value)
    rest = speak("vits", voice, TEXT, count=3, context=FakeContext(stored=(1,)))
    assert [saved.index for saved in rest.audio] == [0, 2]
    assert {index for index, _ in rest.pieces} == {0, 2}
    assert np.array_equal(rest.audio[1].value, whole[2].value)


def test_a_sentence_sounds_the_same_alone_and_in_its_text(voice: vits.Voice) -> None:
    whole = speak("vits", voice, TEXT).audio[0]
    second = whole.info["segments"][1]
    alone = speak("vits", voice, "Pack my box, please!").audio[0]
    start = round(second["start"] * whole.rate)
    assert np.array_equal(whole.value[start : start + len(alone.value)], alone.value)


def test_faster_is_shorter_and_the_network_is_left_as_it_was(voice: vits.Voice) -> None:
    network = voice.network
    before = (network.speaking_rate, network.noise_scale, network.noise_scale_duration)
    lengths = [speak("vits", voice, TEXT, speed=speed).audio[0].info["seconds"] for speed in (0.5, 1.0, 2.0)]
    assert all(slow > fast for slow, fast in pairwise(lengths))
    assert (network.speaking_rate, network.noise_scale, network.noise_scale_duration) == before


def test_without_variation_the_seed_does_not_matter(voice: vits.Voice) -> None:
    still = [speak("vits", voice, TEXT, seed=seed, variation=0, rhythm=0).audio[0].value for seed in (1, 2)]
    assert np.array_equal(*still)
    lively = [speak("vits", voice, TEXT, seed=seed, rhythm=0).audio[0].value for seed in (1, 2)]
    assert lively[0].shape == lively[1].shape
    assert not np.array_equal(*lively)


def test_sentences_lie_where_the_recipe_says_with_silence_between(voice: vits.Voice) -> None:
    saved = speak("vits", voice, "One here. Two here.\nThree here.", pause=0.5, paragraph_pause=1.0).audio[0]
    segments = saved.info["segments"]
    assert [segment["text"] for segment in segments] == ["One here.", "Two here.", "Three here."]
    assert [segment["paragraph"] for segment in segments] == [0, 0, 1]
    gaps = [after["start"] - before["end"] for before, after in pairwise(segments)]
    assert gaps == pytest.approx([0.5, 1.0], abs=1e-3)
    for segment in segments:
        begin, end = (round(segment[side] * saved.rate) for side in ("start", "end"))
        part = saved.value[begin:end]
        assert audio.speech_level(part, saved.rate) == pytest.approx(-20, abs=3)
        # A sound that begins or ends in the middle of a wave clicks: the first and last samples are next to nothing.
        assert max(abs(part[0]), abs(part[-1])) < 0.002
        assert segment["parts"][0]["language"] == "en"
    quiet = saved.value[round(segments[0]["end"] * saved.rate) : round(segments[1]["start"] * saved.rate)]
    assert not quiet.any()


def test_no_join_has_a_step_larger_than_the_sound_itself(voice: vits.Voice) -> None:
    saved = speak("vits", voice, TEXT).audio[0]
    steps = np.abs(np.diff(saved.value))
    inside = np.zeros(len(steps), bool)
    for segment in saved.info["segments"]:
        begin, end = (round(segment[side] * saved.rate) for side in ("start", "end"))
        inside[begin + 40 : end - 40] = True
    assert steps[~inside].max() < steps[inside].max() * 0.5


@pytest.mark.parametrize("rate", ["44100", "48000"])
def test_another_rate_is_the_same_sound(voice: vits.Voice, rate: str) -> None:
    plain = speak("vits", voice, TEXT).audio[0]
    other = speak("vits", voice, TEXT, rate=rate).audio[0]
    assert (plain.rate, other.rate) == (16_000, int(rate))
    assert other.info["seconds"] == pytest.approx(plain.info["seconds"], abs=0.002)
    assert [s["start"] for s in other.info["segments"]] == pytest.approx(
        [s["start"] for s in plain.info["segments"]], abs=0.002
    )
    # Nothing above the model's own band: what is there would be an image of what lies below.
    power = np.abs(np.fft.rfft(other.value * np.hanning(len(other.value)))) ** 2
    places = np.fft.rfftfreq(len(other.value), 1 / other.rate)
    assert 10 * np.log10(power[places > 8_300].sum() / power.sum()) < -50


@pytest.mark.parametrize("volume", [0, 50, 150])
def test_nothing_clips(voice: vits.Voice, volume: int) -> None:
    saved = speak("vits", voice, TEXT, volume=volume).audio[0]
    assert np.abs(saved.value).max() <= 10 ** (-1 / 20) + 1e-4
    assert saved.info["peak"] <= -0.99


def test_numbers_and_letters_reach_the_model_as_words(voice: vits.Voice) -> None:
    said = speak("vits", voice, "Café No. 42 costs €3!").audio[0].info
    assert said["segments"][0]["parts"][0]["text"] == "cafe number forty-two costs three euros"
    assert not said["unknown"]


def test_letters_are_numbered_as_the_library_does(tiny: Make) -> None:
    from transformers import VitsTokenizer

    for name, text in (("vits", "The quick brown fox-trot, it's 'fine'."), ("vits-multi", "Hello, 你好 World 42!")):
        folder = tiny(name)
        loaded = load("vits", folder)
        speaking = vits._Speaking(loaded, 0, {})
        tokens = VitsTokenizer.from_pretrained(folder)
        spelled = loaded.alphabet.spell(text).text
        assert speaking._ids(spelled) == list(tokens(spelled)["input_ids"]), name


def test_characters_it_cannot_say_are_named(voice: vits.Voice) -> None:
    context = speak("vits", voice, "Hello 你好 world 😀. More 你.")
    ((text, params),) = context.notices
    assert "{characters}" in text
    assert params["characters"].split() == ["你", "好"]
    assert context.audio[0].info["unknown"] == {"你": 2, "好": 1}
    assert context.audio[0].info["dropped"] == {"😀": 1}


@pytest.mark.parametrize(
    ("text", "code"),
    [("你好，世界。", "text-unknown"), ("", "text-empty"), ("… !", "text-empty"), ("a" * 15_001, "text-long")],
)
def test_a_text_that_cannot_be_spoken_is_refused_before_the_model_runs(voice: vits.Voice, text: str, code: str) -> None:
    context = FakeContext()
    with pytest.raises(StudioError) as told:
        speak("vits", voice, text, context=context)
    assert told.value.code == code
    assert not context.steps


def test_a_very_long_sentence_is_spoken_in_pieces(voice: vits.Voice) -> None:
    saved = speak("vits", voice, "word and " * 45 + "end.").audio[0]
    texts = [part["text"] for segment in saved.info["segments"] for part in segment["parts"]]
    assert len(texts) > 1
    assert " ".join(texts).split() == ("word and " * 45 + "end").split()


def test_speakers_differ(many: vits.Voice) -> None:
    facts = {"speakers": 4}
    family = vits.fitted(facts)
    (param,) = (param for param in family.params if param.id == "speaker")
    assert [choice.title for choice in param.choices] == ["1", "2", "3", "4"]
    sounds = [
        speak("vits", many, "Hello, World 42!", facts=facts, speaker=speaker).audio[0] for speaker in ("0", "1", "3")
    ]
    assert [saved.info["speaker"] for saved in sounds] == [0, 1, 3]
    for one, two in pairwise(sounds):
        assert not np.array_equal(one.value, two.value)
    with pytest.raises(StudioError, match="cannot be 4"):
        speak("vits", many, "Hello", facts=facts, speaker="4")


def test_named_speakers_are_offered_by_name_and_one_alone_is_not_asked_for() -> None:
    named = vits.fitted({"speakers": ["Ann", "Bob"]}).params[0]
    assert [(choice.value, choice.title) for choice in named.choices] == [("0", "Ann"), ("1", "Bob")]
    for facts in ({}, {"speakers": 1}, {"speakers": ["Ann"]}, {"speakers": True}):
        assert vits.fitted(facts) is vits.FAMILY


def test_a_model_that_wants_romanised_text_says_so(tiny: Make, tmp_path: Path) -> None:
    folder = tmp_path / "uroman"
    shutil.copytree(tiny("vits"), folder)
    told = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(told | {"is_uroman": True}))
    loaded = load("vits", folder)
    assert speak("vits", loaded, "annyeong haseyo").audio
    with pytest.raises(StudioError) as problem:
        speak("vits", loaded, "안녕하세요")
    assert problem.value.code == "uroman"


def test_a_model_of_phonemes_is_given_phonemes(tiny: Make, tmp_path: Path) -> None:
    from tests.tiny.speech import make_vits

    folder = make_vits(tmp_path / "phonemes", letters="_;:,.!?— həloʊwɜːldaɪmfnɔɹtiuˈˌ", phonemize=True)
    loaded = load("vits", folder)
    assert vits._phonemes("Hello, world!") == "həlˈoʊ, wˈɜːld!"
    saved = speak("vits", loaded, "Hello, world 42!").audio[0]
    assert saved.value.any()
    assert saved.info["segments"][0]["text"] == "Hello, world 42!"


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "model-incomplete"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}"), "model-damaged"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "model-unsafe"),
        (lambda folder: (folder / "vocab.json").unlink(), "model-incomplete"),
        (lambda folder: (folder / "vocab.json").write_text("[1, 2"), "model-damaged"),
        (lambda folder: (folder / "vocab.json").write_text('{"a": 99}'), "model-damaged"),
        (lambda folder: (folder / "config.json").write_text("{}"), "model-load"),
        (lambda folder: shutil.rmtree(folder), "model-missing"),
    ],
)
def test_a_bad_folder_is_told_in_a_sentence(tiny: Make, tmp_path: Path, harm, code: str) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(tiny("vits"), folder)
    harm(folder)
    with pytest.raises(StudioError) as told:
        load("vits", folder)
    assert told.value.code == code


def test_weights_that_are_no_numbers_are_noticed(tiny: Make) -> None:
    import torch

    loaded = load("vits", tiny("vits"))
    with torch.no_grad():
        loaded.network.decoder.conv_post.weight.fill_(float("nan"))
    with pytest.raises(StudioError) as told:
        speak("vits", loaded, "Hello there.")
    assert told.value.code == "nan"


def test_a_voice_that_stays_silent_says_so(tiny: Make) -> None:
    import torch

    loaded = load("vits", tiny("vits"))
    with torch.no_grad():
        loaded.network.decoder.conv_post.weight.zero_()
    with pytest.raises(StudioError) as told:
        speak("vits", loaded, "Hello there.")
    assert told.value.code == "silent"


def test_cancel_between_sentences_and_the_next_run_is_whole(voice: vits.Voice) -> None:
    expected = speak("vits", voice, TEXT).audio[0].value
    for checks in (1, 3, 5):
        context = FakeContext(cancel_after=checks)
        with pytest.raises(Cancelled):
            speak("vits", voice, TEXT, context=context)
        assert not context.audio
    assert np.array_equal(speak("vits", voice, TEXT).audio[0].value, expected)


def test_the_brake_stops_it_within_a_sentence(voice: vits.Voice) -> None:
    brake = ForwardBrake()
    inside = threading.Event()
    handle = voice.network.decoder.register_forward_pre_hook(lambda *_: (inside.set(), brake.pull())[:0] or None)
    try:
        with pytest.raises(Cancelled):
            speak("vits", voice, "Hello there.")
    finally:
        handle.remove()
        brake.release()
    assert inside.is_set()
    assert speak("vits", voice, "Hello there.", speed=1.2).audio


def test_progress_counts_sentences_and_words_come_with_them(voice: vits.Voice) -> None:
    context = speak("vits", voice, "One. Two. Three.\nFour.")
    assert [step[:2] for step in context.steps] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert context.text == "One. Two. Three.\nFour. "


def test_what_will_be_spoken_is_known_without_the_libraries(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalogue.Entry("tiny", "vits", "speech", {"en": "Tiny"}, tiny("vits"))
    monkeypatch.setattr(catalogue, "find", lambda _id: entry)
    found = vits.understand(Request("speech", "speak", "vits", "tiny", prompt="Hello 3 你 friends 😀"))
    assert found.understood == ("en: hello three friends",)
    assert set(found.ignored) == {"你", "😀"}


def test_the_model_is_named_in_the_recipe(voice: vits.Voice) -> None:
    told = vits.facts(voice)
    assert told["device"] == "cpu"
    assert len(told["model"]["digest"]) == 64


def test_no_folder_is_no_model() -> None:
    with pytest.raises(StudioError) as told:
        vits.load(Model("x", "vits", "X"), FakeContext())
    assert told.value.code == "model-missing"
