"""What a viewer says about a result, as rows of title and value: prompt, seed, model, size, what was noticed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QDateTime, QLocale

from aigc_studio.core.assets import Asset
from aigc_studio.core.i18n import N_, current_language, tr
from aigc_studio.ui.assets.details import duration_text, size_text
from aigc_studio.ui.history.words import inputs_text, model_title, parameter_rows, task_title

__all__ = ["asset_rows", "moment_text", "notices", "recipe_rows"]


def moment_text(seconds: float) -> str:
    """A date and a time as the language writes them. seconds: since 1970."""
    moment = QDateTime.fromSecsSinceEpoch(int(seconds))
    return QLocale(current_language()).toString(moment, QLocale.FormatType.ShortFormat)


def asset_rows(asset: Asset) -> list[tuple[str, str]]:
    """Size, length, bytes and time of a result."""
    rows = []
    if asset.width and asset.height:
        rows.append((tr("Size"), f"{asset.width} × {asset.height} px"))
    if asset.seconds:
        rows.append((tr("Length"), duration_text(asset.seconds)))
    rows += [(tr("File"), size_text(asset.bytes)), (tr("Created"), moment_text(asset.created))]
    return rows


def recipe_rows(recipe: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """How a result was made, without its prompt; [] for what was not made here."""
    request = _object((recipe or {}).get("request"))
    if recipe is None or not request:
        return []
    engine = _object(recipe.get("engine"))
    params = {**_object(request.get("params")), **_object(engine.get("params"))}
    rows = [
        (tr("Task"), task_title(request)),
        (tr("Model"), model_title(str(request.get("family", "")), str(request.get("model", "")))),
        (tr("Seed"), str(recipe.get("seed", request.get("seed", "")))),
        *parameter_rows(request, params),
    ]
    if made_from := inputs_text(request):
        rows.append((tr("Made from"), made_from))
    device = " · ".join(str(engine[key]) for key in ("device", "dtype") if engine.get(key))
    return [*rows, *([(tr("Device"), device)] if device else [])]


_NOT_PROMISED = N_("Made on a graphics card: another card or driver may make single pixels or samples differently.")


def notices(recipe: Mapping[str, Any] | None) -> list[str]:
    """What the engine said while it was made, in the person's language, and what its device does not promise."""
    listed = _object((recipe or {}).get("info")).get("notices")
    found = []
    for notice in listed if isinstance(listed, list) else ():
        if isinstance(notice, list) and len(notice) == 2 and isinstance(notice[0], str):
            try:
                found.append(tr(notice[0], **_object(notice[1])))
            except (KeyError, IndexError, ValueError, TypeError):
                found.append(notice[0])
    device = str(_object((recipe or {}).get("engine")).get("device", ""))
    if device.startswith(("cuda", "mps")):
        found.append(tr(_NOT_PROMISED))
    return found


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
