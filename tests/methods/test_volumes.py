"""Volumes and clips (N, C, T, H, W): every method explains them, or refuses them in one line."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai.methods import Needs, get_method
from tests.methods.test_every_method import OF_CLASSES, QUICK

METHODS = pyxai.list_methods()
EXPLAINED = [name for name in METHODS if get_method(name).volumes]
REFUSED = [name for name in METHODS if name not in EXPLAINED]
NEEDED = {"dxai": {"run": "a training"}}
SIZE = (6, 10, 12)
LAYER = (8, 3, 5, 6)  # of the last map of Net


class Net(nn.Module):
    """Two convolutions over time and space, with what usually stands between them."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.pool = nn.Conv3d(3, 6, 3, padding=1), nn.BatchNorm3d(6), nn.MaxPool3d(2)
        self.second, self.head = nn.Conv3d(6, 8, 3, padding=1), nn.Linear(8, 4)

    def forward(self, clips):
        maps = self.second(self.pool(self.norm(self.first(clips)).relu())).relu()
        return self.head(maps.mean((2, 3, 4)))


def net(dtype=torch.float32):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Net().to(dtype).eval()


def clips(count=3, dtype=torch.float32):
    return torch.rand(count, 3, *SIZE, dtype=dtype, generator=torch.Generator().manual_seed(1))


def explained(method, images, model=None, target=None, **options):
    free = get_method(method).needs is Needs.NOTHING
    model = None if free else model or net(images.dtype)
    return pyxai.explain(
        model, images, method, target, **NEEDED.get(method, {}) | QUICK.get(method, {}) | options
    )


@pytest.mark.parametrize("method", EXPLAINED)
def test_maps_of_clips(method):
    images, model = clips(), net()
    found = explained(method, images, model)
    built = pyxai.Explainer(model, method).method
    shape = LAYER if built.of_layer else (3 if built.per_channel else 1, *SIZE)
    assert found.attribution.shape == (3, *shape) and found.attribution.isfinite().all()
    assert found.attribution.flatten(1).any(1).all()
    assert found.axes == ("channel", "frame", "y", "x")
    assert found.heatmap().shape == (3, *shape[1:])
    assert torch.equal(found.heatmap(), found.attribution.sum(1))
    assert torch.equal(
        found.target, model(images).argmax(1) if method in OF_CLASSES else torch.full((3,), -1)
    )
    assert torch.equal(found[1].attribution, explained(method, images, ids=torch.arange(3))[1].attribution)


@pytest.mark.parametrize("method", [name for name in EXPLAINED if name in OF_CLASSES])
def test_several_targets_of_clips(method):
    places = LAYER[1:] if get_method(method).of_layer else SIZE
    both = explained(method, clips(2), target=torch.tensor([[0, 2], [3, 1]]))
    assert both.heatmap().shape == (2, 2, *places)
    alone = explained(method, clips(2), target=[2, 1])
    assert torch.allclose(both.heatmap()[:, 1], alone.heatmap(), rtol=1e-3, atol=1e-5)
    assert explained(method, clips(0)).attribution.shape[2:] == places


@pytest.mark.parametrize("method", REFUSED)
def test_who_does_not_take_clips_says_so_in_one_line(method):
    with pytest.raises(
        ValueError, match=r"`images` must have shape \(N, C, H, W\), got \(3, 3, 6, "
    ) as error:
        explained(method, clips())
    assert str(error.value).startswith(f"{method}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("method", EXPLAINED)
def test_one_axis_of_pixels_is_no_image(method):
    with pytest.raises(ValueError, match=r"have shape \(N, C, H, W\) or \(N, C, T, H, W\), got \(1, 3, 8\)"):
        explained(method, torch.zeros(1, 3, 8))


@pytest.mark.parametrize("method", EXPLAINED)
def test_a_clip_is_explained_alike_beside_others(method):
    model, images = net(), clips()
    explainer = pyxai.Explainer(model, method, rows=4, **QUICK.get(method, {}))
    together, alone = explainer(images, ids=[4, 5, 6]), explainer(images[1:2], ids=[5])
    assert torch.equal(together[1].attribution, alone.attribution)


@pytest.mark.parametrize("method", EXPLAINED)
def test_a_clip_of_one_frame_has_the_map_of_the_picture(method):
    """A kernel of one frame sees what a kernel of the plane sees."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        plane = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 4),
        )
        plane = plane.double().eval()
    volume = nn.Sequential(
        nn.Conv3d(3, 6, (1, 3, 3), padding=(0, 1, 1)),
        nn.ReLU(),
        nn.MaxPool3d((1, 2, 2)),
        nn.Conv3d(6, 8, (1, 3, 3), padding=(0, 1, 1)),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )
    volume = volume.double().eval()
    volume.load_state_dict(
        {name: value[:, :, None] if value.ndim == 4 else value for name, value in plane.state_dict().items()}
    )
    images = clips(2, torch.float64)[:, :, 0]
    wanted = explained(method, images, plane).attribution
    found = explained(method, images[:, :, None], volume).attribution[:, :, 0]
    assert torch.allclose(found, wanted, rtol=1e-6, atol=1e-9 * float(wanted.abs().max()))


@pytest.mark.parametrize("rule", ["midpoint", "gauss_legendre"])
def test_integrated_gradients_of_a_volume_are_complete(rule):
    model, images = net(torch.float64), clips(2, torch.float64)
    few, many = (
        explained("integrated_gradients", images, model, steps=steps, rule=rule) for steps in (16, 1024)
    )
    total = many.attribution.flatten(1).sum(1)
    expected = (model(images) - model(torch.zeros_like(images))).gather(1, many.target[:, None])[:, 0]
    assert torch.allclose(total, expected, rtol=2e-4)
    assert torch.allclose(many.delta, total - expected, rtol=0, atol=1e-12)
    assert many.residual.max() < few.residual.max()
