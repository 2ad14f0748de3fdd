"""Maps of layers as the layers have them, and what the options make of them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests import unfriendly
from tests.methods.neuron.networks import IMAGES, smooth

METHOD = "layer_gradient_x_activation"


def explained(**options):
    return pyxai.explain(smooth(), IMAGES, METHOD, 1, **options)


class Last(nn.Module):
    """Channels last, tokens, windows (two for each image), and one number."""

    def __init__(self):
        super().__init__()
        self.patch, self.last, self.tokens, self.windows = (
            nn.Conv2d(3, 4, 2, 2),
            nn.Identity(),
            nn.Linear(4, 4),
            nn.Tanh(),
        )
        self.flat = nn.Linear(4, 3)

    def forward(self, x):
        x = self.last(self.patch(x).permute(0, 2, 3, 1))
        x = self.tokens(x.flatten(1, 2))
        x = self.windows(x.reshape(2 * len(x), -1, 4)).reshape(len(x), -1, 4)
        return self.flat(x.mean(1))


def last():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Last().double().eval()


@pytest.mark.parametrize(
    ("layer", "shape", "axes"),
    [
        ("patch", (4, 4, 5), ("channel", "y", "x")),
        ("last", (4, 5, 4), ("y", "x", "channel")),
        ("tokens", (20, 4), ("token", "channel")),
        ("windows", (2, 10, 4), ("axis_1", "axis_2", "axis_3")),
        ("flat", (3,), ("unit",)),
    ],
)
@pytest.mark.parametrize(
    "method",
    [
        name
        for name in pyxai.list_methods("neuron")
        if name.startswith("layer") or name == "internal_influence"
    ],
)
def test_maps_have_the_axes_of_the_layer(method, layer, shape, axes):
    steps = {"steps": 40} if "steps" in pyxai.methods.get_method(method).options() else {}
    found = pyxai.explain(last(), IMAGES, method, 1, layer=layer, **steps)
    assert found.attribution.shape == (2, *shape) and found.axes == axes
    if found.residual is not None:
        assert float(found.residual.max()) <= (0.01 if steps else 1e-4)
    if "channel" in axes and "y" in axes:
        assert found.heatmap().shape == (2, 4, 5)
        channel = found.attribution.ndim - 1 if axes[-1] == "channel" else 1
        assert torch.allclose(found.heatmap(), found.attribution.sum(channel))
    else:
        with pytest.raises(
            ValueError, match=rf"`attribution` must have the axes channel, y and x .*, got {axes[0]}"
        ):
            found.heatmap()


@pytest.mark.parametrize("layer", ["last", "tokens"])
def test_upsampling_makes_pictures_of_channels(layer):
    raw = pyxai.explain(last(), IMAGES, METHOD, 1, layer=layer).attribution.reshape(2, 4, 5, 4)
    found = pyxai.explain(last(), IMAGES, METHOD, 1, layer=layer, upsample=True)
    wanted = F.interpolate(raw.movedim(-1, 1), (8, 10), mode="bilinear", align_corners=False)
    assert torch.allclose(found.attribution, wanted) and found.axes == ("channel", "y", "x")
    assert found.heatmap().shape == (2, 8, 10)


@pytest.mark.parametrize(
    ("layer", "message"), [("flat", r"return a map of the image, got 'flat'"), ("windows", "return")]
)
def test_what_is_no_map_makes_no_picture(layer, message):
    with pytest.raises(ValueError, match=f"^{METHOD}: `layer` must {message}"):
        pyxai.explain(last(), IMAGES, METHOD, 1, layer=layer, upsample=True)


def test_values_are_rectified_and_normalised_image_by_image():
    raw = explained(layer="norm").attribution
    assert torch.equal(explained(layer="norm", relu=True).attribution, raw.clamp(min=0))
    least, greatest = explained(layer="norm", normalize="min_max").attribution.flatten(1).aminmax(dim=1)
    assert least.tolist() == [0, 0] and greatest.tolist() == [1, 1]
    largest = explained(layer="norm", normalize="max").attribution
    assert torch.allclose(largest, raw / raw.amax((1, 2, 3), keepdim=True))


def test_changed_values_have_no_sum_to_reach():
    options = {"layer": "norm", "steps": 2}
    for changed in ({"relu": True}, {"normalize": "max"}, {"upsample": True}):
        assert pyxai.explain(smooth(), IMAGES, "layer_conductance", 1, **options, **changed).delta is None
    assert pyxai.explain(smooth(), IMAGES, "layer_conductance", 1, **options).delta is not None


def test_noise_over_a_method_of_layers():
    model, images = unfriendly.build("Flattened"), unfriendly.images(2)
    found = pyxai.explain(
        model, images, "smoothgrad", 1, of=METHOD, of_options={"layer": "hidden"}, samples=3
    )
    assert found.attribution.shape == (2, 16) and found.axes == ("unit",)
    assert found.standard_error.shape == (2, 16)


@pytest.mark.parametrize("grid", [(0, 5), "4,5", (4.5, 5)])
def test_grids_are_whole_numbers(grid):
    with pytest.raises(ValueError, match="`grid` must be positive whole numbers"):
        explained(layer="norm", grid=grid)
