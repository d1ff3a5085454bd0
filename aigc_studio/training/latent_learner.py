"""The learner of latent diffusion from scratch: first an autoencoder, then, in its latents, a U-Net and a text encoder.

Where the pictures come from is a `Source`'s matter: a prepared folder, or drawings composed on the card. Between the
two phases the latents are measured; their mean and spread go into the autoencoder itself and into its scaling factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .caption_tokens import token_ids

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor

    from .learner import Batch
    from .trainer import Trainer

__all__ = ["Encode", "LatentLearner", "Plan", "Source", "paint", "pipeline_of", "sheet"]

Encode = Callable[["Tensor"], "Tensor"]
"""Pictures float32 (n, 3, h, w) in [-1, 1] -> moments (n, 2 x channels, h', w'), mean and logarithm of the variance."""

_MEASURED = 1024
"""Pictures of which the latents are measured, at most."""
_KL = 5e-4
"""Weight of the latents' distance from a normal distribution, per number."""


class Source(Protocol):
    """Pictures and captions to learn from. Draws by the step's number or torch's global generator alone."""

    def pictures(self, step: int, count: int) -> Tensor:  # pyright: ignore[reportReturnType]
        """float32 (count, 3, side, side) in [-1, 1]."""

    def pairs(self, step: int, count: int, encode: Encode) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportReturnType]
        """(moments, token ids int64 (count, length)) of pictures and their captions."""

    def held_out(self, most: int) -> tuple[Tensor, Tensor] | None:
        """(pictures, token ids) that are never learned, at most `most`; None for none."""


@dataclass(frozen=True)
class Plan:
    """What the learning is. batch: pictures in a step of the second phase; the first has half. autoencoder: the first
    phase's share of the run. rate, autoencoder_rate: learning rates. drop: share of captions that are left out, for
    guidance without a classifier (Ho & Salimans 2022). gamma: of min-SNR. prompts: for the samples. guidance, steps:
    with which they are made. compiled: whether torch compiles the networks.
    """

    batch: int = 16
    autoencoder: float = 0.3
    rate: float = 3e-4
    autoencoder_rate: float = 1e-3
    drop: float = 0.1
    gamma: float = 5.0
    prompts: tuple[str, ...] = ("",)
    guidance: float = 3.0
    steps: int = 20
    seed: int = 0
    device: str = "cpu"
    compiled: bool = False


class LatentLearner:
    """Learns `vae`, then `unet` and `text_encoder`."""

    unit = "images"
    averaged: Collection[str] = ("unet", "text_encoder")

    def __init__(
        self,
        plan: Plan,
        source: Source,
        networks: Mapping[str, torch.nn.Module],
        tokenizer: Any,
        scheduler: Any,
        check: Callable[[], None],
    ) -> None:
        """networks: `vae`, `unet` and `text_encoder`. check: raises Cancelled."""
        import torch

        from aigc_studio.nets.diffusion import Noise

        self.plan, self.source, self.tokenizer, self.scheduler, self._check = plan, source, tokenizer, scheduler, check
        self.modules: Mapping[str, torch.nn.Module] = dict(networks)
        self.noise = Noise(scheduler).to(plan.device)
        self.vae, self.unet, self.text = (networks[name] for name in ("vae", "unet", "text_encoder"))
        fused = plan.device.startswith("cuda")
        learned = [*self.unet.parameters(), *self.text.parameters()]
        self.optimisers: Mapping[str, torch.optim.Optimizer] = {
            "vae": torch.optim.AdamW(
                self.vae.parameters(), plan.autoencoder_rate, (0.9, 0.99), weight_decay=0.0, fused=fused
            ),
            "diffusion": torch.optim.AdamW(learned, plan.rate, (0.9, 0.99), weight_decay=0.01, fused=fused),
        }
        self._empty = token_ids(tokenizer, [""])
        self._phase, self._began, self._scaling = 0, 0, 0.0
        self._denoise: Any = torch.compile(self.unet) if plan.compiled else self.unet
        self._code: Any = torch.compile(self._through) if plan.compiled else self._through

    # -- what is learned

    def batch(self, step: int) -> Batch:
        """Pictures, or noisy latents with what is to be predicted of them."""
        import torch

        plan = self.plan
        if self._phase == 0:
            return {"pictures": self.source.pictures(step, max(1, plan.batch // 2))}
        if not self._scaling:
            self._settle()
        moments, ids = self.source.pairs(step, plan.batch, self.encode)
        moments, ids = moments.to(plan.device), ids.to(plan.device)
        mean, spread = moments.float().chunk(2, 1)
        latents = (mean + torch.exp(0.5 * spread.clamp(-30, 20)) * torch.randn_like(mean)) * self._scaling
        dropped = torch.rand(len(ids), device=ids.device) < plan.drop
        times = self.noise.times(len(latents))
        noisy, wanted = self.noise.add(latents, torch.randn_like(latents), times)
        return {
            "noisy": noisy,
            "wanted": wanted,
            "times": times,
            "ids": torch.where(dropped[:, None], self._empty.to(ids), ids),
        }

    def step(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        """One step of the phase."""
        if self._phase:
            return self._learn_noise(parts, trainer)
        self._fall(trainer)
        losses = self._learn_pictures(parts, trainer)
        share = self.plan.autoencoder
        if max((trainer.step + 1) / max(1, trainer.settings.steps), trainer.fraction) >= share:
            self._phase, self._began = 1, trainer.step + 1
        return losses

    def _learn_pictures(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        from aigc_studio.nets.diffusion import picture_loss

        total: dict[str, Any] = {}
        for part in parts:
            pictures, weight = part["pictures"], trainer.share(part)
            with trainer.autocast():
                made, divergence = self._code(pictures)
            near, far = picture_loss(made.float(), pictures).mean(), divergence.float()
            trainer.backward((near + _KL * far) * weight)
            for name, value in (("reconstruction", near), ("kl", far)):
                total[name] = total.get(name, 0.0) + value.detach() * weight
        trainer.apply("vae")
        return total

    def _through(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """The pictures through the autoencoder and its bottleneck, and how far the latents are from normal ones."""
        vae: Any = self.vae
        found = vae.encode(pictures).latent_dist
        divergence = 0.5 * (found.mean.square() + found.var - 1.0 - found.logvar).mean()
        return vae.decode(found.sample()).sample, divergence

    def _learn_noise(self, parts: Sequence[Batch], trainer: Trainer) -> Mapping[str, Any]:
        total: Any = 0.0
        for part in parts:
            weight = trainer.share(part)
            with trainer.autocast():
                words = self.text(part["ids"]).last_hidden_state
                guess = self._denoise(part["noisy"], part["times"], words).sample
            apart = (guess.float() - part["wanted"]).square().flatten(1).mean(1)
            loss = (apart * self.noise.weights(part["times"], self.plan.gamma)).mean()
            trainer.backward(loss * weight)
            total = total + loss.detach() * weight
        since = trainer.step - self._began
        groups = self.optimisers["diffusion"].param_groups
        rates = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] *= min(1.0, (since + 1) / 50)  # this phase begins gently, too
        trainer.apply("diffusion")
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate
        self._catch_up(trainer, since)
        return {"loss": total}

    def _fall(self, trainer: Trainer) -> None:
        """The autoencoder's rate falls to zero within its own phase."""
        done = min(1.0, max(trainer.fraction, trainer.step / max(1, trainer.settings.steps)) / self.plan.autoencoder)
        factor = 1.0 if done < 0.5 else 0.5 * (1.0 + math.cos(math.pi * (done - 0.5) * 2))
        for group in self.optimisers["vae"].param_groups:
            group["lr"] = self.plan.autoencoder_rate * max(0.02, factor)

    def _catch_up(self, trainer: Trainer, since: int) -> None:
        """Let the averages forget the random weights that this phase began with, as they do at a run's beginning: the
        trainer's own decay is by now that of a long run."""
        import torch

        decay = min(trainer.settings.ema, (2 + trainer.step) / (11 + trainer.step))
        wanted = min(decay, (1 + since) / (10 + since))
        if decay <= 0.0 or wanted >= decay:
            return
        for name in self.averaged:
            average, module = trainer.average[name], self.modules[name]
            if average is not module:
                with torch.no_grad():
                    torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                        list(average.parameters()), list(module.parameters()), 1.0 - wanted / decay
                    )

    # -- between the phases

    def encode(self, pictures: Tensor) -> Tensor:
        """The moments of pictures, by the autoencoder as it is."""
        import torch

        vae: Any = self.vae
        with torch.no_grad(), torch.autocast(self.plan.device.partition(":")[0], torch.bfloat16, enabled=False):
            return vae.encode(pictures.to(self.plan.device)).latent_dist.parameters

    def _settle(self) -> None:
        """Measure the latents and fold their mean and spread into the autoencoder. Repeated, it does nothing."""
        import torch

        from aigc_studio.nets.diffusion import normalise_latents, set_scaling_factor

        means = []
        count = min(_MEASURED, 32 * self.plan.batch)
        with torch.random.fork_rng([torch.device(self.plan.device)] if self.plan.device.startswith("cuda") else []):
            torch.manual_seed(self.plan.seed)
            for at in range(0, count, self.plan.batch):
                self._check()
                means.append(self.encode(self.source.pictures(10**9 + at, self.plan.batch)).float().chunk(2, 1)[0])
        latents = torch.cat(means)
        vae: Any = self.vae
        spread = latents.std((0, 2, 3)).clamp_min(1e-4)
        normalise_latents(vae, latents.mean((0, 2, 3)), spread)
        self._scaling = 1.0 / float(spread.square().mean().sqrt())
        set_scaling_factor(vae, 1.0 / self._scaling)

    def state(self) -> Mapping[str, Any]:
        """The phase."""
        return {"phase": self._phase, "began": self._began, "scaling": self._scaling}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on in a phase."""
        from aigc_studio.nets.diffusion import set_scaling_factor

        self._phase, self._began = int(state["phase"]), int(state["began"])
        self._scaling = float(state["scaling"])
        if self._scaling:
            vae: Any = self.vae
            set_scaling_factor(vae, 1.0 / self._scaling)

    # -- what is seen

    def validate(self, trainer: Trainer) -> Mapping[str, float]:
        """How well held-out pictures come back; in the second phase how well their noise is known, on fixed levels."""
        import torch

        held = self.source.held_out(64)
        if held is None:
            return {}
        pictures, ids = held
        found: list[Tensor] = []
        for at in range(0, len(pictures), self.plan.batch):
            trainer.check()
            some = pictures[at : at + self.plan.batch].to(self.plan.device)
            words = ids[at : at + self.plan.batch].to(self.plan.device)
            with trainer.autocast():
                found.append(self._apart(some, words, trainer))
        name = "loss" if self._phase and self._scaling else "reconstruction"
        return {name: float(torch.cat(found).mean())}

    def _apart(self, pictures: Tensor, ids: Tensor, trainer: Trainer) -> Tensor:
        """The loss of each, (n,)."""
        import torch

        from aigc_studio.nets.diffusion import picture_loss

        vae: Any = self.vae
        if not (self._phase and self._scaling):
            return picture_loss(vae.decode(vae.encode(pictures).latent_dist.mode()).sample.float(), pictures)
        latents = self.encode(pictures).float().chunk(2, 1)[0] * self._scaling
        times = torch.linspace(0, self.noise.levels - 1, len(latents), device=latents.device).long()
        noisy, wanted = self.noise.add(latents, torch.randn_like(latents), times)
        words = trainer.average["text_encoder"](ids).last_hidden_state
        guess = trainer.average["unet"](noisy, times, words).sample
        apart = (guess.float() - wanted).square().flatten(1).mean(1)
        return apart * self.noise.weights(times, self.plan.gamma)

    def sample(self, trainer: Trainer, step: int) -> Image | None:
        """Pictures above what the autoencoder makes of them; in the second phase what the prompts make."""
        import torch

        if self._phase and self._scaling:
            with trainer.autocast():
                pipe = self.pipeline(trainer)
                seeds = range(self.plan.seed, self.plan.seed + len(self.plan.prompts))
                made = paint(pipe, self.plan.prompts, list(seeds), self.plan.steps, self.plan.guidance, trainer.check)
            return sheet(made)
        held = self.source.held_out(8)
        pictures = self.source.pictures(10**9, 8) if held is None else held[0]
        pictures = pictures[:8].to(self.plan.device)
        vae: Any = self.vae
        with trainer.autocast():
            back = vae.decode(vae.encode(pictures).latent_dist.mode()).sample.float()
        return sheet(_images(torch.cat([pictures, back])), len(pictures))

    def pipeline(self, trainer: Trainer) -> Any:
        """The averaged networks as a StableDiffusionPipeline."""
        average = trainer.average
        return pipeline_of(average["vae"], average["text_encoder"], self.tokenizer, average["unet"], self.scheduler)


def pipeline_of(vae: Any, text_encoder: Any, tokenizer: Any, unet: Any, scheduler: Any) -> Any:
    """A StableDiffusionPipeline of these parts."""
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline

    pipe: Any = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,  # pyright: ignore[reportArgumentType]
        feature_extractor=None,  # pyright: ignore[reportArgumentType]
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def paint(
    pipe: Any,
    prompts: Sequence[str],
    seeds: Sequence[int],
    steps: int,
    guidance: float,
    check: Callable[[], None],
    *,
    at_once: int = 16,
    **more: Any,
) -> list[Image]:
    """One picture for each prompt, from its own seed's noise. check: called at each step. more: for the pipeline."""
    import torch

    def stepped(_pipe: Any, _step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        check()
        return tensors

    made: list[Image] = []
    for at in range(0, len(prompts), at_once):
        check()
        generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds[at : at + at_once]]
        made += pipe(
            list(prompts[at : at + at_once]),
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=generators,
            callback_on_step_end=stepped,
            **more,
        ).images
    return made


def _images(pictures: Tensor) -> list[Image]:
    """float (n, 3, h, w) in [-1, 1] as pictures."""
    from PIL import Image as Images

    pixels = ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Images.fromarray(each) for each in pixels]


def sheet(images: Sequence[Image], columns: int = 0, gap: int = 4) -> Image:
    """Pictures of one size side by side on white; enlarged twice where they are small."""
    from PIL import Image as Images

    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = -(-len(images) // columns)
    width, height = images[0].size
    made = Images.new("RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), "white")
    for index, image in enumerate(images):
        made.paste(image, (gap + index % columns * (width + gap), gap + index // columns * (height + gap)))
    times = max(1, min(4, 512 // max(made.size)))
    return made.resize((made.width * times, made.height * times), Images.Resampling.NEAREST)
