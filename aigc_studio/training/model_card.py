"""The card of a trained model: what it is, from what data, how it was made, what was measured, and its samples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_studio import __version__
from aigc_studio.core.i18n import N_, tr

if TYPE_CHECKING:
    from aigc_studio.engines.base import Family

__all__ = ["model_card"]

_ENDED = {
    "steps": N_("all steps were learned"),
    "minutes": N_("the time was up"),
    "patience": N_("nothing improved any more"),
    "asked": N_("it was asked to finish"),
}


def model_card(family: Family, facts: Mapping[str, Any], texts: Sequence[str], pictures: bool) -> str:
    """Markdown in the current language, with YAML front matter as the hub's cards have. facts: what training.json says;
    its data, settings and figures keep the names they have there.

    texts: samples to show. pictures: whether samples.png lies beside.
    """
    licence = " ".join(str(facts.get("licence", "")).split())
    request = facts.get("request", {})
    params = request.get("params", {}) if isinstance(request, Mapping) else {}
    ended = str(facts.get("ended", ""))
    minutes = f"{float(facts.get('seconds', 0.0)) / 60:.1f}"
    lines = [
        "---",
        f"license: {json.dumps(licence or 'unknown', ensure_ascii=False)}",
        "tags: [aigc-studio, ai-generated-samples]",
        "---",
        "",
        f"# {' '.join(str(facts.get('title', '')).split())}",
        "",
        tr("Trained with AIGC Studio {version}. Recipe: {recipe}.", version=__version__, recipe=tr(family.title)),
        tr(family.summary),
        "",
        "| | |",
        "| --- | --- |",
        f"| {tr('Steps')} | {facts.get('steps', 0)} |",
        f"| {tr('Time')} | {tr('{minutes} min on {device}', minutes=minutes, device=facts.get('device', ''))} |",
        f"| {tr('Why it ended')} | {tr(_ENDED[ended]) if ended in _ENDED else ended} |",
        f"| {tr('Seed')} | {request.get('seed', '') if isinstance(request, Mapping) else ''} |",
        f"| {tr('Licence of the data')} | {_cell(licence) or tr('not given')} |",
        "",
        f"## {tr('Data')}",
        "",
        *_table(facts.get("data", {})),
        f"## {tr('Settings')}",
        "",
        *_table({key: value for key, value in params.items() if key not in ("name", "licence", "start", "wandb")}),
        f"## {tr('Measured')}",
        "",
        *(_table(facts.get("figures", {})) or [tr("Nothing was measured."), ""]),
    ]
    if pictures or texts:
        told = tr("Made by the finished model: the first ones from its seed, not chosen.")
        lines += [f"## {tr('Samples')}", "", told, ""]
    if pictures:
        lines += [f"![{tr('Samples')}](samples.png)", ""]
    for text in texts:
        lines += ["> " + text.strip().replace("\n", "  \n> "), ""]
    return "\n".join(lines)


def _table(values: Any, above: str = "") -> list[str]:
    """Rows of a table; dicts within dicts get dotted names, long lists are left out."""
    rows = list(_rows(values, above))
    return ["| | |", "| --- | --- |", *rows, ""] if rows else []


def _rows(values: Any, above: str) -> list[str]:
    found: list[str] = []
    for key, value in values.items() if isinstance(values, Mapping) else ():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping):
            found += _rows(value, name)
        elif isinstance(value, list | tuple):
            found += [f"| {name} | {len(value)} |"] if len(value) > 4 else [f"| {name} | {_cell(value)} |"]
        else:
            found.append(f"| {name} | {_cell(value)} |")
    return found


def _cell(value: Any) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())[:200]
