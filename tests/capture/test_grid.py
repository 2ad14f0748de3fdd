"""Where in the image the values of layers lie, told by what the layers return."""

import pytest
import torch
from torch import nn

from pyxai.capture.classifier import Classifier
from pyxai.capture.grid import Layout, Survey
from tests import unfriendly, zoo

IMAGE = torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(0))


def survey(model, image=IMAGE):
    return Survey(model, Classifier(model), image)


class Head(nn.Module):
    """Scores of maps (n, C, …) or tokens (n, T, D), by random weights."""

    def __init__(self, numbers):
        super().__init__()
        self.linear = nn.Linear(numbers, 4)

    def forward(self, x):
        return self.linear(x.flatten(1))


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Tokens(nn.Module):
    """A patch embedding, extra tokens before or behind, and a layer that mixes nothing."""

    def __init__(self, before=1, behind=0, convolution=True):
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4) if convolution else None
        self.linear = nn.Linear(3 * 16, 8)
        self.extra = nn.ParameterList([nn.Parameter(torch.randn(1, count, 8)) for count in (before, behind)])
        self.join, self.norm, self.mix, self.head = nn.Identity(), nn.LayerNorm(8), Apply(mixed), Head(8)

    def forward(self, x):
        if self.patch is not None:
            tokens = self.patch(x).flatten(2).transpose(1, 2)
        else:
            tokens = self.linear(torch.nn.functional.unfold(x, 4, stride=4).transpose(1, 2))
        before, behind = (part.expand(len(x), -1, -1) for part in self.extra)
        tokens = self.join(torch.cat([before, tokens, behind], 1))
        return self.head(self.norm(self.mix(tokens))[:, :1])


def mixed(tokens):
    return tokens + tokens.mean(1, keepdim=True)


def test_channels_first_and_last_are_told_apart_by_size():
    model = nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), Apply(lambda x: x.permute(0, 2, 3, 1)), nn.LayerNorm(5), Head(1920)
    )
    assert survey(model).layout("0") == Layout((16, 24), 1)
    assert survey(model).layout("1") == survey(model).layout("2") == Layout((16, 24), -1)
    values = torch.randn(2, 16, 24, 5)
    assert torch.equal(survey(model).layout("1").maps(values), values.permute(0, 3, 1, 2))


@pytest.mark.parametrize("turned", [False, True])
def test_a_cube_of_values_is_told_by_what_moves_with_the_image(turned):
    turn = Apply((lambda x: x.permute(0, 2, 3, 1)) if turned else nn.Identity())
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), turn, Head(16**3))
    assert survey(model, IMAGE[..., :16]).layout("1") == Layout((16, 16), -1 if turned else 1)


def test_a_map_of_other_proportions_is_known_by_what_moves_with_the_image():
    """Without padding 16 × 24 becomes 12 × 20; (7, 12) rows and columns are as near to its proportions."""
    model = nn.Sequential(nn.Conv2d(3, 7, 5), Head(7 * 12 * 20))
    assert survey(model).layout("0") == Layout((12, 20), 1)


def test_what_moves_with_nothing_is_no_map():
    noise = torch.randn(16 * 16, generator=torch.Generator().manual_seed(1))
    model = nn.Sequential(
        Apply(lambda x: (x.mean((1, 2, 3))[:, None] * noise).reshape(-1, 4, 8, 8)), Head(256)
    )
    assert survey(model).layout("0", (8, 8)) == Layout((8, 8), 1)
    with pytest.raises(
        ValueError, match=r"^`layer` must return a map of the image, got '0', which has \(4, 8, 8\) for"
    ):
        survey(model).layout("0")


@pytest.mark.parametrize("convolution", [True, False])
@pytest.mark.parametrize("before, behind", [(0, 0), (1, 0), (5, 0), (0, 2), (1, 2)])
def test_tokens_that_are_the_same_for_all_images_lie_nowhere(before, behind, convolution):
    model = Tokens(before, behind, convolution)
    layout = survey(model).layout("norm")
    assert layout == Layout((4, 6), -1, tuple(range(before, before + 24)))
    tokens = torch.arange(24.0)[:, None].expand(1, 24, 8)
    rest = [torch.full((1, count, 8), -1.0) for count in (before, behind)]
    values = torch.cat([rest[0], tokens, rest[1]], 1)
    assert torch.equal(layout.maps(values), torch.arange(24.0).reshape(1, 1, 4, 6).expand(1, 8, 4, 6))


def test_tokens_that_form_no_grid_can_be_given_one():
    model = nn.Sequential(nn.Flatten(2), Apply(lambda x: x[..., :50].transpose(1, 2)), Head(150))
    with pytest.raises(
        ValueError, match=r"`layer` must return tokens on a grid, or come with `grid`, got '1', .*\(50, 3\)"
    ):
        survey(model).layout("1")
    assert survey(model).layout("1", (6, 8)) == Layout((6, 8), -1, tuple(range(2, 50)))
    for grid in ((7, 8), (50,), (1, 1)):
        with pytest.raises(
            ValueError, match=r"^`grid` must be rows and columns of '1', which has \(50, 3\) for an im"
        ):
            survey(model).layout("1", grid)


def test_channels_of_a_flat_map_are_no_tokens():
    """24 channels of 4 · 6 places: 24 tokens of 24 values by their size."""
    model = nn.Sequential(
        nn.Conv2d(3, 24, 4, 4), nn.Flatten(2), Apply(lambda x: x.transpose(1, 2)), Head(576)
    )
    assert survey(model).layout("2") == Layout((4, 6), -1, tuple(range(24)))
    with pytest.raises(ValueError, match="`layer` must return tokens on a grid"):
        survey(model).layout("1")


@pytest.mark.parametrize("name, layer", [
    ("FunctionalReLU", "conv2"), ("InplaceAdd", "bn"), ("ReusedModules", "relu#4"), ("Gate", "conv1"),
    ("OverlappingPools", "average"), ("Dropouts", "features"), ("OddConvolutions", "reflect"),
    ("DataDependent", "conv2"), ("Flattened", "conv1"),
])  # fmt: skip
def test_the_last_map(name, layer):
    model = unfriendly.build(name)
    assert survey(model, unfriendly.images(1)).last_map() == layer
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("name, layer", [
    ("resnet18", "layer4"), ("mobilenet_v3_small", "features"), ("squeezenet1_0", "relu#2"),
])  # fmt: skip
def test_the_last_map_of_known_networks(name, layer):
    ((_, model, images),) = zoo.models([name], n=1)
    assert survey(model, images).last_map() == layer


def test_a_map_that_the_scores_do_not_depend_on_is_not_the_last():
    class Aside(nn.Module):
        def __init__(self):
            super().__init__()
            self.early, self.aside, self.head = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), Head(4)

        def forward(self, x):
            x = self.early(x)
            self.aside(x)
            return self.head(x.mean((2, 3)))

    found = survey(Aside())
    assert found.last_map() == "early"
    assert found.depends("early") and not found.depends("aside") and found.depends("head.linear")


def test_models_of_tokens_ask_for_a_name():
    with pytest.raises(
        ValueError, match=r"^`layer` must be named for a model of tokens, as 'join' or 'linear', got 'auto'$"
    ):
        survey(Tokens(convolution=False)).last_map()  # of `norm` the class token alone goes on


def test_models_without_a_map_ask_for_a_name():
    with pytest.raises(
        ValueError, match="`layer` must be named where no module returns a map of the image, got 'auto'"
    ):
        survey(nn.Sequential(nn.Flatten(), nn.Linear(1152, 4))).last_map()


def test_volumes_have_three_axes():
    model = nn.Sequential(nn.Conv3d(3, 4, 3, 2, 1), nn.ReLU(), Apply(lambda x: x.mean((2, 3, 4))), Head(4))
    volume = torch.randn(1, 3, 8, 16, 16, generator=torch.Generator().manual_seed(0))
    assert survey(model, volume).layout("1") == Layout((4, 8, 8), 1)


def test_a_model_that_raises_is_named_and_has_no_hooks_after():
    def refuses(x):
        if len(x) > 3:
            raise KeyError("three at most\nand more")
        return x

    model = nn.Sequential(nn.Conv2d(3, 4, 1), Apply(refuses), Head(1536))
    with pytest.raises(ValueError, match=r"^`model` must let its layers be read: KeyError: [^\n]*$"):
        survey(model).layout("0")
    assert not any(module._forward_hooks for module in model.modules())


def test_axes_are_called_by_what_they_are():
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), Apply(lambda x: x.permute(0, 2, 3, 1)), nn.Flatten())
    survey = Survey(model, model, torch.rand(1, 3, 8, 12, generator=torch.Generator().manual_seed(0)))
    assert survey.axes("0", (4, 8, 12)) == ("channel", "y", "x")
    assert survey.axes("1", (8, 12, 4)) == ("y", "x", "channel")
    assert survey.axes("2", (384,)) == ("unit",)
    assert survey.axes("other", (2, 3)) == ("axis_1", "axis_2")


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        (Layout((3, 4), 1), (5, 3, 4)),
        (Layout((3, 4), -1), (3, 4, 5)),
        (Layout((3, 4), -1, tuple(range(1, 13))), (14, 5)),
    ],
)
def test_maps_become_values_again(layout, shape):
    values = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    found = layout.values(layout.maps(values), shape)
    if layout.tokens is not None:
        values[:, [0, 13]] = 0  # which lie nowhere in the image
    assert torch.equal(found, values)
