"""Gradients of torch's operations in all layouts of a value and its gradient; the oracle is the slope."""

import itertools
from contextlib import nullcontext
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import is_in_torch_dispatch_mode
from torch.utils.checkpoint import checkpoint

from pyxai.capture.mending import Mending
from tests.graphs import layouts, pixels

C, STEP = 4, 1e-6
W, B, MEAN, VARIANCE = pixels(C), pixels(C, seed=2), pixels(C, seed=3), pixels(C, seed=4).abs() + 0.5
MENDED = {
    "batch_norm": lambda x: F.batch_norm(x, MEAN, VARIANCE, W, B),
    "batch_norm without weights": lambda x: F.batch_norm(x, MEAN, VARIANCE),
    "batch_norm of a batch": lambda x: F.batch_norm(x, None, None, W, B, training=True),
    "instance_norm": lambda x: F.instance_norm(x, weight=W, bias=B),
    "instance_norm with stored moments": lambda x: F.instance_norm(x, MEAN, VARIANCE, W, B, False),
}
OTHERS = {
    "group_norm": lambda x: F.group_norm(x, 2, W, B),
    "group_norm of channels": lambda x: F.group_norm(x, C, W, B),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[2:]),
    "prelu": lambda x: F.prelu(x, W),
    "prelu of one": lambda x: F.prelu(x, W[:1]),
    "conv 1": lambda x: F.conv2d(x, pixels(3, C, 1, 1)),
    "conv 3": lambda x: F.conv2d(x, pixels(3, C, 3, 3), padding=1),
    "conv to one channel": lambda x: F.conv2d(x, pixels(1, C, 1, 1)),
    "conv of one channel": lambda x: F.conv2d(x[:, :1], pixels(3, 1, 1, 1)),
    "depthwise": lambda x: F.conv2d(x, pixels(C, 1, 3, 3), padding=1, groups=C),
    "conv_transpose": lambda x: F.conv_transpose2d(x, pixels(C, 3, 2, 2)),
    "max_pool": lambda x: F.max_pool2d(x, 3, 1, 1),
    "avg_pool": lambda x: F.avg_pool2d(x, 3, 1, 1),
    "adaptive_avg_pool": lambda x: F.adaptive_avg_pool2d(x, (1, 2)),
    "adaptive_max_pool": lambda x: F.adaptive_max_pool2d(x, (1, 2)),
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "bicubic": lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "softmax": lambda x: x.softmax(1),
    "gelu": F.gelu,
    "tokens": lambda x: F.layer_norm(x.flatten(2).transpose(1, 2), (C,), W, B),
}
SHAPES = [(1, C, 3, 5), (2, C, 3, 5), (1, C, 1, 5)]


def slopes(function, values, signal, ways):
    """How fast Σ signal · f changes along the ways, by central differences."""
    found = [(function(values + STEP * way) - function(values - STEP * way)) / (2 * STEP) for way in ways]
    return torch.stack([(part * signal).sum() for part in found])


def farthest(function, shape, mending):
    """How far gradients are from the slopes in some layout, relative to the largest of these."""
    values, ways, far = pixels(*shape), [pixels(*shape, seed=seed) for seed in (5, 6)], 0.0
    signal = pixels(*function(values).shape, seed=7)
    wanted = slopes(function, values, signal, ways)
    signals = layouts(signal) if signal.ndim == 4 else [signal]
    for value, given in itertools.product(layouts(values), signals):
        leaf = value.detach().requires_grad_(True)
        result = function(leaf)
        with mending:
            (gradient,) = torch.autograd.grad(result, leaf, given)
        found = torch.stack([(gradient * way).sum() for way in ways])
        far = max(far, float((found - wanted).abs().max() / wanted.abs().max()))
    return far


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", MENDED)
def test_what_torch_gets_wrong_is_right(name, shape):
    mending = Mending()
    assert farthest(MENDED[name], shape, mending) < 1e-6
    assert mending.needed == (len(pixels(*shape)) == 1 or name.startswith("instance"))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", OTHERS)
def test_what_torch_gets_right(name, shape):
    assert farthest(OTHERS[name], shape, nullcontext()) < 1e-6


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("norm", [nn.BatchNorm2d(C).eval(), nn.BatchNorm2d(C), nn.InstanceNorm2d(C)])
def test_other_precisions(norm, precision):
    """Beside the gradient in the layout that torch expects, whose oracle is above."""
    norm, values, signal, found = norm.to(precision), *pixels(2, 1, C, 3, 5).to(precision), []
    for given in layouts(signal):
        leaf = values.clone().requires_grad_(True)
        result = norm(leaf)
        with Mending():
            found += torch.autograd.grad(result, leaf, given)
    for gradient in found[1:]:
        assert (gradient - found[0]).norm() <= 8 * torch.finfo(precision).eps * found[0].norm()


class Tokens(nn.Module):
    """A stem whose norm's gradient comes back from tokens."""

    def __init__(self):
        super().__init__()
        self.stem, self.norm, self.fc = nn.Conv2d(3, 8, 4, 4), nn.BatchNorm2d(8), nn.Linear(8, 5)
        self.double().eval()

    def forward(self, x):
        tokens = self.norm(self.stem(x)).reshape(x.shape[0], 8, -1).transpose(1, 2)
        return F.gelu(F.layer_norm(tokens, (8,))).mean(1) @ self.fc.weight.T


class Differentiated(torch.autograd.Function):
    """A model whose backward pass runs it again and differentiates that."""

    @staticmethod
    def forward(context, x, model):
        context.save_for_backward(x)
        context.model = model
        return model(x)

    @staticmethod
    def backward(context, signal):
        with torch.enable_grad():
            leaf = context.saved_tensors[0].detach().requires_grad_(True)
            return torch.autograd.grad(context.model(leaf), leaf, signal)[0], None


WAYS = {
    "plain": lambda model: model,
    "scripted": torch.jit.script,
    "computed again": lambda model: partial(checkpoint, model, use_reentrant=False),
    "one at a time": lambda model: lambda x: torch.cat([model(image) for image in x.split(1)]),
    "by a function": lambda model: lambda x: Differentiated.apply(x, model),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.filterwarnings("ignore")
def test_however_it_is_called(name):
    torch.manual_seed(0)
    model, images, way, mending = Tokens(), pixels(1, 3, 8, 12), pixels(1, 3, 8, 12, seed=2), Mending()
    with torch.no_grad():
        (wanted,) = slopes(model, images, torch.ones(1, 5).double(), [way])
    function = WAYS[name](model)
    for _ in range(3):  # a scripted model is optimised at its later calls
        leaf = images.clone().requires_grad_(True)
        total = function(leaf).sum()
        with mending:
            (gradient,) = torch.autograd.grad(total, leaf)
        assert abs((gradient * way).sum() - wanted) < 1e-6 * abs(wanted)
    assert mending.needed


def test_it_is_left_also_by_an_error():
    mending = Mending()
    with pytest.raises(RuntimeError, match="does not require grad"), mending:
        torch.autograd.grad(torch.ones(()), torch.ones(()))
    assert not is_in_torch_dispatch_mode() and not mending.needed
