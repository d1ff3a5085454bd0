"""The training loop: learns, resumes to the same numbers after a kill at any step, and stops before it breaks."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.training.causal_lm import Settings, batches, build, loss_on, rate_at, train
from aigc_studio.training.corpus import Document
from aigc_studio.training.tokens import Vocabulary, train_vocabulary

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

DOCUMENTS = [
    Document("wujue", "静夜思", "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"),
    Document("wujue", "登鹳雀楼", "白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。"),
    Document("fable", "The Fox", "A hungry Fox saw some fine grapes. He could not reach them."),
]
VOCABULARY = Vocabulary(train_vocabulary(DOCUMENTS, 330))
ENCODED = VOCABULARY.encode(DOCUMENTS)
TINY = Settings(
    vocabulary=330, width=32, layers=2, heads=2, hidden=64, context=32, batch=2, steps=12, warmup=2, rate=1e-2,
    precision="fp32", log_every=1, validate_every=6, checkpoint_every=4,
)  # fmt: skip
HELD = {"zh": list(VOCABULARY.pieces(ENCODED[0], 32))}


class Stop(Exception):
    """As a kill: nothing of ours catches it."""


def weights(model: LlamaForCausalLM) -> dict[str, Any]:
    """A copy of all weights."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def run(folder: Path, settings: Settings = TINY, **more: Any) -> tuple[LlamaForCausalLM, list[dict[str, Any]]]:
    """A run and its log."""
    log: list[dict[str, Any]] = []
    return train(settings, ENCODED, HELD, VOCABULARY, folder, report=log.append, **more), log


def test_it_learns_a_few_poems_by_heart(tmp_path: Path) -> None:
    """Overfitted, the loss falls to nearly nothing and the poem comes back."""
    settings = replace(TINY, steps=90, context=48, validate_every=1000, checkpoint_every=1000)
    model, log = run(tmp_path, settings)
    losses = [line["loss"] for line in log if "loss" in line]
    assert losses[0] > 4.5
    assert losses[-1] < 0.5
    (piece,) = VOCABULARY.pieces(ENCODED[0], 48)
    start = piece.index(VOCABULARY.text) + 1
    with torch.inference_mode():
        ids = piece[:start]
        while len(ids) < len(piece):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    assert ids == piece


def test_the_log_says_what_happens(tmp_path: Path) -> None:
    """Loss, rate and speed each step, perplexity where it is due and at the end."""
    _, log = run(tmp_path)
    steps = [line for line in log if "loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 13))
    assert all(line["tokens_per_second"] > 0 for line in steps)
    assert [line["step"] for line in log if "perplexity" in line] == [6, 12]


@pytest.mark.parametrize("kill_at", [1, 4, 6, 7, 11])
def test_resuming_equals_not_having_stopped(tmp_path: Path, kill_at: int) -> None:
    """Killed at a step, in two orderly and one brutal way: the weights are bit-equal to the uninterrupted run's."""
    whole, _ = run(tmp_path / "whole")
    expected = weights(whole)
    for name, error in (("cancel", Cancelled), ("interrupt", KeyboardInterrupt), ("kill", None)):
        calls = 0

        def check(error: type[BaseException] | None = error) -> None:
            nonlocal calls
            calls += 1
            if calls == kill_at + 1:
                raise error or StudioError("as a kill: no checkpoint is written on the way out")

        folder = tmp_path / name
        with pytest.raises((Cancelled, KeyboardInterrupt, StudioError)):
            run(folder, check=check)
        resumed, log = run(folder)
        done = kill_at - (kill_at > 6)  # the validation after step 6 asks once, too
        assert log[0]["step"] == 1 + (done if error is not None else done // 4 * 4)
        for key, value in weights(resumed).items():
            assert torch.equal(value, expected[key]), (name, key)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    """It loads, and more steps may be asked for later."""
    first, _ = run(tmp_path)
    again, log = run(tmp_path)
    assert log == []
    assert all(torch.equal(value, weights(first)[key]) for key, value in weights(again).items())
    _, log = run(tmp_path, replace(TINY, steps=14))
    assert [line["step"] for line in log if "loss" in line] == [13, 14]


def test_other_settings_do_not_continue_a_run(tmp_path: Path) -> None:
    """What would silently give something else is refused."""
    run(tmp_path, replace(TINY, steps=4))
    with pytest.raises(StudioError) as error:
        run(tmp_path, replace(TINY, seed=9))
    assert error.value.code == "training-settings"


def test_a_checkpoint_is_whole_or_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle of writing leaves the checkpoint before."""
    run(tmp_path, replace(TINY, steps=4))
    good = (tmp_path / "checkpoint.pt").read_bytes()

    def full(state: object, file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        run(tmp_path, replace(TINY, steps=8))
    assert (tmp_path / "checkpoint.pt").read_bytes() == good


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    """The last good checkpoint stays, and the sentence names the step."""
    with pytest.raises(StudioError) as error:
        run(tmp_path, replace(TINY, rate=float("inf"), warmup=6))
    assert error.value.code == "training-nan"
    assert not (tmp_path / "checkpoint.pt").exists()


def test_too_little_text(tmp_path: Path) -> None:
    """Less than one batch."""
    with pytest.raises(StudioError) as error:
        run(tmp_path, replace(TINY, batch=500))
    assert error.value.code == "data"


def test_batches_depend_on_the_step_alone() -> None:
    """Starting at step 7 gives the eighth batch of the whole stream."""
    whole = batches(ENCODED, VOCABULARY, TINY, 0)
    first = [next(whole) for _ in range(10)]
    late = batches(ENCODED, VOCABULARY, TINY, 7)
    assert all((next(late) == batch).all() for batch in first[7:])
    assert first[0].shape == (2, 33)


@given(st.integers(2, 400), st.integers(1, 50), st.floats(0, 1))
def test_the_rate_rises_holds_and_falls(steps: int, warmup: int, hold: float) -> None:
    """Never above the peak, never negative, rising in the warm-up, never rising after it."""
    settings = replace(TINY, steps=steps, warmup=warmup, hold=hold)
    rates = [rate_at(step, settings) for step in range(steps)]
    assert all(0 <= rate <= settings.rate * (1 + 1e-9) for rate in rates)
    up = rates[: min(warmup, steps)]
    assert up == sorted(up)
    down = rates[warmup:]
    assert down == sorted(down, reverse=True)


def test_the_rate_ends_at_zero() -> None:
    """The last step of a falling schedule hardly moves."""
    settings = replace(TINY, steps=1000, warmup=10, hold=0.4)
    assert rate_at(399, settings) == settings.rate
    assert rate_at(700, settings) == pytest.approx(settings.rate / 2)
    assert rate_at(999, settings) < settings.rate * 1e-4


def test_the_loss_is_that_of_each_piece_alone() -> None:
    """Padding and company change nothing; the first id is given."""
    model = build(TINY, VOCABULARY.size, VOCABULARY.end, VOCABULARY.pad).eval()
    pieces = [piece for document in ENCODED for piece in VOCABULARY.pieces(document, 32)]
    expected = 0.0
    with torch.inference_mode():
        for piece in pieces:
            scores = torch.log_softmax(model(torch.tensor([piece])).logits[0], -1)
            expected -= sum(float(scores[at - 1, piece[at]]) for at in range(1, len(piece)))
    nats, tokens = loss_on(model, pieces, VOCABULARY.pad, lambda: None, size=2)
    assert tokens == sum(len(piece) - 1 for piece in pieces)
    assert nats == pytest.approx(expected, rel=1e-4)
    assert nats / tokens == pytest.approx(math.log(VOCABULARY.size), rel=0.1)
