"""The order of training images, their augmentation, and the two ranges of pixels."""

import numpy as np
import pytest
import torch

from pyxai.dxai.data import BalancedOrder, LabelledImages, OfUnitRange, Range, augment, augmentation_draws

LABELS = np.repeat([0, 1, 2], [5, 2, 9])


def test_order_is_balanced():
    """Every c places hold every class once, and a class's images all come before one comes again."""
    order = BalancedOrder(LABELS, 0)
    rows = order.rows(0, 3 * 90)
    assert (np.sort(LABELS[rows].reshape(-1, 3), 1) == [0, 1, 2]).all()
    for label, count in enumerate([5, 2, 9]):
        epochs = rows[LABELS[rows] == label].reshape(-1, count)
        assert (np.sort(epochs, 1) == np.flatnonzero(label == LABELS)).all()
    assert len({tuple(epoch) for epoch in rows[LABELS[rows] == 2].reshape(-1, 9).tolist()}) > 5


def test_order_is_a_function_of_the_position():
    whole = BalancedOrder(LABELS, 3).rows(0, 100)
    order = BalancedOrder(LABELS, 3)
    assert np.array_equal(order.rows(64, 36), whole[64:])
    assert np.array_equal(order.rows(7, 20), whole[7:27])
    assert not np.array_equal(BalancedOrder(LABELS, 4).rows(0, 100), whole)


def test_augmentation():
    image = torch.arange(12.0).reshape(1, 3, 2, 2)
    draws = augmentation_draws(200, 0, 5)
    assert torch.equal(draws, augmentation_draws(200, 0, 5))
    assert not torch.equal(draws, augmentation_draws(200, 0, 6))
    seen = {
        kind: {tuple(x.flatten().tolist()) for x in augment(image.expand(200, -1, -1, -1), kind, draws)}
        for kind in ("none", "flip", "dihedral")
    }
    assert {kind: len(found) for kind, found in seen.items()} == {"none": 1, "flip": 2, "dihedral": 8}
    assert seen["flip"] == {tuple(x.flatten().tolist()) for x in (image, image.flip(3))}


def test_range():
    span = Range(black=(-2.0, 0.0, 1.0), white=(2.0, 1.0, 0.0))
    black, white = (torch.tensor(end)[None, :, None, None].double() for end in (span.black, span.white))
    assert torch.equal(span.unit(black), -torch.ones_like(black))
    assert torch.equal(span.unit(white), torch.ones_like(white))
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(span.input(span.unit(x)), x)
    # Parts that sum to a change of the image do so in either range.
    torch.testing.assert_close(span.input(span.unit(x) + 0.5) - x, span.scaled(torch.full_like(x, 0.5)))


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 0], ("cat",), "images of at least two classes, got 1"),
        ([0, 2], ("cat", "dog", "horse"), "images of every class, got none of dog"),
    ],
)
def test_classes_without_images(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        LabelledImages(lambda row: torch.zeros(3, 32, 32), np.array(labels), classes)


def test_a_classifier_of_images_in_the_generators_range():
    span = Range((-2.0, 0.0), (2.0, 1.0))
    model = torch.nn.Flatten()
    images = torch.rand(3, 2, 4, 4) * 2 - 1
    assert torch.equal(OfUnitRange(model, span)(images), model(span.input(images)))
