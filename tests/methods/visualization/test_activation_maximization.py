"""Activation maximization: what it shows becomes larger, and nothing of it depends on the pixels."""

import pytest
import torch

import pyxai
from tests import unfriendly
from tests.visualization import two_objects

METHOD = "activation_maximization"
STILL = {"jitter": (0, 0), "scale": (1.0, 1.0), "rotate": 0.0, "shear": 0.0}


def small(images=None, target=None, ids=None, **options):
    images = unfriendly.images(2).sigmoid() if images is None else images
    model = unfriendly.build("FunctionalReLU")
    return pyxai.explain(model, images, METHOD, target, ids=ids, **{"steps": 3} | options)


def test_a_network_names_the_picture_of_each_class():
    """The class of the picture is the best one of a trained network, from noise that is none of it."""
    model, classes = two_objects.trained(), torch.arange(two_objects.CLASSES)
    images, _ = two_objects.pictures(classes[:, None], seed=5)
    found = pyxai.explain(model, images, METHOD, classes, steps=150)
    assert torch.equal(model(found.attribution).argmax(1), classes)
    assert (model(found.attribution).gather(1, classes[:, None])[:, 0] > found.score).all()


@pytest.mark.parametrize("unit", [2, (2, 3, 4), "1:3"])
def test_units_of_a_layer_become_larger(unit):
    model, index = unfriendly.build("FunctionalReLU"), pyxai.methods.unit.unit_index(unit)

    def of(pictures):
        maps = torch.nn.functional.max_pool2d(model.conv1(pictures).relu(), 2)
        return model.conv2(maps)[(slice(None), *index)].reshape(len(pictures), -1).sum(1)

    few, many = (small(layer="conv2", unit=unit, steps=steps, **STILL) for steps in (1, 60))
    assert (of(many.attribution) > of(few.attribution)).all()
    assert torch.allclose(many.score, of(unfriendly.images(2).sigmoid()))
    assert many.target.tolist() == [-1, -1] and many.target_name.startswith("conv2, unit")


@pytest.mark.parametrize(
    "options", [{"target": 1}, {"layer": "conv2", "unit": 3}, {"layer": "auto"}], ids=str
)
def test_pictures_depend_on_ids_and_not_on_pixels(options):
    images, ids = unfriendly.images(2).sigmoid(), torch.tensor([5, -8])
    found = small(images, ids=ids, **options)
    assert torch.equal(found.attribution, small(1 - images, ids=ids, **options).attribution)
    assert torch.equal(found.attribution.flip(0), small(images, ids=ids.flip(0), **options).attribution)
    assert not torch.equal(found.attribution[0], found.attribution[1])
    assert found.evaluations.tolist() == [4, 4]


def test_the_class_is_the_predicted_one_if_none_is_given():
    predicted = small()
    assert torch.equal(predicted.attribution, small(target=predicted.target).attribution)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": 1}, "`unit` must come with `layer`, whose unit it is, got 1"),
        ({"layer": "conv2", "unit": 8}, r"`unit` must be an index into \(8, 8, 8\), the shape of `conv2`"),
        ({"layer": "conv2", "target": 1}, "`target` must be left out: no class is explained, but conv2, all"),
        ({"layer": ""}, "`layer` must be the name of a module, got ''"),
        ({"layer": "conv3"}, "`layer` must name a module of the model"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=f"^{METHOD}: {message}"):
        small(**options)
