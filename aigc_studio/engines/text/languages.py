"""Languages as translation models name them: "zh", "zh_CN" and "zho_Hans" are one, with a name a person can read.

Which languages a model knows, its tokenizer says; this module only knows their names, and what a text is written in.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from aigc_studio.core.i18n import N_
from aigc_studio.engines.base import Choice

__all__ = ["ENGLISH_NAMES", "choices", "detect", "id_of", "spaced"]

# Two-letter id (three where there is none), three-letter codes of NLLB, name. The likeliest to be wanted come first.
_LANGUAGES = (
    ("zh", "zho cmn zhs chi", N_("Chinese (simplified)")),
    ("zh-Hant", "zht", N_("Chinese (traditional)")),
    ("yue", "", N_("Cantonese")),
    ("en", "eng", N_("English##language")),
    ("ja", "jpn", N_("Japanese")),
    ("ko", "kor", N_("Korean")),
    ("de", "deu ger", N_("German")),
    ("fr", "fra fre", N_("French")),
    ("es", "spa", N_("Spanish")),
    ("it", "ita", N_("Italian")),
    ("pt", "por", N_("Portuguese")),
    ("ru", "rus", N_("Russian")),
    ("ar", "arb ara", N_("Arabic")),
    ("af", "afr", N_("Afrikaans")),
    ("am", "amh", N_("Amharic")),
    ("as", "asm", N_("Assamese")),
    ("ast", "", N_("Asturian")),
    ("az", "azj aze", N_("Azerbaijani")),
    ("ba", "bak", N_("Bashkir")),
    ("be", "bel", N_("Belarusian")),
    ("bg", "bul", N_("Bulgarian")),
    ("bn", "ben", N_("Bengali")),
    ("bo", "bod", N_("Tibetan")),
    ("br", "bre", N_("Breton")),
    ("bs", "bos", N_("Bosnian")),
    ("ca", "cat", N_("Catalan")),
    ("ceb", "", N_("Cebuano")),
    ("cs", "ces cze", N_("Czech")),
    ("cy", "cym", N_("Welsh")),
    ("da", "dan", N_("Danish")),
    ("el", "ell gre", N_("Greek")),
    ("eo", "epo", N_("Esperanto")),
    ("et", "est", N_("Estonian")),
    ("eu", "eus", N_("Basque")),
    ("fa", "pes fas", N_("Persian")),
    ("fi", "fin", N_("Finnish")),
    ("ga", "gle", N_("Irish")),
    ("gd", "gla", N_("Scottish Gaelic")),
    ("gl", "glg", N_("Galician")),
    ("gu", "guj", N_("Gujarati")),
    ("ha", "hau", N_("Hausa")),
    ("he", "heb", N_("Hebrew")),
    ("hi", "hin", N_("Hindi")),
    ("hr", "hrv", N_("Croatian")),
    ("ht", "hat", N_("Haitian Creole")),
    ("hu", "hun", N_("Hungarian")),
    ("hy", "hye", N_("Armenian")),
    ("id", "ind", N_("Indonesian")),
    ("ig", "ibo", N_("Igbo")),
    ("is", "isl", N_("Icelandic")),
    ("jv", "jav", N_("Javanese")),
    ("ka", "kat", N_("Georgian")),
    ("kk", "kaz", N_("Kazakh")),
    ("km", "khm", N_("Khmer")),
    ("kn", "kan", N_("Kannada")),
    ("ku", "kmr", N_("Kurdish")),
    ("ky", "kir", N_("Kyrgyz")),
    ("lb", "ltz", N_("Luxembourgish")),
    ("lo", "lao", N_("Lao")),
    ("lt", "lit", N_("Lithuanian")),
    ("lv", "lvs lav", N_("Latvian")),
    ("mg", "plt", N_("Malagasy")),
    ("mi", "mri", N_("Maori")),
    ("mk", "mkd", N_("Macedonian")),
    ("ml", "mal", N_("Malayalam")),
    ("mn", "khk", N_("Mongolian")),
    ("mr", "mar", N_("Marathi")),
    ("ms", "zsm msa", N_("Malay")),
    ("mt", "mlt", N_("Maltese")),
    ("my", "mya", N_("Burmese")),
    ("ne", "npi", N_("Nepali")),
    ("nl", "nld dut", N_("Dutch")),
    ("no", "nob nor", N_("Norwegian")),
    ("oc", "oci", N_("Occitan")),
    ("or", "ory", N_("Odia")),
    ("pa", "pan", N_("Punjabi")),
    ("pl", "pol", N_("Polish")),
    ("ps", "pbt", N_("Pashto")),
    ("ro", "ron rum", N_("Romanian")),
    ("sd", "snd", N_("Sindhi")),
    ("si", "sin", N_("Sinhala")),
    ("sk", "slk", N_("Slovak")),
    ("sl", "slv", N_("Slovenian")),
    ("so", "som", N_("Somali")),
    ("sq", "als sqi", N_("Albanian")),
    ("sr", "srp", N_("Serbian")),
    ("su", "sun", N_("Sundanese")),
    ("sv", "swe", N_("Swedish")),
    ("sw", "swh", N_("Swahili")),
    ("ta", "tam", N_("Tamil")),
    ("te", "tel", N_("Telugu")),
    ("tg", "tgk", N_("Tajik")),
    ("th", "tha", N_("Thai")),
    ("tk", "tuk", N_("Turkmen")),
    ("tl", "tgl", N_("Tagalog")),
    ("tr", "tur", N_("Turkish")),
    ("tt", "tat", N_("Tatar")),
    ("ug", "uig", N_("Uyghur")),
    ("uk", "ukr", N_("Ukrainian")),
    ("ur", "urd", N_("Urdu")),
    ("uz", "uzn", N_("Uzbek")),
    ("vi", "vie", N_("Vietnamese")),
    ("xh", "xho", N_("Xhosa")),
    ("yi", "ydd", N_("Yiddish")),
    ("yo", "yor", N_("Yoruba")),
    ("zu", "zul", N_("Zulu")),
)
_TITLES = {id: title for id, _, title in _LANGUAGES}
_ORDER = {id: place for place, id in enumerate(_TITLES)}
_BY_CODE = {code: id for id, codes, _ in _LANGUAGES for code in (id, *codes.split())}

ENGLISH_NAMES = {id: title.split("##")[0].split(" (")[0] for id, title in _TITLES.items()}
"""Id to its English name, as it stands in instructions like "translate English to German: "."""

_CODE = re.compile(r"[_>< ]*([A-Za-z]{2,3})(?:[_-]([A-Za-z]{2,4}))?[_>< ]*")
_TRADITIONAL = ("hant", "tw", "hk", "mo")


def id_of(code: str) -> str:
    """The language of a model's code: "zh" for "zho_Hans", "zh_CN", "__zh__" and ">>cmn_Hans<<". Codes without a name
    here stay what they are."""
    found = _CODE.fullmatch(code)
    if found is None:
        return code
    id, script = _BY_CODE.get(found[1].lower(), ""), (found[2] or "").lower()
    if id == "zh":
        return "zh-Hant" if script in _TRADITIONAL else "zh"
    return id or code.strip("_><")


def choices(ids: Iterable[str]) -> tuple[Choice, ...]:
    """A choice for each language, the likeliest to be wanted first, those without a name here last."""
    known = sorted(set(ids), key=lambda id: (_ORDER.get(id, len(_ORDER)), id))
    return tuple(Choice(id, _TITLES.get(id, id)) for id in known)


def spaced(id: str) -> bool:
    """Whether sentences of this language have a space between them."""
    return id.split("-")[0].split("_")[0] not in ("zh", "ja", "yue", "zho", "jpn")


_SCRIPTS = (
    ("CJK", "zh"),
    ("HIRAGANA", "ja"),
    ("KATAKANA", "ja"),
    ("HANGUL", "ko"),
    ("CYRILLIC", "ru"),
    ("ARABIC", "ar"),
    ("GREEK", "el"),
    ("HEBREW", "he"),
    ("THAI", "th"),
    ("DEVANAGARI", "hi"),
    ("BENGALI", "bn"),
    ("TAMIL", "ta"),
    ("TELUGU", "te"),
    ("GEORGIAN", "ka"),
    ("ARMENIAN", "hy"),
    ("KHMER", "km"),
    ("LAO", "lo"),
    ("MYANMAR", "my"),
    ("TIBETAN", "bo"),
)
_SAMPLE = 4000


def detect(text: str) -> str:
    """The language a text is likely written in, by its script alone: English for Latin letters.

    A character of a script that needs no spaces counts for three: a Chinese sentence with an English name in it is
    Chinese. Japanese is known by its kana.
    """
    counts: Counter[str] = Counter()
    for character in text[:_SAMPLE]:
        if not character.isalpha():
            continue
        if character.isascii():
            counts["en"] += 1
            continue
        name = unicodedata.name(character, "")
        id = next((id for script, id in _SCRIPTS if name.startswith(script)), "en")
        counts[id] += 3 if id in ("zh", "ja", "ko") else 1
    if counts["ja"] * 10 > counts["zh"] > 0 or counts["ja"] > counts["zh"]:
        counts["ja"] += counts.pop("zh", 0)
    return counts.most_common(1)[0][0] if counts else "en"
