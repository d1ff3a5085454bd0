"""The networks themselves: shapes at every size, what each picture depends on, and that they can learn."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from aigc_studio.nets.gan import Discriminator, Generator, Redraw, _between  # noqa: E402
from aigc_studio.nets.latents import _evened, compared, of_gan, of_vae, placed  # noqa: E402
from aigc_studio.nets.translator import Patches, Translator  # noqa: E402
from aigc_studio.nets.vae import VAE, divergence  # noqa: E402
from aigc_studio.nets.vqvae import VQVAE, Quantiser  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("size", "channels"), [(8, 1), (8, 3), (8, 4), (16, 2), (32, 3), (64, 3), (128, 3), (256, 3), (512, 1)]
)
def test_every_size_and_number_of_channels(size: int, channels: int) -> None:
    """Pictures in, pictures out."""
    image = torch.rand(2, channels, size, size) * 2 - 1
    assert Generator(size, 8, 4, 4, channels, 1)(torch.randn(2, 8)).shape == image.shape
    assert Discriminator(size, 4, 4, channels)(image).shape == (2,)
    assert Redraw(size, 4, 4, channels)(Discriminator(size, 4, 4, channels).look(image)[1]).shape == image.shape
    for patch in (1, 2):
        made, mean, logvar = VAE(size, 8, 4, 4, channels, patch)(image)
        assert (made.shape, mean.shape, logvar.shape) == (image.shape, (2, 8), (2, 8))
    halvings = max(2, size.bit_length() - 6)
    net = VQVAE(size, 4, 8, 4, halvings, channels, 8, 1, 1)
    made, vectors, indices, loss = net(image)
    assert (made.shape, vectors.shape, indices.shape) == (
        image.shape,
        (2, net.side, net.side, 4),
        (2, net.side, net.side),
    )
    assert loss >= 0
    assert net.decode(net.encode(image)).shape == image.shape


def test_a_picture_depends_on_its_own_latent_alone() -> None:
    """Not on what is made beside it."""
    net = Generator(16, 8, 8, 16).eval()
    z = torch.randn(5, 8)
    whole = net(z)
    assert torch.allclose(whole[3], net(z[3:4])[0], atol=1e-5)
    assert not torch.allclose(whole[3], whole[4], atol=1e-2)


def test_doubling_between_pixels_is_the_same_on_every_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps that a card takes make what torch's own function makes on a processor."""
    x = torch.randn(2, 3, 4, 4)
    plain = _between(x)
    monkeypatch.setattr(torch.Tensor, "device", torch.device("meta"))
    steps = _between(x)
    monkeypatch.undo()
    assert torch.allclose(steps, plain, atol=1e-6)


def test_the_pixels_of_a_place_begin_alike() -> None:
    """No grid of two pixels before anything is learned."""
    made = VAE(16, 8, 4, 8, 3, 2).decode(torch.randn(2, 8))
    places = made.reshape(2, 3, 8, 2, 8, 2)
    assert torch.allclose(places, places.mean((3, 5), keepdim=True).expand_as(places), atol=1e-6)


def test_a_slice_of_modulation_is_a_kernel_per_picture() -> None:
    """Scaling inputs and outputs equals StyleGAN2's modulated and demodulated kernels (equations 1 and 3)."""
    layer: Any = Generator(8, 8, 4, 4).layers[0]
    x, w = torch.randn(2, 4, 5, 5), torch.randn(2, 8)
    style = layer.affine(w)
    for n in range(2):
        kernel = layer.weight * style[n][None, :, None, None]
        kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        expected = torch.nn.functional.conv2d(x[n : n + 1], kernel, padding=1) + layer.bias[:, None, None]
        assert torch.allclose(layer(x, w)[n], expected[0], atol=1e-5)


def test_the_critic_has_spectral_norm_one() -> None:
    """Every layer's largest singular value, after some power iterations."""
    net = Discriminator(16, 8, 16).train()
    for _ in range(30):
        net(torch.randn(4, 3, 16, 16))
    layers: list[Any] = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) > 5
    for layer in layers:
        assert float(torch.linalg.matrix_norm(torch.flatten(layer.weight.detach(), 1), 2)) == pytest.approx(1, abs=0.05)


def test_a_gan_learns_a_colour() -> None:
    """Some steps of the hinge loss bring its pictures near the only colour there is."""
    g, d = Generator(8, 4, 8, 8), Discriminator(8, 8, 8)
    optimisers = [torch.optim.Adam(net.parameters(), 5e-3, (0.0, 0.9)) for net in (g, d)]
    real = torch.tensor([0.8, -0.6, 0.1])[None, :, None, None].expand(8, 3, 8, 8)
    before = (g(torch.randn(8, 4)).mean((0, 2, 3)) - real[0, :, 0, 0]).abs().max()
    for _ in range(60):
        fake = g(torch.randn(8, 4))
        loss = torch.relu(1 - d(real)).mean() + torch.relu(1 + d(fake.detach())).mean()
        optimisers[1].zero_grad()
        loss.backward()
        optimisers[1].step()
        optimisers[0].zero_grad()
        (-d(g(torch.randn(8, 4))).mean()).backward()
        optimisers[0].step()
    after = (g(torch.randn(32, 4)).mean((0, 2, 3)) - real[0, :, 0, 0]).abs().max()
    assert after < 0.35 < before


def test_a_vae_learns_two_pictures() -> None:
    """It tells them apart and makes them again; its divergence is torch's own."""
    pictures = torch.stack((torch.full((3, 8, 8), -0.7), torch.full((3, 8, 8), 0.7)))
    net = VAE(8, 4, 8, 8)
    optimiser = torch.optim.Adam(net.parameters(), 6e-3)
    for _ in range(80):
        image, mean, logvar = net(pictures)
        loss = (image - pictures).square().mean() + 1e-3 * divergence(mean, logvar).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    mean, logvar = net.encode(pictures)
    assert (net.decode(mean) - pictures).abs().mean() < 0.15
    own = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (logvar / 2).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    assert torch.allclose(divergence(mean, logvar), own, atol=1e-4)


def test_the_codebook_follows_what_it_stands_for() -> None:
    """Two clouds, two codes at their middles; the others die and begin anew near vectors of the batch."""
    quantiser = Quantiser(4, 2)
    clouds = torch.cat((torch.full((50, 2), -3.0), torch.full((50, 2), 3.0)))
    for _ in range(200):
        vectors = clouds + 0.1 * torch.randn_like(clouds)
        _, indices, _ = quantiser(vectors)
        quantiser.learn(vectors, indices, decay=0.8, dead=0.05)
    distance = torch.cdist(torch.tensor([[-3.0, -3.0], [3.0, 3.0]]), quantiser.codebook).min(1).values
    assert (distance < 0.3).all()
    assert torch.isfinite(quantiser.codebook).all()
    vectors = clouds + 100  # far from everything: what is not used any more is restarted there
    assert sum(quantiser.learn(vectors, quantiser.nearest(vectors), decay=0.5, dead=0.1) for _ in range(12)) > 0
    assert (torch.cdist(vectors, quantiser.codebook).min(1).values < 10).all()


def test_the_nearest_code_is_the_nearest() -> None:
    """By the plain distances; gradients go straight through."""
    quantiser = Quantiser(7, 3)
    vectors = torch.randn(2, 5, 3, requires_grad=True)
    quantised, indices, loss = quantiser(vectors)
    assert torch.equal(indices, torch.cdist(vectors.flatten(0, 1), quantiser.codebook).argmin(1).reshape(2, 5))
    assert torch.allclose(quantised, quantiser.codebook[indices], atol=1e-6)
    (quantised.sum() + 0 * loss).backward()
    assert torch.allclose(vectors.grad, torch.ones_like(vectors))


def test_the_prior_looks_back_only_and_remembers_what_it_read() -> None:
    """A code changes nothing before it; written one by one with what was kept equals read at once."""
    net = VQVAE(16, 4, 6, 4, 2, 3, 16, 2, 2).eval()
    codes = torch.randint(6, (1, 16))
    other = codes.clone()
    other[0, 9] = (other[0, 9] + 1) % 6
    one, two = net.prior(codes), net.prior(other)
    assert torch.equal(one[:, :10], two[:, :10])
    assert not torch.allclose(one[:, 10:], two[:, 10:])
    likely = [done.clone() for done in net.prior.draw(torch.Generator(), temperature=0)]
    assert [int((done >= 0).sum()) for done in likely] == list(range(1, 17))
    assert torch.equal(net.prior(likely[-1][None])[0].argmax(1), likely[-1])


def test_the_prior_keeps_what_is_given_and_obeys_its_seed() -> None:
    """The same seed, the same codes; of the likeliest only where that is asked."""
    net = VQVAE(16, 4, 6, 4, 2, 3, 16, 2, 2).eval()
    given = torch.full((16,), -1)
    given[:8] = torch.arange(8) % 6

    def draw(seed: int, **more: Any) -> list[int]:
        return [*net.prior.draw(torch.Generator().manual_seed(seed), **more)][-1].tolist()

    assert draw(1, given=given)[:8] == given[:8].tolist()
    assert draw(1) == draw(1) != draw(2)
    assert draw(1, top=1) == draw(2, top=1) == draw(3, temperature=0)


def test_the_prior_says_when_its_numbers_break_down() -> None:
    """ValueError, not a picture of chance."""
    net = VQVAE(16, 4, 6, 4, 2, 3, 16, 2, 2).eval()
    with torch.no_grad():
        net.prior.head.weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="number"):
        next(net.prior.draw(torch.Generator()))


def test_a_translator_takes_any_size_and_its_critic_sees_patches() -> None:
    """Multiples of four; values within bounds."""
    net = Translator(16, 4, 2)
    for height, width in ((4, 4), (8, 20), (36, 12)):
        image = torch.rand(1, 3, height, width)
        for direction in (net.there, net.back):
            made = direction(image)
            assert made.shape == image.shape
            assert made.abs().max() <= 1
    assert Patches(4, 3)(torch.rand(1, 3, 64, 64)).shape == (1, 1, 6, 6)


def test_kept_statistics_are_of_the_whole() -> None:
    """With those of the picture itself nothing changes; afterwards they are forgotten."""
    net = Translator(16, 4, 2).eval().there
    image, other = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16) * 0.1
    plain = net(image)
    with net.statistics_of(image):
        assert torch.allclose(net(image), plain, atol=1e-5)
        kept = net(other)
    assert not torch.allclose(net(other), kept, atol=1e-3)
    assert torch.equal(net(image), plain)


def test_directions_are_those_along_which_most_varies() -> None:
    """Unit vectors at right angles, the strongest first, the same every time."""
    net = Generator(8, 6, 4, 4, 3, 2)
    one, other = of_gan(net, count=4, samples=1024), of_gan(net, count=4, samples=1024)
    assert all(torch.equal(one[key], other[key]) for key in one)
    product = one["directions"] @ one["directions"].T
    assert torch.allclose(product, torch.eye(4), atol=1e-4)
    assert one["scales"].tolist() == sorted(one["scales"].tolist(), reverse=True)
    w = net.map(torch.randn(4096, 6)).detach()
    along = (w - one["mean"]) @ one["directions"].T
    assert torch.allclose(along.std(0), one["scales"], rtol=0.15)


def test_latents_of_a_vae_are_measured() -> None:
    """New ones are drawn with the mean and spread of what the encoder gives; the most telling entries come first."""
    net = VAE(8, 4, 4, 4)
    pictures = torch.rand(64, 3, 8, 8) * 2 - 1
    found = of_vae(net, [pictures[:40], pictures[40:]], count=3)
    mean, logvar = net.encode(pictures)
    assert torch.allclose(found["mean"], mean.mean(0), atol=1e-5)
    away = (mean - mean.mean(0)).double()
    covariance = away.T @ away / 64 + torch.diag(logvar.double().exp().mean(0))
    assert torch.allclose(found["spread"].double() @ found["spread"].double().T, covariance, atol=1e-4)
    assert torch.equal(found["spread"], found["spread"].tril())
    nats = divergence(mean, logvar).mean(0)
    assert found["dims"].tolist() == nats.argsort(descending=True)[:3].tolist()
    assert (found["points"] @ found["spread"].T + found["mean"] - mean).abs().max() < 1e-4
    few = of_vae(net, [pictures[:3]])
    assert torch.equal(few["spread"], few["spread"].diagonal().diag())
    with pytest.raises(ValueError, match="pictures"):
        of_vae(net, [])


def test_latents_of_few_pictures_lie_near_them_and_change_with_what_was_drawn() -> None:
    """Nearer than those of the normal alone; the shorter the draw the nearer; never a leap between neighbours."""
    draws = torch.Generator().manual_seed(1)
    points = torch.randn(12, 16, generator=draws)
    extra = {"mean": torch.zeros(16), "spread": torch.eye(16), "points": points}
    e = torch.randn(64, 16, generator=draws)

    def away(z: Any) -> float:
        return float(torch.cdist(z, points).min(1).values.mean())

    near, usual, plain = (away(placed(extra, 0.3 * e)), away(placed(extra, e)), away(e))
    assert near < usual < 0.8 * plain
    walk = torch.lerp(e[0], e[1], torch.linspace(0, 1, 2001)[:, None])
    made = placed(extra, walk)
    assert (made[1:] - made[:-1]).norm(dim=1).max() < 0.02 * (made[0] - made[-1]).norm()
    assert torch.allclose(placed(extra, e)[3], placed(extra, e[3]), atol=1e-6)
    assert torch.equal(placed({}, e), e)
    without = {name: value for name, value in extra.items() if name != "points"}
    assert torch.allclose(placed(without, e), e)


def test_all_pictures_are_drawn_equally_often() -> None:
    """Also those that lie close together: of nine alike and three alike, three quarters of what is drawn."""
    one = torch.tensor([1.0, 0, 0, 0, 0, 0])
    points = torch.cat((one + 0.1 * torch.randn(9, 6), -3 * one + 0.1 * torch.randn(3, 6)))
    extra = {"mean": torch.zeros(6), "spread": torch.eye(6), "points": points, "bias": _evened(points)}
    near = torch.cdist(placed(extra, 0.2 * torch.randn(4000, 6)), points).argmin(1)
    assert float((near < 9).float().mean()) == pytest.approx(0.75, abs=0.06)


def test_points_of_another_network_are_refused() -> None:
    """Whatever a file holds: other lengths, other dimensions, far too many."""
    for shape in ((3, 5), (4,), (600, 4)):
        with pytest.raises(ValueError, match="points"):
            compared({"points": torch.zeros(shape)}, 4)
    compared({"points": torch.zeros(3, 4), "bias": torch.zeros(3)}, 4)
    with pytest.raises(ValueError, match="bias"):
        compared({"points": torch.zeros(3, 4), "bias": torch.zeros(4)}, 4)
