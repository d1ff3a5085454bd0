"""The painter's words: both languages, longest match, inflections, negation, and nothing lost of what was written."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_studio.engines.image.cppn import Style
from aigc_studio.engines.image.lexicon import ColourWord, forms, lexicon, read, tokens

words = lexicon()
prompts = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("红蓝不要色的暖无缝条纹，。 、 \n\t"),
        st.sampled_from("abcdegilnoprstuvw -'"),
    ),
    max_size=80,
)


def test_there_are_enough_words():
    assert len(words.colours) >= 100
    assert len(words.moods) >= 60
    for entry in (*words.colours.values(), *words.moods.values()):
        assert entry.get("zh"), entry
    assert sum(bool(entry.get("en")) for entry in (*words.colours.values(), *words.moods.values())) >= 150


def test_every_mood_does_something_that_exists():
    numbers = Style()
    for id, mood in words.moods.items():
        unknown = set(mood) - {"en", "zh", "set", "add", "times", "tone", "palettes", "weak", "opposite", "modifier"}
        assert not unknown, id
        assert set(mood) - {"en", "zh", "opposite"} or "opposite" in mood, id
        for operation in ("set", "add", "times"):
            for name in mood.get(operation, {}):
                assert hasattr(numbers, name), (id, name)
        assert set(mood.get("tone", {})) <= {"light", "chroma", "warm", "pastel", "neon", "mono"}, id
        assert set(mood.get("palettes", ())) <= set(words.palettes), id
        assert mood.get("opposite", "warm") in words.moods, id
    for name, colours in words.palettes.items():
        assert 4 <= len(colours) <= 8, name
        assert all(len(colour) == 7 and int(colour[1:], 16) >= 0 for colour in colours), name


def test_every_word_of_the_data_is_found_by_itself():
    for kind, entries in (("colour", words.colours), ("mood", words.moods)):
        for id, entry in entries.items():
            for word in (*entry.get("en", ()), *entry["zh"]):
                (token,) = tokens(word)
                assert (token.kind, token.id, token.text) == (kind, id, word)


@pytest.mark.parametrize(
    ("prompt", "colours", "moods"),
    [
        ("a calm blue sea", ["blue"], ["calm", "ocean"]),
        ("Reddish STRIPES", ["red"], ["stripes"]),
        ("bluer, softest, striped, swirling, mirrored", ["blue"], ["soft", "stripes", "swirl", "mirror"]),
        ("sky-blue and sky blue", ["skyblue"], []),
        ("black and white", [], ["monochrome"]),
        ("black, white", ["black", "white"], []),
        ("温暖的夕阳", [], ["warm", "sunset"]),
        ("天青色等烟雨", ["tianqing"], ["water"]),
        ("胭脂与黛，月白为底", ["yanzhi", "daise", "yuebai"], []),
        ("無縫的綠色條紋", ["green"], ["seamless", "stripes"]),
        ("ＢＬＵＥ　ｗａｖｅｓ", ["blue"], ["waves"]),
        ("blue蓝色waves波浪", ["blue"], ["waves"]),
        ("greenhouse 白菜", [], []),
        ("", [], []),
    ],
)
def test_readings(prompt, colours, moods):
    reading = read(prompt)
    assert [colour.id for colour in reading.colours] == colours
    assert list(reading.moods) == moods


@pytest.mark.parametrize(
    ("prompt", "no_colours", "no_moods", "colours"),
    [
        ("no red", ["red"], [], []),
        ("blue without red or green", ["red", "green"], [], ["blue"]),
        ("no red, blue", ["red"], [], ["blue"]),
        ("no red but blue", ["red"], [], ["blue"]),
        ("don't use red; green", ["red"], [], ["green"]),
        ("不要用红色", ["red"], [], []),
        ("not dark", [], ["dark"], []),
        ("不要红色", ["red"], [], []),
        ("不要红色和绿色，要蓝色", ["red", "green"], [], ["blue"]),
        ("不要红、绿", ["red", "green"], [], []),
        ("没有条纹的蓝色", [], ["stripes"], ["blue"]),
        ("不要蓝色的条纹", ["blue"], ["stripes"], []),
        ("不对称", [], [], []),
        ("无缝", [], [], []),
        ("red, no red", ["red"], [], []),
    ],
)
def test_negation(prompt, no_colours, no_moods, colours):
    reading = read(prompt)
    assert list(reading.no_colours) == no_colours
    assert list(reading.no_moods) == no_moods
    assert [colour.id for colour in reading.colours] == colours


def test_a_word_before_a_colour_changes_that_colour_only():
    assert read("light blue").colours[0].light > 0
    assert read("深蓝").colours[0].light < 0
    assert read("dark-green").moods == ()
    assert read("dark, green").colours == (ColourWord("green"),)
    assert read("dark, green").moods == ("dark",)


def test_understood_and_ignored_are_as_written():
    reading = read("A Reddish cat, 不要蓝色的狗, Wavy!")
    assert reading.understood == ("Reddish", "不要蓝色", "Wavy")
    assert reading.ignored == ("cat", "狗")


@given(prompts)
def test_tokens_are_pieces_of_the_prompt_in_order(prompt):
    end = 0
    for token in tokens(prompt):
        assert token.text
        assert prompt[token.start : token.end] == token.text
        assert token.start >= end
        end = token.end


@given(prompts)
def test_every_letter_belongs_to_a_token(prompt):
    covered = {place for token in tokens(prompt) for place in range(token.start, token.end)}
    for place, character in enumerate(prompt):
        if character.isalpha() and character.isascii():
            assert place in covered


@given(prompts)
def test_understood_and_ignored_are_apart(prompt):
    reading = read(prompt)
    assert len(set(reading.understood)) == len(reading.understood)
    assert len(set(reading.ignored)) == len(reading.ignored)
    assert not set(reading.moods) & set(reading.no_moods)
    assert not {colour.id for colour in reading.colours} & set(reading.no_colours)


@settings(max_examples=20, deadline=2000)
@given(st.text(max_size=6), st.integers(10_000, 16_000))
def test_long_prompts_are_read_in_linear_time(piece, times):
    reading = read((piece * times)[:100_000])
    assert len(reading.understood) <= 200
    assert len(reading.ignored) <= 200


@pytest.mark.parametrize(
    "piece",
    [
        "一幅宁静的蓝色海浪，带有金色的光。A calm blue sea with golden light and a cat. ",
        "a b ",
        "龘靐齉爭",
        "no reddish stripes, ",
    ],
)
def test_a_prompt_as_long_as_the_window_takes_is_read_while_somebody_types(piece):
    """10,000 characters in 5 ms; four times that where the machine is busy with other things."""
    text = (piece * 10_000)[:10_000]
    read(piece)
    best = 1.0
    for count in range(5):
        prompt = text[count:] + piece[:count]
        start = time.thread_time()
        read(prompt)
        best = min(best, time.thread_time() - start)
    assert best < 0.02


def test_inflections_end_at_two_letters():
    assert list(forms("as")) == ["as"]
    assert "wave" in forms("waves")
    assert "red" in forms("reddish")
