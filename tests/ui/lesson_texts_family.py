"""A third recipe for tests, for texts. It is never run."""

from aigc_studio.engines.base import Family, Param

from .lesson_family import FAMILY as PICTURES
from .lesson_family import load, run

__all__ = ["FAMILY", "load", "run"]

FAMILY = Family(
    id="train-reader",
    kind="training",
    title="Reader",
    summary="Learns to read.",
    tasks=PICTURES.tasks,
    params=(
        Param.text("name", "Name"),
        Param.folder("data", "Texts", of=("texts",)),
        Param.model("base", "Model", of=("model:no-such-family",)),
    ),
    max_count=1,
)
