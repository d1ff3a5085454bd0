"""The card of a trained model: what it is, from what data, how it was made, what was measured, and its samples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aigc_studio import __version__

if TYPE_CHECKING:
    from aigc_studio.engines.base import Family

__all__ = ["model_card"]


def model_card(family: Family, facts: Mapping[str, Any], texts: Sequence[str], pictures: bool) -> str:
    """Markdown with YAML front matter, in English as the hub's cards are. facts: what training.json says.

    texts: samples to show. pictures: whether samples.png lies beside.
    """
    licence = " ".join(str(facts.get("licence", "")).split())
    request = facts.get("request", {})
    params = request.get("params", {}) if isinstance(request, Mapping) else {}
    lines = [
        "---",
        f"license: {json.dumps(licence or 'unknown', ensure_ascii=False)}",
        "tags: [aigc-studio, ai-generated-samples]",
        "---",
        "",
        f"# {' '.join(str(facts.get('title', '')).split())}",
        "",
        f"Trained with AIGC Studio {__version__} by the recipe “{family.title}”. {family.summary}",
        "",
        "| | |",
        "| --- | --- |",
        f"| steps | {facts.get('steps', 0)} |",
        f"| time | {float(facts.get('seconds', 0.0)) / 60:.1f} minutes on {facts.get('device', '')} |",
        f"| ended by | {facts.get('ended', '')} |",
        f"| seed | {request.get('seed', '') if isinstance(request, Mapping) else ''} |",
        f"| licence of the data | {licence or 'not given'} |",
        "",
        "## Data",
        "",
        *_table(facts.get("data", {})),
        "## Settings",
        "",
        *_table({key: value for key, value in params.items() if key not in ("name", "licence", "start", "wandb")}),
        "## Measured",
        "",
        *(_table(facts.get("figures", {})) or ["Nothing was measured.", ""]),
    ]
    if pictures or texts:
        lines += ["## Samples", "", "Made by the finished model, the first ones from its seed, not picked.", ""]
    if pictures:
        lines += ["![Samples](samples.png)", ""]
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
