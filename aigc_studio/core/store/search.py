"""Full-text search that finds two-character Chinese words: every CJK character is a token, a word a phrase."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["match_expression", "searchable"]

_LIMIT = 200_000  # characters of one text that are indexed
_QUERY_LIMIT = 1_000
_TERMS = 32

# Han (with extensions and compatibility forms), kana, bopomofo, Hangul, and symbols such as emoji.
_ALONE = re.compile(
    "([\u2e80-\u2fd5\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\u2600-\u27bf\U0001f000-\U0001faff\U00020000-\U0003ffff])"
)


def searchable(text: str) -> str:
    """`text` as it is indexed: compatibility forms folded, a space round each character that is a word of its own."""
    plain = unicodedata.normalize("NFKC", text[:_LIMIT]).replace("\0", " ")
    plain = plain.encode("utf-8", "replace").decode("utf-8")
    return _ALONE.sub(r" \1 ", plain)


def match_expression(text: str) -> str:
    """What a person typed as an FTS5 expression ("" for none): all words must occur, each may be a beginning."""
    phrases = []
    for typed in text[:_QUERY_LIMIT].replace('"', " ").split()[:_TERMS]:
        tokens = [word for word in searchable(typed).split() if any(_is_token(c) for c in word)]
        if tokens:
            star = "" if _ALONE.fullmatch(tokens[-1]) else "*"
            phrases.append(f'"{" ".join(tokens)}"{star}')
    return " AND ".join(phrases)


def _is_token(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LN" or category in ("Co", "So")
