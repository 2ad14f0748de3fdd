"""LRP and DeepLIFT on graphs of unusual forms: axes moved, images used twice, masks, views, names."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from pyxai.propagation import Composite, Epsilon, Flat, Pass, WSquare, ZPlus
from tests import unfriendly

EXACT = {"composite": "epsilon", "epsilon": 0.0}


def seeded(model):
    """``model`` in float64 with reproducible weights."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.double().parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model.eval()


def pixels(count, channels=3, size=8):
    return torch.rand(
        count, channels, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )


class Attention(nn.Module):
    """torch's own attention, which computes with the images in the second place of its tensors."""

    def __init__(self, mask=None):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 5)
        self.mask = mask

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        mask = None
        if self.mask is not None:
            mask = torch.ones(4, 4, dtype=torch.bool).triu(1)
        if self.mask == "float":
            mask = torch.zeros(4, 4, dtype=torch.float64).masked_fill(mask, -torch.inf)
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False, attn_mask=mask)[0]
        return self.head(tokens.mean(1))


class Windows(nn.Module):
    """Each image cut into windows that go through a layer as if they were images."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(16, 5)

    def forward(self, x):
        x = x.unflatten(2, (2, 4)).unflatten(4, (2, 4)).permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
        x = F.relu(self.conv(x)).mean((2, 3))
        return self.head(x.unflatten(0, (-1, 4)).flatten(1))


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(
    "make", [Attention, Windows, lambda: Attention("boolean"), lambda: Attention("float")]
)
def test_each_image_has_its_own_bias_share(make, count):
    """Wherever the axis of the images is, what biases took is that of each image alone."""
    model, images = seeded(make()), pixels(4)
    found = pyxai.explain(model, images[:count], "lrp", 1, rows=count, **EXACT)
    assert bool(torch.isfinite(found.attribution).all())
    assert found.residual.max() <= 1e-9
    for row in range(count):
        alone = pyxai.explain(model, images[row : row + 1], "lrp", 1, rows=1, **EXACT)
        assert torch.allclose(found.attribution[row], alone.attribution[0], rtol=1e-9, atol=1e-12)
        assert torch.allclose(found.delta[row], alone.delta[0])


@pytest.mark.parametrize("mask", ["boolean", "float"])
def test_masked_attention_sums_to_delta(mask):
    model, images = seeded(Attention(mask)), pixels(2)
    found = pyxai.explain(model, images, "deeplift", 1, baseline=0.0)
    assert bool(torch.isfinite(found.attribution).all())
    assert found.residual.max() <= 1e-9


class Before(nn.Module):
    """A convolution and a head behind any function of the image."""

    def __init__(self, function, channels=3):
        super().__init__()
        self.function = function
        self.conv, self.head = nn.Conv2d(channels, 4, 3, padding=1, bias=False), nn.Linear(4, 5, bias=False)

    def forward(self, x):
        return self.head(F.relu(self.conv(self.function(x))).mean((2, 3)))


@pytest.mark.parametrize("first", [Flat(), WSquare()])
def test_both_uses_of_the_image_get_relevance(first):
    """conv(x + flip x) is no convolution of a scaled image; the map of a mirrored image is mirrored."""
    model, images = seeded(Before(lambda x: x + x.flip(3))), pixels(2)
    composite = Composite(ZPlus(), Epsilon(), first=first)
    found = pyxai.explain(model, images, "lrp", 1, composite=composite).attribution
    mirrored = pyxai.explain(model, images.flip(3), "lrp", 1, composite=composite).attribution
    assert torch.allclose(found, mirrored.flip(3), rtol=1e-9, atol=1e-12)


def test_the_box_needs_one_use_of_the_image():
    with pytest.raises(ValueError, match=r"`first` .* no convolution or linear layer sees the image"):
        pyxai.explain(seeded(Before(lambda x: x * x)), pixels(1), "lrp", 1, composite="epsilon_gamma_box")


@pytest.mark.parametrize(
    "function", [lambda x: x * 2.0, lambda x: x / 255, lambda x: -x, lambda x: x * 2 - 1]
)
@pytest.mark.parametrize("first", [Flat(), WSquare()])
def test_zero_is_no_special_colour(function, first):
    """Scales and shifts before a first layer that looks at weights alone leave every pixel its share."""
    images = pixels(2)
    images[:, :, 2:5] = 0.0
    composite = Composite(ZPlus(), Epsilon(), first=first)
    model = seeded(Before(function))
    found = pyxai.explain(model, images, "lrp", 1, composite=composite).attribution
    expected = pyxai.explain(
        seeded(Before(lambda x: x)), function(images), "lrp", 1, composite=composite
    ).attribution
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-15)
    assert bool(found[:, :, 2:5].any())


def test_a_grey_image_made_colour_by_a_shift():
    shift = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64).view(1, 3, 1, 1)
    model, images = seeded(Before(lambda x: x - shift)), pixels(2, channels=1)
    found = pyxai.explain(model, images, "lrp", 1)
    assert found.attribution.shape == images.shape
    assert torch.allclose(found.attribution.sum((1, 2, 3)), found.score, rtol=1e-4)


class Probe(nn.Module):
    """A learned query, which depends on how many images there are but not on them."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, bias=False), nn.Linear(4, 5, bias=False)
        self.probe = nn.Parameter(torch.zeros(1, 1, 36))

    def forward(self, x):
        values = F.relu(self.conv(x)).flatten(2)
        return self.head((self.probe.expand(len(x), -1, -1) @ values.transpose(1, 2)).flatten(1))


def test_a_learned_query_takes_no_relevance():
    found = pyxai.explain(seeded(Probe()), pixels(2), "lrp", 1, **EXACT)
    assert torch.allclose(found.attribution.sum((1, 2, 3)), found.score, rtol=1e-9)


class ViewOfRectified(nn.Module):
    """A part of a layer's value is used as it was before the ReLU."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.rectified, self.plain = nn.Linear(8 * 36, 5), nn.Linear(4 * 36, 5)

    def forward(self, x):
        values = self.conv(x)
        part = values[:, :4]
        return self.rectified(F.relu(values).flatten(1)) + self.plain(part.flatten(1))


def test_a_view_of_what_is_rectified_keeps_its_value():
    model, images = seeded(ViewOfRectified()), pixels(2)
    composite = Composite(ZPlus(bias="spread"), ZPlus(bias="spread"))
    found = pyxai.explain(model, images, "lrp", 1, composite=composite)
    with torch.no_grad():
        assert torch.allclose(found.score, model(images)[:, 1])


class Root(nn.Module):
    """The square root of rectified values, whose slope at zero is infinite."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x):
        return self.head(F.relu(self.conv(x)).sqrt().mean((2, 3)))


def test_an_infinite_slope_where_nothing_changes():
    found = pyxai.explain(seeded(Root()), pixels(2), "deeplift", 1, baseline=0.0)
    assert bool(torch.isfinite(found.attribution).all())
    assert found.residual.max() <= 1e-9


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return F.relu(self.conv(x)) + x


def test_rules_by_name_that_fit_no_layer_are_refused():
    model = seeded(nn.Sequential(Block(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 5)))
    images, plain = pixels(1), Composite(ZPlus(), Epsilon())
    for pattern, rule, message in [
        ("0", Pass(), r"`Pass` must be given to a step of one source, got `add` in `0`"),
        ("1", Pass(), r"`Pass` must be given to .* that keeps the shape, got `max_pool2d` in `1`"),
        ("1", ZPlus(), r"the rule for `1`, which has no linear layer, must be `Pass`"),
    ]:
        with pytest.raises(ValueError, match=message):
            pyxai.explain(model, images, "lrp", 1, composite=plain.at(pattern, rule))


def test_a_name_means_every_call_of_its_module():
    model, images = unfriendly.build("ReusedModules"), unfriendly.images(2)
    names = {name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    plain = Composite(ZPlus(), Epsilon())
    by_name = plain
    for name in names:
        by_name = by_name.at(name, Epsilon(epsilon=0.1))
    everywhere = Composite(Epsilon(epsilon=0.1), Epsilon())
    assert torch.equal(
        pyxai.explain(model, images, "lrp", 1, composite=by_name).attribution,
        pyxai.explain(model, images, "lrp", 1, composite=everywhere).attribution,
    )


def test_a_convolution_of_single_pixels_takes_the_rule_of_convolutions():
    """Squeeze-excitation's layers are convolutions to their author, however they are computed."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 5, 1), nn.Flatten())
    model, images = seeded(model), pixels(2)
    by_kind = Composite(ZPlus(), Epsilon())
    by_name = Composite(Epsilon(), Epsilon()).at("0", ZPlus()).at("2", ZPlus())
    assert torch.equal(
        pyxai.explain(model, images, "lrp", 1, composite=by_kind).attribution,
        pyxai.explain(model, images, "lrp", 1, composite=by_name).attribution,
    )


def test_pixels_outside_the_box():
    model, images = seeded(Before(lambda x: x)), 3 * pixels(1)
    for method, options in (("lrp", {"composite": "epsilon_gamma_box"}), ("deep_taylor", {"input": "box"})):
        with pytest.raises(ValueError, match=rf"{method}: images must lie between `low` and `high`"):
            pyxai.explain(model, images, method, 1, **options)


def test_bounds_as_a_list():
    model, images = seeded(Before(lambda x: x)), pixels(1)
    found = [
        pyxai.explain(model, images, "lrp", 1, composite="epsilon_gamma_box", low=low, high=1.0).attribution
        for low in ([0.0, 0.0, 0.0], 0.0)
    ]
    assert torch.equal(*found)


def _tracked(channels):
    """An InstanceNorm that in evaluation uses the moments it has stored, not those of the image."""
    norm = nn.InstanceNorm2d(channels, affine=True, track_running_stats=True)
    norm.running_mean.copy_(torch.linspace(-1, 1, channels))
    norm.running_var.copy_(torch.linspace(0.5, 2, channels))
    return norm


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Conv2d(3, 6, 3, padding=1), _tracked(6), nn.ReLU()],
        lambda: [nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), _tracked(6)],
        lambda: [_tracked(3), nn.Conv2d(3, 6, 3, padding=1), nn.ReLU()],
    ],
    ids=["folded", "behind a ReLU", "of the pixels"],
)
def test_an_instance_norm_with_stored_moments(layers):
    model, images = seeded(nn.Sequential(*layers(), nn.Flatten(), nn.Linear(384, 5))), pixels(2)
    found = pyxai.explain(model, images, "lrp", 1, **EXACT)
    expected = pyxai.explain(model, images, "input_x_gradient", 1)
    assert torch.allclose(found.score, model(images)[:, 1], rtol=1e-12)
    assert (found.attribution - expected.attribution).abs().max() <= 1e-10 * expected.attribution.abs().max()
    assert found.residual.max() <= 1e-9
    assert pyxai.explain(model, images, "deeplift", 1).residual.max() <= 1e-9


class ComputedMoments(nn.Module):
    """An instance normalisation by moments that the model makes of a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("logarithm", torch.ones(3).double())
        self.head = nn.Linear(192, 5).double()

    def forward(self, x):
        variance = self.logarithm.exp()
        return self.head(F.instance_norm(x, variance * 0, variance, use_input_stats=False).flatten(1))


@pytest.mark.parametrize("method", ["lrp", "deeplift"])
def test_an_instance_norm_with_computed_moments_is_refused(method):
    with pytest.raises(ValueError, match="no rule for the operation `batch_norm`"):
        pyxai.explain(ComputedMoments().eval(), pixels(2), method, 1)


def _max_pooled(count):
    return seeded(
        nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(count), nn.Flatten(),
            nn.Linear(6 * count**2, 5),
        )
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 3, 4])
def test_adaptive_max_pools_with_equal_windows_and_with_others(count):
    model, images = _max_pooled(count), pixels(2)
    found = pyxai.explain(model, images, "lrp", 1, **EXACT).attribution
    expected = pyxai.explain(model, images, "input_x_gradient", 1).attribution
    leaf = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)
    assert torch.allclose(expected, images * gradient, rtol=1e-10, atol=1e-12)
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()
    assert pyxai.explain(model, images, "deeplift", 1).residual.max() <= 1e-9
    assert bool(pyxai.explain(model, images, "guided_backprop", 1).attribution.any())
