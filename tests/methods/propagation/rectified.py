"""DeconvNet and guided backpropagation by definition: autograd with another backward pass of every ReLU."""

import torch
import torch.nn.functional as F
from torch import nn

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
