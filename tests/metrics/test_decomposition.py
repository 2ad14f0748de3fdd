"""The measures on classifiers whose answers are known."""

import numpy as np
import pytest
import torch

from pyxai.metrics import decomposition as evaluation


def by_red(images):
    """Class 1 where the mean of red is above zero; the logit is steep."""
    red = 1e3 * images[:, 0].mean((1, 2))
    return torch.stack([-red, red], 1)


@pytest.mark.parametrize(("classes", "wanted"), [(2, 0.975), (3, 0.9 + 0.2 / 3), (4, 0.9625)])
def test_ideal_agnostic_part(classes, wanted):
    """Right until β = 1 and at chance there: the area is near 1, so it rewards overshooting instead."""
    accuracy = torch.tensor([1.0] * 10 + [1 / classes], dtype=torch.float64)
    assert evaluation.area(accuracy, evaluation.BETAS) == pytest.approx(wanted)


def test_areas_by_hand():
    accuracy = torch.tensor([0.8, 0.8, 0.4, 0.0, 0.0], dtype=torch.float64)
    betas = (0, 0.25, 0.5, 0.75, 1)
    area = 0.25 * (0.4 + 0.8 + 0.4)
    assert evaluation.area(accuracy, betas, relative=False) == pytest.approx(area)
    assert evaluation.area(accuracy, betas) == pytest.approx(area / 0.8)


def test_progression():
    """Twice the red taken away at β = 1 turns the answer at β > 1/2."""
    images = torch.full((2, 3, 4, 4), 0.5)
    images[1] *= -1
    target = torch.tensor([1, 0])
    probabilities = evaluation.progression(by_red, images, 2 * images)
    right = evaluation.accuracies(probabilities, target)
    assert right[:5].tolist() == [1.0] * 5 and right[6:].tolist() == [0.0] * 5
    means = evaluation.class_means(probabilities, target)
    torch.testing.assert_close(means[0], torch.eye(2))
    torch.testing.assert_close(means[10], 1 - torch.eye(2))
    torch.testing.assert_close(means[5], torch.full((2, 2), 0.5))


def test_deletion_removes_the_most_relevant():
    relevance = torch.arange(100.0).reshape(1, 1, 10, 10).expand(2, 3, -1, -1)
    seen = []
    images = torch.ones(2, 3, 10, 10)
    evaluation.deletion(lambda x: seen.append(x) or x[:, :2, 0, 0], images, -relevance)
    for share, image in zip(evaluation.DELETED, seen, strict=True):
        wanted = (np.arange(100) < 100 - round(100 * share)).reshape(10, 10)
        assert (image.bool().numpy() == wanted).all()


def test_distance_from_equal():
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [100.0, 0.0, 0.0, 0.0]])
    found = evaluation.distance_from_equal(lambda images: logits, torch.zeros(2, 3, 4, 4))
    torch.testing.assert_close(found, torch.tensor([0.0, (0.75 + 3 * 0.25) / 4]))


def test_heatmap_parts():
    images = torch.randn(3, 3, 2, 2)
    heatmap = torch.tensor([[1.0, 2.0], [-4.0, 0.0]]).expand(3, 1, 2, 2).clone()
    heatmap[2] = 0
    clipped = evaluation.heatmap_part(images, heatmap)
    kept = evaluation.heatmap_part(images, heatmap, negative="keep")
    torch.testing.assert_close(clipped[:2], images[:2] * torch.tensor([[0.5, 1.0], [0.0, 0.0]]))
    torch.testing.assert_close(kept[:2], images[:2] * torch.tensor([[0.25, 0.5], [-1.0, 0.0]]))
    assert not clipped[2].any()
    with pytest.raises(ValueError, match="`negative` must be one of"):
        evaluation.heatmap_part(images, heatmap, negative="x")


def test_deletion_ranks_by_relevance_also_where_the_picture_is_grey():
    """The part w ⊙ x vanishes on mid-grey pixels; they go first all the same if relevance says so."""
    images = torch.zeros(1, 3, 10, 10)
    images[..., 0, 5:] = 1.0
    relevance = torch.zeros(1, 1, 10, 10)
    relevance[..., 0, :5], relevance[..., 0, 5:] = 2.0, 1.0

    def bright(x):
        light = x.sum((1, 2, 3)) - 7.5  # of the 15 values that are one
        return torch.stack([-light, light], 1)

    part = evaluation.heatmap_part(images, relevance)
    row = evaluation.measures(bright, images, part, relevance, torch.tensor([1]))
    assert row["deletion"] == pytest.approx(0.05 + 0.05 / 2)  # right until a tenth is gone
