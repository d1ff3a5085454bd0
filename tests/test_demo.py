"""What the demo says: one line of copy, in the window's language, whatever the writer gives back."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_studio.core.forms import keeps_form
from aigc_studio.core.project import Project
from aigc_studio.demo import Demo


def test_the_line_goes_on_from_the_first_words() -> None:
    english, chinese = Demo("en", True), Demo("zh_CN", True)
    assert english.line_of("The flags of the sun,\n").endswith("the day,\nThe flags of the sun.")
    assert english.line_of("“Good day!”").endswith("“Good day!”")
    line = chinese.line_of("碧海金波起，青山绿水间。\n江湖鱼自戏，风触鹭鸶还。\n")
    assert line.count("碧海") == 1
    assert keeps_form(line, "wujue")


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_a_writer_that_says_nothing_leaves_the_given_line(language: str) -> None:
    demo = Demo(language, True)
    assert demo.line_of(" ,\n") == demo.line_of("") == demo.given_line


def test_what_is_written_names_the_document_it_is_for(tmp_path: Path) -> None:
    demo = Demo("en", True)
    request = demo.line_request()
    assert request is not None
    project = Project.create(tmp_path / "p")
    document = demo.write(project, demo.given_line)
    assert request.context == {"document": document.id}
    assert document.meta["titled"]
    script = demo.script(project, demo.given_line, document)
    assert demo.voice_request(demo.given_line, script).context["document"] == script.id
    assert (script.kind, script.text()) == ("script", demo.given_line)
    project.close()
