"""What networks do besides layers and ReLUs: propagation against theory, one operation at a time."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai

EXACT = {"composite": "epsilon", "epsilon": 0.0}


class Between(nn.Module):
    """A convolution, ``function`` of its values (n, 6, 8, 8), and a head."""

    def __init__(self, function, channels=6):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(channels, 5)
        self.function = function

    def forward(self, x):
        return self.head(self.function(self.conv(x)).mean((2, 3)))


def network(function, channels=6):
    torch.manual_seed(0)
    return Between(function, channels).double().eval()


def pixels(count=3):
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def attribution(model, images, method, **options):
    return pyxai.explain(model, images, method, 1, **options).attribution


def assert_same(found, expected, tolerance=1e-12):
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


def residual(model, images, method, **options):
    return float(pyxai.explain(model, images, method, 1, **options).residual.abs().max())


class Clipped(nn.Module):
    """ReLU6 as an autograd function whose way back is that of a deconvnet or guided backpropagation."""

    def __init__(self, guided):
        super().__init__()

        class Function(torch.autograd.Function):
            @staticmethod
            def forward(context, x):
                context.save_for_backward(x)
                return x.clamp(0, 6)

            @staticmethod
            def backward(context, signal):
                (x,) = context.saved_tensors
                return signal.clamp(min=0) * ((x > 0) & (x < 6)) if guided else signal.clamp(min=0)

        self.function = Function.apply

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("method", ["guided_backprop", "deconvnet"])
@pytest.mark.parametrize(
    "relu6",
    [nn.ReLU6(), nn.Hardtanh(0, 6), F.relu6, lambda x: x.clamp(0, 6), lambda x: x.clip(0, 6)],
    ids=["m", "h", "f", "c", "clip"],
)
def test_every_form_of_relu6_is_rectified(relu6, method):
    images = pixels().mul_(8).requires_grad_(True)
    network(Clipped(method == "guided_backprop"))(images)[:, 1].sum().backward()
    assert_same(attribution(network(relu6), images.detach(), method), images.grad)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.where(x > 0, x, 0.1 * x),
        lambda x: x.masked_fill(x < 0, 0.0),
        F.hardshrink,
        lambda x: torch.maximum(x, torch.zeros_like(x)),
        lambda x: x + torch.ones_like(x),
        lambda x: x + x.detach(),
    ],
    ids=["where", "masked_fill", "hardshrink", "maximum", "ones_like", "detach"],
)
def test_without_a_relu_guided_backpropagation_is_the_gradient(function):
    model = network(function)
    expected = attribution(model, pixels(), "gradient")
    assert_same(attribution(model, pixels(), "guided_backprop"), expected)


def test_scaled_subtraction_from_a_number():
    model = network(lambda x: torch.rsub(x, 1.0, alpha=3))
    expected = attribution(model, pixels(), "gradient")
    assert_same(attribution(model, pixels(), "guided_backprop"), expected)
    assert_same(attribution(model, pixels(), "lrp", **EXACT), expected * pixels())
    assert residual(model, pixels(), "deeplift") <= 1e-12


@pytest.mark.parametrize("value", [1.0, -0.5])
def test_padding_with_a_number(value):
    """The border is a constant: DeepLIFT finds no difference there, LRP counts its share as a bias's."""

    def function(x):
        return torch.sigmoid(F.avg_pool2d(F.relu(F.pad(x, (1, 1, 1, 1), value=value)), 2) - 0.4)

    model = network(function)
    for rule in ("rescale", "reveal_cancel"):
        assert residual(model, pixels(), "deeplift", rule=rule) <= 1e-12
    assert residual(model, pixels(), "lrp", **EXACT) <= 1e-12


@pytest.mark.parametrize("rule", ["rescale", "reveal_cancel"])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x.square().mean(1, keepdim=True) + 1e-6).sqrt() * x,
        lambda x: (F.relu(x) + 1 - 0.9 * torch.sigmoid(x)).log(),
        lambda x: (F.softplus(x) - 0.5 * torch.sigmoid(x) + 0.2) ** 0.5,
        lambda x: F.softplus(x) ** 3,
    ],
    ids=["sqrt", "log", "half", "cube"],
)
def test_functions_that_are_not_defined_everywhere(function, rule):
    assert residual(network(function), pixels(), "deeplift", rule=rule) <= 1e-12


def test_what_reveal_cancel_joins_from_constants():
    model = network(lambda x: F.relu(torch.cat([x, torch.zeros(x.size(0), 6, 8, 8, dtype=x.dtype)], 1)), 12)
    assert residual(model, pixels(), "deeplift", rule="reveal_cancel") <= 1e-12


def test_one_logit_without_a_dimension_of_its_own():
    class Squeezed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 1)

        def forward(self, x):
            return self.head(F.relu(self.conv(x)).mean((2, 3))).squeeze(1) + 0.5

    explainer = pyxai.Explainer(Squeezed().double().eval(), "lrp", **EXACT)
    assert float(explainer(pixels(), 0).residual.abs().max()) <= 1e-12
    assert len(explainer.report(pixels(), 0).layers) > 3


@pytest.mark.parametrize("method", ["lrp", "deeplift", "deconvnet"])
def test_a_model_that_does_not_look_at_the_image(method):
    class Blind(nn.Module):
        def forward(self, x):
            return torch.ones(x.size(0), 5, dtype=x.dtype)

    with pytest.raises(ValueError, match=f"^{method}: what is explained must depend on the images' pixels"):
        attribution(Blind().eval(), pixels(), method)


def test_parts_of_a_batch_made_in_the_model():
    class Flipped(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 5)

        def forward(self, x):
            both = self.head(F.relu(self.conv(torch.cat([x, x.flip(-1)], 0))).mean((2, 3)))
            first, second = both.chunk(2, 0)
            return first + second

    model = Flipped().double().eval()
    assert residual(model, pixels(), "deeplift") <= 1e-12
    with pytest.raises(ValueError, match="lrp: images must lie along one axis"):
        attribution(model, pixels(), "lrp")


SIEVE = torch.randn(6, 8, 8, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
ROW, MATRIX = SIEVE[0, 0], SIEVE[:, 0, :6]


def _overwritten(x):
    y = x.clone()
    y[:, :, :3] = y[:, :, :3] * 2
    y[:, 1] += F.relu(x[:, 2])
    y[:, :, 0, 0] = 7.0
    return y


def _written_out(x):
    return x * (x.square().mean(1, keepdim=True) + 1e-5).rsqrt() * SIEVE


OPERATIONS = {
    "abs": lambda x: x.abs() * SIEVE,
    "addcdiv": lambda x: torch.addcdiv(x, F.relu(x), 2 + x.abs()),
    "addcmul": lambda x: torch.addcmul(ROW, x, ROW, value=2.0),
    "addmm": lambda x: torch.addmm(ROW, x.flatten(0, 2), SIEVE[1], beta=0.5, alpha=2).reshape(x.shape),
    "amax": lambda x: x * x.amax((2, 3), keepdim=True),
    "atan": lambda x: x.atan() * SIEVE,
    "baddbmm": lambda x: torch.baddbmm(*[x.flatten(0, 1)] * 3, beta=0.5).reshape(x.shape),
    "bicubic with antialiasing": lambda x: F.interpolate(x, (5, 5), mode="bicubic", antialias=True),
    "bilinear with antialiasing": lambda x: F.interpolate(x, (5, 5), mode="bilinear", antialias=True),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 3) * SIEVE,
    "clamp at a tensor": lambda x: torch.clamp_min(x, 0.1 * SIEVE) - torch.clamp_max(x * ROW, SIEVE),
    "cosine_similarity": lambda x: F.cosine_similarity(x, x.flip(3) + SIEVE)[:, None] * x,
    "detach": lambda x: x * x.detach() + x.flip(2).detach(),
    "einsum": lambda x: torch.einsum("bijk,il->bljk", x, MATRIX),
    "einsum of two": lambda x: torch.einsum("bijk,bijl->bikl", x, x),
    "fold": lambda x: F.fold(F.unfold(x, 3) * 2, (8, 8), 3),
    "adaptive_max_pool1d": lambda x: F.adaptive_max_pool1d(x.flatten(2), 5)[..., None] * SIEVE[:, :1, :1],
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, (3, 5)),
    "adaptive_max_pool3d": lambda x: F.adaptive_max_pool3d(x[:, None], (6, 3, 5))[:, 0],
    "aminmax": lambda x: (
        x * torch.aminmax(x, dim=1, keepdim=True)[0] - torch.aminmax(x, dim=3, keepdim=True)[1]
    ),
    "clip": lambda x: x.clip(-0.5, 0.7) * SIEVE,
    "generalised mean": lambda x: F.avg_pool2d(x.clamp(min=1e-6) ** 3, 4) ** (1 / 3),
    "glu": lambda x: F.glu(torch.cat([x, x * ROW], 1), 1),
    "index": lambda x: x[:, [0, 2, 2, 1, 4, 5]] * SIEVE,
    "log1p": lambda x: F.relu(x).log1p() + x.sin() - x.expm1(),
    "logsumexp": lambda x: x * x.logsumexp((2, 3), keepdim=True),
    "logsumexp without the axis": lambda x: x.logsumexp(1)[:, None] * SIEVE,
    "lp_pool1d": lambda x: F.lp_pool1d(x.flatten(2), 2, 3)[..., None] * SIEVE[:, :1, :1],
    "lp_pool2d": lambda x: F.lp_pool2d(x, 2, 2),
    "lp_pool3d": lambda x: F.lp_pool3d(x[:, None], 4, (1, 2, 2))[:, 0],
    "mask": lambda x: x + x.new_zeros(8, 8).masked_fill(SIEVE[0] > 0, -3),
    "masked attention": lambda x: x.masked_fill(SIEVE > 0, -torch.inf).softmax(-1) * x,
    "masked_fill": lambda x: x.masked_fill(SIEVE > 0, 3.0) * SIEVE,
    "max": lambda x: x * torch.max(x, 1, keepdim=True)[0],
    "max_pool1d": lambda x: F.max_pool1d(x.flatten(2), 3, 2, 1)[..., None] * SIEVE[:, :1, :1],
    "max_pool1d with places": lambda x: (
        F.max_pool1d(x.flatten(2), 3, return_indices=True)[0][..., None] * ROW
    ),
    "max_pool3d": lambda x: F.max_pool3d(x[:, None], (1, 3, 3), 2, (0, 1, 1))[:, 0].repeat(1, 2, 1, 1),
    "max of two": lambda x: torch.max(x, x.flip(3) - 0.5),
    "max without the axis": lambda x: x * torch.max(x, -1)[0][..., None],
    "maximum": lambda x: torch.maximum(x[:, :3], x[:, 3:]).repeat(1, 2, 1, 1) * SIEVE,
    "maximum of the same": lambda x: torch.maximum(x, x) * SIEVE,
    "min": lambda x: x * torch.min(x, 1, keepdim=True)[0],
    "min of two": lambda x: torch.min(x, SIEVE),
    "minimum": lambda x: torch.minimum(x[:, :3], x[:, 3:]).repeat(1, 2, 1, 1) * SIEVE,
    "moments": lambda x: x - torch.var_mean(x, 1, keepdim=True)[1] * SIEVE,
    "norm": lambda x: x / (1 + torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)),
    "norm of absolute values": lambda x: x / (1 + x.norm(p=1, dim=1, keepdim=True)),
    "norm of the largest value": lambda x: x / (1 + x.norm(p=torch.inf, dim=(2, 3), keepdim=True)),
    "norm of third powers": lambda x: x * torch.linalg.norm(x, 3, dim=1, keepdim=True),
    "norm without the axis": lambda x: x.norm(dim=1)[:, None] * SIEVE,
    "normalize": lambda x: F.normalize(x, dim=1) * SIEVE,
    "overwritten": _overwritten,
    "repeat_interleave": lambda x: x[:, :3].repeat_interleave(2, 1) * SIEVE,
    "rms_norm": lambda x: F.rms_norm(x, (8,), ROW, 1e-6),
    "rms_norm without a weight": lambda x: F.rms_norm(x, (8, 8)) * SIEVE,
    "rot90": lambda x: x.rot90(1, (2, 3)) * SIEVE,
    "sign": lambda x: x.sign() * x.abs().sqrt() * SIEVE,
    "straight-through rounding": lambda x: x + ((4 * x).round() / 4 - x).detach(),
    "standard deviation": lambda x: x / (1 + x.std((2, 3), keepdim=True)),
    "unfold": lambda x: x.unfold(2, 4, 2).mean(-1),
    "variance": lambda x: x / (1 + x.var(1, keepdim=True, unbiased=False)).sqrt(),
    "where": lambda x: torch.where(SIEVE > 0, x, F.relu(x) * 2),
    "written out": _written_out,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_every_sum(name):
    """Sum to delta, and relevance that biases and constants account for, each exactly."""
    model = network(OPERATIONS[name])
    for rule in ("rescale", "reveal_cancel"):
        assert residual(model, pixels(), "deeplift", rule=rule) <= 1e-12
    explainer = pyxai.Explainer(model, "lrp", **EXACT)
    assert float(explainer(pixels(), 1).residual.abs().max()) <= 1e-12
    for layer in explainer.report(pixels(), 1).layers:
        assert sum(layer.reasons.values(), start=torch.zeros(3)).abs().max() <= 1e-12


AT_ZERO = {  # functions that have no derivative where values or windows are zero, or none that is finite
    "lp_pool1d": lambda x: F.lp_pool1d(x.flatten(2), 2, 4)[..., None] * SIEVE[:, :1, :1],
    "lp_pool2d": lambda x: F.lp_pool2d(x, 2.5, 2),
    "lp_pool3d": lambda x: F.lp_pool3d(x[:, None], 3, 2).flatten(1, 2).repeat(1, 2, 1, 1),
    "generalised mean": lambda x: F.avg_pool2d(x**3, 2) ** (1 / 3),
    "roots": lambda x: x.sqrt() * SIEVE,
    "power below one": lambda x: x**0.3 * SIEVE,
    "norm": lambda x: x.norm(dim=1, keepdim=True) * SIEVE,
    "norm of third powers": lambda x: x.norm(p=3, dim=1, keepdim=True) * SIEVE,
    "norm of roots": lambda x: x.norm(p=0.5, dim=1, keepdim=True) * SIEVE,
    "largest value": lambda x: x.norm(p=torch.inf, dim=1, keepdim=True) * SIEVE,
    "unit length": lambda x: F.normalize(x, dim=1) * SIEVE,
    "unit sum": lambda x: F.normalize(x, p=1, dim=1) * SIEVE,
    "unit length of third powers": lambda x: F.normalize(x, p=3, dim=(2, 3)) * SIEVE,
    "cosine": lambda x: F.cosine_similarity(x, x.flip(3), 1)[:, None] * SIEVE,
}  # fmt: skip


@pytest.mark.parametrize("name", AT_ZERO)
def test_blank_windows_make_no_nan(name):
    """DeepLIFT adds up, whatever is blank, and LRP accounts for all, although the gradient may be NaN."""
    model = network(lambda x: AT_ZERO[name](F.relu(x)))
    model.conv.bias.data.zero_()
    images, baseline = pixels(6), 0.7 * pixels(6).flip(0)
    images[0], images[1:3, :, :4], baseline[2:4], baseline[4, :, 5:], baseline[5] = 0, 0, 0, 0, images[5]
    for rule in ("rescale", "reveal_cancel"):
        found = pyxai.explain(model, images, "deeplift", 1, rule=rule, baseline=baseline)
        assert bool(found.attribution.isfinite().all())
        assert found.delta.abs().max() <= 1e-12 * found.attribution.abs().sum().clamp(min=1)
    for method, options in (("lrp", EXACT), ("deep_taylor", {})):
        explainer = pyxai.Explainer(model, method, **options)
        found, report = explainer(images, 1), explainer.report(images, 1)
        assert bool(found.attribution.isfinite().all())
        lost = sum(layer.lost for layer in report.layers)
        assert (lost + found.delta).abs().max() <= 1e-9
        if method == "lrp":
            assert found.delta.abs().max() <= 1e-12
        else:
            assert bool((found.attribution[found.score > 0] >= 0).all())


CHOICES = {  # leaky ReLUs and others, written out
    "where": (lambda x: torch.where(x > 0, x, 0.1 * x), lambda x: F.leaky_relu(x, 0.1)),
    "masked_fill": (lambda x: x.masked_fill(x < 0, 0.0), F.relu),
    "mask": (lambda x: x * (x > 0), F.relu),
    "numbers of a mask": (
        lambda x: x * (x >= 0).double() + (x < 0).double() * 0.125 * x,
        lambda x: F.leaky_relu(x, 0.125),
    ),
    "threshold": (lambda x: F.threshold(x, 0.0, 0.0), F.relu),
    "maximum": (lambda x: torch.maximum(x, 0.1 * x), lambda x: F.leaky_relu(x, 0.1)),
    "sign": (lambda x: x.sign() * x, torch.abs),
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_that_depends_on_the_image(name):
    """Relevance follows what was chosen; a difference is shared as by the activation that it makes."""
    written, activation = (network(function) for function in CHOICES[name])
    expected = attribution(written, pixels(), "gradient") * pixels()
    assert_same(attribution(written, pixels(), "lrp", **EXACT), expected)
    expected = attribution(activation, pixels(), "deeplift")
    assert_same(attribution(written, pixels(), "deeplift"), expected)
    assert residual(written, pixels(), "deeplift", rule="reveal_cancel") <= 1e-12


@pytest.mark.parametrize(
    "function",
    [
        F.hardshrink,
        lambda x: x * (x > 0.2),
        lambda x: (4 * x).round() + x,
        lambda x: torch.where(x > -torch.inf, x, -torch.inf),
    ],
    ids=["hardshrink", "mask", "round", "infinite"],
)
def test_a_choice_that_jumps(function):
    for rule in ("rescale", "reveal_cancel"):
        assert residual(network(function), pixels(), "deeplift", rule=rule) <= 1e-12


@pytest.mark.parametrize(
    ("method", "options"),
    [("lrp", EXACT), ("deeplift", {}), ("deeplift", {"rule": "reveal_cancel"}), ("guided_backprop", {})],
)
def test_a_change_of_precision_is_passed(method, options):
    model = network(lambda x: F.relu(x.float()).double() + x.half().relu().to(x.dtype))
    expected = attribution(network(lambda x: 2 * F.relu(x)), pixels(), method, **options)
    assert_same(attribution(model, pixels(), method, **options), expected, 2e-3)


class Norms(nn.Module):
    """Twelve norms that see a constant where the image is zero: each is as steep there as 1 / ε."""

    def __init__(self, kind):
        super().__init__()
        blocks = (nn.Sequential(kind(), nn.Linear(6, 6, bias=False)) for _ in range(12))
        self.blocks = nn.ModuleList(blocks)
        self.conv, self.head = nn.Conv2d(3, 6, 3, bias=False), nn.Linear(6, 5)

    def forward(self, x):
        x = self.conv(x).permute(0, 2, 3, 1)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x.mean((1, 2)))


class UnitLength(nn.Module):
    def forward(self, x):
        return F.normalize(x, dim=-1, eps=1e-6)


NORMS = {
    "layer": lambda: nn.LayerNorm(6, eps=1e-12),
    "rms": lambda: nn.RMSNorm(6, eps=1e-12),
    "length": UnitLength,
}


@pytest.mark.parametrize("kind", NORMS)
def test_norms_of_a_baseline_without_contrast(kind):
    """Exact terms that grow with 1 / ε and cancel have the right sum too, and mean nothing."""
    torch.manual_seed(2)
    model = Norms(NORMS[kind]).double().eval()
    found = pyxai.explain(model, pixels(), "deeplift", 1)
    path = pyxai.explain(model, pixels(), "integrated_gradients", 1)
    ours, theirs = (part.attribution.abs().flatten(1).sum(1).max() for part in (found, path))
    assert ours <= 10 * theirs
    assert found.residual.max() <= 1e-12


class Tokens(nn.Module):
    """Attention whose mask takes every key of the last query."""

    def __init__(self, kind):
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 5)
        mask = torch.ones(4, 4, dtype=torch.bool)
        mask[3], mask[1, 2] = False, False
        if kind != torch.bool:
            mask = torch.zeros(4, 4, dtype=kind).masked_fill(~mask, -torch.inf)
        self.register_buffer("mask", mask)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = tokens + F.scaled_dot_product_attention(tokens, tokens, tokens, attn_mask=self.mask)
        return self.head(tokens.mean(1))


@pytest.mark.parametrize("kind", [torch.bool, torch.float64])
def test_a_query_without_keys(kind):
    model = Tokens(kind).double().eval()
    assert residual(model, pixels(), "deeplift") <= 1e-12
    expected = attribution(model, pixels(), "gradient")
    assert_same(attribution(model, pixels(), "guided_backprop"), expected)
    explainer = pyxai.Explainer(model, "lrp")
    found, report = explainer(pixels(), 1), explainer.report(pixels(), 1)
    assert_same(found.score, model(pixels())[:, 1])
    assert float(found.residual.abs().max()) <= 1e-4
    assert all(loss.isfinite().all() for layer in report.layers for loss in layer.reasons.values())


@pytest.mark.parametrize("method", ["lrp", "deeplift", "guided_backprop", "integrated_gradients"])
def test_autocast_around_a_call_changes_nothing(method):
    model = network(F.relu).float()
    expected = attribution(model, pixels().float(), method)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(attribution(model, pixels().float(), method), expected)
