"""The token loop and beam search against transformers' own, and what they do at the edges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.errors import Cancelled, StudioError
from aigc_studio.engines.text.causal_lm import Writer
from aigc_studio.engines.text.decoding import Network, Prompt, TokenLoop, beam_search
from aigc_studio.engines.text.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

GREEDY = Sampling(temperature=0.0)


def loop(
    network: Network, ids: list[int], new: int, sampling: Sampling = GREEDY, seed: int = 1, **more: int
) -> TokenLoop:
    """A loop without a head and without cancel."""
    return TokenLoop(network, Prompt((), tuple(ids)), new, sampling, seed, lambda: None, **more)


@pytest.fixture
def network(chat: Writer) -> Network:
    """The tiny model, with nothing banned."""
    return replace(chat.network, never=())


def generate(network: Network, ids: list[int], new: int, **options: object) -> list[int]:
    """What transformers writes after `ids`."""
    rows = network.model.generate(
        input_ids=torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        max_new_tokens=new,
        pad_token_id=0,
        **options,
    )
    return rows[0, len(ids) :].tolist()


@pytest.mark.parametrize("start", [5, 60, 200, 333])
@pytest.mark.parametrize(("penalty", "ngram"), [(1.0, 0), (1.3, 0), (1.0, 2), (1.2, 3)])
def test_greedy_equals_generate(network: Network, start: int, penalty: float, ngram: int) -> None:
    """The same ids, with repetition penalty and n-gram ban too."""
    sampling = Sampling(temperature=0.0, repetition=penalty, no_repeat=ngram)
    expected = generate(
        network, [start, start + 1], 30, do_sample=False, repetition_penalty=penalty, no_repeat_ngram_size=ngram
    )
    found = loop(network, [start, start + 1], 30, sampling)
    ids = list(found)
    assert ids == [id for id in expected if id not in network.ends]
    assert found.finish == ("end" if len(ids) < 30 else "length")


@pytest.mark.parametrize("start", [5, 60, 200, 333])
@pytest.mark.parametrize(("beams", "penalty"), [(2, 1.0), (4, 1.0), (4, -0.5), (3, 2.0), (5, 0.0)])
def test_beam_search_equals_generate(network: Network, start: int, beams: int, penalty: float) -> None:
    """The same best hypothesis, with several ends in reach."""
    model_ends = frozenset({1, 40, 41, 42})
    network = replace(network, ends=model_ends)
    expected = generate(
        network,
        [start, 9],
        16,
        do_sample=False,
        num_beams=beams,
        length_penalty=penalty,
        eos_token_id=sorted(model_ends),
        num_return_sequences=beams,
    )
    expected = expected[: next((at for at, id in enumerate(expected) if id in model_ends), len(expected))]
    found, left_out = beam_search(network, Prompt((), (start, 9)), 16, beams, penalty, GREEDY, lambda: None)
    assert list(found[0].ids) == expected
    assert left_out == 0
    assert [beam.score for beam in found] == sorted((beam.score for beam in found), reverse=True)


def test_one_beam_is_greedy(network: Network) -> None:
    """The widths meet at one."""
    found, _ = beam_search(network, Prompt((), (7, 8)), 12, 1, 1.0, GREEDY, lambda: None)
    assert list(found[0].ids) == list(loop(network, [7, 8], 12))


def test_beams_keep_the_ngram_ban(network: Network) -> None:
    """No pair occurs twice in any hypothesis."""
    found, _ = beam_search(network, Prompt((), (7, 8)), 20, 4, 1.0, Sampling(no_repeat=2), lambda: None)
    for beam in found:
        pairs = list(zip((7, 8, *beam.ids), (8, *beam.ids), strict=False))
        assert len(pairs) == len(set(pairs))


def test_sampling_depends_on_the_seed_alone(network: Network) -> None:
    """Equal seeds, equal ids, whatever the process's own generator does; other seeds differ."""
    sampling = Sampling(temperature=1.5, top_k=0, top_p=1.0)
    torch.manual_seed(1)
    first = list(loop(network, [5], 100, sampling, seed=11))
    before = torch.random.get_rng_state()
    second = list(loop(network, [5], 100, sampling, seed=11))
    assert torch.equal(before, torch.random.get_rng_state())
    assert first == second
    assert first != list(loop(network, [5], 100, sampling, seed=12))


def test_sampling_follows_the_model(network: Network) -> None:
    """The first ids of many seeds are distributed as the model says."""
    with torch.inference_mode():
        logits, _ = network.step(torch.tensor([[5, 6]]), None)
    expected = torch.softmax(logits[0], -1)
    drawn = [next(iter(loop(network, [5, 6], 1, Sampling(1.0, 0, 1.0), seed=seed)), 1) for seed in range(400)]
    top = expected.topk(5)
    for probability, id in zip(top.values.tolist(), top.indices.tolist(), strict=True):
        deviation = (probability * (1 - probability) / 400) ** 0.5
        assert abs(drawn.count(id) / 400 - probability) < 4.5 * deviation + 0.005


def test_a_long_prompt_in_parts_gives_the_same(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading in parts of five ids changes nothing, and a cancel is heard between them."""
    ids = list(range(20, 60))
    whole = list(loop(network, ids, 10))
    monkeypatch.setattr("aigc_studio.engines.text.decoding._PREFILL", 5)
    assert list(loop(network, ids, 10)) == whole
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(TokenLoop(network, Prompt((), tuple(ids)), 10, GREEDY, 1, check))


@given(st.integers(0, 300), st.integers(0, 10), st.integers(8, 200), st.integers(1, 400))
def test_a_prompt_is_cut_from_its_front(body: int, head: int, limit: int, new: int) -> None:
    """Head and tail stay, what is left out is counted, and at least one id can be written."""
    head = min(head, limit // 4)
    ids, left_out = Prompt(tuple(range(1000, 1000 + head)), tuple(range(body))).fit(limit, new)
    assert len(ids) == head + body - left_out
    assert ids == [*range(1000, 1000 + head), *range(left_out, body)]
    assert len(ids) < limit
    if head + body + new <= limit:
        assert left_out == 0


def test_writing_on_beyond_the_view(network: Network) -> None:
    """A text that slides goes on past the limit and counts what left its view; one that does not ends there."""
    network = replace(network, limit=32, ends=frozenset())
    sliding = loop(network, [5, 6, 7], 100, Sampling(1.0))
    assert len(list(sliding)) == 100
    assert sliding.finish == "length"
    assert sliding.left_out >= 100 + 3 - 32
    fixed = TokenLoop(network, Prompt((5, 6, 7), (), slides=False), 100, Sampling(1.0), 1, lambda: None)
    assert len(list(fixed)) == 29
    assert fixed.finish == "context"


def test_sliding_keeps_the_head_in_view(network: Network) -> None:
    """What the model reads anew begins with the head."""
    seen: list[list[int]] = []
    model = network.model

    class Watching:
        device = model.device

        def __call__(self, input_ids: Tensor, **more: object) -> object:
            if input_ids.shape[1] > 1:
                seen.append(input_ids[0].tolist())
            return model(input_ids=input_ids, **more)

    watched = replace(network, model=Watching(), limit=24, ends=frozenset())
    list(TokenLoop(watched, Prompt((300, 301), (5, 6)), 60, Sampling(1.0), 1, lambda: None))
    assert len(seen) > 2
    assert all(ids[:2] == [300, 301] for ids in seen)


def test_least_holds_the_end_back(network: Network) -> None:
    """A text may not end before `least` ids."""
    ending = replace(network, ends=frozenset(range(1, 400)))
    assert list(loop(ending, [5], 10)) == []
    kept = list(loop(ending, [5], 10, least=2))
    assert len(kept) == 2
    assert set(kept) <= {0, *range(400, 500)}


def test_numbers_that_broke_down_are_an_error(network: Network) -> None:
    """NaN logits end the job with a sentence, in the loop and in beam search."""

    class Broken:
        device = network.model.device

        def __call__(self, **more: object) -> object:
            out = network.model(**more)
            out.logits[..., 17] = float("nan")
            return out

    broken = replace(network, model=Broken())
    for sampling in (GREEDY, Sampling()):
        with pytest.raises(StudioError) as error:
            list(loop(broken, [5], 5, sampling))
        assert error.value.code == "model-nan"
    with pytest.raises(StudioError):
        beam_search(broken, Prompt((), (5,)), 5, 3, 1.0, GREEDY, lambda: None)
