"""An image alone has the map it has beside others, and its gradient is the slope of its scores.

Torch's own gradient of a BatchNorm or InstanceNorm of one image is another where it comes back from tokens.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests.graphs import pixels

SIZE, STEP = (8, 12), 1e-5


def to_tokens(x):
    return x.reshape(x.shape[0], x.shape[1], -1).transpose(1, 2)


def to_map(tokens):
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, *(side // 4 for side in SIZE))


class Net(nn.Module):
    """A stem, ``middle`` from a map (n, 8, H, W) to tokens (n, L, 8), and a head without kinks."""

    def __init__(self, *modules):
        super().__init__()
        self.stem, self.parts, self.fc = nn.Conv2d(3, 8, 4, 4), nn.ModuleList(modules), nn.Linear(8, 5)

    def middle(self, x):
        return to_tokens(self.parts[0](x))

    def forward(self, x):
        return self.fc(F.gelu(F.layer_norm(self.middle(self.stem(x)), (8,))).mean(1))


class BehindTokens(Net):
    """Tokens, which become a map, of which a norm is taken, as in the convolutions between XCiT's tokens."""

    def middle(self, x):
        return to_tokens(self.parts[1](F.gelu(self.parts[0](to_map(F.layer_norm(to_tokens(x), (8,)))))))


class OfTokens(Net):
    """A BatchNorm1d of what a linear layer makes of tokens, as LeViT has it."""

    def middle(self, x):
        tokens = self.parts[0](to_tokens(x))
        return self.parts[1](tokens.flatten(0, 1)).reshape_as(tokens)


class AlongTokens(Net):
    """A BatchNorm1d of (n, C, L)."""

    def middle(self, x):
        return self.parts[0](to_tokens(x).transpose(1, 2)).transpose(1, 2)


class SequenceFirst(Net):
    """The axis of the images second, as nn.MultiheadAttention has it."""

    def middle(self, x):
        return F.layer_norm(self.parts[0](x).flatten(2).permute(2, 0, 1), (8,)).transpose(0, 1)


class InThreeDimensions(Net):
    def middle(self, x):
        return to_tokens(self.parts[0](x[:, :, None]).squeeze(2))


class Folded(Net):
    """Images folded into the channels of a BatchNorm, as adaptive instance norms are written."""

    def middle(self, x):
        folded = x.reshape(1, -1, *x.shape[2:])
        return to_tokens(F.batch_norm(folded, None, None, training=True).reshape(x.shape))


class ByComputedMoments(Net):
    def middle(self, x):
        (norm,) = self.parts
        return to_tokens(F.batch_norm(x, norm.running_mean * 2, norm.running_var.exp(), norm.weight))


def xcit_stem():
    first, second = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
    return Net(nn.Sequential(first, nn.BatchNorm2d(8), nn.GELU(), second, nn.BatchNorm2d(8)))


NETS = {
    "BatchNorm2d": lambda: Net(nn.BatchNorm2d(8)),
    "InstanceNorm2d": lambda: Net(nn.InstanceNorm2d(8, affine=True)),
    "InstanceNorm2d with stored moments": lambda: Net(nn.InstanceNorm2d(8, track_running_stats=True)),
    "BatchNorm2d behind tokens": lambda: BehindTokens(nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1)),
    "InstanceNorm2d behind tokens": lambda: BehindTokens(nn.InstanceNorm2d(8), nn.Conv2d(8, 8, 1)),
    "BatchNorm1d of tokens": lambda: OfTokens(nn.Linear(8, 8), nn.BatchNorm1d(8)),
    "BatchNorm1d along tokens": lambda: AlongTokens(nn.BatchNorm1d(8)),
    "InstanceNorm1d along tokens": lambda: AlongTokens(nn.InstanceNorm1d(8)),
    "sequence first": lambda: SequenceFirst(nn.InstanceNorm2d(8)),
    "BatchNorm3d": lambda: InThreeDimensions(nn.BatchNorm3d(8)),
    "InstanceNorm3d": lambda: InThreeDimensions(nn.InstanceNorm3d(8)),
    "folded": lambda: Folded(),
    "computed moments": lambda: ByComputedMoments(nn.BatchNorm2d(8)),
    "XCiT's stem": xcit_stem,
    "channels last": lambda: Net(nn.BatchNorm2d(8)).to(memory_format=torch.channels_last),
    "channels last, InstanceNorm2d": lambda: Net(nn.InstanceNorm2d(8)).to(memory_format=torch.channels_last),
}


SOME = ["BatchNorm2d", "InstanceNorm2d", "BatchNorm2d behind tokens", "sequence first", "BatchNorm3d"]


def looks_at_its_values(model):
    """A model that no graph can be made of."""
    plain = model.forward
    model.forward = lambda x: plain(x if x.detach().sum() < 1e9 else -x)
    return model


def one_at_a_time(model):
    plain = looks_at_its_values(model).forward
    model.forward = lambda x: torch.cat([plain(image) for image in x.split(1)])
    return model


def with_half_a_gradient(model):
    """A model with a backward pass of its own, on purpose."""
    model.stem.register_full_backward_hook(lambda module, found, signal: (found[0] / 2,))
    return model


EAGER = {
    "looks at its values": (looks_at_its_values, 1),
    "one at a time": (one_at_a_time, 1),
    "with half a gradient": (with_half_a_gradient, 0.5),
}


def built(name):
    torch.manual_seed(0)
    model = NETS[name]().eval().requires_grad_(False)
    for part in model.modules():
        for moment in part.buffers(recurse=False) if getattr(part, "running_mean", None) is not None else ():
            moment.copy_(torch.rand(moment.shape) + 0.5)
        if getattr(part, "weight", None) is not None and part.weight.ndim == 1:
            part.weight.uniform_(0.5, 1.5)
    return model.double()


def check_slopes(model, found, factor=1):
    """Whether maps of the first or of both images are the slopes of the model's scores in some directions."""
    images = pixels(2, 3, *SIZE)
    for seed in (2, 3):
        way = STEP * pixels(2, 3, *SIZE, seed=seed)
        wanted = factor * (model(images + way) - model(images - way))[:, 1] / 2
        for maps in found:
            total = (maps * way[: len(maps)]).sum((1, 2, 3))
            assert (total - wanted[: len(maps)]).abs().max() <= 1e-6 * wanted.abs().max()


@pytest.mark.parametrize("name", NETS)
def test_the_gradient_of_a_graph_is_the_slope(name):
    model, images = built(name), pixels(2, 3, *SIZE)
    explainer = pyxai.Explainer(model, "gradient")
    alone, both = (explainer(part, 1).attribution for part in (images[:1], images))
    assert explainer.info()["programs"][0]["captured"]
    check_slopes(model, (alone, both))


@pytest.mark.parametrize("run", EAGER)
@pytest.mark.parametrize("name", SOME)
def test_the_gradient_of_a_model_as_it_is_is_the_slope(name, run):
    plain, images, (wrapped, factor) = built(name), pixels(2, 3, *SIZE), EAGER[run]
    explainer = pyxai.Explainer(wrapped(copy.deepcopy(plain)), "gradient")
    alone, both = (explainer(part, 1).attribution for part in (images[:1], images))
    assert not explainer.info()["programs"][0]["captured"]
    check_slopes(plain, (alone, both), factor)


@pytest.mark.parametrize("captured", [True, False])
@pytest.mark.parametrize("name", SOME)
def test_in_single_precision(name, captured):
    model, images = built(name), pixels(2, 3, *SIZE)
    fine = pyxai.explain(model, images, "gradient", 1).attribution
    coarse = model.float() if captured else looks_at_its_values(model.float())
    for part in (images[:1], images):
        found = pyxai.explain(coarse, part.float(), "gradient", 1).attribution.double()
        assert (found - fine[: len(part)]).norm() <= 1e-4 * fine[: len(part)].norm()


METHODS = {
    "integrated_gradients": {"steps": 1},
    "smoothgrad": {"samples": 1},
    "guided_backprop": {},
    "lrp": {"composite": "epsilon"},
    "deeplift": {},
}


def alone_and_beside(model, method):
    """The explanations of one image alone, in calls of one row, and of two."""
    images = pixels(2, 3, *SIZE)
    return (
        pyxai.explain(model, images[:count], method, 1, **METHODS[method], rows=count) for count in (1, 2)
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [*SOME, "folded"])
def test_alone_as_beside_another(name, method):
    alone, both = alone_and_beside(built(name), method)
    assert (alone.attribution - both.attribution[:1]).norm() <= 1e-9 * both.attribution[:1].norm()
    assert method != "deeplift" or both.residual.max() <= 1e-9


@pytest.mark.parametrize("run", EAGER)
@pytest.mark.parametrize("method", ["integrated_gradients", "smoothgrad"])
def test_alone_as_beside_another_without_a_graph(method, run):
    alone, both = alone_and_beside(EAGER[run][0](built("InstanceNorm2d")), method)
    assert (alone.attribution - both.attribution[:1]).norm() <= 1e-9 * both.attribution[:1].norm()


@pytest.mark.parametrize("count", [1, 2])
def test_lrp_0_of_rectified_tokens_is_input_times_gradient(count):
    class Rectified(Net):
        def forward(self, x):
            return self.fc(self.middle(self.stem(x)).relu().mean(1))

    torch.manual_seed(0)
    model, images = Rectified(nn.BatchNorm2d(8)).double().eval(), pixels(count, 3, *SIZE)
    found = pyxai.explain(model, images, "lrp", 1, composite="epsilon", epsilon=0.0).attribution
    leaf = torch.cat([images, images]).requires_grad_(True)  # of several, torch is right
    (gradient,) = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)
    assert (found - images * gradient[:count]).norm() <= 1e-9 * found.norm()
