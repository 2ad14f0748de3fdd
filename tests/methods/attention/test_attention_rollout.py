"""Attention rollout against a product in numpy of what each maker's own modules attend to."""

import numpy as np
import pytest
import torch

import pyxai
from tests import vits


def explained(name, model, images, **options):
    settings = {"upsample": False, "output": vits.VITS[name].output}
    return pyxai.explain(model, images, "attention_rollout", **settings | options).attribution[:, 0]


def product(attentions, residual=0.5, how=np.mean, discard=0.0):
    """Of one image; `attentions` are (h, T, S)."""
    total = None
    for attention in attentions:
        fused = how(attention, 0)
        if discard:
            fused = fused * (fused >= np.sort(fused, axis=None)[int(discard * fused.size)])
        if fused.shape[0] == fused.shape[1]:
            fused = (1 - residual) * fused + residual * np.eye(len(fused))
        fused = fused / fused.sum(1, keepdims=True)
        total = fused if total is None else fused @ total
    return total


@pytest.mark.parametrize("name", vits.forms())
def test_every_maker(name):
    vit, model, images = vits.VITS[name], vits.build(name), vits.images()
    attentions = [vits.by_heads(part, 2).detach().numpy() for part in vits.eager(name, model, images)[0]]
    found, read = explained(name, model, images).numpy(), slice(None)
    if "DINOv2" not in name and vit.prefix and "mean" not in name:
        read = slice(0, 1)
    for image in range(2):
        rows = product([part[image] for part in attentions])
        if "mean of patches" in name:
            read = slice(vit.prefix, None)
        expected = rows[read].mean(0)[vit.prefix :].reshape(4, 4)
        assert np.abs(found[image] - expected).max() <= 1e-13


@pytest.mark.parametrize("options", [{"heads": "min"}, {"heads": "max", "residual": 0.2}, {"discard": 0.6}])
def test_options(options):
    model, images = vits.build("hand"), vits.images()
    attentions = [vits.by_heads(part, 2).detach().numpy() for part in vits.eager("hand", model, images)[0]]
    how = {"min": np.min, "max": np.max}.get(options.get("heads"), np.mean)
    found = explained("hand", model, images, **options).numpy()
    settings = {name: options[name] for name in ("residual", "discard") if name in options}
    for image in range(2):
        expected = product([part[image] for part in attentions], how=how, **settings)[0, 1:].reshape(4, 4)
        assert np.abs(found[image] - expected).max() <= 1e-13


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"discard": 1.0}, "attention_rollout: `discard` must be less than 1, got 1.0"),
        ({"residual": 1.5}, "attention_rollout: `residual` must be at most 1, got 1.5"),
        ({"residual": -0.5}, "attention_rollout: `residual` must be a number that is not negative, got -0.5"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        explained("hand", vits.build("hand"), vits.images(), **options)


def test_it_is_the_same_for_all_classes_and_has_the_size_of_the_image():
    model, images = vits.build("hand"), vits.images()
    found = pyxai.explain(model, images, "attention_rollout", [[0, 1], [2, 3]])
    assert found.attribution.shape == (2, 2, 1, 32, 32)
    assert torch.equal(found.attribution[:, 0], found.attribution[:, 1])
