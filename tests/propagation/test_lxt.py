"""AttnLRP and CP-LRP against LXT 2.1, the package of AttnLRP's authors.

LXT asks for an older transformers than other tests do. These run where it is installed, in an environment of
its own, and skip elsewhere:

    python -m venv lxt && lxt/bin/pip install -e . torchvision==0.28.0 zennit==0.5.1 pytest pytest-timeout
    lxt/bin/pip install lxt==2.1 "transformers<5" && lxt/bin/pytest tests/propagation/test_lxt.py
"""

import math
from contextlib import nullcontext

import pytest
import torch
from torch import nn

import pyxai
from pyxai.propagation import Composite, Epsilon, Gamma
from tests import torchvision_shim, vits
from tests.propagation.test_transformer import DIM, EXACT, HEADS, Transformer, random

pytest.importorskip("torchvision")
torchvision_shim.install()
efficient = pytest.importorskip("lxt.efficient")
peer = pytest.importorskip("zennit.rules")
from lxt.explicit import functional, rules  # noqa: E402
from torchvision.models import vision_transformer  # noqa: E402
from zennit.composites import LayerMapComposite  # noqa: E402
from zennit.core import BasicHook  # noqa: E402


def distance(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.fixture
def patched(monkeypatch):
    """Puts their rules into the classes of torch and of zennit, which is how LXT works, until a test ends."""
    for kind in (nn.GELU, nn.LayerNorm, nn.MultiheadAttention):
        monkeypatch.setattr(kind, "forward", kind.forward)
        monkeypatch.setattr(kind, "original_forward", kind.forward, raising=False)
    for name in ("forward", "backward"):
        monkeypatch.setattr(BasicHook, name, getattr(BasicHook, name))

    def patch():
        efficient.monkey_patch(vision_transformer)
        efficient.monkey_patch_zennit()

    return patch


@pytest.mark.parametrize("gamma", [0.0, 0.25])
def test_their_vision_transformer(patched, gamma):
    """CP-LRP within attention, AttnLRP without. Hooks do not see linear layers of attention: γ = 0 there."""
    model, images = vits.build("torchvision"), vits.images()
    ours = (Gamma(gamma=part, stabiliser=0.0) for part in (gamma, gamma / 5))
    composite = Composite(*ours, stabiliser=0.0, product="signal").at(
        "*self_attention*", Epsilon(epsilon=0.0)
    )
    found = pyxai.explain(model, images, "lrp", 2, composite=composite).attribution
    patched()
    layers = [(nn.Conv2d, peer.Gamma(gamma)), (nn.Linear, peer.Gamma(gamma / 5))]
    hooks = LayerMapComposite(layers).context(model) if gamma else nullcontext()
    leaf = images.clone().requires_grad_(True)
    with hooks:
        (gradient,) = torch.autograd.grad(model(leaf)[:, 2].sum(), leaf)
    assert distance(found, images * gradient) <= (1e-5 if gamma else 1e-7)  # their stabilisers


class Explicit(Transformer):
    """The network of functions of LXT, which pass on relevance in place of gradients."""

    def forward(self, x):
        x = rules.epsilon_lrp(self.patches, 0.0, x).flatten(2).transpose(1, 2)
        heads = self.linear(self.norm(x, self.norm1), self.qkv)
        q, k, v = heads.unflatten(-1, (3, HEADS, DIM // HEADS)).permute(2, 0, 3, 1, 4).unbind(0)
        scores = functional.mul2(self.product(q, k.transpose(-2, -1)), 1 / math.sqrt(DIM // HEADS))
        y = self.product(functional.softmax(scores, -1), v).transpose(1, 2).flatten(2)
        x = functional.add2(x, self.linear(y, self.out), False, 0.0)
        y = rules.identity(nn.functional.gelu, self.linear(self.norm(x, self.norm2), self.up))
        x = functional.add2(x, self.linear(y, self.down), False, 0.0)
        return self.linear(functional.mean(x, 1, False, 0.0), self.head)

    def linear(self, x, layer):
        return functional.linear_epsilon(x, layer.weight, layer.bias, 0.0)

    def norm(self, x, layer):
        return functional.layer_norm_grad_fn.apply(x, layer.weight, layer.bias, layer.eps, 0.0)

    def product(self, a, b):
        return functional.matmul(a, b, False, 0.0)


def test_attn_lrp():
    model, theirs = random(Transformer()), Explicit().double().eval()
    theirs.load_state_dict(model.state_dict())
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    score = theirs(images)[:, 2]
    assert torch.allclose(score, model(images)[:, 2])
    (expected,) = torch.autograd.grad(score, images, score.detach())
    found = pyxai.explain(model, images.detach(), "lrp", 2, composite="attn_lrp", **EXACT).attribution
    assert distance(found, expected) <= 1e-9
