"""Who gives memory back: nobody while there is room, idle lanes when there is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from aigc_studio.core.hardware import Device
from aigc_studio.core.requests import Request
from aigc_studio.engines.base import Model
from aigc_studio.engines.engine import Order
from aigc_studio.ui.arbiter import BESIDE, MemoryArbiter, needed

GB = 10**9


def model(id: str, count: float) -> Model:
    """A model with weights of so many GB."""
    return Model(id, "sdxl", id, Path(id), {"bytes": round(count * GB)})


def order(wanted: Model | None, *parts: Model) -> Order:
    """An order for this model with these parts."""
    request = Request("image", "generate", "sdxl", wanted.id if wanted else "")
    return Order("job", request, Path(), model=wanted, parts={part.id: part for part in parts})


def device(free: float) -> Device:
    """A card with so many GB free."""
    return Device("cuda:0", "Card", "cuda", 24 * GB, round(free * GB))


def test_what_an_order_needs() -> None:
    """Weights of model and parts with room to work in; nothing for what has no weights."""
    assert needed(order(None)) == 0
    assert needed(order(Model("painter", "painter", "Painter"))) == 0
    assert needed(order(model("a", 4))) == 5 * GB + BESIDE
    assert needed(order(model("a", 4), model("lora", 2))) == round(7.5 * GB) + BESIDE
    assert needed(order(model("a", 4)), model("a", 4)) == GB + BESIDE


@pytest.mark.parametrize(
    ("free", "loaded", "asked"),
    [
        (7.0, None, ()),
        (6.0, None, ("text", "sound")),
        (3.0, model("a", 4), ()),  # it is loaded already
        (2.0, model("a", 4), ("text", "sound")),
        (3.0, model("b", 4), ()),  # the lane's former model goes first
        (2.0, model("b", 4), ("text", "sound")),
    ],
)
def test_idle_lanes_are_asked_when_there_is_no_room(free: float, loaded: Model | None, asked: tuple[str, ...]) -> None:
    """A model of 4 GB needs 6.5."""
    arbiter = MemoryArbiter(lambda: device(free))
    assert arbiter(order(model("a", 4)), loaded, ("text", "sound")) == asked


def test_nobody_is_asked_while_nothing_is_known() -> None:
    """Before the first look at the devices, and for models without weights."""
    assert MemoryArbiter(lambda: None)(order(model("a", 400)), None, ("text",)) == ()
    assert MemoryArbiter(lambda: device(0))(order(None), None, ("text",)) == ()


def test_a_training_is_given_all_the_room_there_is() -> None:
    """Nobody knows how much it takes."""
    order = Order("job", Request("training", "train", "train-vae"), Path())
    for known in (device(20.0), None):
        arbiter = MemoryArbiter(lambda known=known: known)
        assert arbiter(order, None, ("text", "picture")) == ("text", "picture")
