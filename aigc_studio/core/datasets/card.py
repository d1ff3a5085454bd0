"""The card of a data set: what it holds, where it comes from, who may use it, what was wrong with it. Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from ..i18n import tr
from .images import ImageReport
from .problem import Problem
from .texts import TextReport

__all__ = ["dataset_card"]

_MOST_PROBLEMS = 40
_MOST_GROUPS = 20


def dataset_card(report: ImageReport | TextReport, *, title: str, licence: str = "", source: str = "") -> str:
    """The card in the current language. licence: of the data, as a person wrote it ("CC BY 4.0"). source: where the
    data comes from, "" for the folder's name."""
    parts = [_front(report, title, licence), f"# {_line(title)}", _about(report, licence, source)]
    parts += [_pictures(report)] if isinstance(report, ImageReport) else [_texts(report)]
    parts += _problems(report.problems)
    parts.append(
        f"## {tr('Identity')}\n\n"
        + tr("A hash of all contents, the same whatever the files are called: `{digest}`", digest=report.digest())
    )
    return "\n\n".join(parts) + "\n"


def _front(report: ImageReport | TextReport, title: str, licence: str) -> str:
    """Front matter as the dataset cards of the Hugging Face hub have it."""
    count = len(report.files) if isinstance(report, ImageReport) else len(report.documents)
    bounds = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    size = next((name for most, name in bounds if count < most), "n>1M")
    lines = [f"pretty_name: {json.dumps(_line(title), ensure_ascii=False)}"]
    if licence:
        lines += ["license: other", f"license_name: {json.dumps(_line(licence), ensure_ascii=False)}"]
    if isinstance(report, TextReport):
        languages = sorted({document.language for document in report.documents} - {""})
        lines += [f"language: {json.dumps(languages)}"] if languages else []
    lines.append(f"size_categories: [{json.dumps(size)}]")
    return "\n".join(["---", *lines, "---"])


def _about(report: ImageReport | TextReport, licence: str, source: str) -> str:
    told = _line(licence) or tr("not stated: do not publish what is made of it before you know")
    rows = [(tr("Source"), _line(source) or report.folder.name), (tr("Licence"), told)]
    return _table((tr("About"), ""), rows)


def _pictures(report: ImageReport) -> str:
    figures = report.summary()
    sizes = " – ".join(" × ".join(map(str, figures[key])) for key in ("smallest", "median", "largest") if figures[key])
    rows = [
        (tr("Pictures"), f"{figures['files']:,}"),
        (tr("Bytes"), f"{figures['bytes']:,}"),
        (tr("Sizes in pixels (smallest, middle, largest)"), sizes),
        (tr("With a caption"), f"{figures['captions']:,}{_sources(figures['sources'])}"),
        (tr("With transparency"), f"{figures['alpha']:,}"),
        (tr("Animated (the first frame is used)"), f"{figures['animated']:,}"),
        (tr("Equal to another"), f"{figures['duplicates']:,}"),
        (tr("Alike another"), f"{figures['similar']:,}"),
    ]
    shown = _table((tr("Contents"), ""), rows)
    groups = [*report.duplicates, *report.similar]
    if groups:
        lines = [f"- {', '.join(_code(name) for name in group[:8])}{' …' * (len(group) > 8)}" for group in groups]
        shown += f"\n\n## {tr('Copies')}\n\n" + _first(lines, _MOST_GROUPS)
    return shown


def _sources(counts: Mapping[str, int]) -> str:
    """Where captions come from, "" when there are none."""
    names = {
        "text": tr("from a text beside"),
        "table": tr("from a table"),
        "name": tr("from the file's name"),
        "given": tr("added with the picture"),
    }
    told = "; ".join(f"{name}: {counts[key]:,}" for key, name in names.items() if key in counts)
    return f" ({told})" if told else ""


def _texts(report: TextReport) -> str:
    figures = report.summary()
    names = {"zh": tr("Chinese"), "en": tr("English"), "other": tr("another language")}
    languages = ", ".join(f"{names[key]}: {count:,}" for key, count in sorted(figures["languages"].items()))
    rows = [
        (tr("Files"), f"{figures['files']:,}"),
        (tr("Documents"), f"{figures['documents']:,}"),
        (tr("Characters"), f"{figures['characters']:,}"),
        (tr("Languages"), languages),
        (tr("Conversations"), f"{figures['chats']:,}"),
        (tr("Left out as equal"), f"{figures['duplicates']:,}"),
    ]
    return _table((tr("Contents"), ""), rows)


def _problems(problems: Iterable[Problem]) -> list[str]:
    problems = list(problems)
    if not problems:
        return []
    counts = Counter(problem.code for problem in problems)
    counted = ", ".join(f"`{code}`: {count}" for code, count in sorted(counts.items()))
    lines = [f"- {_code(problem.file)}: {_line(problem.text)}" for problem in problems]
    return [f"## {tr('Left out')}\n\n{counted}\n\n" + _first(lines, _MOST_PROBLEMS)]


def _first(lines: list[str], most: int) -> str:
    more = [f"- {tr('and {count} more', count=len(lines) - most)}"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows)])


def _line(text: str) -> str:
    """Foreign text in a line of a table: no line ends, no bars, no tags."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    return "`" + " ".join(text.split()).replace("`", "'") + "`"
