"""A model's own backward pass is taken where it is not the derivative, and missed where it gives nothing."""

import warnings

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import pyxai
from pyxai.capture.backward import own_backward
from pyxai.capture.canonical import canonicalise
from pyxai.capture.classifier import Classifier
from pyxai.capture.derivative import dead_ends
from pyxai.capture.export import export
from tests import unfriendly, zoo

OTHER = "the model's backward pass is not the derivative of its forward pass"
NONE = "the model's backward pass gives the pixels no gradient"


def own_function(forward, backward):
    class Own(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            context.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(context, signal):
            return backward(signal, *context.saved_tensors)

    return Own.apply


class Net(nn.Module):
    """``at_input``, a convolution, ``inside``, and a linear layer."""

    def __init__(self, inside=torch.relu, at_input=lambda x: x):
        super().__init__()
        torch.manual_seed(0)
        self.inside, self.at_input = inside, at_input
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)
        self.eval()

    def forward(self, x):
        return self.fc(self.inside(self.conv(self.at_input(x))).mean((2, 3)))


def hooked(change):
    def inside(x):
        y = x.relu()
        if y.requires_grad:
            y.register_hook(change)
        return y

    return Net(inside)


def backward_hooked():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    model[1].register_full_backward_hook(lambda module, found, signal: (found[0].clamp(min=0),))
    return model.eval()


def rounded_straight_through(x):
    return x + ((4 * x).round() / 4 - x).detach()


def partly_frozen():
    model = Net()
    model.conv.requires_grad_(False)
    return model


def no_parameter_has_a_gradient():
    return Net().requires_grad_(False)


def dead():
    return Net(lambda x: (x - 1e6).relu())


def fake_quantised():
    return Net(lambda x: torch.fake_quantize_per_tensor_affine(x, 0.02, 0, -128, 127).relu())


RIGHT = {
    "plain": Net,
    "partly frozen": partly_frozen,
    "frozen": no_parameter_has_a_gradient,
    "straight through by detach": lambda: Net(at_input=rounded_straight_through),
    "a part detached": lambda: Net(lambda x: x.relu() + x.detach()),
    "own function, right": lambda: Net(own_function(torch.relu, lambda signal, x: signal * (x > 0))),
    "checkpoint": lambda: Net(lambda x: checkpoint(torch.relu, x, use_reentrant=False)),
    "hook that looks": lambda: hooked(lambda signal: None),
    "fake quantised": fake_quantised,
    "dead": dead,
}
WRONG = {
    "scaled by 0.999": lambda: hooked(lambda signal: 0.999 * signal),
    "clipped by value": lambda: hooked(lambda signal: signal.clamp(-1e-3, 1e-3)),
    "clipped where large": lambda: hooked(lambda signal: signal.clamp(-1, 1)),
    "backward hook": backward_hooked,
    "own function, scaled": lambda: Net(
        at_input=own_function(lambda x: 1 * x, lambda signal, x: 0.95 * signal)
    ),
    "straight-through sign": lambda: Net(own_function(torch.sign, lambda signal, x: signal)),
    "straight-through clamp of what is beyond the images": lambda: Net(
        at_input=own_function(lambda x: x.clamp(-1, 1), lambda signal, x: signal)
    ),
    "a part under no_grad": lambda: Net(lambda x: x.relu() + quiet(x.square())),
}


def quiet(x):
    with torch.no_grad():
        return x.clone()


def pixels(dtype=torch.float64, count=2):
    return torch.rand(count, 3, 12, 12, generator=torch.Generator().manual_seed(1), dtype=dtype)


def plain_gradient(model, images, target=1):
    leaf = images.clone().requires_grad_(True)
    return torch.autograd.grad(model(leaf)[:, target].sum(), leaf)[0]


def compared(model, images, canonical=False):
    """The gradients of a model beside those of its graph, at each of several images if they are a list."""
    classifier = Classifier(model)
    graph = export(classifier, images if torch.is_tensor(images) else images[0])
    if canonical:
        canonicalise(graph)
    found = [
        own_backward(model, classifier, graph, dead_ends(graph.graph), given)
        for given in ([images] if torch.is_tensor(images) else images)
    ]
    return found[0] if torch.is_tensor(images) else found


@pytest.mark.parametrize("name", RIGHT)
def test_a_backward_pass_that_is_the_derivative(name):
    found = compared(RIGHT[name](), pixels(torch.float32))
    assert (found.differs, found.ends) == ("", None)


@pytest.mark.parametrize(
    "name", ["InplaceAdd", "OverlappingPools", "Smooth", "OtherNorms", "SoftmaxAttention"]
)
def test_rounding_is_no_difference(name):
    model, images = unfriendly.build(name, torch.float32), unfriendly.images(dtype=torch.float32)
    for found in compared(model, [images, images[:1], images[:0], torch.ones_like(images)], canonical=True):
        assert found.differs == ""


def test_switched_relus_of_a_deep_network_are_no_difference():
    ((_, model, images),) = zoo.models(["resnet18"], small=True, dtype=torch.float32)
    for found in compared(model, images.split(1), canonical=True):
        assert found.differs == ""


@pytest.mark.parametrize("name", WRONG)
def test_a_backward_pass_that_is_another_is_followed(name):
    model, images = WRONG[name](), pixels(torch.float32)
    explainer = pyxai.Explainer(model, "gradient", rows=2)
    assert torch.equal(explainer(images, 1).attribution, plain_gradient(model, images))
    (program,) = explainer.info()["programs"]
    assert not program["captured"] and program["reason"] == OTHER


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["scaled by 0.999", "own function, scaled", "a part under no_grad"])
def test_half_precision_hides_none(name, half):
    model, images = WRONG[name]().to(half), pixels(half)
    assert compared(model, images).differs == OTHER
    assert compared(RIGHT["own function, right"]().to(half), images).differs == ""


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_half_precision_is_no_difference(half):
    ((_, model, images),) = zoo.models(["resnet20"], small=True, dtype=torch.float32)
    explainer = pyxai.Explainer(model.to(half), "gradient")
    explainer(images[:1].to(half), 1)
    assert explainer.info()["programs"][0]["captured"]  # folded weights are rounded, but not compared


@pytest.mark.filterwarnings("ignore")
def test_a_network_prepared_for_quantisation_has_the_gradient_it_is_trained_with():
    quantiser = torch.ao.quantization.FakeQuantize(quant_min=-128, quant_max=127, dtype=torch.qint8)
    quantiser(torch.tensor([-3.0, 3.0]))
    quantiser.disable_observer()
    model, images = nn.Sequential(quantiser, Net()).eval(), pixels(torch.float32)
    found = pyxai.explain(model, images, "gradient", 1, rows=2).attribution
    assert torch.equal(found, plain_gradient(model, images)) and found.any()


def test_it_is_found_by_the_second_image_alone():
    model = Net(at_input=own_function(lambda x: x.clamp(-9, 9), lambda signal, x: signal)).double()
    images = pixels() * torch.tensor([1.0, 20.0]).double().reshape(2, 1, 1, 1)
    assert compared(model, images[:1]).differs == ""
    assert compared(model, images).differs == OTHER


@pytest.mark.parametrize("method", ["lrp", "deeplift", "guided_backprop"])
def test_methods_of_the_graph_say_that_they_follow_the_forward_pass(method):
    scaled, images = WRONG["scaled by 0.999"]().double(), pixels()
    explainer = pyxai.Explainer(scaled, method)
    with pytest.warns(UserWarning, match=f"^{method}: {OTHER}; its forward pass is what is followed"):
        found = explainer(images, 1)
    assert explainer.info()["programs"][0]["note"].startswith(OTHER)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.equal(pyxai.explain(Net().double(), images, method, 1).attribution, found.attribution)


def quantised():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(model.eval(), {nn.Linear}, dtype=torch.qint8)


class Backbone(nn.Module):
    """A frozen part of another model, as it is mostly put in front of a head."""

    def __init__(self):
        super().__init__()
        self.features, self.head = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), nn.Linear(8, 5)
        self.eval()

    def forward(self, x):
        with torch.no_grad():
            features = self.features(x)
        return self.head(features.mean((2, 3)))


def looks_at_its_values(inside):
    """As a net that no graph can be made of."""
    return Net(lambda x: inside(x if x.detach().sum() < 1e9 else -x))


class Whole(nn.Module):
    def __init__(self, last):
        super().__init__()
        self.net, self.last = Net(), last
        self.eval()

    def forward(self, x):
        return self.last(self.net(x))


class WithoutAutograd(Whole):
    def __init__(self):
        super().__init__(lambda x: x)

    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class Rounded(nn.Module):
    def forward(self, x):
        return x.round()


@torch.library.custom_op("pyxai_tests::doubled", mutates_args=())
def doubled(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


@doubled.register_fake
def _(x):
    return torch.empty_like(x)


def scripted():
    layers = nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(400, 5), Rounded()
    return torch.jit.script(nn.Sequential(*layers).eval())


LOST = {
    "quantised": (quantised, r"`4` \(DynamicQuantizedLinear\)", torch.float32),
    "backbone under no_grad": (Backbone, r"`features.0` \(Conv2d\) under torch.no_grad\(\)", torch.float64),
    "scripted": (scripted, "the model's own forward", torch.float32),
    "all under no_grad": (
        WithoutAutograd,
        r"`net.conv` \(Conv2d\) under torch.no_grad\(\)",
        torch.float64,
    ),
    "detached": (lambda: Net(torch.detach), "`detach` in the model's own forward", torch.float64),
    "round": (
        lambda: Whole(lambda x: (100 * x).round()),
        "`round` in the model's own forward",
        torch.float64,
    ),
    "argmax": (
        lambda: Whole(lambda x: nn.functional.one_hot(x.argmax(1), 5).to(x.dtype)),
        "`argmax` in the model's own forward",
        torch.float64,
    ),
    "whole numbers": (
        lambda: Net(at_input=lambda x: (255 * x).to(torch.uint8).to(x.dtype)),
        "`_to_copy` in the model's own forward",
        torch.float64,
    ),
    "rounded by a remainder": (
        lambda: Net(at_input=lambda x: x - x.remainder(1 / 16)),
        "the model's own forward",
        torch.float64,
    ),
    "the sign of another": (
        lambda: looks_at_its_values(lambda x: torch.copysign(torch.ones_like(x), x)),
        "the model's own forward",
        torch.float64,
    ),
    "softmax of one": (
        lambda: Whole(lambda x: x[:, :1].softmax(1)),
        "`softmax` in the model's own forward",
        torch.float64,
    ),
    "heaviside": (
        lambda: Net(lambda x: torch.heaviside(x, x.new_zeros(()))),
        "`heaviside` in the model's own forward",
        torch.float64,
    ),
    "an operation without autograd": (
        lambda: Net(doubled),
        "the model's own forward",
        torch.float64,
    ),
    "own function, none": (
        lambda: Net(own_function(torch.relu, lambda signal, x: None)),
        "the model's own forward",
        torch.float64,
    ),
    "own function, zeros": (
        lambda: Net(own_function(torch.relu, lambda signal, x: 0 * signal)),
        "the model's own forward",
        torch.float64,
    ),
    "round, not captured": (
        lambda: looks_at_its_values(torch.round),
        "the model's own forward",
        torch.float64,
    ),
    "no_grad, not captured": (lambda: looks_at_its_values(quiet), "the model's own forward", torch.float64),
    "zeros, not captured": (
        lambda: looks_at_its_values(own_function(torch.relu, lambda signal, x: 0 * signal)),
        "the model's own forward",
        torch.float64,
    ),
}


@pytest.mark.parametrize("name", LOST)
@pytest.mark.filterwarnings("ignore")
def test_no_gradient_is_an_error_with_the_place(name):
    make, place, dtype = LOST[name]
    model, images = make(), pixels(dtype)
    model = model if dtype == torch.float32 else model.to(dtype)
    message = (
        f"^gradient: `model` must have a gradient by the pixels for this method, got none through {place}$"
    )
    with pytest.raises(ValueError, match=message):
        pyxai.explain(model, images, "gradient", 1)
    assert not any(module._forward_hooks for module in model.modules() if hasattr(module, "_forward_hooks"))


QUICK = {"cartoonx": {"levels": 1, "steps": 2, "samples": 2}, "integrated_gradients": {"steps": 2}}


@pytest.mark.parametrize("method", ["integrated_gradients", "smoothgrad", "cartoonx"])
@pytest.mark.parametrize("name", ["quantised", "round"])
@pytest.mark.filterwarnings("ignore")
def test_every_method_that_goes_by_gradients_says_so(name, method):
    make, place, dtype = LOST[name]
    with pytest.raises(ValueError, match=f"^{method}: `model` must have a gradient .* through {place}"):
        pyxai.explain(make().to(dtype), pixels(dtype), method, 1, **QUICK.get(method, {}))


@pytest.mark.parametrize("method", ["lrp", "guided_backprop", "deep_taylor"])
@pytest.mark.parametrize("name", ["detached", "round", "argmax"])
@pytest.mark.filterwarnings("ignore")
def test_rules_that_take_it_for_constant_do_not_pass_it_either(name, method):
    make, place, dtype = LOST[name]
    options = {"input": "unbounded"} if method == "deep_taylor" else {}
    with pytest.raises(ValueError, match=f"^{method}: `model` must have a gradient .* through {place}"):
        pyxai.explain(make().to(dtype), pixels(dtype), method, 1, **options)


@pytest.mark.parametrize("make", [dead, lambda: looks_at_its_values(lambda x: (x - 1e6).relu())])
def test_a_map_that_happens_to_be_zero_is_a_result_with_a_note(make):
    found = pyxai.explain(make().double(), pixels(), "gradient", "top2")
    assert found.extras["zero_map"].all() and found.extras["zero_map"].shape == (2, 2)
    assert not pyxai.explain(Net().double(), pixels(), "gradient", 1).extras["zero_map"].any()
    assert "zero_map" not in pyxai.explain(None, pixels(), "entropy").extras


@pytest.mark.parametrize("captured", [True, False])
def test_a_gradient_that_other_images_change_is_refused(captured):
    def clipped(x):
        y = x.relu()
        if y.requires_grad:
            y.register_hook(lambda signal: signal / signal.norm())
        return y

    model = Net(clipped) if captured else looks_at_its_values(clipped)
    with pytest.raises(
        ValueError, match=r"^gradient: `model` must treat each image alone: others beside one"
    ):
        pyxai.explain(model.double(), pixels(), "gradient", 1)


def test_a_backward_pass_that_raises_leaves_the_graphs():
    def fails(signal, x):
        raise NotImplementedError("no time")

    model, images = Net(own_function(torch.relu, fails)).double(), pixels()
    explainer = pyxai.Explainer(model, "gradient")
    with pytest.warns(
        UserWarning, match="backward pass raises NotImplementedError: no time; its forward pass"
    ):
        found = explainer(images, 1).attribution
    torch.testing.assert_close(found, plain_gradient(Net().double(), images), rtol=1e-12, atol=0)


def test_a_function_that_gives_a_derivative_to_what_has_none():
    inside = own_function(lambda x: torch.heaviside(x, x.new_zeros(())), lambda signal, x: signal)
    model, images = Net(inside).double(), pixels()
    explainer = pyxai.Explainer(model, "gradient", rows=2)
    assert torch.equal(explainer(images, 1).attribution, plain_gradient(model, images))
    assert not explainer.info()["programs"][0]["captured"]


def test_values_beyond_the_images_need_not_be_taken():
    def checked(x):
        assert x.max() <= 1 or x.is_meta or torch.compiler.is_exporting(), "pixels are from 0 to 1"
        return x

    model = Net(at_input=checked).double()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pyxai.explain(model, pixels(), "gradient", 1).attribution
    torch.testing.assert_close(found, plain_gradient(Net().double(), pixels()), rtol=1e-12, atol=0)


def test_agreement_costs_one_pass_of_the_model():
    calls = []
    model = Net().double()
    graph = export(Classifier(model), pixels())
    model.register_forward_hook(lambda module, given, value: calls.append(len(value)))
    own_backward(model, Classifier(model), graph, dead_ends(graph.graph), pixels())
    assert calls == [3]
