"""CartoonX against the paper's algorithm in PyWavelets and float64; what a batch may not change; edges."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai.ops import dwt, normal_noise
from pyxai.rde import Wavelets
from tests.rde.reference import cartoonx


class Net(nn.Module):
    """A small smooth classifier of pixels in [0, 1] whose decision is not too clear."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Conv2d(3, 8, 5, 2)
        self.second = nn.Conv2d(8, 8, 3, 2)
        self.last = nn.Linear(8, 5)

    def forward(self, x):
        x = nn.functional.gelu(self.first(2 * x - 1))
        x = nn.functional.gelu(self.second(x))
        return 8 * self.last(x.mean((2, 3)))


@pytest.fixture(scope="module")
def net():
    return Net().double().eval()


@pytest.fixture(scope="module")
def images():
    """Smooth pictures with an edge, no two alike."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(5, 3, 4, 4, generator=generator, dtype=torch.float64)
    smooth = nn.functional.interpolate(coarse, size=(33, 40), mode="bicubic").clamp(0.05, 0.95)
    smooth[:, :, 10:20, 15:] *= 0.4
    return smooth


OPTIONS = {"wavelet": "db3", "levels": 2, "steps": 50, "samples": 4, "learning_rate": 0.02, "sparsity": 3.0}


def test_follows_the_unfused_algorithm(net, images):
    """50 steps in float64: masks, losses and pictures of the fused path within 1e-8 of PyWavelets'."""
    ids = torch.tensor([7, 2**40, -3])
    options = OPTIONS | {"sparsity": 0.1, "seed": 11}
    ours = pyxai.Explainer(net, "cartoonx", **options)(images[:3], ids=ids)
    for i, sample_id in enumerate(ids.tolist()):
        theirs = cartoonx(net, images[i], sample_id, **options)
        assert 0.01 < theirs["mask"].mean() < 0.5 and theirs["mask"].std() > 0.05  # it has chosen
        assert (ours.extras["mask"][i] - theirs["mask"]).abs().max() <= 1e-8
        assert (ours.extras["losses"][i] - theirs["losses"]).abs().max() <= 1e-8
        assert (ours.attribution[i, 0] - theirs["picture"]).abs().max() <= 1e-8


def test_results(net, images):
    """Everything that comes with the picture, from the final mask."""
    e = pyxai.explain(net, images, method="cartoonx", **OPTIONS)
    x = e.extras
    assert e.attribution.shape == (5, 1, 33, 40)
    assert e.attribution.min() >= 0 and e.attribution.max() <= 1
    assert x["mask"].shape == (5, Wavelets("db3", 2).layout((3, 33, 40)).size)
    assert torch.allclose(x["kept"], x["mask"].mean(1))
    assert torch.allclose(x["image_probability"], net(images).softmax(1).amax(1))
    assert torch.equal(x["steps"], torch.full((5,), 50)) and torch.equal(e.evaluations, x["steps"] * 4)
    assert x["losses"].shape == (5, 50) and x["losses"].isfinite().all()
    # the paper's loss at the first step is the price of the whole mask: there is no distortion yet
    assert torch.allclose(x["losses"][:, 0], torch.full((5,), 3.0, dtype=torch.float64))
    assert (x["losses"][:, -1] < 0.5 * x["losses"][:, 0]).all()
    # what is said of the final mask, by the unfused algorithm's own fresh draws
    wavelets, shape = Wavelets("db3", 2), (3, 33, 40)
    for i, mask in enumerate(x["mask"]):
        (h,) = wavelets.coefficients(images[i : i + 1])
        parts = h.split(wavelets.parts(shape), 1)
        centre = torch.cat([part.mean().expand(part.shape[1]) for part in parts])
        spread = torch.cat([part.std().expand(part.shape[1]) for part in parts])
        draws = 50 * 4 + torch.arange(4)  # the steps have had those before
        noise = normal_noise(torch.full((4,), i), draws, 0, tuple(h.shape), torch.float64)
        y = wavelets.images(mask * h + (1 - mask) * (centre + spread * noise), shape).clamp(0, 1)
        p, before = net(y).softmax(1), net(images[i : i + 1]).softmax(1)[0]
        target = before.argmax()
        assert torch.allclose(x["probability"][i], p[:, target].mean())
        assert torch.allclose(x["distortion"][i], (before[target] - p[:, target]).square().mean())
        assert x["predicted"][i] == p.mean(0).argmax()
    assert torch.equal(e[2:4].extras["mask"], x["mask"][2:4])


def test_alone_or_together(net, images):
    """Bitwise the same in a batch, alone, in another order, and beside images that stop early."""
    explainer = pyxai.Explainer(net, "cartoonx", rows=6, tolerance=0.05, **OPTIONS | {"steps": 120})
    ids = torch.tensor([5, 6, 7, 8, 9])
    together = explainer(images, ids=ids)
    order = torch.tensor([3, 0, 4])
    some = explainer(images[order], ids=ids[order])
    assert len(together.extras["steps"].unique()) > 1  # they leave one by one
    for name, value in together.extras.items():
        assert torch.equal(value[order].nan_to_num(-1), some.extras[name].nan_to_num(-1)), name
    alone = explainer(images[2:3], ids=ids[2:3])
    assert torch.equal(alone.attribution, together.attribution[2:3])
    assert torch.equal(alone.extras["mask"], together.extras["mask"][2:3])


def test_stops_when_the_loss_has_settled(net, images):
    """The stated criterion, checked on the curve of a run that does not stop."""
    options = OPTIONS | {"steps": 160}
    whole = pyxai.explain(net, images, method="cartoonx", **options).extras["losses"]
    stopped = pyxai.explain(net, images, method="cartoonx", tolerance=0.1, **options).extras
    for losses, made, curve in zip(whole, stopped["steps"].tolist(), stopped["losses"], strict=True):
        means = losses.reshape(-1, 20).mean(1)
        settled = (means[1:] >= 0.9 * means[:-1]).nonzero().flatten()
        assert made == (20 * (int(settled[0]) + 2) if len(settled) else 160)
        assert torch.equal(curve[:made], losses[:made])
        assert curve[made:].isnan().all()


def test_no_sparsity_gives_the_grey_image(net, images):
    """λ = 0: the mask of ones without a step, the grey image to rounding."""
    e = pyxai.Explainer(net.float(), "cartoonx", levels=2, sparsity=0)(images.float())
    net.double()
    assert (e.extras["mask"] == 1).all() and (e.extras["steps"] == 0).all()
    assert (e.attribution - images.float().mean(1, keepdim=True)).abs().max() <= 1e-5
    assert (e.extras["distortion"] <= 1e-10).all()


def test_colour(net, images):
    e = pyxai.explain(net, images, method="cartoonx", levels=2, sparsity=0, colour=True)
    assert e.attribution.shape == images.shape
    assert (e.attribution - images).abs().max() <= 1e-12


def test_several_targets(net, images):
    """Each class of an image as if asked for alone."""
    explainer = pyxai.Explainer(net, "cartoonx", rows=8, **OPTIONS)
    both = explainer(images[:2], target=torch.tensor([[0, 3], [2, 1]]))
    second = explainer(images[:2], target=torch.tensor([3, 1]))
    assert both.attribution.shape == (2, 2, 1, 33, 40)
    assert torch.equal(both.attribution[:, 1], second.attribution)
    assert torch.equal(both.extras["mask"][:, 1], second.extras["mask"])


def test_in_the_models_units(net, images):
    """A model whose input is normalised, told what is black and white, gives what the plain one gives."""
    mean, std = torch.tensor([0.4, 0.5, 0.3]).double(), torch.tensor([0.2, 0.3, 0.1]).double()

    class Normalised(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x * std[:, None, None] + mean[:, None, None])

    ends = {"low": tuple((-mean / std).tolist()), "high": tuple(((1 - mean) / std).tolist())}
    x = (images - mean[:, None, None]) / std[:, None, None]
    one = pyxai.explain(Normalised(), x, method="cartoonx", **ends, **OPTIONS)
    other = pyxai.explain(net, images, method="cartoonx", **OPTIONS)
    assert (one.extras["mask"] - other.extras["mask"]).abs().max() <= 1e-6


def test_warm_start(net, images):
    first = pyxai.explain(net, images[:2], method="cartoonx", **OPTIONS)
    again = pyxai.explain(net, images[:2], method="cartoonx", start=first.extras["mask"], **OPTIONS)
    assert torch.allclose(again.extras["losses"][:, 0], first.extras["losses"][:, -1], atol=0.1)
    assert (again.extras["losses"][:, 0] < 0.5 * first.extras["losses"][:, 0]).all()


def test_spatial_price_shrinks_the_picture(net, images):
    plain = pyxai.explain(net, images, method="cartoonx", **OPTIONS)
    priced = pyxai.explain(net, images, method="cartoonx", spatial=20.0, **OPTIONS)
    assert (priced.attribution.mean((1, 2, 3)) < plain.attribution.mean((1, 2, 3))).all()


def test_the_model_stays_as_it_was(net, images):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    pyxai.explain(net, images[:1], method="cartoonx", **OPTIONS | {"steps": 2})
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in net.parameters())


def test_no_images(net):
    e = pyxai.explain(net, torch.zeros(0, 3, 33, 40).double(), method="cartoonx", **OPTIONS | {"steps": 2})
    assert e.attribution.shape == (0, 1, 33, 40) and len(e.extras["mask"]) == 0


class Broken(nn.Module):
    def forward(self, x):
        return torch.stack([x.mean((1, 2, 3)), x.mean((1, 2, 3)) * torch.nan], 1)


class Fragile(nn.Module):
    """Scores of everything but of dark images unlike ``known``, which get ``instead`` added to theirs."""

    def __init__(self, net, known, instead):
        super().__init__()
        self.net, self.known, self.instead = net, known, instead

    def forward(self, x):
        unlike = ((x - self.known).abs().amax((1, 2, 3)) > 1e-3) & (x.mean((1, 2, 3)) < 0.3)
        return self.net(x) + torch.where(unlike, self.instead, 0.0)[:, None]


@pytest.mark.parametrize("steps", [3, 50])
@pytest.mark.parametrize("instead", [float("nan"), float("inf")])
def test_scores_that_are_finite_for_images_only(net, images, instead, steps):
    """The first step sees the image itself; the second is named, with the image, even if others go on."""
    pair = torch.stack([images[0].clamp(min=0.5), 0.2 * images[1]])
    options = OPTIONS | {"steps": steps, "tolerance": 1e-6}
    message = "cartoonx: `model` must return finite scores .*, got nan as loss in step 2 of image 1$"
    with pytest.raises(ValueError, match=message):
        pyxai.explain(Fragile(net, pair[1], instead), pair, method="cartoonx", **options)
    assert pyxai.explain(net, pair, method="cartoonx", **options).extras["losses"].isfinite().all()


def test_scores_that_are_not_finite_after_the_last_step(net, images):
    """One step ends at another mask, which only the judgement sees."""
    dark = 0.2 * images[:1]
    message = "got nan as distortion after the last step of image 0$"
    with pytest.raises(ValueError, match=message):
        pyxai.explain(Fragile(net, dark[0], torch.nan), dark, method="cartoonx", **OPTIONS | {"steps": 1})


GREY = torch.full((1, 3, 33, 40), 0.5).double()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": 5}, "cartoonx: `levels` must be at most 2 for 33×40 images and the wavelet 'db3', got 5"),
        (
            {"wavelet": "db20"},
            "cartoonx: `images` must have at least 78 pixels a side for the wavelet 'db20'",
        ),
        ({"wavelet": "db3x"}, "cartoonx: `wavelet` must be a discrete wavelet of PyWavelets, got 'db3x'"),
        ({"wavelet": "sim4"}, r"got 'sim4' \(did you mean 'sym4'\?\)"),
        ({"padding": "mirror"}, "cartoonx: `padding` must be one of 'zero', 'symmetric'"),
        ({"sparsity": -1}, "cartoonx: `sparsity` must be a number that is not negative, got -1"),
        ({"spatial": float("nan")}, "cartoonx: `spatial` must be a number that is not negative"),
        ({"steps": 0}, "cartoonx: `steps` must be a positive whole number, got 0"),
        ({"samples": 2.5}, "cartoonx: `samples` must be a positive whole number, got 2.5"),
        ({"learning_rate": 0}, "cartoonx: `learning_rate` must be a positive number, got 0"),
        ({"preset": "best"}, "cartoonx: `preset` must be one of 'fast', 'paper', got 'best'"),
        ({"obfuscation": "pink"}, "cartoonx: `obfuscation` must be one of 'gaussian'"),
        ({"distortion": "l3"}, "cartoonx: `distortion` must be one of 'label'"),
        ({"start": torch.ones(3)}, r"cartoonx: `start` must have shape \(\d+,\) or \(1, \d+\), got \(3,\)"),
        ({"low": 0.6}, "cartoonx: `images` must lie between `low` and `high` .*, got values from 0.5 to 0.5"),
        ({"low": 0.0, "high": 0.0}, "cartoonx: `high` must differ from `low`, got 0.0"),
        ({"low": (0.0, 0.1)}, "cartoonx: `low` must be one number or one for each of 3 channels"),
        ({"lambda_": 3}, "cartoonx: no option `lambda_`"),
    ],
)
def test_messages(net, options, message):
    with pytest.raises(ValueError, match=message):
        pyxai.explain(net, GREY, method="cartoonx", **{"levels": 2, "steps": 2, "samples": 1} | options)


def test_bad_pixels_and_scores(net):
    bad = GREY.clone()
    bad[0, 0, 0, :2] = torch.tensor([-1.0, 2.0])
    with pytest.raises(ValueError, match=r"`images` must lie between .* got values from -1 to 2"):
        pyxai.explain(net, bad, method="cartoonx", levels=2)
    with pytest.raises(ValueError, match="cartoonx: `model` must return finite scores, got NaN"):
        pyxai.explain(Broken(), GREY, method="cartoonx", levels=2)


def test_coefficients_are_pywavelets(images):
    """What the mask lies on: the layout the class states."""
    wavelets = Wavelets("db3", 2)
    h = wavelets.coefficients(images)
    yl, yh = wavelets.layout((3, 33, 40)).split(h)
    assert yl.shape == (5, 3, 12, 13) and [tuple(part.shape[2:]) for part in yh] == [(3, 19, 22), (3, 12, 13)]
    assert (wavelets.images(h, (3, 33, 40)) - images).abs().max() <= 1e-12
    assert torch.equal(h, dwt(images, wavelets._filters("dec", images), 2))
