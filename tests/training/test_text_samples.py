"""What a model is asked while it learns: as the folder's texts begin, or as a person says."""

from __future__ import annotations

from aigc_studio.training.framing import Passage
from aigc_studio.training.text_samples import Ask, asks_from, asks_of, passage_of, references_from

VERSE = Passage("静夜思", "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。")
TALE = Passage("", "Once upon a time there was a fox who was hungry.")
TALK = Passage("", "", (("system", "Be brief."), ("user", "Who?"), ("assistant", "A fox."), ("user", "Why?")))
SILENT = Passage("", "", (("assistant", "Hello."),))


def test_titles_else_first_words() -> None:
    """In the starter writer's frames with the form of each text, else as Markdown headings; no prompt twice."""
    framed = asks_from([VERSE, VERSE, TALE], 9, framed=True)
    assert framed == [Ask("《静夜思》", "wujue"), Ask("Once upon a time there was", "fable")]
    assert asks_from([VERSE], 9, framed=True, form="tale") == [Ask("# 静夜思\n", "tale")]
    assert asks_from([VERSE, TALE], 1, framed=False) == [Ask("# 静夜思\n\n")]
    assert asks_from([Passage("", VERSE.text)], 1, framed=False) == [Ask("床前明月光")]


def test_conversations_are_asked_their_first_request() -> None:
    """With the role, and with the answer of the data as a reference; one without a request asks nothing."""
    ask = Ask("Who?", chat=True, system="Be brief.", answer="A fox.")
    assert asks_from([SILENT, TALK], 9, framed=False) == [ask]
    assert references_from([VERSE, SILENT, TALK], 9) == [ask]
    assert Ask(**ask.to_json()) == ask


def test_a_persons_prompts() -> None:
    """One a line, with line breaks written as \\n."""
    assert asks_of(" # Sea\\n\\nThe \n\n月", chat=False, form="qijue") == [
        Ask("# Sea\n\nThe", "qijue"),
        Ask("月", "qijue"),
    ]
    assert asks_of("Who?", chat=True, form="qijue") == [Ask("Who?", chat=True)]


def test_rated_samples_are_texts_again() -> None:
    """A title in the prompt is the title; an answer follows its request."""
    assert passage_of("《月》", "明月", chat=False, weight=2.0) == Passage("月", "明月", weight=2.0)
    assert passage_of("# Sea\n\nThe", "The sea.", chat=False, weight=2.0) == Passage("Sea", "The sea.", weight=2.0)
    answered = passage_of("Who?", "A fox.", chat=True, weight=-0.5)
    assert answered.turns == (("user", "Who?"), ("assistant", "A fox."))
    assert answered.weight == -0.5
