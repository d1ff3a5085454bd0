"""Which language a system speaks."""

from __future__ import annotations

import plistlib
import sys
from pathlib import Path

import pytest

from aigc_studio.core import i18n


@pytest.mark.parametrize(
    ("languages", "language"),
    [(["zh-Hans-CN", "en-CN"], "zh_CN"), (["en-GB", "zh-Hans"], "en"), (["fr-FR"], "en"), ([], "en"), ([3], "en")],
)
def test_an_app_from_the_dock_speaks_the_persons_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, languages: list, language: str
) -> None:
    """macOS starts it without LANG; the preferences know."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(i18n.locale, "getlocale", lambda: (None, None))
    assert i18n.system_language() == "en"
    preferences = tmp_path / "Library" / "Preferences"
    preferences.mkdir(parents=True)
    (preferences / ".GlobalPreferences.plist").write_bytes(
        plistlib.dumps({"AppleLanguages": languages}, fmt=plistlib.FMT_BINARY)
    )
    assert i18n.system_language() == language
    (preferences / ".GlobalPreferences.plist").write_bytes(b"bplist00 damaged")
    assert i18n.system_language() == "en"
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert i18n.system_language() == "zh_CN"
