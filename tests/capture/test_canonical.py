"""The passes: each brings its operations to one form and leaves what the graph computes as it is."""

import operator

import pytest
import torch
from torch import nn

from pyxai.capture import canonical
from pyxai.capture.calls import batch_norm, channel_affine, instance_norm, spatial_mean
from pyxai.capture.classifier import Classifier
from pyxai.capture.program import capture
from tests import unfriendly
from tests.capture.against import captured, eager, relative
from tests.graphs import Written, distance, pixels, targets

aten = torch.ops.aten
IMAGES = pixels(3, 4, 6, 6)
WEIGHT, BIAS = pixels(5, 4, 3, 3, seed=2), pixels(5, seed=3)


def single(target, *arguments, **settings):
    """One call of the images."""
    net = Written(IMAGES)
    return net.module(net.call(target, net.images, *arguments, **settings))


def after(passed, module, *arguments):
    """``module`` changed by a pass, which leaves its value."""
    expected = module(IMAGES)
    passed(module, *arguments)
    module.graph.lint()
    module.recompile()
    assert distance(module(IMAGES), expected) <= 1e-12
    return targets(module)


@pytest.mark.parametrize(
    "target, arguments",
    [
        (aten.clone.default, ()),
        (aten.contiguous.default, ()),
        (aten.to.dtype, (torch.float64,)),
        (aten.view.default, ([3, 4, 6, 6],)),
        (aten.expand.default, ([-1, -1, 6, 6],)),
    ],
)
def test_what_changes_nothing_is_dropped_and_its_names_pass_on(target, arguments):
    net = Written(IMAGES)
    relu = net.call(aten.relu.default, net.images)
    idle = net.call(target, relu, *arguments)
    relu.meta["layers"], idle.meta["layers"] = ["act"], ["drop"]
    assert after(canonical.drop_identities, net.module(idle)) == [aten.relu.default]
    assert relu.meta["layers"] == ["act", "drop"]


@pytest.mark.parametrize(
    "target, arguments",
    [(aten.to.dtype, (torch.float32,)), (aten.view.default, ([3, -1],)), (aten.relu.default, ())],
)
def test_what_changes_something_stays(target, arguments):
    assert after(canonical.drop_identities, single(target, *arguments)) == [target]


@pytest.mark.parametrize("target", [aten.view.default, aten._unsafe_view.default])
def test_views_become_reshapes(target):
    assert after(canonical.views_to_reshapes, single(target, [3, -1])) == [aten.reshape.default]


@pytest.mark.parametrize(
    "target, arguments",
    [
        (aten.adaptive_avg_pool2d.default, ([1, 1],)),
        (aten.mean.dim, ([2, 3],)),
        (aten.mean.dim, ([-1], True)),
    ],
)
def test_means_have_one_form(target, arguments):
    assert after(canonical.spatial_means, single(target, *arguments)) == [spatial_mean]


@pytest.mark.parametrize(
    "target, arguments, settings",
    [
        (aten.adaptive_avg_pool2d.default, ([2, 2],), {}),
        (aten.mean.dim, ([],), {}),
        (aten.mean.dim, ([2],), {"dtype": torch.float64}),
    ],
)
def test_other_means_stay(target, arguments, settings):
    assert after(canonical.spatial_means, single(target, *arguments, **settings)) == [target]


@pytest.mark.parametrize("count, alike", [(1, True), (3, True), (6, True), (4, False)])
def test_adaptive_max_pools_with_equal_windows_are_ordinary_ones(count, alike):
    net = Written(IMAGES)
    pool = net.call(aten.adaptive_max_pool2d.default, net.images, [count, count])
    module = net.module(net.call(operator.getitem, pool, 0))
    after(canonical.adaptive_max_pools, module)
    module.graph.eliminate_dead_code()
    kept = [aten.adaptive_max_pool2d.default, operator.getitem]
    assert targets(module) == ([aten.max_pool2d.default] if alike else kept)


def test_an_adaptive_max_pool_that_is_asked_where_its_maxima_are_stays():
    net = Written(IMAGES)
    pool = net.call(aten.adaptive_max_pool2d.default, net.images, [1, 1])
    values, places = (net.call(operator.getitem, pool, index) for index in (0, 1))
    module = net.module(net.call(aten.add.Tensor, values, places))
    assert aten.adaptive_max_pool2d.default in after(canonical.adaptive_max_pools, module)


def normalised(shared=False, named=()):
    """A convolution and a BatchNorm with stored moments."""
    net = Written(IMAGES)
    conv = net.call(aten.conv2d.default, net.images, net.tensor(WEIGHT), net.tensor(BIAS))
    conv.meta["layers"] = list(named)
    stored = [net.tensor(pixels(5, seed=seed).abs() + 0.5) for seed in (4, 5, 6, 7)]
    norm = net.call(aten._native_batch_norm_legit_no_training.default, conv, *stored, 0.1, 1e-5)
    value = net.call(operator.getitem, norm, 0)
    return net.module(net.call(aten.add.Tensor, value, conv) if shared else value)


@pytest.mark.parametrize(
    "settings, barriers, left",
    [
        ({}, (), [aten.conv2d.default]),
        ({"named": ["conv"]}, (), [aten.conv2d.default]),
        ({"named": ["conv"]}, ("conv",), [aten.conv2d.default, channel_affine]),
        ({"shared": True}, (), [aten.conv2d.default, channel_affine, aten.add.Tensor]),
    ],
)
def test_a_batch_norm_is_folded_unless_its_layer_is_read(settings, barriers, left):
    module = normalised(**settings)
    expected = module(IMAGES)
    canonical.canonicalise(module, frozenset(barriers))
    assert targets(module) == left
    assert distance(module(IMAGES), expected) <= 1e-12


COLUMN = pixels(4, seed=4).abs() + 0.5


def computed(net):
    return net.call(aten.square.default, net.tensor(COLUMN))


@pytest.mark.parametrize("whole", [True, False])
def test_a_batch_norm_by_what_the_model_computes_is_one_call(whole):
    net = Written(IMAGES)
    stored = net.tensor(COLUMN), None, computed(net), computed(net)
    if whole:
        parts = net.call(aten._native_batch_norm_legit_no_training.default, net.images, *stored, 0.1, 1e-5)
        value = net.call(operator.getitem, parts, 0)
    else:
        settings = (False, 0.1, 1e-5, False)
        value = net.call(aten.instance_norm.default, net.images, *stored, *settings)
    module = net.module(value)
    after(canonical.batch_norms, module, frozenset())
    module.graph.eliminate_dead_code()
    assert targets(module)[-1] is batch_norm and len(targets(module)) == 3


@pytest.mark.parametrize("stored", [True, False])
def test_instance_norms_have_one_form(stored):
    net = Written(IMAGES)
    moments = [net.tensor(COLUMN), net.tensor(COLUMN)] if stored else [None, None]
    settings = (True, 0.0, 1e-5, False)
    value = net.call(aten.instance_norm.default, net.images, net.tensor(COLUMN), None, *moments, *settings)
    module = net.module(value)
    after(canonical.instance_norms, module)
    module.graph.eliminate_dead_code()
    assert targets(module) == [instance_norm]


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_norm_of_a_batch_of_one_is_an_instance_norm(count):
    net = Written(IMAGES)
    folded = net.call(aten.reshape.default, net.images, [count, -1, 6, 6])
    parts = net.call(aten._native_batch_norm_legit.no_stats, folded, None, None, True, 0.1, 1e-5)
    module = net.module(net.call(operator.getitem, parts, 0))
    after(canonical.instance_norms, module)
    module.graph.eliminate_dead_code()
    stays = [aten._native_batch_norm_legit.no_stats, operator.getitem]
    assert targets(module)[1:] == ([instance_norm] if count == 1 else stays)


def test_convolution_weights_are_stored_channels_last_and_no_tensor_is_left_over():
    module = normalised()
    canonical.canonicalise(module)
    assert sorted(tensor.ndim for tensor in module.buffers()) == [1, 4]
    (weight,) = (tensor for tensor in module.buffers() if tensor.ndim == 4)
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_batch_norm_is_folded_only_into_a_layer_that_only_it_uses():
    def counts(name):
        graph = capture(Classifier(unfriendly.build(name)), unfriendly.images()).forward.graph
        targets = [node.target for node in graph.nodes]
        assert aten._native_batch_norm_legit_no_training.default not in targets
        return targets.count(channel_affine)

    assert counts("NoBias") == 0  # convolution then BatchNorm
    assert counts("SharedConvOutput") == 1  # the convolution's output has another user
    assert counts("BatchNormBeforePaddedConv") >= 1  # folding forward would be wrong at the border


def test_convolutions_of_a_single_pixel_become_linear_layers_and_no_others_do():
    class Pixels(nn.Module):
        def __init__(self):
            super().__init__()
            self.squeeze, self.excite = nn.Conv2d(6, 4, 1), nn.Conv2d(4, 6, 1, bias=False)
            self.grouped, self.wide = nn.Conv2d(6, 6, 1, groups=2), nn.Conv2d(6, 5, 3, padding=1)

        def forward(self, x):
            pixel = x.mean((2, 3), keepdim=True)
            return self.wide(self.grouped(self.excite(self.squeeze(pixel).tanh())) + pixel).flatten(1)

    torch.manual_seed(0)
    model, images = Pixels().double().eval(), torch.randn(3, 6, 5, 5, dtype=torch.float64)
    program = capture(Classifier(model), images, layers=("squeeze",))
    kinds = [node.target for node in program.forward.graph.nodes if node.op == "call_function"]
    assert (kinds.count(aten.linear.default), kinds.count(aten.conv2d.default)) == (2, 2)
    for ours, theirs in zip(captured(program, images), eager(model, images), strict=True):
        assert relative(ours, theirs) <= 1e-12
    squeezed = model.squeeze(images.mean((2, 3), keepdim=True))
    assert relative(program.inner(("squeeze",)).values(images)["squeeze"], squeezed) <= 1e-12


def _net(*layers):
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).double().eval()


def test_a_computed_weight_is_not_folded_into():
    """Weight normalisation computes the weight in every call; BatchNorm behind it stays by itself."""
    model = _net(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3)), nn.BatchNorm2d(8), nn.ReLU())
    program = capture(Classifier(model), unfriendly.images())
    assert program.captured, program.reason
    assert relative(program.forward(unfriendly.images()), model(unfriendly.images()).detach()) <= 1e-12


class _TokenNorm(nn.Module):
    """BatchNorm1d over the tokens, not the channels, of a linear layer's output."""

    def __init__(self, tokens, features):
        super().__init__()
        self.linear, self.norm = nn.Linear(16, features), nn.BatchNorm1d(tokens)

    def forward(self, images):
        return self.norm(self.linear(images.flatten(1, 2))).mean(1)


@pytest.mark.parametrize("features", [20, 48])
def test_batch_norm_over_tokens_is_not_folded_into_a_linear_layer(features):
    model = _TokenNorm(48, features).double().eval()
    nn.init.normal_(model.norm.running_mean)
    program = capture(Classifier(model), unfriendly.images())
    assert program.captured, program.reason
    assert relative(program.forward(unfriendly.images()), model(unfriendly.images()).detach()) <= 1e-12


def test_half_precision_means_do_not_overflow():
    class Sum(nn.Module):
        def forward(self, images):
            return (images + 300).mean((2, 3))

    images = torch.rand(2, 3, 64, 64).half()
    program = capture(Classifier(Sum()), images)
    assert program.captured and torch.isfinite(program.forward(images)).all()
    assert relative(program.forward(images), Sum()(images)) < 1e-2
