"""Deletion and insertion against closed forms, and against a loop over sorted pixels."""

import inspect

import numpy as np
import pytest
import torch
from torch import nn

import pyxai
from pyxai.metrics import deletion, insertion
from tests import zoo

FUNCTIONS = pytest.mark.parametrize("measure", [deletion, insertion])
SIDES = 6, 8
PIXELS = 48


class Mean(nn.Module):
    """One value: the mean of some pixels, of all channels."""

    def __init__(self, pixels):
        super().__init__()
        self.register_buffer("pixels", torch.as_tensor(pixels))

    def forward(self, images):
        return images.mean(1).flatten(1)[:, self.pixels].mean(1, keepdim=True)


def linear(classes=3, sides=SIDES):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * sides[0] * sides[1], classes)).double().eval()


def pictures(number, sides=SIDES, seed=0):
    return torch.rand(number, 3, *sides, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def orders(number, seed=0):
    """Maps (N, 1, H, W) whose pixels differ in relevance, and the place of each in that order (N, P)."""
    random = np.random.default_rng(seed)
    places = np.stack([random.permutation(PIXELS) for _ in range(number)])
    return torch.from_numpy(-places.reshape(number, 1, *SIDES)).double(), torch.from_numpy(places)


def blurred(images, sigma=5.0, reach=5):
    """Each pixel the mean, by a Gaussian, of those at most ``reach`` rows and columns away."""
    found = torch.zeros_like(images)
    height, width = images.shape[2:]
    for y in range(height):
        for x in range(width):
            rows = torch.arange(max(0, y - reach), min(height, y + reach + 1))
            columns = torch.arange(max(0, x - reach), min(width, x + reach + 1))
            squared = ((rows - y) ** 2)[:, None] + ((columns - x) ** 2)[None]
            weights = torch.exp(-squared.double() / (2 * sigma**2))
            part = images[:, :, rows][..., columns]
            found[:, :, y, x] = (part * weights).sum((2, 3)) / weights.sum()
    return found


def ends(measure, images, baseline=0.0):
    """What pixels are at first, and what they become."""
    deleted = torch.zeros_like(images) + images.new_tensor(baseline).reshape(-1, 1, 1)
    return (images, deleted) if measure is deletion else (blurred(images), images)


def middles(places, counts):
    """Where on the axis of shares each pixel changes, on average: the middle of its part."""
    counts = torch.as_tensor(counts)
    part = torch.bucketize(places, counts[1:], right=True)
    return (counts[part] + counts[part + 1]).double() / 2 / PIXELS


@FUNCTIONS
@pytest.mark.parametrize("steps", [1, 4, 5, 7, 48, 100])
def test_the_mean_of_some_pixels(measure, steps):
    """The area is that of each pixel by itself: what it is at first until it goes, then what it becomes."""
    images, (maps, places) = pictures(3), orders(3)
    chosen = [3, 17, 40, 41]
    found = measure(Mean(chosen), images, maps, steps=steps)
    counts = [round(step * PIXELS / steps) for step in range(steps + 1)]
    gone = middles(places, counts)[:, chosen]
    first, last = (values.mean(1).flatten(1)[:, chosen] for values in ends(measure, images))
    wanted = (first * gone + last * (1 - gone)).mean(1)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, wanted)


def test_areas_by_hand():
    """A picture of ones whose value is the mean of a quarter of it: best, worst, and none of it first."""
    images, quarter = torch.ones(1, 1, 4, 4), [0, 1, 2, 3]
    maps = torch.zeros(1, 4, 4)
    maps.view(-1)[quarter] = 1
    assert deletion(Mean(quarter), images, maps, steps=4).item() == pytest.approx(1 / 8)
    assert deletion(Mean(quarter), images, -maps, steps=4).item() == pytest.approx(7 / 8)
    assert deletion(Mean(quarter), images, 0 * maps, steps=4).item() == pytest.approx(1 / 2)
    assert insertion(Mean(quarter), images, maps, steps=4).item() == pytest.approx(1)


@FUNCTIONS
def test_a_map_that_is_the_same_everywhere(measure):
    """The mean of the first and the last probability, not what the order in memory happens to give."""
    model, images = linear(), pictures(2)
    found = measure(model, images, torch.full((2, *SIDES), 0.3), [1, 2])
    first, last = (model(values).softmax(1)[[0, 1], [1, 2]] for values in ends(measure, images))
    torch.testing.assert_close(found, (first + last).detach() / 2)


@FUNCTIONS
def test_equal_pixels_go_together(measure):
    """Each counts from the middle of its group: the mean over all orders of those that are equal."""
    images, chosen = pictures(1), [0, 9, 30]
    maps = torch.from_numpy(np.random.default_rng(0).integers(0, 6, (1, *SIDES))).double()
    level = maps.flatten()
    before, behind = ((level > level[:, None]).sum(1), (level >= level[:, None]).sum(1))
    gone = ((before + behind) / 2 / PIXELS)[chosen]
    first, last = (values.mean(1).flatten()[chosen] for values in ends(measure, images))
    found = measure(Mean(chosen), images, maps, steps=PIXELS)
    assert found.item() == pytest.approx((first * gone + last * (1 - gone)).mean().item())


@FUNCTIONS
def test_pixels_in_another_order_in_memory(measure):
    model, images = linear(), pictures(1)
    maps = torch.from_numpy(np.random.default_rng(0).integers(0, 6, (1, *SIDES)))
    turned = measure(lambda x: model(x.flip(2, 3)), images.flip(2, 3), maps.flip(1, 2), 0, steps=9)
    torch.testing.assert_close(turned, measure(model, images, maps, 0, steps=9))


@FUNCTIONS
def test_pixels_that_go_together_are_one_call(measure):
    """A map of three levels has four pictures, however many steps there are."""
    seen = []

    def model(images):
        seen.extend(images)
        return images.mean((2, 3))

    maps = torch.zeros(1, *SIDES)
    maps[0, 0], maps[0, 1] = 1, 2
    measure(model, pictures(1), maps, 0, steps=48, rows=1)
    few = len(seen)
    seen.clear()
    measure(model, pictures(1), orders(1)[0], 0, steps=48, rows=1)
    assert few + 45 == len(seen)


@pytest.mark.parametrize(
    ("measure", "options"),
    [
        (insertion, {}),
        (deletion, {}),
        (deletion, {"baseline": 0.5}),
        (deletion, {"baseline": (0.1, 0.2, 0.3)}),
    ],
)
def test_a_loop_over_sorted_pixels(measure, options):
    """As the authors' code has it: a fixed number of pixels a step, and the sum without half of its ends."""
    model, images, (maps, places) = linear(), pictures(2), orders(2)
    wanted = []
    for row in range(2):
        first, last = (values[row].clone().flatten(1) for values in ends(measure, images, **options))
        target = model(images[row : row + 1]).argmax().item()
        scores, order = [], places[row].argsort()
        for step in range(13):
            gone = order[: 4 * step]
            picture = first.clone()
            picture[:, gone] = last[:, gone]
            scores.append(model(picture.view(1, 3, *SIDES)).softmax(1)[0, target].item())
        wanted.append((sum(scores) - scores[0] / 2 - scores[-1] / 2) / 12)
    found = measure(model, images, maps, steps=12, **options)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


@FUNCTIONS
def test_channels_are_summed_with_their_signs(measure):
    model, images, maps = linear(), pictures(2), torch.randn(2, 3, *SIDES)
    torch.testing.assert_close(measure(model, images, maps), measure(model, images, maps.double().sum(1)))


def convolutions(dtype=torch.float32):
    """A small network in which the size of a batch may change how sums are rounded."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Conv2d(3, 24, 3), nn.BatchNorm2d(24), nn.ReLU(), nn.Conv2d(24, 40, 3, 2), nn.ReLU()
        return (
            nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(40, 10)).to(dtype).eval()
        )


@FUNCTIONS
@pytest.mark.parametrize("rows", [None, 7])
def test_batch_mates_change_no_bit(measure, rows):
    model, images, maps = convolutions(), zoo.photographs(3, 32), torch.randn(3, 1, 32, 32)
    together = measure(model, images, maps, steps=20, rows=rows)
    alone = [measure(model, images[i : i + 1], maps[i : i + 1], steps=20, rows=rows) for i in range(3)]
    assert torch.equal(together, torch.cat(alone))


@FUNCTIONS
def test_precision_is_that_of_the_model(measure):
    images, maps = zoo.photographs(2, 32), torch.randn(2, 1, 32, 32)
    exact = measure(convolutions(torch.float64), images.double(), maps, steps=10)
    torch.testing.assert_close(measure(convolutions(), images, maps, steps=10), exact, rtol=1e-5, atol=0)


@FUNCTIONS
def test_the_model_comes_back_as_it_was(measure):
    model, images = convolutions(), zoo.photographs(2, 32).requires_grad_()
    model[-1].weight.grad = torch.ones_like(model[-1].weight)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    flags = [(part.requires_grad, part.grad is None) for part in model.parameters()]
    maps = pyxai.explain(model, images, "gradient").attribution
    found = measure(model, images, maps, steps=5)
    assert not found.requires_grad and images.grad is None
    assert flags == [(part.requires_grad, part.grad is None) for part in model.parameters()]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module.training or module._forward_hooks for module in model.modules())
    with torch.inference_mode(), torch.autocast("cpu"):
        assert torch.equal(measure(model, images.clone(), maps.clone(), steps=5), found)


@FUNCTIONS
def test_no_images(measure):
    assert measure(linear(), pictures(0), torch.zeros(0, *SIDES)).shape == (0,)


@FUNCTIONS
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"maps": torch.zeros(2, 1, 3, 4)}, ValueError, r"`maps` must have shape \(2, 6, 8\)"),
        ({"maps": torch.zeros(2, 5, 3, *SIDES)}, ValueError, "`maps` must have shape"),
        ({"maps": torch.zeros(2, *SIDES) / 0}, ValueError, "`maps` must be finite"),
        ({"steps": 0}, ValueError, "`steps` must be a positive whole number, got 0"),
        ({"steps": 2.5}, ValueError, "`steps` must be a positive whole number, got 2.5"),
        ({"images": pictures(2)[None]}, ValueError, "`images` must have shape"),
        ({"target": "top2"}, ValueError, "`target` must be one class for each image"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused(measure, options, error, message):
    given = {"model": linear(), "images": pictures(2), "maps": torch.zeros(2, *SIDES)} | options
    with pytest.raises(error, match=f"^{measure.__name__}: {message}"):
        measure(**given)


def test_the_baseline_is_a_colour():
    with pytest.raises(
        ValueError, match="deletion: `baseline` must be one number or one for each of 3 channels"
    ):
        deletion(linear(), pictures(1), torch.zeros(1, *SIDES), baseline=(0.0, 1.0))


def test_both_take_the_same_arguments():
    takes = [list(inspect.signature(measure).parameters) for measure in (deletion, insertion)]
    assert [name for name in takes[0] if name != "baseline"] == takes[1]


@pytest.mark.slow
@pytest.mark.skipif(bool(zoo.missing_data()), reason=zoo.missing_data() or "data present")
def test_maps_beat_their_negatives_on_photographs():
    model, (images, _) = zoo.trained_resnet20(), zoo.cifar10_images(10)
    maps = pyxai.explain(model, images, "grad_cam").attribution
    gone, left = (deletion(model, images, sign * maps, steps=16) for sign in (1, -1))
    come, awaited = (insertion(model, images, sign * maps, steps=16) for sign in (1, -1))
    assert gone.mean() < left.mean() - 0.2 and come.mean() > awaited.mean() + 0.2
