"""DeepLIFT: published values, an oracle written layer by layer, sums on unfriendly networks, and options."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests import unfriendly, zoo
from tests.methods import oracle
from tests.propagation import deeplift_oracle

RULES = ("rescale", "reveal_cancel", "mixed")
SLOW = (
    "densenet121", "efficientnet_b0", "convnext_tiny", "googlenet", "mobilenet_v2", "mobilenet_v3_small",
    "resnet18", "resnet50", "squeezenet1_0", "vgg16", "vit_b16",
)  # fmt: skip


def deeplift(model, images, target=None, **options):
    return pyxai.explain(model, images, "deeplift", target, **options)


def noise_like(images):
    return torch.randn(images.shape, generator=torch.Generator().manual_seed(3), dtype=images.dtype)


class Smaller(nn.Module):
    """min(a, b) = a - relu(a - b) of the two pixels, as one logit."""

    def forward(self, x):
        a, b = x[:, 0, 0, :1], x[:, 0, 0, 1:]
        return a - F.relu(a - b)


class SmallerByLayers(nn.Module):
    """The same with the difference as a dense layer."""

    def __init__(self):
        super().__init__()
        self.difference = nn.Linear(2, 1, bias=False)
        self.difference.weight.data = torch.tensor([[1.0, -1.0]])

    def forward(self, x):
        pixels = x.flatten(1)
        return pixels[:, :1] - F.relu(self.difference(pixels))


@pytest.mark.parametrize("model", [Smaller(), SmallerByLayers()], ids=["sum", "dense"])
@pytest.mark.parametrize(
    ("rule", "expected"), [("rescale", (0, 6)), ("reveal_cancel", (3, 3)), ("mixed", None)]
)
def test_the_smaller_of_10_and_6(model, rule, expected):
    """The paper's own example, figure 3; behind a dense layer ``mixed`` is RevealCancel."""
    if expected is None:
        expected = (3, 3) if isinstance(model, SmallerByLayers) else (0, 6)
    model, image = model.double().eval(), torch.tensor([[[[10.0, 6.0]]]], dtype=torch.float64)
    found = deeplift(model, image, 0, rule=rule).attribution.flatten()
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("rule", RULES)
def test_dense_layer_with_published_values(rule):
    """Multipliers 0.9 w and 0.95 w of the first unit, 0.1 w and 0.05 w of the second, for inputs 1 and 2."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU()).double().eval()
    w = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    model[1].weight.data, model[1].bias.data = torch.stack([w, -w]), torch.tensor([-1.0, 1.0]).double()
    images = torch.tensor([1.0, 2.0], dtype=torch.float64).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    for target, shares in ((0, (0.9, 0.95)), (1, (-0.1, -0.05))):
        multipliers = deeplift(model, images, target, rule=rule).attribution / images
        expected = torch.stack([share * w for share in shares])
        torch.testing.assert_close(multipliers.flatten(1), expected)


@pytest.mark.parametrize("rule", RULES)
def test_convolution_with_published_values(rule):
    model = nn.Sequential(nn.Conv2d(2, 2, 2), nn.Flatten(), nn.Linear(18, 1)).double().eval()
    kernel = torch.arange(8.0, dtype=torch.float64).reshape(2, 2, 2)
    model[0].weight.data, model[0].bias.data = (
        torch.stack([kernel, -kernel]),
        torch.tensor([-1.0, 1.0]).double(),
    )
    model[2].weight.data = torch.cat([torch.ones(9), -torch.ones(9)])[None].double()
    images = torch.arange(64.0, dtype=torch.float64).reshape(2, 2, 4, 4)
    first = [[0, 2, 2, 2], [4, 12, 12, 8], [4, 12, 12, 8], [4, 10, 10, 6]]
    second = [[8, 18, 18, 10], [20, 44, 44, 24], [20, 44, 44, 24], [12, 26, 26, 14]]
    expected = images * torch.tensor([first, second], dtype=torch.float64)
    torch.testing.assert_close(deeplift(model, images, 0, rule=rule).attribution, expected)


def small_network():
    layers = (
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(8 * 49, 12), nn.ReLU(), nn.Linear(12, 5),
    )  # fmt: skip
    return nn.Sequential(*layers).double().eval()


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
def test_four_convolutions_forward_and_five_back(rule):
    """Two of each give the same map as the authors' four and five, with unchanged pixels among the inputs."""
    model, images = small_network(), unfriendly.images(3)
    baseline = torch.where(noise_like(images) > 1, images, noise_like(images))
    expected = deeplift_oracle.contributions(model, images, baseline, 2, rule)
    found = deeplift(model, images, 2, rule=rule, baseline=baseline).attribution
    assert oracle.relative_l1(found, expected) <= 1e-12


def test_mixed_is_reveal_cancel_behind_dense_layers_only():
    model, images = small_network(), unfriendly.images(2)
    maps = {rule: deeplift(model, images, 1, rule=rule).attribution for rule in RULES}
    hidden = nn.Sequential(*list(model)[4:])
    features = nn.Sequential(*list(model)[:4])
    with torch.no_grad():
        top, start = features(images), features(torch.zeros_like(images))
    below = deeplift_oracle.contributions(hidden, top, start, 1, "reveal_cancel") / (top - start)
    below = below.where(top != start, torch.zeros(()).double())
    assert oracle.relative_l1(maps["mixed"], maps["rescale"]) > 1e-3
    assert oracle.relative_l1(maps["mixed"], maps["reveal_cancel"]) > 1e-3
    difference = (below * (top - start)).flatten(1).sum(1)
    torch.testing.assert_close(maps["mixed"].flatten(1).sum(1), difference)


def check_sum(model, images):
    """Sum to delta within 1e-9 of it, by each rule from a baseline for all images or from one an image."""
    noise = noise_like(images)
    for rule, baseline in (
        ("rescale", 0.0),
        ("reveal_cancel", 0.0),
        ("reveal_cancel", noise),
        ("mixed", noise),
    ):
        explained = deeplift(model, images, rule=rule, baseline=baseline)
        with torch.no_grad():
            start = torch.zeros_like(images) if baseline is not noise else noise
            reached = model(start).gather(1, explained.target[:, None])[:, 0]
        total, difference = explained.attribution.flatten(1).sum(1), explained.score - reached
        assert ((total - difference).abs() <= 1e-9 * difference.abs()).all(), rule
        assert explained.residual.max() <= 1e-9, rule


@pytest.mark.parametrize("name", unfriendly.NAMES)
def test_sum_on_unfriendly_networks(name):
    check_sum(unfriendly.build(name), unfriendly.images(3))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in zoo.NAMES]
)
def test_sum_on_the_zoo(name):
    if name in SLOW:
        pytest.importorskip("torchvision")
    ((_, model, images),) = zoo.models([name], n=2, dtype=torch.float64)
    check_sum(model, images)


@pytest.mark.slow
@pytest.mark.skipif(bool(zoo.missing_data()), reason=zoo.missing_data() or "data present")
def test_sum_on_trained_networks():
    check_sum(zoo.trained_resnet20().double(), zoo.cifar10_images(4)[0].double())
    check_sum(zoo.trained_squeezenet().double(), zoo.imagenet_images(1)[0].double())


class OverlappingPool(nn.Module):
    """Nothing but a max-pool whose windows overlap, read by a linear layer."""

    def __init__(self):
        super().__init__()
        self.pool, self.fc = nn.MaxPool2d(3, 2, 1), nn.Linear(3 * 64, 4)

    def forward(self, x):
        return self.fc(self.pool(x).flatten(1))


@pytest.mark.parametrize("rule", RULES)
def test_pool_windows_add_up(rule):
    """One pixel that wins four windows gets the sum of their multipliers."""
    model = OverlappingPool().double().eval()
    image = torch.zeros(1, 3, 16, 16, dtype=torch.float64)
    image[0, 1, 7, 9] = 5.0
    found = deeplift(model, image, 3, rule=rule).attribution
    expected = torch.zeros_like(found)
    windows = model.fc.weight[3].reshape(3, 8, 8)[1, 3:5, 4:6]
    expected[0, 1, 7, 9] = 5.0 * windows.sum()
    torch.testing.assert_close(found, expected)


def test_pool_credits_the_fallen_maximum():
    """From (4, 1) to (2, 3) the maximum falls by 1: that is due to the first pixel, which fell by 2."""

    class Maximum(nn.Module):
        def forward(self, x):
            return F.max_pool2d(x, 2).flatten(1)

    image = torch.tensor([[[[2.0, 3.0], [0.0, 0.0]]]], dtype=torch.float64)
    baseline = torch.tensor([[[[4.0, 1.0], [0.0, 0.0]]]], dtype=torch.float64)
    found = deeplift(Maximum().eval(), image, 0, baseline=baseline).attribution
    torch.testing.assert_close(found, torch.tensor([[[[-1.0, 0.0], [0.0, 0.0]]]], dtype=torch.float64))


def test_products_share_equally():
    """Δ(ab) = ½ (a + a0) Δb + ½ (b + b0) Δa, also of a value with itself."""

    class Product(nn.Module):
        def forward(self, x):
            a, b = x[:, 0, 0, :1], x[:, 0, 0, 1:]
            return a * b + b * b

    image = torch.tensor([[[[3.0, 5.0]]]], dtype=torch.float64)
    baseline = torch.tensor([[[[1.0, 2.0]]]], dtype=torch.float64)
    found = deeplift(Product().eval(), image, 0, baseline=baseline).attribution.flatten()
    expected = torch.tensor([(5 + 2) / 2 * 2, (3 + 1) / 2 * 3 + (5 + 2) * 3], dtype=torch.float64)
    torch.testing.assert_close(found, expected)


class Softmaxes(nn.Module):
    """A softmax of pixels many times further apart than exp can tell from zero."""

    def forward(self, x):
        return torch.softmax(x.flatten(1), 1)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e3, 1e6])
def test_softmax_far_from_and_near_to_the_baseline(scale):
    generator = torch.Generator().manual_seed(0)
    image, baseline = torch.randn(2, 4, 1, 2, 3, generator=generator, dtype=torch.float64)
    image = baseline + scale * image
    found = deeplift(Softmaxes().eval(), image, 2, baseline=baseline, output_kind="probabilities")
    assert found.attribution.isfinite().all()
    assert (found.delta.abs() <= 1e-15).all()


def test_a_baseline_that_is_the_image_gives_nothing():
    model, images = unfriendly.build("Smooth"), unfriendly.images(2)
    for rule in RULES:
        explained = deeplift(model, images, rule=rule, baseline=images)
        assert torch.equal(explained.attribution, torch.zeros_like(images))
        assert torch.equal(explained.residual, torch.zeros(2, dtype=torch.float64))


@pytest.mark.parametrize("rule", RULES)
def test_near_the_baseline_it_is_the_gradient(rule):
    """Multipliers of a smooth network go to its derivative there, without noise from tiny quotients."""
    model, images = unfriendly.build("Smooth"), unfriendly.images(2)
    baseline = images - 1e-10 * noise_like(images)
    found = deeplift(model, images, 1, rule=rule, baseline=baseline)
    gradient = pyxai.explain(model, images, "gradient", 1).attribution
    expected = gradient * (images - baseline)
    assert oracle.relative_l1(found.attribution, expected) <= 1e-4


class ByHand(nn.Module):
    """Layer normalisation of channels written out, whose root bends most where all channels are dark."""

    def forward(self, x):
        centred = x - x.mean(1, keepdim=True)
        return centred / torch.sqrt(centred.square().mean(1, keepdim=True) + 1e-6)


@pytest.mark.parametrize("dark", [1.0, 0.1, 0.02])
def test_small_differences_in_float32(dark):
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 6, 3, padding=1, bias=False), ByHand(), nn.GELU(), nn.Conv2d(6, 6, 3), nn.ReLU()
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5)).eval()
    images = torch.rand(2, 3, 16, 16)
    images[..., 8:] *= dark
    found = deeplift(model, images, 0)
    exact = deeplift(copy.deepcopy(model).double(), images.double(), 0)
    assert float(found.residual.abs().max()) <= 1e-5
    assert oracle.relative_l1(found.attribution, exact.attribution) <= 1e-5


@pytest.mark.parametrize("size", [1e-2, 1e-4, 1e-6])
def test_a_kink_between_near_points_in_float32(size):
    layer = nn.Linear(3 * 8 * 8, 64, bias=False)
    model = nn.Sequential(nn.Flatten(), layer, nn.LeakyReLU(0.1), nn.Linear(64, 5, bias=False)).eval()
    found = deeplift(model, size * torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)), 1)
    assert float(found.residual.abs().max()) <= 1e-5


@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_what_all_scores_have_in_common_costs_softmax_no_digits(shift):
    class Shifted(nn.Module):
        def forward(self, x):
            return torch.softmax(x.flatten(1) + shift, 1)

    generator = torch.Generator().manual_seed(0)
    image, baseline = torch.randn(2, 4, 1, 2, 3, generator=generator)
    found = deeplift(Shifted().eval(), image, 2, baseline=baseline, output_kind="probabilities")
    assert (found.delta.abs() <= 1e-6 + 1e-6 * shift).all()


def test_equal_derivatives_far_apart_say_nothing():
    class Sigmoid(nn.Module):
        def forward(self, x):
            return torch.sigmoid(x.flatten(1))

    image = torch.full((1, 1, 1, 2), 5.0, dtype=torch.float64)
    found = deeplift(Sigmoid().eval(), image, 0, baseline=-image, output_kind="probabilities")
    assert float(found.residual) <= 1e-14
    assert float(found.attribution[0, 0, 0, 0]) == pytest.approx(1 - 2 / (1 + math.exp(5)))


def test_a_baseline_that_was_changed_is_run_anew():
    model, images = unfriendly.build("Smooth"), unfriendly.images(1)
    baseline = torch.zeros_like(images)
    explainer = pyxai.Explainer(model, "deeplift", baseline=baseline)
    first = explainer(images, 0).attribution
    baseline.fill_(0.5)
    expected = deeplift(model, images, 0, baseline=torch.full_like(images, 0.5)).attribution
    assert torch.equal(explainer(images, 0).attribution, expected)
    assert not torch.equal(first, expected)


@pytest.mark.parametrize("rule", RULES)
def test_several_baselines_are_averaged(rule):
    model, images = unfriendly.build("OverlappingPools"), unfriendly.images(2)
    several = torch.stack([torch.zeros_like(images), noise_like(images)], 1)
    each = [deeplift(model, images, 2, rule=rule, baseline=baseline) for baseline in several.unbind(1)]
    mean = deeplift(model, images, 2, rule=rule, baseline=several)
    torch.testing.assert_close(mean.attribution, (each[0].attribution + each[1].attribution) / 2)
    assert mean.residual.max() <= 1e-9
    assert mean.evaluations.tolist() == [2, 2]


def test_several_baselines_for_all_images():
    model, images = unfriendly.build("Gate"), unfriendly.images(3)
    pair = noise_like(images)[:2]
    mean = deeplift(model, images, 2, baseline=pair[None]).attribution
    each = [deeplift(model, images, 2, baseline=baseline).attribution for baseline in pair]
    torch.testing.assert_close(mean, (each[0] + each[1]) / 2)


@pytest.mark.parametrize("rule", RULES)
def test_several_targets_share_a_forward_pass(rule):
    model, images = unfriendly.build("OverlappingPools"), unfriendly.images(2)
    both = deeplift(model, images, torch.tensor([[1, 4], [0, 4]]), rule=rule)
    for t, target in enumerate(([1, 0], [4, 4])):
        assert torch.equal(both.attribution[:, t], deeplift(model, images, target, rule=rule).attribution)
    assert both.residual.max() <= 1e-9


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("baseline", [0.3, (0.1, 0.2, 0.3), "black", "mean", "blur", "tensor", "pairs"])
def test_a_cache_of_any_size_gives_the_same_bits(rule, baseline):
    """As does explaining images one by one: what is shared is computed in calls of as many rows."""
    model, images = unfriendly.build("SharedConvOutput", torch.float32), unfriendly.images(5, torch.float32)
    if baseline == "tensor":
        baseline = noise_like(images)[:1]
    elif baseline == "pairs":
        baseline = noise_like(images)[None, :2]
    explained = [
        pyxai.Explainer(model, "deeplift", rows=2, rule=rule, baseline=baseline, cache_bytes=limit)
        for limit in (2**30, 30_000, 0)
    ]
    first = explained[0](images, 1).attribution
    for explainer in explained:
        assert torch.equal(explainer(images, 1).attribution, first)
        alone = [explainer(images[i : i + 1], 1).attribution for i in range(5)]
        assert torch.equal(torch.cat(alone), first)


def test_a_shared_baseline_is_run_once(monkeypatch):
    from pyxai.propagation.walk import Walk

    rows = []
    forward = Walk.forward
    monkeypatch.setattr(
        Walk, "forward", lambda self, images: rows.append(len(images)) or forward(self, images)
    )
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(6)
    for limit, passes in ((2**30, 3 + 1), (0, 3 + 3)):
        rows.clear()
        pyxai.Explainer(model, "deeplift", rows=2, cache_bytes=limit)(images)
        assert rows == [2] * passes


def test_one_logit_and_odd_outputs():
    images = unfriendly.images(3)
    for name in ("SingleLogit", "TupleOutput", "ObjectOutput"):
        assert deeplift(unfriendly.build(name), images).residual.max() <= 1e-9


def test_the_model_is_left_alone():
    model, images = unfriendly.build("InplaceOps"), unfriendly.images(2)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    deeplift(model, images, rule="reveal_cancel")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


class Sorted(nn.Module):
    """An operation without a rule, inside a named module."""

    class Sorter(nn.Module):
        def forward(self, x):
            return x.sort(1).values

    def __init__(self):
        super().__init__()
        self.sorter, self.fc = self.Sorter(), nn.Linear(768, 5)

    def forward(self, x):
        return self.fc(self.sorter(x.flatten(1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "cancel"}, "`rule` must be one of 'rescale', 'reveal_cancel', 'mixed', got 'cancel'"),
        ({"cache_bytes": -1}, "`cache_bytes` must be a number that is not negative, got -1"),
        ({"baseline": torch.zeros(2, 3, 16, 17)}, r"`baseline` must fit images of shape \(2, 3, 16, 16\)"),
        ({"baseline": torch.zeros(3, 3, 16, 16)}, r"`baseline` must fit images of shape \(2, 3, 16, 16\)"),
        ({"baseline": float("nan")}, "`baseline` must be finite, got nan"),
        ({"precision": "bf16"}, "`precision` must be 'fp32'"),
        ({"steps": 3}, "no option `steps`"),
    ],
)
def test_bad_options(options, message):
    model, images = unfriendly.build("FunctionalReLU", torch.float32), unfriendly.images(2, torch.float32)
    with pytest.raises(ValueError, match=f"^deeplift: {message}"):
        pyxai.Explainer(model, "deeplift", **options)(images)


def test_bad_models():
    with pytest.raises(ValueError, match="evaluation mode: BatchNorm2d `bn` is training"):
        deeplift(unfriendly.build("TrainingMode"), unfriendly.images(2))
    with pytest.raises(ValueError, match="must be capturable for this method"):
        deeplift(unfriendly.build("DataDependent"), unfriendly.images(2))
    with pytest.raises(ValueError, match=r"^deeplift: no rule for the operation `sort` in `sorter`; use a"):
        deeplift(Sorted().double().eval(), unfriendly.images(2))
