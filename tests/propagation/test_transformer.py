"""AttnLRP against autograd: LRP-0 is input × gradient of the network whose products, norms and activations
are replaced by what their rules stand for."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai

DIM, HEADS = 8, 2


def half_each(a, b):
    """a @ b, of which each factor has half the gradient."""
    return (a @ b.detach() + a.detach() @ b) / 2


def kept_deviation(x, norm):
    """Layer normalisation with the deviation as a constant."""
    deviation = (x.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt().detach()
    return (x - x.mean(-1, keepdim=True)) / deviation * norm.weight + norm.bias


def as_a_factor(x):
    """GELU as the factor it is at this value."""
    return x * (F.gelu(x) / x).detach()


class Transformer(nn.Module):
    """One block of a vision transformer; with ``replaced``, the network its rules linearise to."""

    def __init__(self, replaced=False):
        super().__init__()
        self.replaced = replaced
        self.patches = nn.Conv2d(3, DIM, 4, 4)
        self.norm1, self.norm2 = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.qkv, self.out = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)
        self.up, self.down = nn.Linear(DIM, 16), nn.Linear(16, DIM)
        self.head = nn.Linear(DIM, 5)

    def forward(self, x):
        product = half_each if self.replaced else torch.matmul
        norm = kept_deviation if self.replaced else lambda x, norm: norm(x)
        gelu = as_a_factor if self.replaced else F.gelu
        x = self.patches(x).flatten(2).transpose(1, 2)
        heads = self.qkv(norm(x, self.norm1)).unflatten(-1, (3, HEADS, DIM // HEADS)).permute(2, 0, 3, 1, 4)
        q, k, v = heads.unbind(0)
        weights = (product(q, k.transpose(-2, -1)) / math.sqrt(DIM // HEADS)).softmax(-1)
        x = x + self.out(product(weights, v).transpose(1, 2).flatten(2))
        x = x + self.down(gelu(self.up(norm(x, self.norm2))))
        return self.head(x.mean(1))


class Fused(Transformer):
    """The same with torch's fused attention."""

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        q, k, v = (
            self.qkv(self.norm1(x)).unflatten(-1, (3, HEADS, DIM // HEADS)).permute(2, 0, 3, 1, 4).unbind(0)
        )
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        x = x + self.down(F.gelu(self.up(self.norm2(x))))
        return self.head(x.mean(1))


@pytest.mark.parametrize("network", [Transformer, Fused])
def test_against_the_replaced_network(network):
    torch.manual_seed(0)
    model = network().double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5)
    replaced = Transformer(replaced=True).double().eval()
    replaced.load_state_dict(model.state_dict())
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    logits = replaced(images)
    assert torch.allclose(logits, model(images))
    (gradient,) = torch.autograd.grad(logits[:, 2].sum(), images)
    exact = {"composite": "epsilon", "epsilon": 0.0}
    found = pyxai.explain(model, images.detach(), "lrp", 2, **exact).attribution
    expected = images.detach() * gradient
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()
