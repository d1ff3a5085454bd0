"""Ready-made instructions for models that follow them, and how an instruction and a passage become one prompt.

The instructions are data (`resources/presets/instructions.toml`), each in Chinese and English.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .i18n import current_language
from .paths import resources

__all__ = ["Instruction", "apart", "compose", "instructions", "text_of"]

_HAN = re.compile("[\u3400-\u9fff]")
_LATIN = re.compile(r"[^\W\d_\u3400-\u9fff]{2,}")


@dataclass(frozen=True)
class Instruction:
    """One ready-made instruction. titles, texts: "en" and "zh"."""

    id: str
    group: str
    titles: Mapping[str, str]
    texts: Mapping[str, str]

    @property
    def title(self) -> str:
        """Its name in the current language."""
        return self.titles[_shown()]

    def text(self, passage: str = "") -> str:
        """What it asks for, in the language of the passage, else in the current one."""
        return self.texts[_language(passage) or _shown()]


def _shown() -> str:
    return "zh" if current_language().startswith("zh") else "en"


def _language(text: str) -> str:
    """Its language, "zh" or "en", whichever the text has more of; "" for one without words."""
    chinese, latin = len(_HAN.findall(text)), len(_LATIN.findall(text))
    return "" if not chinese and not latin else "zh" if chinese >= latin else "en"


@cache
def _read() -> tuple[tuple[Instruction, ...], Mapping[str, str]]:
    data = tomllib.loads((resources() / "presets" / "instructions.toml").read_text(encoding="utf-8"))
    found = tuple(Instruction(row["id"], row["group"], row["title"], row["text"]) for row in data["instruction"])
    return found, data["frame"]


def instructions() -> tuple[Instruction, ...]:
    """All of them, in the order of the menu."""
    return _read()[0]


def compose(instruction: str, text: str) -> str:
    """The prompt for an instruction about a text; without a text the instruction alone."""
    instruction, text = instruction.strip(), text.strip("\n")
    if not text.strip():
        return instruction
    frame = _read()[1][_language(instruction) or _language(text) or "en"]
    before, _, rest = frame.partition("{instruction}")
    between, _, after = rest.partition("{text}")
    return f"{before}{instruction}{between}{text}{after}"


def apart(prompt: str) -> tuple[str, str]:
    """What `compose` put together: (the instruction with the words around it, the text). The text is "" for a prompt
    that was made in another way."""
    found = []
    for frame in _read()[1].values():
        between = frame.partition("{instruction}")[2].partition("{text}")[0]
        at = prompt.find(between)
        if at >= 0:
            found.append(at + len(between))
    end = min(found, default=len(prompt))
    return prompt[:end], prompt[end:]


def text_of(prompt: str, instruction: str) -> str:
    """The text that `compose` put into a prompt; the whole prompt where it was made in another way."""
    if instruction:
        for language in ("en", "zh"):
            before, _, after = _read()[1][language].replace("{instruction}", instruction.strip()).partition("{text}")
            if prompt.startswith(before) and prompt.endswith(after):
                return prompt[len(before) : len(prompt) - len(after)]
    return prompt
