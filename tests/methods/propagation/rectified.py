"""DeconvNet and guided backpropagation by definition: autograd with another backward pass of every ReLU."""

import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests import unfriendly, zoo

NETS = [
    "FunctionalReLU", "InplaceAdd", "ReusedModules", "PreActivation", "OverlappingPools", "Concatenation",
    "Gate", "SharedConvOutput", "Flattened", "resnet18",
]  # fmt: skip


def network(name):
    if name == "resnet18":
        return zoo.build(name, small=True, dtype=torch.float64), zoo.photographs(2, 64).double()
    return unfriendly.build(name), unfriendly.images(3)


class Backward(torch.autograd.Function):
    """ReLU with the backward pass of DeconvNet or of guided backpropagation."""

    @staticmethod
    def forward(context, values, guided):
        context.save_for_backward(values)
        context.guided = guided
        return values.clamp(min=0)

    @staticmethod
    def backward(context, signal):
        (values,) = context.saved_tensors
        rectified = signal.clamp(min=0)
        return rectified * (values > 0) if context.guided else rectified, None


def by_definition(model, images, target, guided, monkeypatch):
    """Autograd through the eager model with every ReLU's backward pass exchanged."""
    with monkeypatch.context() as patch:

        def replaced(values, *_, **__):
            return Backward.apply(values, guided)

        patch.setattr(F, "relu", replaced)
        patch.setattr(nn.ReLU, "forward", lambda self, values: replaced(values))
        leaf = images.clone().requires_grad_(True)
        return torch.autograd.grad(model(leaf)[:, target].sum(), leaf)[0]


CHOSEN = {  # many rectified values are zero: which of equal ones has the derivative is torch's own choice
    "max": lambda x: x.max(1, keepdim=True)[0],
    "min": lambda x: (-x).min(1)[0],
    "amax": lambda x: x.amax((2, 3)),
    "aminmax": lambda x: torch.aminmax(-x, dim=1)[0],
    "maximum": lambda x: torch.maximum(x, x.flip(1)),
    "sort": lambda x: x.sort(1)[0],
    "topk": lambda x: x.topk(2, 1)[0],
    "kthvalue": lambda x: x.kthvalue(3, 1)[0],
    "median": lambda x: x.median(1)[0],
    "cummax": lambda x: x.cummax(1)[0],
    "max_pool1d": lambda x: F.max_pool1d(x.flatten(2), 3, 2),
    "max_pool3d": lambda x: F.max_pool3d(x[:, None], (2, 3, 3), 2),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 3),
    "adaptive_max_pool1d": lambda x: F.adaptive_max_pool1d(x.flatten(2), 5),
    "places": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
    "largest": lambda x: x.norm(p=torch.inf, dim=1),
    "lp_pool1d": lambda x: F.lp_pool1d(x.flatten(2), 2, 3),
    "lp_pool2d": lambda x: F.lp_pool2d(x, 2, 2),
    "lp_pool3d": lambda x: F.lp_pool3d(x[:, None], 3, 2),
    "logsumexp": lambda x: x.logsumexp((2, 3)),
}


class Choosing(nn.Module):
    """``function`` of rectified maps (n, 4, 6, 6), a layer, and a head; ``relu`` rectifies."""

    def __init__(self, function, relu=torch.relu):
        super().__init__()
        self.conv, self.layer, self.head = nn.Conv2d(3, 4, 3), nn.LazyLinear(32), nn.Linear(32, 5)
        self.function, self.relu = function, relu

    def forward(self, x):
        chosen = self.function(self.relu(self.conv(x))).flatten(1)
        return self.head(self.relu(self.layer(chosen)))


def check_choice(method, name):
    """``method`` against autograd through the eager model with the ReLU of its definition."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 3, 8, 8, generator=generator, dtype=torch.float64)
    images[2] = images[2, :, :1, :1]  # windows of one value

    def network(relu):
        torch.manual_seed(0)
        model = Choosing(CHOSEN[name], relu).double()
        model(images)  # makes the layer
        return model.eval()

    leaf = images.clone().requires_grad_(True)
    model = network(lambda values: Backward.apply(values, method == "guided_backprop"))
    (expected,) = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)
    found = pyxai.explain(network(torch.relu), images, method, 1).attribution
    assert bool(expected.isfinite().all()) and bool(expected[:2].flatten(1).any(1).all())
    assert (found - expected).abs().max() <= 1e-12 * expected.abs().max()
