"""The basic voice, measured: length, level, spectrum, languages, determinism, cancelling, bad text."""

import ctypes
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.core import audio
from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.speech import espeak, espeak_native
from tests.engines.context import FakeContext

RATE = espeak_native.RATE


def speak(text, context=None, count=1, seed=0, **params):
    context = context or FakeContext()
    request = Request("speech", "speak", "espeak", prompt=text, params=params, count=count, seed=seed)
    espeak.run(espeak.load(Model("espeak", "espeak", "Voice"), context), request, context)
    return context


def sound(text, **params):
    return speak(text, **params).audio[0].value


def pitch_of(samples):
    """Median fundamental in Hz of the voiced 50 ms frames, by autocorrelation."""
    found = []
    frame = RATE // 20
    for start in range(0, len(samples) - frame, frame):
        part = samples[start : start + frame].astype(np.float64)
        part -= part.mean()
        if np.sqrt((part**2).mean()) < 0.02:
            continue
        correlation = np.correlate(part, part, "full")[frame - 1 :]
        low, high = RATE // 400, RATE // 60
        lag = low + int(np.argmax(correlation[low:high]))
        if correlation[lag] > 0.5 * correlation[0]:
            found.append(RATE / lag)
    return float(np.median(found))


TEXT = "The quick brown fox jumps over the lazy dog near the river bank."


def test_every_voice_that_is_offered_is_in_the_library():
    languages = {voice.language for voice in espeak.voices()}
    assert len(languages) > 100
    for param in espeak.FAMILY.params:
        if param.id in ("language", "english", "chinese"):
            assert {choice.value for choice in param.choices} - {espeak.AUTO} <= languages
    assert all(voice.name and voice.identifier for voice in espeak.voices())
    assert espeak_native.version().startswith("1.")


@pytest.mark.parametrize("timbre", [choice.value for choice in espeak._TIMBRES])
def test_every_timbre_speaks_and_is_its_own(timbre):
    samples = sound("hello", timbre=timbre)
    assert audio.levels(samples, RATE).peak > -20
    if timbre:
        assert not np.array_equal(samples, sound("hello"))


@pytest.mark.parametrize("language", [choice.value for choice in espeak._LANGUAGES if choice.value != "auto"])
def test_every_language_speaks(language):
    text = {
        "ru": "Привет",
        "uk": "Привіт",
        "ar": "مرحبا",
        "fa": "سلام",
        "he": "שלום",
        "el": "Γεια",
        "hi": "नमस्ते",
        "th": "สวัสดี",
    }
    text |= {"ja": "こんにちは", "ko": "안녕하세요"}
    context = speak(text.get(language, "Bonjour mama"), language=language)
    assert context.audio[0].info["seconds"] > 0.2
    assert context.audio[0].info["voices"] == [language]


def test_the_sound_is_speech_at_its_level():
    saved = speak(TEXT).audio[0]
    assert saved.rate == 22050
    assert saved.value.ndim == 1
    assert 2 < saved.info["seconds"] < 6
    assert saved.info["seconds"] == pytest.approx(len(saved.value) / RATE, abs=0.001)
    assert -24 < audio.speech_level(saved.value, RATE) < -18
    assert -1.5 >= audio.levels(saved.value, RATE).peak > -12
    spectrum = np.abs(np.fft.rfft(saved.value)) ** 2
    frequency = np.fft.rfftfreq(len(saved.value), 1 / RATE)
    assert spectrum[(frequency > 80) & (frequency < 4000)].sum() > 0.8 * spectrum.sum()


def test_faster_is_shorter():
    lengths = [len(sound(TEXT, speed=speed)) for speed in (100, 165, 300)]
    assert lengths[0] > lengths[1] * 1.3 > lengths[2] * 1.3 * 1.3


def test_pitch_is_heard():
    low, middle, high = (pitch_of(sound(TEXT, pitch=pitch)) for pitch in (10, 50, 90))
    assert low * 1.15 < middle < high / 1.15


def test_intonation_is_heard():
    assert not np.array_equal(sound(TEXT, intonation=0), sound(TEXT, intonation=99))


def test_volume_scales():
    full, half, none = (sound(TEXT, volume=volume) for volume in (100, 50, 0))
    np.testing.assert_allclose(half, full / 2, atol=1e-6)
    assert not none.any()


def test_a_high_volume_is_louder_but_not_clipped():
    full, loud = (sound(TEXT, volume=volume) for volume in (100, 150))
    assert audio.levels(loud, RATE).peak <= -0.99
    assert audio.speech_level(loud, RATE) > audio.speech_level(full, RATE) + 2
    top = np.abs(loud) >= np.abs(loud).max() - 1e-4
    assert not (top[1:] & top[:-1] & (loud[1:] == loud[:-1])).any()  # no flat tops


def test_a_silent_sentence_leaves_the_paragraph_its_pause(monkeypatch):
    speaks = espeak_native.speak

    def some(text, voice, **how):
        return np.zeros(0, np.int16) if "Hush" in text else speaks(text, voice, **how)

    monkeypatch.setattr(espeak_native, "speak", some)
    segments = speak("One two. Hush.\nThree four. Hush. Five.").audio[0].info["segments"]
    assert [segment["text"] for segment in segments] == ["One two.", "Three four.", "Five."]
    gaps = [two["start"] - one["end"] for one, two in pairwise(segments)]
    assert gaps == pytest.approx([0.8, 0.35], abs=0.001)


def test_pauses_are_as_long_as_asked():
    short = speak("One. Two.\nThree.", pause=0.1, paragraph_pause=0.2).audio[0]
    long = speak("One. Two.\nThree.", pause=1.1, paragraph_pause=3.2).audio[0]
    assert long.info["seconds"] - short.info["seconds"] == pytest.approx(4.0, abs=0.001)
    for saved, pauses in ((short, (0.1, 0.2)), (long, (1.1, 3.2))):
        segments = saved.info["segments"]
        found = [two["start"] - one["end"] for one, two in pairwise(segments)]
        assert found == pytest.approx(pauses, abs=0.001)


def test_segments_lie_where_the_sound_is():
    saved = speak("你好，世界。 Hello there! 再见。", pause=0.5).audio[0]
    assert [segment["text"] for segment in saved.info["segments"]] == ["你好，世界。", "Hello there!", "再见。"]
    for segment in saved.info["segments"]:
        inside = saved.value[round(segment["start"] * RATE) : round(segment["end"] * RATE)]
        assert audio.speech_level(inside, RATE) > -26
        assert segment["parts"][0]["start"] == segment["start"]
        assert segment["parts"][-1]["end"] == segment["end"]
    gap = saved.value[round(saved.info["segments"][0]["end"] * RATE) : round(saved.info["segments"][1]["start"] * RATE)]
    assert len(gap) == pytest.approx(0.5 * RATE, abs=2)
    assert not gap.any()


def test_joins_do_not_click():
    saved = speak("你好 world 世界 hello。 One. Two.").audio[0]
    for segment in saved.info["segments"]:
        for part in segment["parts"]:
            for place in (round(part["start"] * RATE), round(part["end"] * RATE) - 1):
                assert abs(saved.value[place]) < 0.01


def test_languages_switch_voices():
    parts = speak("今天发布 iPhone 15，好。").audio[0].info["segments"][0]["parts"]
    assert [(part["language"], part["voice"]) for part in parts] == [("zh", "cmn"), ("en", "en-us"), ("zh", "cmn")]
    context = speak("你好 hello", chinese="yue", english="en-gb-scotland", timbre="f3")
    assert context.audio[0].info["voices"] == ["en-gb-scotland+f3", "yue+f3"]
    assert context.audio[0].info["languages"] == ["en", "zh"]


def test_both_languages_are_equally_loud():
    chinese, english = (audio.speech_level(sound(text), RATE) for text in ("今天的天气非常好，我们去公园。", TEXT))
    assert abs(chinese - english) < 1.5


def test_equal_input_gives_equal_samples_whatever_was_said_before():
    first = sound("Hello 世界。 A second sentence.")
    sound("别的话", speed=300, timbre="croak")
    assert np.array_equal(first, sound("Hello 世界。 A second sentence."))


def test_a_sentence_alone_sounds_as_in_its_text():
    whole = speak("First one. 第二句。").audio[0]
    second = whole.info["segments"][1]
    inside = whole.value[round(second["start"] * RATE) : round(second["end"] * RATE)]
    alone = sound("第二句。")
    assert np.array_equal(inside, alone)


def test_takes_of_a_resumed_job():
    whole = speak("Hello.", count=3)
    rest = speak("Hello.", context=FakeContext(start=2), count=3)
    assert [saved.index for saved in rest.audio] == [2]
    assert np.array_equal(rest.audio[0].value, whole.audio[2].value)
    rest = speak("Hello.", context=FakeContext(stored=(1,)), count=3)
    assert [saved.index for saved in rest.audio] == [0, 2]
    assert {index for index, _ in rest.pieces} == {0, 2}


def test_each_result_is_what_its_own_seed_makes_alone():
    """Making a result again asks for one result with the seed in its recipe."""
    batch = speak("Hello.", count=3, seed=2**32 - 2, timbre="f2").audio
    for saved, seed in zip(batch, (2**32 - 2, 2**32 - 1, 0), strict=True):
        assert np.array_equal(saved.value, speak("Hello.", seed=seed, timbre="f2").audio[0].value)
    assert not np.array_equal(batch[0].value, batch[1].value)


def test_progress_goes_by_sentences():
    context = speak("One. Two.\nThree.")
    assert [step[:2] for step in context.steps] == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert context.text == "One. Two.\nThree. "


@pytest.mark.parametrize("checks", [1, 2, 3, 5, 20])
def test_cancel_ends_between_and_inside_sentences_and_keeps_nothing(checks):
    context = FakeContext(cancel_after=checks)
    with pytest.raises(Cancelled):
        speak(TEXT + " " + TEXT, context=context)
    assert context.checks == checks
    assert not context.audio
    assert np.array_equal(sound("again"), sound("again"))


def test_an_error_inside_the_callback_is_the_one_that_is_raised():
    class Odd(Exception):
        pass

    def check():
        raise Odd("now")

    with pytest.raises(Odd, match="now"):
        espeak_native.speak("hello", "en-us", check=check)
    assert len(espeak_native.speak("hello", "en-us")) > 1000


@pytest.mark.parametrize("text", ["", "  \n ", "…！？", "🎉🎉", "\0\x01\x02", "—— ...", "\u200b"])
def test_nothing_to_say_is_one_clear_sentence(text):
    with pytest.raises(StudioError) as caught:
        speak(text)
    assert caught.value.code == "text-empty"


def test_too_much_to_say_is_refused_before_the_work():
    context = FakeContext()
    with pytest.raises(StudioError, match="15000") as caught:
        speak("字" * 100_000, context=context)
    assert caught.value.code == "text-long"
    assert not context.steps


@pytest.mark.parametrize(
    "text",
    [
        "a\0b 你\x07好",
        "<speak>1 < 2 & 3</speak>",
        "[[h@'loU]] &amp; %s {x}",
        "e" * 2000,
        "字" * 1200,
        "١٢٣ ٪",
        "x\ud800y",
        "A. B. C. D.",
        "-1,234.56 元",
        "ｆｕｌｌ　ｗｉｄｔｈ",
        "ǅ ß ﬁ",
    ],
)
def test_strange_text_is_spoken(text):
    assert speak(text).audio[0].info["seconds"] > 0.1


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_spoken_or_refused_with_a_sentence(text):
    context = FakeContext()
    with suppress(StudioError):
        speak(text, context=context)
    if context.audio:
        value = context.audio[0].value
        assert np.isfinite(value).all()
        assert len(context.audio[0].info["segments"]) >= 1
    else:
        with pytest.raises(StudioError, match="nothing to speak"):
            speak(text)


def test_what_was_dropped_is_reported():
    assert speak("Hi 🎉🎉 there\x07").audio[0].info["dropped"] == {"🎉": 2, "U+0007": 1}


def test_understand_shows_language_runs():
    request = Request("speech", "speak", "espeak", prompt="Hello 世界 🎉")
    understanding = espeak.understand(request)
    assert understanding.understood == ("en: Hello", "zh: 世界")
    assert understanding.ignored == ("🎉",)
    assert len(espeak.understand(request.changed(prompt="a。字" * 30_000)).understood) <= 60


def test_numbers_are_said_and_shown_as_they_are_said():
    segment = speak("售价$5，占50%。").audio[0].info["segments"][0]
    assert segment["text"] == "售价$5，占50%。"
    assert [part["text"] for part in segment["parts"]] == ["售价五美元，占百分之五十。"]
    assert np.array_equal(sound("售价$5，占50%。"), sound("售价五美元，占百分之五十。"))
    request = Request("speech", "speak", "espeak", prompt="It is $5, 20 km away.")
    assert espeak.understand(request).understood == ("en: It is 5 dollars, 20 kil…",)
    assert espeak.understand(request.changed(params={"language": "de"})).understood == ("en: It is $5, 20 km away.",)


def test_an_unknown_voice_and_a_missing_library_are_clear(monkeypatch):
    with pytest.raises(StudioError, match="nowhere"):
        espeak_native.speak("hello", "nowhere")
    with pytest.raises(StudioError, match="Speed"):
        speak("hello", speed=1000)
    monkeypatch.setattr(espeak_native, "_paths", lambda: ("/nowhere/libespeak-ng.so", "/nowhere"))
    with pytest.raises(StudioError) as caught:
        espeak_native.speak("hello", "en-us")
    assert caught.value.code == "espeak-missing"


def test_missing_voice_data_is_clear_and_does_not_end_the_process(monkeypatch, tmp_path):
    library, _ = espeak_native._paths()
    monkeypatch.setattr(espeak_native, "_paths", lambda: (library, str(tmp_path)))
    with pytest.raises(StudioError) as caught:
        espeak_native.speak("hello", "en-us")
    assert caught.value.code == "espeak-missing"


@pytest.mark.parametrize(
    ("folder", "short", "given"),
    [
        ("C:/Users/Ann/data", None, b"C:/Users/Ann/data"),
        ("C:/Users/张三/data", "C:/Users/ABCD~1/data", b"C:/Users/ABCD~1/data"),
        ("C:/Users/张三/data", None, "C:/Users/张三/data".encode("gbk")),
    ],
)
def test_windows_is_given_a_path_it_can_open(folder, short, given):
    """The C library opens files with the system's code page; 936 is that of Chinese Windows."""
    assert espeak_native.windows_path(folder, lambda _: short, "gbk") == given


def test_a_path_that_windows_cannot_name_is_clear():
    with pytest.raises(StudioError) as caught:
        espeak_native.windows_path("C:/Users/张三/data", lambda _: None, "cp1252")
    assert caught.value.code == "espeak-missing"


def test_the_structure_is_that_of_the_header():
    """espeak_VOICE: three pointers, four bytes, an int, a pointer."""
    pointer = ctypes.sizeof(ctypes.c_void_p)
    assert ctypes.sizeof(espeak_native._Voice) == 3 * pointer + 8 + pointer
