"""Traced graphs: one tensor in, one out, a free batch size, no in-place operations, and modules' names."""

import pytest
import torch
from torch import nn

from pyxai.capture.classifier import Classifier
from pyxai.capture.export import CaptureError, export, module_calls, module_path

X = torch.linspace(-1, 1, 2 * 3 * 4 * 4, dtype=torch.float64).reshape(2, 3, 4, 4)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.inner(x).relu_()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block, self.idle = Block(), nn.Identity()

    def forward(self, images):
        values = self.block(self.idle(self.block(images)))
        values += 1
        return values.mean((2, 3))


class PythonBatch(Net):
    def forward(self, images):
        return super().forward(images).reshape(len(images), 3)


@pytest.mark.parametrize("net", [Net, PythonBatch])
def test_any_number_of_images_may_be_taken(net):
    model = net().double().eval()
    module = export(Classifier(model), X)
    for count in (1, 2, 5):
        images = X[:1].repeat(count, 1, 1, 1) + torch.arange(count).reshape(-1, 1, 1, 1)
        torch.testing.assert_close(module(images), model(images), rtol=1e-12, atol=1e-12)


class OwnSizes(nn.Module):
    """Layers, bounds, parts and constants of the sizes ``own``, with the batch size as a Python number."""

    def __init__(self, own):
        super().__init__()
        self.own = own
        self.conv = nn.Conv2d(3, max(own), 1)
        self.heads = nn.ModuleList(nn.Linear(size, 3) for size in own)
        self.register_buffer("table", torch.linspace(-1, 1, max(own)))

    def forward(self, images):
        count = len(images)
        maps = self.conv(images).mean((2, 3)).reshape(count, max(self.own)) + self.table
        scores = maps.new_zeros(count, 3)
        for size, head in zip(self.own, self.heads, strict=True):
            part = 100 * maps[:, :size]
            part = nn.functional.pad(part.clamp(-size, size), (0, size)).reshape(count * 2, size)
            scores = scores + head(part).reshape(count, 2, 3).sum(1) / size
        return scores


@pytest.mark.parametrize("own", [(101,), (103,), (251,), (502, 101), (202, 309), (101, 103, 107, 109)])
def test_sizes_of_the_models_own_are_not_taken_for_the_number_of_images(own):
    model = OwnSizes(own).double().eval()
    module = export(Classifier(model), X)
    for count in (1, 2, 5):
        images = 10 * X[:1].repeat(count, 1, 1, 1) + torch.arange(count).reshape(-1, 1, 1, 1)
        torch.testing.assert_close(module(images), model(images), rtol=1e-12, atol=1e-12)
    batch = next(node for node in module.graph.nodes if node.op == "placeholder").meta["val"].shape[0]
    for node in module.graph.nodes:
        shape = node.meta["val"].shape if isinstance(node.meta.get("val"), torch.Tensor) else ()
        images_lie_along = [axis for axis, size in enumerate(shape) if size % batch == 0]
        assert images_lie_along in ([], [0]), node


def test_nothing_is_written_over_and_weights_are_shared():
    model = Net().double().eval()
    module = export(Classifier(model), X)
    images = X.clone()
    module(images)
    assert torch.equal(images, X)
    assert not [node for node in module.graph.nodes if str(node.target).rpartition(".")[0].endswith("_")]
    pointers = {buffer.data_ptr() for buffer in module.buffers()}
    assert model.block.inner.weight.data_ptr() in pointers
    assert not any(buffer.requires_grad for buffer in module.buffers())


def test_nodes_know_the_module_calls_they_were_made_in():
    module = export(Classifier(Net().double().eval()), X)
    convolutions = [node for node in module.graph.nodes if "conv2d" in str(node.target)]
    assert [module_path(node) for node in convolutions] == ["block.inner", "block.inner#2"]
    assert module_calls(convolutions[1]) == ["block#2", "block.inner#2"]
    means = [node for node in module.graph.nodes if "mean" in str(node.target)]
    assert [module_path(node) for node in means] == [""]


def test_nodes_know_the_layers_whose_values_they_are():
    layers = ("block", "idle", "block.inner#2")
    module = export(Classifier(Net().double().eval()), X, layers)
    found = {name: node for node in module.graph.nodes for name in node.meta.get("layers", [])}
    assert set(found) == set(layers) and found["block"] is found["idle"]
    assert "relu" in str(found["block"].target) and "conv2d" in str(found["block.inner#2"].target)


class Draws(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)) + torch.rand(3)


class Decides(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)) * (2 if float(images.sum()) > 0 else 3)


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, images):
        self.calls += 1
        return images.mean((2, 3))


class Projects(nn.Module):
    """Draws the same numbers in every call, by a generator of its own."""

    def forward(self, images):
        generator = torch.Generator().manual_seed(0)
        return images.mean((2, 3)) @ torch.randn(3, 4, generator=generator, dtype=images.dtype)


def test_what_torch_prints_of_a_failure_is_kept(capfd):
    with pytest.raises(CaptureError):
        export(Classifier(Decides()), X)
    assert capfd.readouterr() == ("", "")


class Applied(nn.Module):
    """``function`` of the images."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images).flatten(1)


BLANK = {
    "std": lambda x: x.std((1, 2, 3), keepdim=True),
    "std of an axis": lambda x: x.std(1),
    "std_mean": lambda x: torch.std_mean(x, (2, 3), correction=0)[0],
    "var": lambda x: x.var((2, 3), keepdim=True),
    "cosine similarity": lambda x: torch.cosine_similarity(x, x.flip(1).cos(), 1),
    "max of two": lambda x: torch.max(x, x * x),
    "min of two": lambda x: torch.min(x, x * x),
    "threshold": lambda x: nn.functional.threshold(x, 0, 0),
    "norm": lambda x: x.norm(dim=1),
}


@pytest.mark.parametrize("name", BLANK)
def test_the_derivative_of_a_blank_image_is_torchs(name):
    model, images = Applied(BLANK[name]), torch.cat([X[:1], torch.zeros_like(X[:1]), 0.5 + 0 * X[:1]])
    found = []
    for function in (model, export(Classifier(model), X)):
        leaf = images.clone().requires_grad_(True)
        found += torch.autograd.grad(function(leaf).square().sum() + function(leaf).sum(), leaf)
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(
    "model, error, message",
    [
        (Draws(), ValueError, r"`model` must be deterministic, but it draws random numbers \(rand"),
        (Decides(), CaptureError, "^torch.export: "),
        (Counts(), CaptureError, "the model writes to .*calls when it is called"),
        (Projects(), CaptureError, "^the model holds a Generator that is no tensor$"),
    ],
)
def test_what_is_no_graph(model, error, message):
    with pytest.raises(error, match=message):
        export(Classifier(model.eval()), X)
