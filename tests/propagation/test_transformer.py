"""AttnLRP and CP-LRP against autograd: LRP-0 is input × gradient of the network whose products, norms and
activations are replaced by what their rules stand for."""

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


def second_alone(a, b):
    """a @ b, of which b has all of the gradient where a is attention (Ali et al. 2022)."""
    return a.detach() @ b


class Transformer(nn.Module):
    """One block of a vision transformer; with ``replaced``, the network its rules linearise to.

    Args:
        values: what stands for the product of attention and values.
    """

    def __init__(self, replaced=False, values=half_each):
        super().__init__()
        self.replaced, self.values = replaced, values
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
        values = self.values if self.replaced else torch.matmul
        x = x + self.out(values(weights, v).transpose(1, 2).flatten(2))
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


EXACT = {"epsilon": 0.0, "stabiliser": 0.0, "gamma": 0.0}


@pytest.mark.parametrize("network", [Transformer, Fused])
@pytest.mark.parametrize(
    ("composite", "values"), [("epsilon", half_each), ("attn_lrp", half_each), ("cp_lrp", second_alone)]
)
def test_against_the_replaced_network(network, composite, values):
    model = random(network())
    replaced = Transformer(replaced=True, values=values).double().eval()
    replaced.load_state_dict(model.state_dict())
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    logits = replaced(images)
    assert torch.allclose(logits, model(images))
    (gradient,) = torch.autograd.grad(logits[:, 2].sum(), images)
    found = pyxai.explain(model, images.detach(), "lrp", 2, composite=composite, **EXACT).attribution
    expected = images.detach() * gradient
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


def random(model, biases=True):
    torch.manual_seed(0)
    model = model.double().eval()
    for name, parameter in model.named_parameters():
        nn.init.normal_(parameter, std=0.5)
        if not biases and name.endswith("bias"):
            nn.init.zeros_(parameter)
    return model


@pytest.mark.parametrize("gamma", [0.0, 0.25])
def test_cp_lrp_conserves(gamma):
    """Nothing is lost without biases: attention is a constant, and a norm keeps its deviation."""
    model, images = random(Fused(), biases=False), torch.rand(3, 3, 8, 8, dtype=torch.float64)
    found = pyxai.explain(model, images, "lrp", 1, composite="cp_lrp", **EXACT | {"gamma": gamma})
    assert ((found.attribution.sum((1, 2, 3)) - found.score).abs() <= 1e-9 * found.score.abs()).all()


def test_what_the_softmax_of_attn_lrp_keeps_is_reported():
    """Its Taylor expansion has a term of order zero, so that relevance is not conserved."""
    model, images = random(Fused(), biases=False), torch.rand(3, 3, 8, 8, dtype=torch.float64)
    explainer = pyxai.Explainer(model, "lrp", composite="attn_lrp", **EXACT)
    found, report = explainer(images, 1), explainer.report(images, 1)
    lost = found.score - found.attribution.sum((1, 2, 3))
    assert (lost.abs() > 1e-3 * found.score.abs()).all() and (
        found.delta.abs() <= 1e-9 * found.score.abs()
    ).all()
    (softmax,) = (layer for layer in report.layers if "softmax" in layer.operation)
    assert torch.allclose(softmax.bias, lost, rtol=1e-9)
