"""What every method that is a function of the images must show."""

import torch

import pyxai
from pyxai import saliency
from pyxai.methods import get_method


def assert_is_the_function(name, **options):
    """The method ``name`` is `pyxai.saliency`'s function of that name: maps, options and documentation.

    Args:
        options: some that differ from their defaults, and change the map.
    """
    function, images = getattr(saliency, name), torch.rand(3, 3, 20, 24)
    found = pyxai.Explainer(None, name, rows=2, **options)(images)
    torch.testing.assert_close(found.heatmap(), function(images, **options))
    assert found.attribution.shape == (3, 1, 20, 24) and found.method == name
    plain = function(images)
    assert plain.any() and (not options or not torch.equal(plain, function(images, **options)))
    assert get_method(name).summary() == function.__doc__.partition("\n")[0]
    assert set(options) <= set(get_method(name).options())
