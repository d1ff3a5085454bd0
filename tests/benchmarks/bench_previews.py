"""What a preview costs beside a step of the model that it shows:

    python -m tests.benchmarks.bench_previews [--type sd1|sdxl] [--side PX] [--device cpu|cuda]

Networks of the published sizes with made-up weights. Prints the time of one step with guidance, of fitting the map
(once for each loaded model) and of one preview, and the largest share of the time that previews can take: at most one
in a tenth of a second, and never more than 2 % of the time between two.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import diffusers
import torch
from accelerate import init_empty_weights

from aigc_studio.core.paths import resources
from aigc_studio.engines.image.diffusion.preview import INTERVAL, SHARE, Previewer

_library: Any = diffusers


def network(type: str, part: str, device: str, dtype: torch.dtype) -> Any:
    """The UNet or VAE of a published model; every weight is 0.01."""
    config = json.loads((resources() / "configs" / type / part / "config.json").read_text(encoding="utf-8"))
    with init_empty_weights():
        made = getattr(_library, config["_class_name"]).from_config(config)
    made = made.to(dtype).to_empty(device=device).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.fill_(0.01)
    return made


def seconds(work: Callable[[], Any], rounds: int) -> float:
    """The median time of `work` after one round to warm up."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def _step(type: str, latents: torch.Tensor, place: dict[str, Any]) -> float:
    """Seconds of one step of the published UNet with guidance."""
    unet = network(type, "unet", place["device"], place["dtype"])
    text = torch.randn(2, 77, unet.config.cross_attention_dim, **place)
    more: dict[str, Any] = {}
    if type == "sdxl":
        more["added_cond_kwargs"] = {
            "text_embeds": torch.randn(2, 1280, **place),
            "time_ids": torch.zeros(2, 6, **place),
        }

    def step() -> None:
        with torch.no_grad():
            unet(latents.repeat(2, 1, 1, 1), 500, encoder_hidden_states=text, **more)

    return seconds(step, 3)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--type", default="sd1", choices=("sd1", "sdxl"))
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    dtype = torch.float32 if given.device == "cpu" else torch.bfloat16
    place: dict[str, Any] = {"device": given.device, "dtype": dtype}
    side = given.side // 8
    latents = torch.randn(1, 4, side, side, **place)
    one_step = _step(given.type, latents, place)
    vae = network(given.type, "vae", given.device, dtype)
    pipe = SimpleNamespace(vae=vae)
    fitting = seconds(lambda: Previewer(pipe).fit(), 2)
    previewer = Previewer(pipe)
    previewer._weights = torch.randn(3, 5).numpy()  # weights of 0.01 encode no colours
    size = (given.side, given.side)
    drawing = seconds(lambda: previewer.drawn(latents, size), 30)
    often = max(INTERVAL, drawing / SHARE, one_step)
    print(f"{given.type} at {given.side} px on {given.device}, {str(dtype).removeprefix('torch.')}")
    print(f"step {one_step * 1000:10.1f} ms")
    print(f"fit  {fitting * 1000:10.1f} ms, once")
    print(
        f"view {drawing * 1000:10.2f} ms, {drawing / one_step:.2%} of a step, at most {drawing / often:.2%} of the time"
    )


if __name__ == "__main__":
    main()
