"""An optimiser's step that is taken back leaves nothing behind: neither in the weights nor in what it remembers."""

from __future__ import annotations

import pytest
import torch

from aigc_studio.training.bookkeeping import Undo


@pytest.mark.parametrize("before", [0, 3])
def test_a_step_taken_back_never_happened(before: int) -> None:
    """Also the very first one, before which Adam remembers nothing."""

    def run(disturbed: bool) -> torch.Tensor:
        torch.manual_seed(1)
        net = torch.nn.Linear(4, 3)
        optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
        undo = Undo(optimiser)

        def step(seed: int) -> None:
            optimiser.zero_grad()
            net(torch.randn(5, 4, generator=torch.Generator().manual_seed(seed))).square().sum().backward()
            optimiser.step()

        for seed in range(before):
            undo.take()
            step(seed)
        if disturbed:
            undo.take()
            step(99)
            undo.undo()
        for seed in range(before, before + 3):
            step(seed)
        return net.weight.detach().clone()

    assert torch.equal(run(True), run(False))
