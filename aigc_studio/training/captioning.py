"""Captions for pictures that have none, written by a model that describes pictures: BLIP and its like.

Offline, from a folder of the library. What was written is kept beside the prepared pictures after every few, so that a
killed run writes the rest only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aigc_studio.core.datasets.captions import clean
from aigc_studio.core.datasets.images import flatten
from aigc_studio.core.errors import StudioError
from aigc_studio.core.i18n import N_
from aigc_studio.core.library.captioners import CAPTIONER
from aigc_studio.core.store.files import plain_errors, write_atomically
from aigc_studio.engines import device
from aigc_studio.engines.base import Context, Model, Param
from aigc_studio.engines.text.loading import folder_of, load_pretrained

if TYPE_CHECKING:
    from PIL.Image import Image

    from .prepared import PreparedImages

__all__ = ["AT_ONCE", "LOOKING", "Captioner", "captioned", "captioner"]

T = TypeVar("T")

_KEPT = "captions.json"
AT_ONCE = 8
"""Pictures that are described together."""
_LONGEST = 60
"""Tokens of a caption."""
_BEAMS = 3
LOOKING = N_("Describing the pictures")
"""What is shown meanwhile."""


def captioner() -> Param:
    """The parameter of recipes that learn words with pictures."""
    return Param.model(
        "captioner",
        N_("Describe pictures without captions"),
        of=(CAPTIONER,),
        advanced=True,
        help=N_("A model from the library that says what a picture shows; pictures with a caption keep theirs."),
    )


class Captioner:
    """One model, loaded. It says the same of a picture each time."""

    def __init__(self, model: Model, ctx: Context) -> None:
        """StudioError for everything that can be wrong with its folder."""
        device.go_offline()
        folder = folder_of(model)
        name = str(model.facts.get("architecture") or "BlipForConditionalGeneration")
        self._network, self._tokenizer, self.placement, self.digest = load_pretrained(model, name, ctx)
        self._processor = _processor(folder)
        self._check = ctx.check

    def captions(self, images: Sequence[Image]) -> list[str]:
        """What each picture ("RGB", any size) shows, "" where the model says nothing."""
        import torch
        from transformers import StoppingCriteriaList

        pixels = self._processor(images=[image.convert("RGB") for image in images], return_tensors="pt")["pixel_values"]
        pixels = pixels.to(self.placement.device, self.placement.torch_dtype())
        with torch.inference_mode():
            tokens = self._network.generate(
                pixel_values=pixels,
                max_new_tokens=_LONGEST,
                num_beams=_BEAMS,
                do_sample=False,
                stopping_criteria=StoppingCriteriaList([_asking(self._check)]),
            )
        return [clean(text) for text in self._tokenizer.batch_decode(tokens, skip_special_tokens=True)]


def _asking(check: Callable[[], None]) -> Any:
    """A criterion that never stops a text and lets the person stop the work between two words."""
    import torch
    from transformers import StoppingCriteria

    class Asking(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:  # pyright: ignore
            check()
            return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)

    return Asking()


def _processor(folder: Path) -> Any:
    """How the model's pictures are scaled; Pillow's way, which is the same on every machine."""
    from transformers import AutoImageProcessor

    try:
        return AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False, backend="pil")
    except MemoryError:
        raise
    except Exception as error:  # the library raises what it likes
        raise StudioError(
            N_('The model in "{folder}" does not say how pictures are prepared for it; copy it again with all files.'),
            code="model-damaged",
            detail=repr(error)[:2000],
            folder=str(folder),
        ) from error


def captioned(data: PreparedImages, id: str, ctx: Context) -> PreparedImages:
    """The same pictures, with captions by the model `id` ("" for none) where they had none.

    The pictures are described as they are prepared: cropped and in the size that is learned, and the folder that they
    came from is not needed.
    """
    lacking = [index for index in range(len(data)) if not data.captions[index]]
    if not id or not lacking:
        return data
    kept = _kept(data.folder)
    missing = [index for index in lacking if data.hashes[index] not in kept]
    if missing:
        model = Captioner(ctx.part(id), ctx)
        done = len(lacking) - len(missing)
        for group in _groups(missing):
            ctx.progress(done, len(lacking), LOOKING)
            texts = model.captions([flatten(data.image(index), "white") for index in group])
            kept |= {data.hashes[index]: text for index, text in zip(group, texts)}
            with plain_errors(), write_atomically(data.folder / _KEPT) as file:
                file.write(json.dumps(kept, ensure_ascii=False, indent=0).encode())
            done += len(group)
        ctx.progress(done, len(lacking), LOOKING)
    found = {index: kept[data.hashes[index]] for index in lacking if kept[data.hashes[index]]}
    ctx.notice(N_("Pictures described by a model, whose words may be wrong: {count}."), count=len(found))
    return data.with_captions(found)


def _kept(folder: Path) -> dict[str, str]:
    """Captions that were written before, by the pictures' hashes."""
    try:
        found = json.loads((folder / _KEPT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _groups(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """A few at a time."""
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]
