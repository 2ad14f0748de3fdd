"""Whatever a model is made of, what it does when it is called decides whether it can be explained."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from pyxai.capture.classifier import Classifier
from pyxai.capture.guards import distance, finite_rows, outputs

IMAGES = torch.rand(3, 3, 8, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
SPREAD = IMAGES * torch.tensor([1.0, 3.0, 0.3])[:, None, None, None]


class Net(nn.Module):
    """A classifier that first does ``before`` to the images."""

    def __init__(self, before=lambda x: x, after=lambda scores: scores):
        super().__init__()
        self.filter, self.head = nn.Conv2d(3, 8, 3).double(), nn.Linear(8, 4).double()
        self.before, self.after = before, after

    def forward(self, x):
        return self.after(self.head(F.relu(self.filter(self.before(x))).mean((2, 3))))


def test_the_image_is_seen_alone_and_in_two_places_among_others():
    model = Net().eval()
    (image, alone), (batch, beside) = outputs(Classifier(model), SPREAD)
    assert torch.equal(image, SPREAD[:1]) and torch.equal(alone, model(image))
    assert torch.equal(batch[1:2], image) and torch.equal(batch[3:4], image)
    assert torch.equal(batch[4:5], SPREAD[-1:])
    assert torch.equal(beside, model(batch))
    assert batch.amax() > image.amax() and batch.amin() < image.amin()
    (blank, _), (others, _) = outputs(Classifier(model), SPREAD[:0])
    assert not blank.any() and len(others.unique(dim=0)) >= 3


MIXING = {
    "the largest": lambda x: x / x.abs().max(),
    "the smallest": lambda x: x - x.min(),
    "the range": lambda x: (x - x.min()) / (x.max() - x.min()),
    "the mean": lambda x: x - x.mean(),
    "the mean of channels": lambda x: x / x.mean((0, 2, 3), keepdim=True),
    "batch norm as a function": lambda x: F.batch_norm(x, None, None, training=True),
    "the first": lambda x: x - 0.5 * x[:1],
    "the last": lambda x: x - 0.5 * x[-1:],
    "the one before": lambda x: x - 0.5 * x.roll(1, 0),
    "all before": lambda x: x.cumsum(0),
    "the number": lambda x: x / len(x),
    "the place": lambda x: x * torch.arange(1, len(x) + 1)[:, None, None, None],
    "the order": lambda x: x[x.mean((1, 2, 3)).argsort()],
    "attention": lambda x: (torch.softmax(x.flatten(1) @ x.flatten(1).T, 1) @ x.flatten(1)).reshape(x.shape),
    "a quantile": lambda x: x - x.quantile(0.9),
}


@pytest.mark.parametrize("name", MIXING)
def test_a_model_that_mixes_images_is_refused(name):
    for images in (SPREAD, SPREAD.flip(0), SPREAD[:1]):
        with pytest.raises(
            ValueError, match=r"^`model` must treat each image alone, but its output for one differs"
        ):
            outputs(Classifier(Net(MIXING[name]).eval()), images)


class NotTraced(nn.Module):
    def forward(self, x):
        if x.sum() > 1e9:
            return -x
        return x / x.abs().max()


class Scripted(nn.Module):
    def forward(self, x):
        return x - x.mean()


@pytest.mark.parametrize("method", ["gradient", "lrp"])
@pytest.mark.parametrize("first", [NotTraced(), torch.jit.script(Scripted()), NotTraced().forward])
def test_also_where_it_runs_as_it_is_and_is_scripted(first, method):
    model = Net(first).eval()
    for chosen in (model, nn.Sequential(first, Net()).eval()) if isinstance(first, nn.Module) else (model,):
        with pytest.raises(ValueError, match=f"^{method}: `model` must treat each image alone"):
            pyxai.explain(chosen, SPREAD, method, 1)


@pytest.mark.parametrize(
    "before",
    [
        lambda x: x + 1e-6 * torch.randn_like(x),
        lambda x: F.dropout(x, 0.3),
        lambda x: x * (1 + 1e-4 * np.random.default_rng().random()),
    ],
)
def test_a_model_that_draws_numbers_is_refused(before):
    with pytest.raises(
        ValueError, match=r"^`model` must be deterministic, but two calls with the same image differ"
    ):
        outputs(Classifier(Net(before).eval()), SPREAD)


def test_numbers_that_are_drawn_for_nothing_are_none_the_less():
    def idle(x):
        return x + 0 * torch.rand_like(x)

    model = Net(idle).eval()
    before = torch.get_rng_state()
    assert len(outputs(Classifier(model), SPREAD)) == 2
    assert torch.equal(torch.get_rng_state(), before)


class Moving(nn.Module):
    """Writes to a buffer in every call, as moving averages and counters do."""

    def __init__(self, write):
        super().__init__()
        self.write = write
        self.register_buffer("state", torch.zeros(3, dtype=torch.float64))

    def forward(self, x):
        self.write(self, x)
        return x


WRITES = {
    "a counter": lambda module, x: module.state.add_(1),
    "an average": lambda module, x: module.state.lerp_(x.mean((0, 2, 3)), 0.1),
    "the same": lambda module, x: module.state.fill_(3),
    "through .data": lambda module, x: module.state.data.add_(1),
    "another tensor": lambda module, x: setattr(module, "state", module.state + 1),
    "another size": lambda module, x: module.state.resize_(len(module.state) + 1),
}


@pytest.mark.parametrize("method", ["gradient", "lrp"])
@pytest.mark.parametrize("name", WRITES)
def test_buffers_that_move_are_refused_and_come_back(name, method):
    model = nn.Sequential(Moving(WRITES[name]), Net()).eval()
    kept = model[0].state.fill_(7)
    with pytest.raises(
        ValueError, match=r"must leave its buffers alone when it is called, but it writes to `0.state`$"
    ):
        pyxai.explain(model, SPREAD, method, 1)
    assert model[0].state is kept and kept.tolist() == [7, 7, 7]


def test_buffers_that_repeat_their_memory_do_not_hide_an_error():
    def fail(module, x):
        raise RuntimeError("no")

    moving = Moving(fail)
    moving.state = torch.ones(1, dtype=torch.float64).expand(3)
    with pytest.raises(ValueError, match=r"RuntimeError: no$"):
        pyxai.explain(nn.Sequential(moving, Net()).eval(), SPREAD, "gradient", 1)


@pytest.mark.parametrize(
    "state", [torch.eye(3).to_sparse(), torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)]
)
def test_sparse_and_quantised_buffers_may_stand_still(state):
    moving = Moving(lambda module, x: None)
    moving.state = state
    model = nn.Sequential(moving, Net()).eval()
    assert pyxai.explain(model, SPREAD, "gradient", 1).attribution.any()


def test_what_the_first_call_makes_for_later_ones_may_stay():
    def fill(module, x):
        if not module.state.any():
            module.state.copy_(torch.ones(3))

    model = nn.Sequential(Moving(fill), Net()).eval()
    found = pyxai.explain(model, SPREAD, "gradient", 1).attribution
    assert found.any() and (model[0].state == 1).all()


@pytest.mark.parametrize(
    "layer, wrong",
    [(nn.Dropout(0.5), "be deterministic"), (nn.BatchNorm2d(3).double(), "treat each image alone")],
)
def test_training_mode_is_seen_by_what_it_does_and_the_cure_is_named(layer, wrong):
    model = nn.Sequential(torch.jit.script(layer.train()), Net()).eval()
    model[0].train()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    with pytest.raises(
        ValueError,
        match=rf"`model` must {wrong}.*; `0` is in training mode, which may be why: call eval\(\)$",
    ):
        pyxai.explain(model, SPREAD, "gradient", 1)
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.named_buffers())
    assert pyxai.explain(model.eval(), SPREAD, "gradient", 1).attribution.any()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["gradient", "lrp"])
def test_quantised_layers_mix_images_but_that_they_have_no_gradient_is_said_first(method):
    """Of dynamic quantisation, whose scale is that of all images of a call."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(216, 4)).eval()
    model = torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    with pytest.raises(ValueError, match="treat each image alone"):
        outputs(Classifier(model), SPREAD.float())
    with pytest.raises(
        ValueError, match=rf"^{method}: `model` must have a gradient by the pixels .* through `1`"
    ):
        pyxai.explain(model, SPREAD.float(), method, 1)


def test_a_model_that_takes_one_image_or_few_values_is_seen_as_far_as_it_can():
    def one(x):
        assert len(x) == 1
        return x

    def small(x):
        if x.max() > 1 or x.min() < 0:
            raise ValueError("values beyond [0, 1]")
        return x

    assert len(outputs(Classifier(Net(one).eval()), IMAGES)) == 1
    _, (batch, _) = outputs(Classifier(Net(small).eval()), IMAGES)
    assert torch.equal(batch[1:2], IMAGES[:1])
    with pytest.raises(ValueError, match=r"`model` cannot take images of shape \(3, 8, 9\): KeyError: 'no'$"):
        outputs(
            Classifier(Net(lambda x: 1 / 0 if x is None else (_ for _ in ()).throw(KeyError("no"))).eval()),
            IMAGES,
        )


@pytest.mark.parametrize(
    "call", [lambda x: F.conv2d(x, None), lambda x: x.reshape(7), lambda x: int("more\nthan one line")]
)
def test_what_a_model_raises_is_said_in_one_line(call):
    with pytest.raises(
        ValueError, match=r"^gradient: `model` cannot take images of shape .*\): \w+Error: .+$"
    ):
        pyxai.explain(Net(call).eval(), SPREAD, "gradient", 1)


def test_a_function_that_picks_the_output_may_raise_anything():
    with pytest.raises(ValueError, match=r"^gradient: `output` must take what .*, got KeyError: 'logits'$"):
        pyxai.explain(Net().eval(), SPREAD, "gradient", 1, output=lambda scores: {}["logits"])


def test_distances():
    values = torch.tensor([[1.0, -4.0], [2.0, 0.0]])
    assert distance(values, values) == distance(values[:0], values[:0]) == 0
    assert distance(values + 1, values) == 0.25
    assert distance(values, values[:1]) == float("inf")
    infinite = torch.tensor([[1.0, torch.inf], [torch.nan, 2.0]])
    assert distance(infinite, infinite) == 0 and distance(infinite, values) == float("inf")
    assert distance(torch.tensor([True]), torch.tensor([False])) > 1
    assert distance(torch.tensor([1 + 1j]), torch.tensor([1 + 0j])) == 1


def test_finite_rows():
    values = torch.tensor([[1.0, 2.0], [torch.nan, 0.0], [3.0, torch.inf]])
    assert torch.equal(finite_rows(values), values[:1])
    assert torch.equal(finite_rows(values[1:]).isfinite(), values[1:].isfinite())
