"""Which layers are read: by name, several, the last map, on a grid; and what is refused in one line."""

import re

import pytest
import torch
from torch import nn

import pyxai
from pyxai.methods import get_method
from tests import unfriendly, zoo
from tests.methods.feature_map.networks import IMAGES, dense


@pytest.mark.parametrize("layer, layers", [
    ("auto", ("auto",)), ("a.b", ("a.b",)), ("a, b#2", ("a", "b#2")), (("a", "b"), ("a", "b")),
    (["a"], ("a",)),
])  # fmt: skip
def test_several_layers_are_a_tuple_or_a_text_with_commas(layer, layers):
    assert get_method("grad_cam")(layer=layer).layers == layers


def test_layers_and_grids_from_the_command_line():
    options = get_method("grad_cam").options()
    assert options["layer"].parse("4") == "4" and options["layer"].parse("layer3,layer4") == "layer3,layer4"
    assert get_method("grad_cam")(grid=options["grid"].parse("14,12")).grid == (14, 12)


@pytest.mark.parametrize("options, message", [
    ({"layer": ()}, "`layer` must be the name of a module, or several, got ()"),
    ({"layer": "a,"}, "`layer` must be the name of a module, or several, got 'a,'"),
    ({"layer": 4}, "`layer` must be the name of a module, or several, got 4"),
    ({"grid": (7.5, 7)}, "`grid` must be positive whole numbers, (rows, columns), got (7.5, 7)"),
    ({"grid": (0, 7)}, "`grid` must be positive whole numbers, (rows, columns), got (0, 7)"),
    ({"grid": (float("inf"), 7)}, "`grid` must be positive whole numbers, (rows, columns), got (inf, 7)"),
    ({"grid": (True, 7)}, "`grid` must be positive whole numbers, (rows, columns), got (True, 7)"),
    ({"grid": 7}, "`grid` must be positive whole numbers, (rows, columns), got 7"),
])  # fmt: skip
@pytest.mark.parametrize("method", ["grad_cam", "guided_grad_cam", "fem"])
def test_options_of_the_wrong_kind(method, options, message):
    with pytest.raises(ValueError, match=f"^{method}: {re.escape(message)}$"):
        pyxai.Explainer(dense(), method, **options)


def test_info_says_which_layer_it_is():
    run = pyxai.Explainer(dense(), "grad_cam")
    run(IMAGES)
    assert run.info()["programs"][0]["layers"] == ["3"] and run.info()["options"]["layer"] == "auto"
    assert torch.equal(
        run(IMAGES).attribution, pyxai.explain(dense(), IMAGES, "grad_cam", layer="3").attribution
    )


class Detour(nn.Module):
    """A layer beside the path to the scores, and one that is never called."""

    def __init__(self, python=False):
        super().__init__()
        self.body, self.aside, self.never, self.head = (
            nn.Conv2d(3, 4, 3),
            nn.Conv2d(3, 4, 3),
            nn.ReLU(),
            nn.Linear(4, 3),
        )
        self.pool, self.flat = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.python = python

    def forward(self, x):
        if self.python and float(x.detach().sum()) > 1e9:
            return self.head(x)
        self.aside(x)
        return self.head(self.flat(self.pool(self.body(x))))


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("method", ["grad_cam", "fem", "ablation_cam"])
@pytest.mark.parametrize("layer, message", [
    ("bodi", "`layer` must name a module of the model, with #2 behind it for its second call, "
             "got 'bodi' (did you mean 'body'?)"),
    ("never", "`layer` must name a module that the model calls, got 'never', whose module is called never"),
    ("aside", "`layer` must name a module that the scores depend on, got 'aside'"),
    ("pool", "`layer` must return a map of the image, got 'pool', which has (4, 1, 1) for an image"),
    ("flat", "`layer` must return a map of the image, got 'flat', which has (4,) for an image"),
    ("body#2", "`layer` must name a module that the model calls, got 'body#2', whose module is called once"),
])  # fmt: skip
def test_what_is_no_layer(python, method, layer, message):
    model = Detour(python).double().eval()
    with pytest.raises(ValueError, match=f"^{method}: {re.escape(message)}$"):
        pyxai.explain(model, IMAGES, method, layer=layer)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_layer_without_a_derivative_is_refused():
    class Cut(Detour):
        def forward(self, x):
            return self.head(self.body(x).detach().mean((2, 3)))

    model = Cut().double().eval()
    with pytest.raises(
        ValueError,
        match=r"^grad_cam: `layer` must name a module that the scores have a derivative by, got 'body'$",
    ):
        pyxai.explain(model, IMAGES, "grad_cam", layer="body")
    assert pyxai.explain(model, IMAGES, "fem", layer="body").attribution.any()


def test_a_function_has_no_layers():
    with pytest.raises(TypeError, match=r"^grad_cam: `model` must be a torch.nn.Module"):
        pyxai.explain(lambda x: x.mean((2, 3)), IMAGES, "grad_cam")
    with pytest.raises(
        ValueError, match=r"^score_cam: `layer` must be named where no module returns a map of the image"
    ):
        pyxai.explain(lambda x: x.mean((2, 3)), IMAGES, "score_cam")


@pytest.mark.parametrize("width, depth", [(24, 2), pytest.param(768, 12, marks=pytest.mark.slow)])
def test_the_patches_of_a_transformer_are_a_map(width, depth):
    model, images = zoo.ViTB16(size=64, width=width, depth=depth), zoo.photographs(1, 64)
    zoo.initialise(model, 64)
    last = f"blocks.{depth - 1}"
    with pytest.raises(
        ValueError,
        match=rf"^grad_cam: `layer` must be named for a model of tokens, as '{last}.*got 'auto'$",
    ):
        pyxai.explain(model, images, "grad_cam")
    options = {"layer": f"{last}.norm1", "relu": False, "upsample": False}
    found = pyxai.explain(model, images, "grad_cam", **options)
    assert found.attribution.shape == (1, 1, 4, 4) and found.attribution.any()
    given = pyxai.explain(model, images, "grad_cam", grid=(4, 4), **options)
    assert torch.equal(given.attribution, found.attribution)


def test_tokens_without_a_convolution():
    model, images = unfriendly.build("SoftmaxAttention"), unfriendly.images(2)
    found = pyxai.explain(model, images, "layer_cam", 1, layer="qkv", upsample=False)
    assert found.attribution.shape == (2, 1, 4, 4) and found.attribution.any()
