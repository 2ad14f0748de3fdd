"""What pictures that are optimised have in common."""

import pytest
import torch

import pyxai
from tests import unfriendly

METHODS = {
    "attribution_visualization": {"attribution": "layer_gradient_x_activation"},
    "factorized_visualization": {"groups": 2},
    "activation_maximization": {},
}


def explained(method, **options):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2).sigmoid()
    return pyxai.explain(model, images, method, 1, **{"steps": 2} | METHODS[method] | options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "options",
    [
        {"steps": 3}, {"learning_rate": 0.1}, {"decay": "steps"}, {"jitter": (0, 0)}, {"scale": (1.0, 1.0)},
        {"rotate": 0.0}, {"shear": 0.0}, {"edge": "zeros"}, {"low": -1.0}, {"high": 2.0}, {"seed": 1},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_changes_the_picture(method, options):
    assert not torch.equal(explained(method).attribution, explained(method, **options).attribution)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "`steps` must be a positive whole number, got 0"),
        ({"learning_rate": -1.0}, "`learning_rate` must be a positive number"),
        ({"rotate": 90.0}, "`rotate` must lie in"),
        ({"high": 0.0}, "`high` must differ from `low`"),
    ],
)
def test_messages(method, options, message):
    with pytest.raises(ValueError, match=f"^{method}: {message}"):
        explained(method, **options)
