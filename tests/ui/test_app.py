"""The program from outside: it starts, paints, says so and ends; without torch, in little memory."""

from __future__ import annotations

import pytest

from aigc_studio.ui.app import _parse
from tests.benchmarks.bench_start import BAR_MB, start


def test_the_window_opens_paints_and_ends() -> None:
    """In a process of its own, with nothing on the terminal but what was asked. Timing is the benchmark's matter."""
    seconds, figures = start()
    assert figures["torch"] is False
    assert 0 < figures["rss_mb"] <= BAR_MB
    assert seconds < 30
    assert figures["log"] == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"demo": False, "engine": "child", "language": None, "theme": ""}),
        (["--demo", "--language", "zh_CN"], {"demo": True, "language": "zh_CN"}),
        (["--engine", "thread", "--theme", "dark"], {"engine": "thread", "theme": "dark"}),
    ],
)
def test_the_options_are_read(arguments: list[str], expected: dict[str, object]) -> None:
    """As the command line passes them on."""
    options = vars(_parse(arguments))
    assert {key: options[key] for key in expected} == expected
    assert str(_parse(["/a/project"]).path) == "/a/project"
