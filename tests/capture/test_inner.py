"""Values and gradients at inner layers, against hooks on the eager model; scores from other values."""

import copy
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.capture.program import capture
from tests import unfriendly, zoo
from tests.hooks import values_and_gradients


class Reused(nn.Module):
    """One block called three times, an Identity, a dropout, and operations that write over their input."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True))
        self.idle, self.dropout, self.head = nn.Identity(), nn.Dropout(), nn.Linear(3, 4)
        self.never = nn.Linear(3, 4)

    def forward(self, images):
        first = self.block(images)
        second = self.block(self.idle(first))
        second += first
        third = (self.block(second) + 1).mul_(2)
        return self.head(self.dropout(third).mean((2, 3)))


class Python(Reused):
    """The same with a decision that a capture cannot follow."""

    def forward(self, images):
        return super().forward(images) * (2 if float(images.detach().sum()) < 1e9 else 3)


def networks():
    torch.manual_seed(0)
    for name, model in (("reused", Reused()), ("not captured", Python())):
        for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
            norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2)
        # An even number of pixels: MKL rounds by alignment, see "Why bits stay" in docs/design.md.
        yield name, model.double().eval(), torch.randn(3, 3, 8, 10, dtype=torch.float64)


REUSED = {name: (model, images) for name, model, images in networks()}
ZOO = ("resnet18", "mobilenet_v3_small", "densenet121", "vit_b16")
LARGE = [pytest.mark.slow, pytest.mark.xdist_group("memory")]


def network(name):
    if name in REUSED:
        return REUSED[name]
    ((_, model, images),) = zoo.models([name], small=True, dtype=torch.float64)
    return model, images


def distance(ours, theirs):
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-300))


@pytest.mark.parametrize("name", [*REUSED, *(pytest.param(name, marks=LARGE) for name in ZOO)])
def test_every_layer_that_is_called_has_the_value_and_gradient_a_hook_sees(name):
    model, images = network(name)
    classes = torch.arange(len(images)) % 3
    expected = values_and_gradients(model, images, classes)
    program = capture(Classifier(model), images, layers=tuple(expected))
    assert program.captured == (name != "not captured")
    executor = Executor(program, len(images))
    values = executor.activations(images, tuple(expected))
    beside, gradients, scores, _ = executor.layer_gradients(
        images, tuple(expected), lambda logits: classes[:, None]
    )
    assert len(expected) > 10
    for layer, (value, gradient) in expected.items():
        assert distance(values[layer], value) <= 1e-12, layer
        assert distance(beside[layer], value) <= 1e-12, layer
        (ours,) = gradients[layer]
        assert (ours == 0).all() if gradient is None else distance(ours, gradient) <= 1e-12, layer
    assert distance(scores[:, 0], model(images).gather(1, classes[:, None])[:, 0]) <= 1e-12


@pytest.mark.parametrize("name", REUSED)
class TestReused:
    def executor(self, name, layers, rows=4):
        model, images = network(name)
        return Executor(capture(Classifier(model), images, layers=layers), rows), images

    def test_several_targets_share_the_forward_pass(self, name):
        executor, images = self.executor(name, ("block#2", "head"))
        wanted = torch.tensor([[0, 2], [1, 1], [3, 0]])
        _, both, scores, _ = executor.layer_gradients(images, ("block#2", "head"), lambda _: wanted)
        for t in range(2):
            _, one, score, _ = executor.layer_gradients(
                images, ("block#2", "head"), lambda _, t=t: wanted[:, t : t + 1]
            )
            assert torch.equal(both["block#2"][t], one["block#2"][0]) and torch.equal(
                scores[:, t], score[:, 0]
            )
        assert both["head"][1][0].nonzero().tolist() == [[2]]

    def test_a_layers_own_values_give_the_models_scores(self, name):
        executor, images = self.executor(name, ("block#2",))
        values = executor.activations(images, ("block#2",))
        assert distance(executor.scores_from(images, values), executor.scores(images)) <= 1e-12

    def test_values_come_beside_the_scores_without_a_gradient(self, name):
        executor, images = self.executor(name, ("block#2",), rows=2)
        scores, values = executor.scores_and_activations(images, ("block#2",))
        assert not scores.requires_grad and not values["block#2"].requires_grad
        assert distance(scores, executor.scores(images)) <= 1e-12
        assert distance(values["block#2"], executor.activations(images, ("block#2",))["block#2"]) <= 1e-12

    def test_other_values_go_on_and_what_bypasses_the_layer_stays(self, name):
        executor, images = self.executor(name, ("block.2#2",))
        model, _ = network(name)
        given = torch.rand(3, 3, 8, 10, dtype=torch.float64)
        expected = copy.deepcopy(model)
        calls = []

        def replace(module, arguments, output):
            calls.append(1)
            return given.clone() if len(calls) == 2 else None

        expected.block[2].register_forward_hook(replace)
        assert (
            distance(executor.scores_from(images, {"block.2#2": given}), expected(images.clone()).detach())
            <= 1e-12
        )

    def test_batch_mates_change_no_bit(self, name):
        executor, images = self.executor(name, ("block#2",), rows=3)
        together = executor.activations(images, ("block#2",))["block#2"]
        _, gradients, _, _ = executor.layer_gradients(images, ("block#2",), lambda s: s.argmax(1, True))
        replaced = executor.scores_from(images, {"block#2": together.flip(1)})
        for row in range(3):
            one = images[row : row + 1]
            alone = executor.activations(one, ("block#2",))["block#2"]
            _, gradient, _, _ = executor.layer_gradients(one, ("block#2",), lambda s: s.argmax(1, True))
            assert torch.equal(alone[0], together[row])
            assert torch.equal(gradient["block#2"][0][0], gradients["block#2"][0][row])
            again = executor.scores_from(one, {"block#2": together[row : row + 1].flip(1)})
            assert torch.equal(again[0], replaced[row])

    def test_gradients_by_other_values_are_those_by_the_layers_own_where_they_are(self, name):
        executor, images = self.executor(name, ("block#2",))
        wanted = torch.tensor([[0, 2], [1, 1], [3, 0]])
        values, gradients, scores, _ = executor.layer_gradients(images, ("block#2",), lambda _: wanted)
        found, reached, classes = executor.gradients_at(
            images, "block#2", values["block#2"], lambda _: wanted
        )
        assert torch.equal(classes, wanted) and distance(reached, scores) <= 1e-12
        for ours, theirs in zip(found, gradients["block#2"], strict=True):
            assert distance(ours, theirs) <= 1e-12

    def test_slopes_are_what_differences_tend_to(self, name):
        executor, images = self.executor(name, ("block.1#2",))
        direction = torch.rand(images.shape, dtype=images.dtype, generator=torch.Generator().manual_seed(5))
        ends = [
            executor.activations(images + step * direction, ("block.1#2",))["block.1#2"]
            for step in (-1e-6, 1e-6)
        ]
        values, found = executor.values_and_slopes(images, direction, "block.1#2")
        assert distance(found, (ends[1] - ends[0]) / 2e-6) <= 1e-6 and not found.requires_grad
        assert distance(values, executor.activations(images, ("block.1#2",))["block.1#2"]) <= 1e-12

    def test_units_as_the_only_score(self, name):
        executor, images = self.executor(name, ("block#2",))
        units = executor.of_units("block#2", (1, slice(0, 2)))
        total = executor.activations(images, ("block#2",))["block#2"][:, 1, :2].sum((1, 2))
        first = torch.zeros(3, 1, dtype=torch.int64)
        gradient, score, _ = units.gradients(images, lambda _: first)
        assert distance(units.scores(images)[:, 0], total) <= 1e-12 and units.scores(images).shape == (3, 1)
        leaf = images.clone().requires_grad_()
        model, seen = copy.deepcopy(network(name)[0]), []
        model.block.register_forward_hook(
            lambda module, arguments, value: seen.append(value) or value.clone()
        )
        model(leaf)
        (expected,) = torch.autograd.grad(seen[1][:, 1, :2].sum(), leaf)
        assert distance(gradient[0], expected) <= 1e-12 and distance(score[:, 0], total) <= 1e-12

    @pytest.mark.parametrize(("layer", "all"), [("block", True), ("block#2", False), ("block#3", True)])
    def test_whether_all_flows_through_a_layer(self, name, layer, all):
        assert self.executor(name, (layer,))[0].carries_all(layer) is all

    @pytest.mark.parametrize("raises", [False, True])
    def test_the_model_comes_back_as_it_was(self, name, raises):
        executor, images = self.executor(name, ("block#2", "dropout"))
        model, _ = network(name)
        twin, untouched = copy.deepcopy(model), images.clone()

        def choose(scores):
            if raises:
                raise RuntimeError("on the way")
            return scores.argmax(1, True)

        executor.activations(images, ("block#2",))
        expected = pytest.raises(RuntimeError, match="on the way") if raises else nullcontext()
        with expected:
            executor.layer_gradients(images, ("block#2", "dropout"), choose)
        assert torch.equal(images, untouched) and not images.requires_grad
        for ours, theirs in zip(model.modules(), twin.modules(), strict=True):
            assert ours.training == theirs.training
            assert not ours._forward_hooks and not ours._backward_hooks and not ours._forward_pre_hooks
        for ours, theirs in zip(model.state_dict().values(), twin.state_dict().values(), strict=True):
            assert torch.equal(ours, theirs)
        assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())

    @pytest.mark.parametrize(
        "layer, error, message",
        [
            (
                "never",
                ValueError,
                "`layer` must name a module that the model calls, got 'never', whose module",
            ),
            ("block#4", ValueError, "got 'block#4', whose module is called 3 times"),
            ("bloc", ValueError, r"a module of the model, .* got 'bloc' \(did you mean 'block'\?\)"),
        ],
    )
    def test_what_is_no_layer_is_refused_by_name(self, name, layer, error, message):
        model, images = network(name)
        with pytest.raises(error, match=message):
            capture(Classifier(model), images, layers=(layer,))
        assert not any(module._forward_hooks for module in model.modules())


def test_layers_that_return_no_tensor_or_mix_the_axes_are_refused():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.pair, self.turned, self.head = Pair(), Turned(), nn.Linear(8, 3)

        def forward(self, images):
            return self.head(self.turned(self.pair(images.flatten(1))[0]).T)

    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    class Turned(nn.Module):
        def forward(self, x):
            return x.T

    model, images = Odd().double().eval(), torch.rand(2, 2, 2, 2, dtype=torch.float64)
    with pytest.raises(TypeError, match="`layer` must return a floating tensor, got tuple from 'pair'"):
        capture(Classifier(model), images, layers=("pair",))
    with pytest.raises(
        ValueError, match=r"the images along its first axis, got shape \(8, 2\) for 2 images in 'turned'"
    ):
        capture(Classifier(model), images, layers=("turned",))


def test_the_backward_pass_stops_at_the_earliest_layer():
    """Nothing before it is differentiated: an operation there without a derivative does no harm."""

    class Early(nn.Module):
        def __init__(self):
            super().__init__()
            self.early, self.late, self.head = Steps(), nn.ReLU(), nn.Linear(12, 3)

        def forward(self, x):
            return self.head(self.late(self.early(x)).flatten(1))

    class Steps(nn.Module):
        def forward(self, x):
            with torch.no_grad():
                return x.round()

    model, images = Early().double().eval(), 3 * torch.rand(2, 3, 2, 2, dtype=torch.float64)
    program = capture(Classifier(model), images, Needs.GRAPH, layers=("early",))
    _, gradients, _, _ = Executor(program, 2).layer_gradients(images, ("early",), lambda s: s.argmax(1, True))
    weight = model.head.weight[model(images).argmax(1)].reshape(2, 3, 2, 2) * (images.round() > 0)
    assert distance(gradients["early"][0], weight.detach()) <= 1e-12


def test_bf16_values_come_in_bf16():
    model = unfriendly.build("FunctionalReLU", dtype=torch.float32)
    images = unfriendly.images(2, dtype=torch.float32)
    layer = next(name for name, module in model.named_modules() if isinstance(module, nn.Conv2d))
    program = capture(Classifier(model), images, dtype=torch.bfloat16, layers=(layer,))
    values, gradients, _, _ = Executor(program, 2).layer_gradients(
        images, (layer,), lambda s: s.argmax(1, True)
    )
    assert values[layer].dtype == gradients[layer][0].dtype == torch.bfloat16


def test_a_module_with_two_names_is_captured_and_its_calls_are_told_apart():
    act = nn.ReLU()
    model = nn.Sequential(nn.Conv2d(3, 4, 1), act, nn.Conv2d(4, 5, 1), act, nn.Flatten()).double().eval()
    images = torch.randn(2, 3, 2, 2, dtype=torch.float64)
    program = capture(Classifier(model), images, layers=("1", "3#2", "2"))
    assert program.captured, program.reason
    values = Executor(program, 2).activations(images, ("1", "3#2", "2"))
    assert distance(values["1"], model[:2](images).detach()) <= 1e-12
    assert distance(values["3#2"], model[:4](images).detach()) <= 1e-12
    with pytest.raises(ValueError, match="got '3', another name of '1', which is called 2 times"):
        capture(Classifier(model), images, layers=("3",))


def test_a_layer_that_no_derivative_leads_to_is_refused():
    class Apart(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, x):
            return self.head(self.layer(x.flatten(1)).detach())

    model, images = Apart().double().eval(), torch.rand(2, 1, 2, 2, dtype=torch.float64)
    executor = Executor(capture(Classifier(model), images, Needs.GRAPH, layers=("layer",)), 2)
    with pytest.raises(ValueError, match="a module that the scores have a derivative by, got 'layer'"):
        executor.layer_gradients(images, ("layer",), lambda s: s.argmax(1, True))


@pytest.mark.parametrize("shape", [(3, 1, 8, 10), (2, 3, 8, 10), (6, 3, 8, 10)])
def test_values_of_another_shape_are_refused(shape):
    model, images = network("reused")
    executor = Executor(capture(Classifier(model), images, layers=("block#2",)), 4)
    with pytest.raises(ValueError, match=r"`values` must have shape \(3, 3, 8, 10\) for `block#2`, got"):
        executor.scores_from(images, {"block#2": torch.zeros(shape, dtype=torch.float64)})


@pytest.mark.parametrize("name", ["InplaceAdd", "DataDependent"])
def test_the_part_of_a_gradient_through_units(name):
    """Through all units of a layer that nothing bypasses it is the gradient."""
    model, images = unfriendly.build(name), unfriendly.images(3)
    executor = Executor(capture(Classifier(model), images, layers=("conv1",)), 4)
    classes = torch.tensor([[0, 2], [1, 1], [3, 0]])
    whole, wanted, _ = executor.gradients(images, lambda _: classes)
    found, scores, _ = executor.unit_gradients(images, "conv1", (), lambda _: classes)
    parts = [executor.unit_gradients(images, "conv1", (unit,), lambda _: classes)[0] for unit in range(8)]
    assert distance(scores, wanted) <= 1e-12
    for t in range(2):
        assert distance(found[t], whole[t]) <= 1e-12
        assert distance(sum(part[t] for part in parts), whole[t]) <= 1e-12
