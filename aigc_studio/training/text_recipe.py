"""What the recipes for texts share beside the trainer: their parameters, and the way from a folder of texts and a
person's ratings to arrays in the run's folder.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from aigc_studio.core.datasets import texts as folder_of_texts
from aigc_studio.core.errors import StudioError
from aigc_studio.core.forms import FORMS
from aigc_studio.core.i18n import N_
from aigc_studio.core.runs import KEEP, REJECT
from aigc_studio.core.store.files import write_atomically
from aigc_studio.engines.base import Choice, Param

from .bookkeeping import on_a_full_disk
from .evaluation.text import Learned, regular_form
from .framing import Framing, Passage
from .session import Session
from .text_learner import TextLearner
from .text_measure import Measured, effort
from .text_samples import Ask, asks_from, asks_of, passage_of, references_from
from .texts import Texts, prepare, sections, split

__all__ = ["asks_for", "form_param", "measure_before", "optimiser_param", "prepared", "text_params", "texts_data"]

KEPT = 2.0
"""How much a sample that a person kept counts, compared with a text of the folder."""

_ASKS = 64
_REFERENCES = 16
_BEFORE = 8
_NEAR_RUN, _NEAR = 8, 0.2
"""Runs of so many characters or words tell copies from likeness; beyond this share of them a text is a near copy."""
_NUMBERED = re.compile(r"(?:[^\W\d_]{0,12}[\W_]*)?\d+|[\W_]*")
_HEADING = re.compile(r"\A\s*#[ \t]+[^\n]+(?:\n+|\Z)")


def texts_data() -> tuple[Param, ...]:
    """Where the texts lie."""
    return (
        Param.text("name", N_("Name"), help=N_("What the model will be called.")),
        Param.folder(
            "data",
            N_("Texts"),
            of=("texts",),
            help=N_("A folder of .txt, .md, .docx or .jsonl files; one text a file, or one a line of a .jsonl."),
        ),
        Param.text(
            "licence",
            N_("Licence of the data"),
            advanced=True,
            help=N_("Written into the model's card: who made the data and what may be done with it."),
        ),
    )


def optimiser_param(default: str) -> Param:
    """Which optimiser learns."""
    return Param.choice(
        "optimiser",
        N_("Optimiser"),
        default,
        (
            Choice("muon", N_("Muon for matrices, AdamW for the rest")),
            Choice("adamw", N_("AdamW for all")),
        ),
        advanced=True,
        help=N_("Muon learns faster from nothing; AdamW stays closer to what a model knows already."),
    )


def text_params(context: int, most: int) -> tuple[Param, ...]:
    """How much is read at once, and what is asked in between."""
    return (
        Param.int(
            "context",
            N_("Context length"),
            context,
            16,
            most,
            16,
            unit=N_("tokens"),
            help=N_("How much of a text is read at once. Longer texts are learned in parts."),
        ),
        Param.lines(
            "prompts",
            N_("Prompts of the samples"),
            help=N_("One a line: what the samples begin with. Empty: as texts of your folder begin."),
        ),
        Param.float(
            "reject",
            N_("Weight of what you rejected"),
            0.5,
            0.0,
            4.0,
            0.1,
            advanced=True,
            help=N_("With an earlier run: how strongly its rejected samples are unlearned. 0: they are left out."),
        ),
    )


def form_param() -> Param:
    """The form of the texts, for the starter writer."""
    return Param.choice(
        "form",
        N_("Form"),
        "auto",
        (Choice("auto", N_("As each text is")), *(Choice(form.id, form.title) for form in FORMS.values())),
        advanced=True,
        help=N_("For the starter writer, which knows these forms; other models go by the text alone."),
    )


def read_passages(session: Session) -> list[Passage]:
    """The texts of the folder, told of in the run's record. StudioError when there is none."""
    given = str(session.values["data"]).strip()
    if not given:
        raise StudioError(N_("No folder of texts is chosen; choose one."), code="data")
    report = folder_of_texts.scan(Path(given), session.ctx.check, session.ctx.progress)
    report.require()
    session.data_is(report)
    if report.problems:
        session.ctx.notice(
            N_("{count} files or lines of the folder could not be used; the first: {file}."),
            count=len(report.problems),
            file=report.problems[0].file,
        )
    return [
        Passage(_title(document.title), _HEADING.sub("", document.text) or document.text, document.turns)
        for document in report.documents
    ]


def _title(title: str) -> str:
    """A title that says something: not the number of a file."""
    return "" if _NUMBERED.fullmatch(title) else title


def rated(session: Session, chat: bool) -> tuple[list[Passage], list[Passage]]:
    """(kept, rejected) samples of the run that this one starts from, and of the rounds before it."""
    kept: list[Passage] = []
    rejected: list[Passage] = []
    weights = {KEEP: (kept, KEPT), REJECT: (rejected, -float(session.values["reject"]))}
    for run in session.rounds():
        ratings = run.ratings()
        for sample in run.final_samples():
            if sample.text.strip() and sample.file in ratings:
                found, weight = weights[ratings[sample.file]]
                found.append(passage_of(sample.prompt, sample.text, chat=chat, weight=weight))
    return kept, rejected


def without_near_copies(
    learned: list[Passage], held_out: list[Passage], check: Callable[[], None]
) -> tuple[list[Passage], list[Passage], int]:
    """(learned, held out, how many changed sides): a text that is nearly one of the learned ones (another edition of a
    poem) would measure memory, and is learned, too. Where nothing else was held out, all stays as it is."""
    if not held_out:
        return learned, held_out, 0
    shares = Learned((passage.text for passage in learned), check=check).shared(
        [passage.text for passage in held_out], _NEAR_RUN
    )
    near = [passage for passage, share in zip(held_out, shares, strict=True) if share > _NEAR]
    if len(near) == len(held_out):
        return learned, held_out, 0
    moved = set(map(id, near))
    return [*learned, *near], [passage for passage in held_out if id(passage) not in moved], len(near)


def prepared(session: Session, framing_of: Callable[[Sequence[Passage]], Framing]) -> Texts:
    """The run's arrays, made at its first start; afterwards the folder of texts is not needed any more.

    framing_of: from the passages that are learned (for a tokenizer that is trained on them) to their framing.
    """
    folder = session.run.path / "data" / "texts"
    if (found := Texts.there(folder)) is not None:
        return found
    answered = [
        each for each in read_passages(session) if not each.turns or any(r == "assistant" for r, _ in each.turns)
    ]
    passages = sections(answered)
    chat = 2 * sum(bool(passage.turns) for passage in passages) > len(passages)
    learned, held_out = split(passages, float(session.values["validation"]), session.request.seed)
    learned, held_out, copies = without_near_copies(learned, held_out, session.ctx.check)
    kept, rejected = rated(session, chat)
    refused = {passage.text.strip() for passage in rejected}
    learned = [passage for passage in learned if passage.text.strip() not in refused]
    if not learned:
        raise too_little()
    framing = framing_of(learned)
    form = str(session.values.get("form", "auto"))
    regular = regular_form([passage.text for passage in learned]) if not chat else ""
    both = [*held_out, *learned]
    facts = {
        "chat": chat,
        "form": regular,
        "documents": len(learned),
        "held_out_documents": len(held_out),
        "near_copies": copies,
        "conversations": sum(bool(passage.turns) for passage in both),
        "kept": len(kept),
        "rejected": len(rejected),
        "asks": [ask.to_json() for ask in asks_from(both, _ASKS, framed=framing.framed, form=form)],
        "references": [ask.to_json() for ask in references_from(held_out, _REFERENCES)],
    }
    stage = N_("Preparing the texts")
    found = prepare(
        folder,
        [*learned, *kept, *(passage for passage in rejected if passage.weight)],
        held_out,
        framing,
        facts,
        session.ctx.check,
        lambda done, total: session.ctx.progress(done, total, stage),
    )
    if framing.cut:
        session.ctx.notice(
            N_("{count} conversations are longer than the context; their beginnings are not learned."),
            count=framing.cut,
        )
    if not found.rows:
        shutil.rmtree(folder, ignore_errors=True)
        raise too_little()
    told = {name: facts[name] for name in ("documents", "held_out_documents", "near_copies", "kept", "rejected")}
    session.told(texts=told | {"tokens": found.tokens, "rows": found.rows})
    return found


def too_little() -> StudioError:
    """What there is, is not enough for one step."""
    return StudioError(N_("There is too little text to learn from; add more."), code="data")


def asks_for(session: Session, texts: Texts) -> list[Ask]:
    """What the model is asked: what the person wrote, else how texts of the folder begin."""
    chat, form = bool(texts.facts["chat"]), str(session.values.get("form", "auto"))
    own = asks_of(
        str(session.values["prompts"]), chat=chat, form=texts.facts["form"] or form if form == "auto" else form
    )
    return own or [Ask(**ask) for ask in texts.facts["asks"]]


def measure_before(session: Session, learner: TextLearner) -> None:
    """Tell a learner what its model is worth before it learns: measured once, kept in the run's folder."""
    path = session.run.path / "data" / "before.json"
    if path.is_file():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            learner.before = Measured.from_json(json.loads(path.read_text(encoding="utf-8")))
            return
    session.ctx.progress(0, 0, N_("Measuring the model as it is"))
    count = max(1, round(min(_BEFORE, int(session.values["samples"])) * effort(learner.network)))
    made = list(learner.written(None, count, session.ctx.check))
    found = learner.measured(None, made, session.ctx.check)
    with on_a_full_disk():
        with write_atomically(path) as file:
            file.write(json.dumps(asdict(found), ensure_ascii=False).encode("utf-8", "replace"))
        session.run.append({"step": 0, "event": "sample", "texts": learner.shown(made[:4])})
        if "perplexity" in found.figures:
            session.run.append(
                {"step": 0, "seconds": 0.0, "values": {"validation/perplexity": found.figures["perplexity"]}}
            )
    learner.before = found
