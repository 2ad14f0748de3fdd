"""The captured graph is the model: same output, same gradient, model untouched; failures say why."""

import copy
import functools

import pytest
import torch
from torch import nn

import pyxai
from pyxai.capture.calls import channel_affine
from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.capture.output.kinds import Asked
from pyxai.capture.program import capture
from tests import unfriendly, zoo
from tests.capture.against import captured, eager, relative

aten = torch.ops.aten
FAST = ("resnet20",)  # beside the small networks of the test behind, of all that others are made of


def snapshot(model):
    return (
        {name: value.clone() for name, value in model.state_dict().items()},
        [
            (module.training, getattr(module, "inplace", None), len(module._forward_hooks))
            for module in model.modules()
        ],
        [(parameter.requires_grad, parameter.grad) for parameter in model.parameters()],
    )


def same(before, after):
    return before[1:] == after[1:] and all(torch.equal(before[0][name], after[0][name]) for name in before[0])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in zoo.NAMES]
)
def test_zoo_output_and_gradient_equal_the_models(name):
    ((_, model, images),) = zoo.models([name], small=True, dtype=torch.float64)
    before = snapshot(model)
    program = capture(Classifier(model), images)
    assert program.captured, program.reason
    for ours, theirs in zip(captured(program, images), eager(model, images), strict=True):
        assert relative(ours, theirs) <= 1e-12
    assert same(before, snapshot(model))


@pytest.mark.parametrize("name", unfriendly.NAMES)
def test_unfriendly_nets(name):
    model, images = unfriendly.build(name), unfriendly.images()
    before = snapshot(model)
    program = capture(Classifier(model), images)
    assert program.captured, program.reason
    for ours, theirs in zip(captured(program, images), eager(model, images), strict=True):
        assert relative(ours, theirs) <= 1e-12
    assert same(before, snapshot(model))


@pytest.mark.parametrize("name", ["TupleOutput", "ObjectOutput", "SingleLogit"])
def test_outputs_that_are_not_a_matrix(name):
    model, images = unfriendly.build(name), unfriendly.images()
    program = capture(Classifier(model), images)
    assert program.captured, program.reason
    scores, _ = eager(model, images)
    assert relative(Executor(program, 3).scores(images), scores) <= 1e-12


def test_one_output_is_a_value_unless_it_is_said_to_be_binary():
    model, images = unfriendly.build("SingleLogit"), unfriendly.images()
    value, binary = (capture(Classifier(model), images, asked=Asked(kind)) for kind in ("auto", "binary"))
    assert (value.output.kind, value.classes) == ("value", 1)
    assert (binary.output.kind, binary.classes) == ("binary", 2)
    scores = value.forward(images)
    assert relative(scores, model(images)) <= 1e-12
    assert torch.equal(binary.forward(images), torch.cat([-scores, scores], 1))


def test_output_option_picks_from_what_the_model_returns():
    model, images = unfriendly.build("DictOutput"), unfriendly.images()
    program = capture(Classifier(model, output=lambda raw: 2 * raw["scores"]), images)
    assert program.captured
    assert relative(program.forward(images), 2 * model(images)["scores"]) <= 1e-12
    assert relative(capture(Classifier(model), images).forward(images), model(images)["scores"]) <= 1e-12
    with pytest.raises(TypeError, match="output must be a tensor, got dict; pass `output=`"):
        capture(Classifier(model, output=lambda raw: raw), images)


def test_a_named_layer_keeps_its_batch_norm_apart_and_only_that_one():
    def affine(**layers):
        graph = capture(Classifier(model), images, **layers).forward.graph
        return [node.target for node in graph.nodes].count(channel_affine)

    model, images = unfriendly.build("InplaceAdd"), unfriendly.images()
    assert (affine(), affine(layers=("conv2",)), affine(layers=("bn",))) == (0, 1, 0)


@pytest.mark.parametrize(
    "name, first, last", [("ReusedModules", "stem", "relu#4"), ("DataDependent", "conv1", "conv2")]
)
def test_auto_is_the_last_map_and_is_named(name, first, last):
    classifier, images = Classifier(unfriendly.build(name)), unfriendly.images(2)
    program = capture(classifier, images, layers=("auto", first, "auto"))
    assert program.layers == (last, first) and set(program.per_image) == {last, first}
    assert program.info()["layers"] == [last, first] and "layers" not in capture(classifier, images).info()


def test_a_layer_beside_the_path_is_refused_of_a_model_that_runs_as_it_is():
    class Beside(unfriendly.DataDependent):
        def forward(self, x):
            self.conv1(x)
            return super().forward(x) * 0 + x.flatten(1)[:, :5]

    model = Beside().double().eval()
    with pytest.raises(ValueError, match="`layer` must name a module that the scores depend on, got 'conv2'"):
        capture(Classifier(model), unfriendly.images(2), layers=("conv2",))


class Sign(torch.autograd.Function):
    """A sign whose gradient is passed straight through, as networks of few bits are trained with."""

    @staticmethod
    def forward(context, x):
        return x.sign()

    @staticmethod
    def backward(context, signal):
        return signal


def small(activation):
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3), activation, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    return nn.Sequential(*layers).double().eval()


class StraightThrough(nn.Module):
    def forward(self, x):
        return Sign.apply(x)


@pytest.mark.parametrize("case", ["function", "hook"])
def test_a_backward_pass_of_the_models_own_is_the_gradient(case):
    model, images = small(StraightThrough() if case == "function" else nn.ReLU()), unfriendly.images()
    if case == "hook":
        model[1].register_full_backward_hook(lambda module, found, signal: (found[0].clamp(min=0),))
    program = capture(Classifier(model), images)
    assert not program.captured
    assert "backward pass is not the derivative" in program.reason
    _, expected = eager(model, images)
    assert torch.equal(captured(program, images)[1], expected)
    assert capture(Classifier(model), images, needs=Needs.GRAPH).captured


@pytest.mark.parametrize("method", ["gradient", "lrp"])
def test_images_that_do_not_fit_the_model(method):
    class Checks(nn.Module):
        def forward(self, x):
            assert x.shape[2] == 32, "the model's input is 32 pixels high"
            return x

    images = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    message = rf"^{method}: `model` cannot take images of shape \(1, 8, 8\): "
    with pytest.raises(ValueError, match=message + "RuntimeError: Given groups=1, weight of size"):
        pyxai.explain(small(nn.ReLU()), images, method)
    with pytest.raises(ValueError, match=message + "AssertionError: the model's input is 32 pixels high"):
        pyxai.explain(Checks().eval(), images, method)


def test_a_branch_without_a_gradient_is_captured():
    class Detached(nn.Module):
        def forward(self, x):
            return x.relu() * x.detach()

    model, images = small(Detached()), unfriendly.images()
    program = capture(Classifier(model), images)
    assert program.captured
    assert relative(captured(program, images)[1], eager(model, images)[1]) <= 1e-12


def test_values_written_over_have_a_gradient():
    class Overwritten(nn.Module):
        def forward(self, x):
            y = x.clone()
            y[:, 1] = 2 * x[:, 0].relu()
            y[:, 2, 0] = 1.0
            return y

    model, images = small(Overwritten()), unfriendly.images()
    program = capture(Classifier(model), images)
    assert program.captured, program.reason
    assert relative(captured(program, images)[1], eager(model, images)[1]) <= 1e-12


def test_data_dependent_model_runs_eagerly_for_gradients_and_is_an_error_for_graph_methods():
    model, images = unfriendly.build("DataDependent"), unfriendly.images(1)
    program = capture(Classifier(model), images)
    assert not program.captured and "torch.export" in program.reason
    for ours, theirs in zip(captured(program, images), eager(model, images), strict=True):
        assert relative(ours, theirs) == 0
    with pytest.raises(ValueError, match=r"`model` must be capturable for this method: torch\.export"):
        capture(Classifier(model), images, needs=Needs.GRAPH)


class _Random(nn.Module):
    def __init__(self, drop):
        super().__init__()
        self.drop = drop

    def forward(self, images):
        noisy = (
            nn.functional.dropout(images, 0.5, training=True)
            if self.drop
            else images + torch.rand_like(images)
        )
        return noisy.flatten(1)


@pytest.mark.parametrize("drop", [True, False])
def test_a_random_model_is_refused(drop):
    drawn = r"`model` must be deterministic, but it draws random numbers \(\w+\)"
    with pytest.raises(ValueError, match=f"{drawn}$"):
        capture(Classifier(_Random(drop).eval()), unfriendly.images())
    with pytest.raises(ValueError, match=f"{drawn}; it is in training mode, which may be why: call eval"):
        capture(Classifier(_Random(drop)), unfriendly.images())


@pytest.mark.parametrize("method", ["gradient", "integrated_gradients", "lrp"])
def test_a_model_that_mixes_the_images_of_a_batch_is_refused(method):
    class Mixing(unfriendly.FunctionalReLU):
        def forward(self, x):
            scores = super().forward(x)
            return scores - scores.mean(0)

    model, images = Mixing().double().eval(), unfriendly.images(3)
    with pytest.raises(ValueError, match=rf"^{method}: `model` must treat each image alone"):
        pyxai.explain(model, images, method, 1)


class _PythonBatch(nn.Module):
    """Uses the batch size as a Python number, which freezes it in a trace."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3 * 16 * 16, 5, dtype=torch.float64)

    def forward(self, images):
        return self.head(images.reshape(len(images), -1)) + images.new_zeros(int(images.shape[0]), 5)


def test_an_operation_that_takes_no_channels_last_is_run_as_it_is():
    class Volume(nn.Module):
        def forward(self, x):  # an image's channels as its depth
            return nn.functional.max_pool3d(2 * x, 2).flatten(1)

    images = torch.randn(2, 4, 6, 6)
    program = capture(Classifier(Volume()), images)
    assert not program.captured and "memory format" in program.reason
    leaf = images.clone().requires_grad_(True)
    (expected,) = torch.autograd.grad(Volume()(leaf)[:, 1].sum(), leaf)
    assert torch.equal(pyxai.explain(Volume(), images, "gradient", 1).attribution, expected)


def test_a_python_batch_size_stays_free():
    model, images = _PythonBatch(), unfriendly.images(5)
    program = capture(Classifier(model), images)
    assert program.captured, program.reason
    for count in (1, 2, 4, 5):
        assert relative(program.forward(images[:count]), model(images[:count])) <= 1e-12


def test_weights_are_shared_where_nothing_is_folded():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5, dtype=torch.float64))
    program = capture(Classifier(model), unfriendly.images())
    assert any(buffer.data_ptr() == model[1].weight.data_ptr() for buffer in program.forward.buffers())


def test_bfloat16_gradients_leave_the_scores_alone():
    model = unfriendly.build("FunctionalReLU", dtype=torch.float32)
    images = unfriendly.images(dtype=torch.float32)
    plain, low = capture(Classifier(model), images), capture(Classifier(model), images, dtype=torch.bfloat16)
    assert torch.equal(plain.forward(images), low.forward(images))
    precise, rough = captured(plain, images)[1], captured(low, images)[1]
    assert rough.dtype == torch.bfloat16
    assert torch.nn.functional.cosine_similarity(precise.flatten(), rough.float().flatten(), 0) > 0.98


def test_capture_leaves_a_deep_copy_equal():
    model, images = unfriendly.build("InplaceOps"), unfriendly.images()
    twin = copy.deepcopy(model)
    capture(Classifier(model), images)
    assert torch.equal(model(images.clone()), twin(images.clone()))


@pytest.mark.parametrize("needs", [Needs.GRADIENTS, Needs.GRAPH])
def test_what_a_model_keeps_for_later_calls_is_no_trace_of_the_capture(needs):
    @functools.lru_cache
    def grid(size):
        return torch.linspace(0, 1, size, dtype=torch.float64)

    class Cached(nn.Module):
        def forward(self, images):
            return (images * grid(images.shape[-1])).mean((2, 3))

    images = unfriendly.images()
    program = capture(Classifier(Cached()), images, needs)
    assert program.captured and type(grid(images.shape[-1])) is torch.Tensor


def test_models_of_positive_inputs_are_captured():
    class Root(nn.Module):
        def forward(self, images):
            return images.sqrt().mean((2, 3))

    assert capture(Classifier(Root()), torch.rand(2, 3, 8, 8)).captured


def test_a_model_that_drops_the_batch_axis_of_one_image_is_refused():
    class Squeezed(nn.Module):
        def forward(self, images):
            return images.mean((2, 3), keepdim=True).squeeze()

    with pytest.raises(ValueError, match=r"must have one row per image, got \(3,\) for 1 images"):
        Executor(capture(Classifier(Squeezed()), torch.rand(2, 3, 8, 8)), 2).scores(torch.rand(1, 3, 8, 8))


def test_bfloat16_that_the_graph_does_not_allow_is_one_line():
    class Padded(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(6, 5, 3)

        def forward(self, images):
            more = torch.zeros(images.shape[0], 3, 8, 8, dtype=torch.float32)
            return self.conv(torch.cat([images, more], 1)).mean((2, 3))

    with pytest.raises(ValueError, match="`precision` 'bf16' does not suit this model"):
        capture(Classifier(Padded()), torch.rand(2, 3, 8, 8), dtype=torch.bfloat16)
