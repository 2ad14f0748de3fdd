"""The gradient of units, against autograd behind a hook and Captum."""

import pytest
import torch

import pyxai
from tests.methods import oracle
from tests.methods.neuron.networks import IMAGES, inside, part, rectified, smooth

METHOD = "neuron_gradient"
UNITS = [
    ("norm", (1, 2, 3)),
    ("norm", (2,)),
    ("right", (slice(0, 3), 1)),
    ("hidden", (4,)),
    ("hidden", ()),
    ("head", (slice(1, 3),)),
]


@pytest.mark.parametrize("make", [smooth, rectified])
@pytest.mark.parametrize(("layer", "unit"), UNITS)
def test_autograd_says_so(make, layer, unit):
    model, leaf = make(), IMAGES.clone().requires_grad_()
    found = pyxai.explain(model, IMAGES, METHOD, layer=layer, unit=unit or None)
    total = part(inside(model, leaf, layer)[0], unit)
    assert oracle.relative_l1(found.attribution, torch.autograd.grad(total.sum(), leaf)[0]) <= 1e-12
    assert torch.allclose(found.score, total, rtol=1e-12) and found.target.tolist() == [-1, -1]


def test_the_units_of_a_module_that_is_called_twice():
    maps = [
        pyxai.explain(smooth(), IMAGES, METHOD, layer=name, unit=1).attribution
        for name in ("twice", "twice#2")
    ]
    assert not torch.allclose(*maps)


def test_a_layer_without_a_derivative_by_the_images_is_said():
    class Cut(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return self.layer(x.detach()).mean((2, 3))

    with pytest.raises(
        ValueError, match=f"^{METHOD}: `layer` must have a derivative by the images, got 'layer'"
    ):
        pyxai.explain(Cut().double().eval(), IMAGES, METHOD, layer="layer", unit=1)


def test_captum():
    captum = pytest.importorskip("captum.attr")
    model = rectified()
    theirs = captum.NeuronGradient(model, model.right).attribute(IMAGES, (1, 2, 3))
    ours = pyxai.explain(model, IMAGES, METHOD, layer="right", unit=(1, 2, 3)).attribution
    assert oracle.relative_l1(ours, theirs) <= 1e-6
